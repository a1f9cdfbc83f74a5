/**
 * Local APICs, the I/O APIC and message interrupts on a bench of three CPUs in two
 * domains, driven through registers only.
 * - "cpu1:64@350" is CPU 1 taking vector 64 at 350 ns.
 */

import { assertEquals, assertThrows } from "@std/assert";
import { Cpu } from "../cpu/cpu.ts";
import { x86K8 } from "../cpu/isa_x86_k8.ts";
import { AddressSpace } from "../memory/address_space.ts";
import { BusFault } from "../memory/bus_target.ts";
import { silentLog } from "../time/event_log.ts";
import { EventQueue } from "../time/event_queue.ts";
import { later, nanoseconds } from "../time/time.ts";
import { InterruptBus } from "./interrupt_bus.ts";
import { IoApic, ioApicIndex, ioApicRegisters } from "./io_apic.ts";
import { LocalApic } from "./local_apic.ts";
import { localApicBase, localApicRegisters as reg } from "./local_apic_registers.ts";
import { messageInterruptTarget } from "./message_interrupts.ts";

const fixed = 0;
const enabled = 0x1ff;
const levelEntry = 1 << 15;
const masked = 1 << 16;

function bench() {
  const queue = new EventQueue();
  const bus = new InterruptBus(queue, silentLog, {
    ipiSameDomainNs: 350,
    ipiOtherDomainNs: 750,
    deviceNs: 1000,
  });
  const taken: string[] = [];
  const started: string[] = [];
  const cpus = [0, 1, 2].map((index) => {
    const localBus = new AddressSpace(`cpu${index}.local`);
    const cpu = new Cpu(queue, {
      name: `cpu${index}`,
      index,
      apicId: index,
      isa: x86K8,
      frequencyHz: 2e9,
      instructionCostScale: 1,
      localBus,
    });
    const apic = new LocalApic({
      cpu,
      clock: queue,
      log: silentLog,
      bus,
      busClockHz: 200e6,
      bootProcessor: index === 0,
    });
    cpu.connect(apic);
    bus.join(apic, index < 2 ? 0 : 1);
    localBus.map({
      name: "apic",
      base: localApicBase,
      size: 0x1000,
      target: apic.registers,
      readLatencyNs: 0,
      writeLatencyNs: 0,
    });
    cpu.execute = (address) => started.push(`cpu${index} at 0x${address.toString(16)}`);
    cpu.interruptHandler = (vector) => void taken.push(`cpu${index}:${vector}@${queue.now}`);
    return cpu;
  });
  const write = (cpu: number, register: { offset: number }, value: number) =>
    cpus[cpu]!.localBus!.write32(localApicBase + register.offset, value);
  const read = (cpu: number, register: { offset: number }) =>
    cpus[cpu]!.localBus!.read32(localApicBase + register.offset);
  for (const cpu of [0, 1, 2]) write(cpu, reg.SVR, enabled);
  const send = (cpu: number, destination: number, low: number) => {
    write(cpu, reg.ICR_HIGH, destination << 24);
    write(cpu, reg.ICR_LOW, low);
  };
  const run = (ns = 1e6) => queue.runUntil(later(queue.now, nanoseconds(ns)));
  return { queue, bus, cpus, taken, started, write, read, send, run };
}

function withIoApic() {
  const parts = bench();
  const ioApic = new IoApic(parts.bus, 4);
  const access = new AddressSpace("ioapic");
  access.map({
    name: "ioapic",
    base: 0,
    size: 0x1000,
    target: ioApic.registers,
    readLatencyNs: 0,
    writeLatencyNs: 0,
  });
  const readIndex = (index: number) => {
    access.write32(ioApicRegisters.INDEX.offset, index);
    return access.read32(ioApicRegisters.DATA.offset);
  };
  const writeIndex = (index: number, value: number) => {
    access.write32(ioApicRegisters.INDEX.offset, index);
    access.write32(ioApicRegisters.DATA.offset, value);
  };
  const route = (input: number, destination: number, low: number) => {
    writeIndex(ioApicIndex.REDIRECTION + 2 * input + 1, destination << 24);
    writeIndex(ioApicIndex.REDIRECTION + 2 * input, low);
  };
  const entry = (input: number) => readIndex(ioApicIndex.REDIRECTION + 2 * input);
  return { ...parts, ioApic, readIndex, route, entry };
}

Deno.test("each CPU reads its own id at the same address", () => {
  const { read } = bench();
  assertEquals([0, 1, 2].map((cpu) => read(cpu, reg.ID) >>> 24), [0, 1, 2]);
  assertEquals(read(0, reg.VERSION), 0x50014);
});

Deno.test("an IPI arrives after the latency of its way and shows delivery pending until then", () => {
  const { send, run, read, taken } = bench();
  send(0, 1, 0x40);
  assertEquals(read(0, reg.ICR_LOW) >> 12 & 1, 1);
  run();
  assertEquals(read(0, reg.ICR_LOW) >> 12 & 1, 0);
  send(0, 2, 0x41);
  run();
  assertEquals(taken, ["cpu1:64@350", `cpu2:65@${1e6 + 750}`]);
});

Deno.test("shorthands reach self, all, and all but self; broadcast reaches all", () => {
  const targets = (low: number, destination = 0) => {
    const { send, run, taken } = bench();
    send(1, destination, low);
    run();
    return taken.map((entry) => entry.slice(0, 4)).sort();
  };
  assertEquals(targets(1 << 18 | 0x40), ["cpu1"]);
  assertEquals(targets(2 << 18 | 0x40), ["cpu0", "cpu1", "cpu2"]);
  assertEquals(targets(3 << 18 | 0x40), ["cpu0", "cpu2"]);
  assertEquals(targets(0x40, 0xff), ["cpu0", "cpu1", "cpu2"]);
  assertEquals(targets(0x40, 7), []);
});

Deno.test("logical destinations match by mask in the flat model and by cluster in the other", () => {
  const { send, run, taken, write } = bench();
  [0, 1, 2].forEach((cpu) => write(cpu, reg.LDR, 1 << 24 + cpu));
  send(0, 0b101, 1 << 11 | 0x40);
  run();
  assertEquals(taken.map((entry) => entry.slice(0, 4)).sort(), ["cpu0", "cpu2"]);
  taken.length = 0;
  for (const cpu of [0, 1, 2]) {
    write(cpu, reg.EOI, 0);
    write(cpu, reg.DFR, 0x0fffffff);
    write(cpu, reg.LDR, (cpu < 2 ? 0x10 | 1 << cpu : 0x21) << 24);
  }
  send(0, 0x13, 1 << 11 | 0x40);
  run();
  assertEquals(taken.map((entry) => entry.slice(0, 4)).sort(), ["cpu0", "cpu1"]);
});

Deno.test("lowest priority goes to the one CPU with the lowest task priority", () => {
  const { send, run, taken, write } = bench();
  write(0, reg.TPR, 0x30);
  write(2, reg.TPR, 0x20);
  write(1, reg.TPR, 0x10);
  send(0, 0xff, 1 << 8 | 0x40);
  run();
  assertEquals(taken.map((entry) => entry.slice(0, 4)), ["cpu1"]);
});

Deno.test("an interrupt waits in IRR below the priority, moves to ISR, and EOI lets the next in", () => {
  const { send, run, taken, write, read } = bench();
  write(1, reg.TPR, 0x50);
  send(0, 1, 0x5f);
  send(0, 1, 0x52);
  send(0, 1, 0x52);
  run();
  assertEquals(taken, []);
  assertEquals(read(1, reg.IRR2), (1 << 0x1f | 1 << 0x12) >>> 0, "two sends of one vector merge");
  write(1, reg.TPR, 0x40);
  assertEquals(taken.length, 1);
  assertEquals([read(1, reg.ISR2), read(1, reg.IRR2)], [(1 << 0x1f) >>> 0, 1 << 0x12]);
  assertEquals(read(1, reg.PPR), 0x50);
  write(1, reg.EOI, 0);
  assertEquals(taken.map((entry) => entry.split("@")[0]), ["cpu1:95", "cpu1:82"]);
  write(1, reg.EOI, 0);
  assertEquals([read(1, reg.ISR2), read(1, reg.IRR2), read(1, reg.PPR)], [0, 0, 0x40]);
});

Deno.test("a higher class interrupts the service of a lower one", () => {
  const { send, run, taken } = bench();
  send(0, 1, 0x41);
  run();
  send(0, 1, 0x91);
  run();
  send(0, 1, 0x9f);
  run();
  assertEquals(taken.map((entry) => entry.split("@")[0]), ["cpu1:65", "cpu1:145"]);
});

Deno.test("an APIC that is not enabled refuses interrupts", () => {
  const { send, run, taken, write } = bench();
  write(1, reg.SVR, 0xff);
  send(0, 1, 0x40);
  run();
  assertEquals(taken, []);
});

Deno.test("a vector below 16 is an error of the sender and raises its error vector", () => {
  const { send, run, taken, write, read } = bench();
  write(0, reg.LVT_ERROR, 0x60);
  send(0, 1, 5);
  run();
  assertEquals(taken, ["cpu0:96@0"]);
  assertEquals(read(0, reg.ESR), 0, "errors show after a write only");
  write(0, reg.ESR, 0);
  assertEquals(read(0, reg.ESR), 1 << 5);
});

Deno.test("INIT and start-up start a waiting CPU at the page of the vector, once", () => {
  const { send, run, started } = bench();
  send(0, 1, 0xc500);
  run();
  send(0, 1, 0x8500);
  run();
  assertEquals(started, []);
  send(0, 1, 0x0600 | 0x08);
  run();
  send(0, 1, 0x0600 | 0x08);
  run();
  assertEquals(started, ["cpu1 at 0x8000"]);
});

Deno.test("a start-up to the running boot processor is ignored, and INIT makes a CPU wait again", () => {
  const { send, run, started, cpus } = bench();
  send(1, 0, 0x0607);
  run();
  assertEquals(started, []);
  let finished = false;
  cpus[0]!.occupy(1e9, () => finished = true);
  send(1, 0, 0xc500);
  run();
  assertEquals([cpus[0]!.occupied, cpus[0]!.interruptHandler, finished], [false, undefined, false]);
  send(1, 0, 0x0607);
  run();
  assertEquals(started, ["cpu0 at 0x7000"]);
});

Deno.test("the timer fires once at count times divisor bus clocks, and counts down meanwhile", () => {
  const { run, taken, write, read } = bench();
  write(0, reg.LVT_TIMER, 0x30);
  write(0, reg.TIMER_DIVIDE, 3);
  write(0, reg.TIMER_INITIAL, 1000);
  run(20_000);
  assertEquals(read(0, reg.TIMER_CURRENT), 750);
  run();
  assertEquals(taken, ["cpu0:48@80000"]);
  assertEquals(read(0, reg.TIMER_CURRENT), 0);
});

Deno.test("the timer repeats in periodic mode until its count is set to 0, and is silent when masked", () => {
  const { run, taken, write } = bench();
  write(0, reg.LVT_TIMER, 1 << 17 | 0x30);
  write(0, reg.TIMER_DIVIDE, 0xb);
  write(0, reg.TIMER_INITIAL, 2000);
  run(35_000);
  write(0, reg.EOI, 0);
  assertEquals(taken.length, 2, "the second waits for the end of the first");
  write(0, reg.EOI, 0);
  write(0, reg.LVT_TIMER, 1 << 17 | masked | 0x30);
  run(10_000);
  assertEquals(taken.length, 2);
  write(0, reg.LVT_TIMER, 1 << 17 | 0x30);
  run(10_000);
  write(0, reg.TIMER_INITIAL, 0);
  write(0, reg.EOI, 0);
  run();
  assertEquals(taken.map((entry) => entry.split("@")[1]), ["10000", "35000", "50000"]);
});

Deno.test("changing the divisor of a running timer keeps its count", () => {
  const { run, taken, write, read } = bench();
  write(0, reg.LVT_TIMER, 0x30);
  write(0, reg.TIMER_DIVIDE, 0xb);
  write(0, reg.TIMER_INITIAL, 2000);
  run(5000);
  write(0, reg.TIMER_DIVIDE, 0);
  assertEquals(read(0, reg.TIMER_CURRENT), 1000);
  run();
  assertEquals(taken, ["cpu0:48@15000"]);
});

Deno.test("the I/O APIC describes itself and starts with all 24 entries masked", () => {
  const { readIndex, entry, ioApic, run, taken } = withIoApic();
  assertEquals(readIndex(ioApicIndex.ID) >>> 24, 4);
  assertEquals(readIndex(ioApicIndex.VERSION), 0x170011);
  for (let input = 0; input < 24; input++) {
    assertEquals(entry(input), masked);
    ioApic.input(input).set(true);
  }
  run();
  assertEquals(taken, []);
});

Deno.test("an edge is sent once per rise, to the CPU that its entry names", () => {
  const { ioApic, route, run, taken, write } = withIoApic();
  route(4, 2, fixed << 8 | 0x44);
  const line = ioApic.input(4);
  line.set(true);
  line.set(true);
  run();
  write(2, reg.EOI, 0);
  run();
  assertEquals(taken, ["cpu2:68@1000"]);
  line.set(false);
  line.set(true);
  run();
  assertEquals(taken.length, 2);
});

Deno.test("a level waits for the end of interrupt and is sent again while still asserted", () => {
  const { ioApic, route, entry, run, taken, write, read } = withIoApic();
  route(17, 1, levelEntry | 0x51);
  const line = ioApic.input(17);
  line.set(true);
  assertEquals(entry(17) >> 12 & 1, 1);
  run();
  assertEquals([taken.length, entry(17) >> 14 & 1, read(1, reg.TMR2)], [1, 1, 1 << 0x11]);
  write(1, reg.EOI, 0);
  run();
  assertEquals(taken.length, 2);
  line.set(false);
  write(1, reg.EOI, 0);
  run();
  assertEquals([taken.length, entry(17) >> 14 & 1], [2, 0]);
});

Deno.test("a level whose handler ends it at once without clearing the cause comes again, never twice at once", () => {
  const { ioApic, route, run, taken, write, cpus } = withIoApic();
  route(17, 1, levelEntry | 0x51);
  const line = ioApic.input(17);
  cpus[1]!.interruptHandler = (vector) => {
    taken.push(`${vector}`);
    if (taken.length === 3) line.set(false);
    write(1, reg.EOI, 0);
  };
  line.set(true);
  run();
  assertEquals(taken, ["81", "81", "81"]);
});

Deno.test("a level that was asserted while masked is sent when it is unmasked; an edge is lost", () => {
  const { ioApic, route, run, taken } = withIoApic();
  route(17, 1, levelEntry | masked | 0x51);
  route(4, 1, masked | 0x44);
  ioApic.input(17).set(true);
  ioApic.input(4).set(true);
  route(17, 1, levelEntry | 0x51);
  route(4, 1, 0x44);
  run();
  assertEquals(taken.map((entry) => entry.split("@")[0]), ["cpu1:81"]);
});

Deno.test("a message interrupt goes to the CPU in its address; reading there is a bus fault", () => {
  const { bus, run, taken } = bench();
  const target = messageInterruptTarget(bus);
  target.write(2 << 12, Uint8Array.of(0x61, 0, 0, 0));
  run();
  assertEquals(taken, ["cpu2:97@1000"]);
  assertThrows(() => target.read(0, new Uint8Array(4)), BusFault, "local APIC");
});
