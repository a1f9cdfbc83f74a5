/**
 * Whole machines without an operating system: what is where after power-on, and the
 * ways out of the machine.
 *
 * The suite runs for every shipped machine; a test acts as the software of a CPU.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { MemoryMedium } from "../disk/memory_medium.ts";
import { shippedMachine, shippedMachines } from "../machines/machines.ts";
import { LineEventLog } from "../time/event_log.ts";
import { EventQueue } from "../time/event_queue.ts";
import { later, milliseconds } from "../time/time.ts";
import { assembleMachine } from "./assemble.ts";
import type { MachineDescription } from "./description.ts";
import { hostMemoryMap } from "./host_memory_map.ts";

const apic = 0xfee00000;

function bench(description: MachineDescription) {
  const queue = new EventQueue();
  const lines: string[] = [];
  const log = new LineEventLog(queue, (line) => lines.push(line));
  const machine = assembleMachine(description, { queue, log, medium: new MemoryMedium(4096) });
  const started: string[] = [];
  const powerOn = () =>
    machine.powerOn({
      runHost: (cpu, address) => started.push(`${cpu.name} at 0x${address.toString(16)}`),
      runCard: () => {},
    });
  const run = (ms: number) => queue.runUntil(later(queue.now, milliseconds(ms)));
  const vendorOf = (slot: number) => machine.host.space.read32(hostMemoryMap.ecam + slot * 0x8000);
  return { queue, lines, machine, started, powerOn, run, vendorOf };
}

for (const name of shippedMachines.keys()) {
  const description = shippedMachine(name)!;

  Deno.test(`${name} starts its boot processor alone, and that one starts the others`, () => {
    const { machine, started, powerOn, run } = bench(description);
    powerOn();
    assertEquals(started, ["cpu0 at 0x7c00"]);
    const local = machine.host.cpus[0]!.localBus!;
    local.write32(apic + 0x300, 0x000c4500);
    run(1);
    local.write32(apic + 0x300, 0x000c4608);
    run(1);
    const others = machine.host.cpus.slice(1).map((cpu) => `${cpu.name} at 0x8000`);
    assertEquals(started.slice(1).toSorted(), others);
  });

  Deno.test(`${name} has the memory, CPUs and latencies of its description`, () => {
    const { machine } = bench(description);
    const { host } = machine;
    assertEquals(host.cpus.map(({ apicId }) => apicId), description.host.cpus.map(({ apicId }) => apicId));
    assertEquals(
      host.dram.map(({ size }) => size / 2 ** 20),
      description.host.domains.map(({ memoryMiB }) => memoryMiB),
    );
    for (const { base, size } of host.dram) {
      host.space.write32(base + size - 4, 0x12345678);
      assertEquals(host.space.read32(base + size - 4), 0x12345678);
    }
    const { memory } = description.host;
    assertEquals(host.memoryLatencyNs(0, 0), memory.interleaved ? memory.interleavedNs! : memory.localNs);
    if (host.dram.length > 1) assertEquals(host.memoryLatencyNs(0, 1), memory.remoteNs!);
  });

  Deno.test(`${name} shows each device at its slot, a board once its ROM is ready`, () => {
    const { powerOn, run, vendorOf } = bench(description);
    powerOn();
    const ids = { "intel-8254x": 0x100e8086, "sii3114": 0x31141095, "iop348": 0x33108086 };
    for (const { slot, model } of description.devices) {
      if (model === "iop348") assertEquals(vendorOf(slot), 0xffff0001);
    }
    run(20);
    for (const { slot, model } of description.devices) assertEquals(vendorOf(slot), ids[model]);
    assertEquals(vendorOf(31), 0xffffffff);
  });

  Deno.test(`${name} does the same twice, to the byte of its event log`, () => {
    const logOf = () => {
      const { lines, powerOn, run } = bench(description);
      powerOn();
      run(20);
      return lines.join("");
    };
    const log = logOf();
    assert(log.startsWith(`0 machine ${name} powers on\n`), log.slice(0, 80));
    assertEquals(logOf(), log);
  });
}

Deno.test("console, debug port and power-off port lead out of the machine", () => {
  const { machine, powerOn, run } = bench(shippedMachine("helios")!);
  const out: string[] = [];
  machine.onDebugLine = (complex, line) => out.push(`${complex}: ${line}`);
  machine.onPowerOff = (status) => out.push(`off ${status}`);
  machine.console.onOutput = (bytes) => out.push(`console ${String.fromCharCode(...bytes)}`);
  powerOn();
  const { ports } = machine.host;
  for (const byte of new TextEncoder().encode("hello\n")) ports.write(0xe9, Uint8Array.of(byte));
  ports.write(0x3f8, Uint8Array.of(65));
  run(1);
  ports.write(0x604, Uint8Array.of(7, 0x20));
  assertEquals(out, ["host: hello", "console A", "off 7"]);
});

Deno.test("a station that is plugged in sees frames, and so does the tap", () => {
  const { machine, run } = bench(shippedMachine("opteron-numa")!);
  const got: number[] = [];
  machine.onFrame = (frame) => got.push(frame.length);
  const first = machine.plug({ name: "first", receive() {} });
  machine.plug({ name: "second", receive: (frame) => got.push(frame.length) });
  first.transmit(new Uint8Array(100).fill(0xff));
  run(1);
  assertEquals(got, [100, 100]);
});

Deno.test("the I/O APIC's id is none of the CPUs'", () => {
  const { machine } = bench(shippedMachine("opteron-numa")!);
  machine.host.space.write32(0xfec00000, 0);
  assertEquals(machine.host.space.read32(0xfec00010) >>> 24, 4);
});

Deno.test("a machine cannot be switched on twice", () => {
  const { powerOn } = bench(shippedMachine("opteron-numa")!);
  powerOn();
  assertThrows(powerOn, Error, "on already");
});
