/**
 * Both address translation units: what the host sees of the card, what the core
 * sees of host memory and of its own PCI-X bus.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { BusFault } from "../memory/bus_target.ts";
import type { PciDeviceFactory, PciSlot } from "../pci/device.ts";
import { atuPcieRegisters } from "./atu_pcie.ts";
import { atuPcixRegisters, configurationAddress } from "./atu_pcix.ts";
import {
  bars,
  boardOnABench,
  boardSlot,
  boot,
  cardMemorySize,
  peripheral,
  read32,
  write32,
} from "./testing/bench_board.ts";
import { bridgeRegisters } from "./board_registers.ts";
import { interruptSources } from "./interrupt_controller.ts";
import { memoryMap } from "./memory_map.ts";

const retry = 0xffff0001;
const device = 3;

/** A PCI-X device with one 256-byte BAR and one of 16 ports, whose slot the test keeps. */
function deviceOnPcix() {
  const slots: PciSlot[] = [];
  const storage = new Uint8Array(256);
  const target = {
    read: (offset: number, into: Uint8Array) => into.set(storage.subarray(offset, offset + into.length)),
    write: (offset: number, from: Uint8Array) => storage.set(from, offset),
  };
  const factory: PciDeviceFactory = (slot) => {
    slots.push(slot);
    return {
      name: "probe",
      identity: { vendorId: 0x1095, deviceId: 0x3114, classCode: 0x018000, revisionId: 2, interruptPin: 1 },
      bars: [
        { index: 0, kind: "memory32", size: 256, prefetchable: false, target },
        { index: 1, kind: "io", size: 16, prefetchable: false, target },
      ],
    };
  };
  return { slots, factory };
}

function pcixOnABench() {
  const { slots, factory } = deviceOnPcix();
  const bench = boardOnABench([[device, factory]]);
  boot(bench);
  const { space, cpus } = bench.board.complex;
  cpus[0]!.interruptHandler = undefined;
  const occdr = peripheral("atuPcix", atuPcixRegisters.OCCDR);
  const select = (number: number, register: number) =>
    space.write32(peripheral("atuPcix", atuPcixRegisters.OCCAR), configurationAddress(number, register));
  return {
    ...bench,
    space,
    slot: slots[0]!,
    interrupts: cpus[0]!.coprocessors.get(6)!,
    occdr,
    select,
    configRead: (number: number, register: number) => {
      select(number, register);
      return space.read32(occdr);
    },
    configWrite: (number: number, register: number, value: number) => {
      select(number, register);
      space.write32(occdr, value);
    },
  };
}

Deno.test("configuration cycles get Retry until the ROM has set up the card", () => {
  const { bus, run } = boardOnABench();
  run(4.9);
  assertEquals(bus.read32(boardSlot, 0, 0), retry);
  run(0.2);
  assertEquals(bus.read32(boardSlot, 0, 0), 0x3310_8086);
  assertEquals(bus.read32(boardSlot, 0, 8)! >>> 8, 0x058000);
  assertEquals(bus.read(boardSlot, 0, 0x3d, 1), 1, "INTA#");
});

Deno.test("the host sizes two 64-bit BARs: 8 KiB of Messaging Unit, and all of card memory, prefetchable", () => {
  const { bus, run } = boardOnABench();
  run(6);
  const size = (bar: number) => {
    const at = 0x10 + 4 * bar;
    bus.write32(boardSlot, 0, at, 0xffffffff);
    const value = bus.read32(boardSlot, 0, at)!;
    return { size: (~(value & ~0xf) >>> 0) + 1, kind: value & 0xf };
  };
  assertEquals(size(0), { size: 0x2000, kind: 0x4 });
  assertEquals(size(2), { size: cardMemorySize, kind: 0xc });
  assertEquals([bus.read32(boardSlot, 0, 0x20), bus.read32(boardSlot, 0, 0x24)], [0, 0]);
});

Deno.test("the host's memory BAR and the core's address 0 are the same memory", () => {
  const bench = boardOnABench();
  boot(bench);
  write32(bench.hostWindow, bars.memory + 0x123450, 0xfeed);
  assertEquals(bench.board.complex.space.read32(0x123450), 0xfeed);
});

Deno.test("the core loads and stores host memory through 2_0000_0000, until the window is closed", () => {
  const bench = boardOnABench();
  boot(bench);
  const { space } = bench.board.complex;
  space.write32(memoryMap.pcieMemory + 0x4000, 0xabcd);
  assertEquals(bench.host.read32(0x4000), 0xabcd);
  bench.host.write32(0x4004, 0x1234);
  assertEquals(space.read32(memoryMap.pcieMemory + 0x4004), 0x1234);
  space.write32(peripheral("atuPcie", atuPcieRegisters.ATUCR), 0);
  assertThrows(() => space.read32(memoryMap.pcieMemory + 0x4004), BusFault, "no outbound window");
});

Deno.test("a load from a host address that nobody claims is a bus fault and shows in ATUISR", () => {
  const bench = boardOnABench();
  boot(bench);
  const { space, cpus } = bench.board.complex;
  assertThrows(() => space.read32(memoryMap.pcieMemory + 0x8000_0000), BusFault, "unsupported request");
  const atuisr = peripheral("atuPcie", atuPcieRegisters.ATUISR);
  const pending = () => cpus[0]!.coprocessors.get(6)!.read(3, 3) >>> (interruptSources.atuEError & 31) & 1;
  assertEquals([space.read32(atuisr), pending()], [1 << 3, 1]);
  space.write32(atuisr, 1 << 3);
  assertEquals([space.read32(atuisr), pending()], [0, 0]);
});

Deno.test("the core finds a PCI-X device by configuration cycles, in words, halfwords and bytes", () => {
  const { configRead, space, occdr, select } = pcixOnABench();
  assertEquals(configRead(device, 0), 0x3114_1095);
  assertEquals([...space.read(occdr + 2, 2)], [0x14, 0x31]);
  select(device, 8);
  assertEquals([...space.read(occdr + 3, 1)], [0x01]);
});

Deno.test("a configuration cycle to an absent device is a data abort that leaves its traces", () => {
  const { configRead, space, occdr } = pcixOnABench();
  const [atuisr, atusr, becsr, berar] = [
    peripheral("atuPcix", atuPcixRegisters.ATUISR),
    peripheral("atuPcix", atuPcixRegisters.ATUSR),
    peripheral("busBridge", bridgeRegisters.BECSR),
    peripheral("busBridge", bridgeRegisters.BERAR),
  ];
  assertThrows(() => configRead(device + 1, 0), BusFault, "no device answers");
  assertEquals([space.read32(atuisr), space.read32(becsr), space.read32(berar)], [1 << 3, 1, occdr]);
  assertEquals([...space.read(atusr, 2)], [0, 0x20]);
  space.write32(atuisr, 1 << 3);
  space.write32(becsr, 1);
  space.write(atusr, Uint8Array.from([0, 0x20]));
  assertEquals([space.read32(atuisr), space.read32(becsr), ...space.read(atusr, 2)], [0, 0, 0, 0]);
  space.write32(peripheral("atuPcix", atuPcixRegisters.OCCAR), configurationAddress(device, 0) | 1 << 8);
  assertThrows(() => space.read32(occdr), BusFault, "no device answers", "function 1 is absent");
});

Deno.test("while RST# is driven, and for a while after, no PCI-X device answers", () => {
  const { configRead, space, run } = pcixOnABench();
  const pcsr = peripheral("atuPcix", atuPcixRegisters.PCSR);
  space.write32(pcsr, 1 << atuPcixRegisters.PCSR.bits.driveReset);
  assertThrows(() => configRead(device, 0), BusFault);
  space.write32(pcsr, 0);
  run(0.5);
  assertThrows(() => configRead(device, 0), BusFault);
  run(0.6);
  assertEquals(configRead(device, 0), 0x3114_1095);
});

Deno.test("the ROM leaves cache line size and interrupt source in each PCI-X device, and no error behind", () => {
  const { configRead, space } = pcixOnABench();
  assertEquals(configRead(device, 0x0c) & 0xff, 8);
  assertEquals(configRead(device, 0x3c) & 0xff, interruptSources.externalInterrupt0 + 3);
  assertEquals(space.read32(peripheral("busBridge", bridgeRegisters.BECSR)), 0);
  assertEquals(space.read32(peripheral("atuPcix", atuPcixRegisters.ATUISR)), 0);
});

Deno.test("the core reaches a device's registers through the memory and I/O windows", () => {
  const { configWrite, space } = pcixOnABench();
  configWrite(device, 0x10, 0x9000_0000);
  configWrite(device, 0x14, 0x1000);
  configWrite(device, 0x04, 0x3);
  space.write32(memoryMap.pcixMemory + 0x9000_0004, 0x55aa);
  assertEquals(space.read32(memoryMap.pcixMemory + 0x9000_0004), 0x55aa);
  assertEquals(space.read32(memoryMap.pcixIo + 0x1004), 0x55aa);
  assertEquals(space.read32(memoryMap.pcixMemory + 0x8000_0000), 0xffffffff);
});

Deno.test("a PCI-X device masters card memory through the inbound window and nothing beyond it", () => {
  const { configWrite, slot, space, run } = pcixOnABench();
  configWrite(device, 0x04, 0x4);
  const outcomes: string[] = [];
  const write = (address: number) =>
    slot.dma.write(
      address,
      Uint8Array.from([1, 2, 3, 4]),
      () => outcomes.push("done"),
      () => outcomes.push("failed"),
    );
  write(0x5000);
  write(cardMemorySize - 2);
  write(cardMemorySize);
  run(1);
  assertEquals(outcomes, ["done", "failed", "failed"]);
  assertEquals(space.read32(0x5000), 0x04030201);
  space.write32(peripheral("atuPcix", atuPcixRegisters.IALR1), 0);
  write(0x5000);
  run(1);
  assertEquals(outcomes.at(-1), "failed");
});

Deno.test("a device's INTA# arrives on the XINT source that its slot is wired to", () => {
  const { slot, interrupts } = pcixOnABench();
  slot.interrupt.set(true);
  assertEquals(interrupts.read(0, 3), 1 << interruptSources.externalInterrupt0 + 3);
  slot.interrupt.set(false);
  assertEquals(interrupts.read(0, 3), 0);
});

Deno.test("peripheral registers that no unit has read as 0, and straps name the board's clocks", () => {
  const bench = boardOnABench();
  const { space } = bench.board.complex;
  space.write32(memoryMap.pmmr + 0x2500, 7);
  assertEquals(space.read32(memoryMap.pmmr + 0x2500), 0);
  assertEquals(space.read32(memoryMap.pmmr + 0x2180), 0x000d_0000);
  assertEquals(space.read32(memoryMap.pmmr + 0x2188) >>> 14, 3);
  assertThrows(
    () => space.read(memoryMap.pmmr + 0x2fe, 4) && space.read(memoryMap.pmmr + 0x1fe, 4),
    BusFault,
  );
});

Deno.test("what the core writes to its UART comes out as lines", () => {
  const { board, debugLines } = boardOnABench();
  const uart = memoryMap.pmmr + 0x2300;
  const say = (text: string) =>
    [...text].forEach((letter) => board.complex.space.write32(uart, letter.charCodeAt(0)));
  board.complex.space.write32(uart + 0x0c, 0x80);
  say("x");
  board.complex.space.write32(uart + 0x0c, 0x03);
  say("hello\r\nsecond");
  assertEquals(debugLines, ["hello"]);
  assertEquals(board.complex.space.read32(uart + 0x14) & 0x60, 0x60);
  say("\n" + "y".repeat(1030));
  assertEquals(debugLines.map((line) => line.length), [5, 6, 1024]);
});

Deno.test("on-chip SRAM keeps bytes", () => {
  const { board } = boardOnABench();
  board.complex.space.write32(memoryMap.sram + memoryMap.sramSize - 4, 0x99);
  assertEquals(read32(board.complex.space.lookup(memoryMap.sram)!.target, memoryMap.sramSize - 4), 0x99);
  assert(board.complex.space.lookup(memoryMap.sram + memoryMap.sramSize) === undefined);
});
