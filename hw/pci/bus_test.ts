/**
 * The PCI bus on a bench: one or two plain devices, driven through configuration
 * cycles and windows only.
 * - Sizes and written values of BARs are random; everything else is one promise each.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { AddressSpace } from "../memory/address_space.ts";
import { BusFault, type BusTarget, type InterruptLine } from "../memory/bus_target.ts";
import { DramBlock } from "../memory/dram.ts";
import { silentLog } from "../time/event_log.ts";
import { EventQueue } from "../time/event_queue.ts";
import { type LinkTiming, PciBus } from "./bus.ts";
import { barOffset, type0Header } from "./configuration_space.ts";
import type { BarDefinition, PciDevice, PciSlot } from "./device.ts";

const identity = { vendorId: 0x8086, deviceId: 0x100e, classCode: 0x020000, revisionId: 2, interruptPin: 1 };
const command = type0Header.COMMAND.offset;
const status = type0Header.STATUS.offset;

function storage(size: number): BusTarget {
  const bytes = new Uint8Array(size);
  return {
    read: (offset, into) => into.set(bytes.subarray(offset, offset + into.length)),
    write: (offset, from) => bytes.set(from, offset),
  };
}

function bar(index: number, kind: BarDefinition["kind"], size: number, prefetchable = false): BarDefinition {
  return { index, kind, size, prefetchable, target: storage(Math.min(size, 65536)) };
}

function bench() {
  const queue = new EventQueue();
  const memory = new AddressSpace("host");
  const dram = new DramBlock({ name: "dram0", domain: 0, base: 0, size: 0x10000, latencyNs: 65 });
  memory.map({ name: "dram0", base: 0, size: 0x10000, target: dram, readLatencyNs: 65, writeLatencyNs: 65 });
  memory.map({
    name: "rom",
    base: 0x10000,
    size: 0x1000,
    target: {
      read: (_, into) => void into.fill(0),
      write: (offset) => {
        throw new BusFault("rom", offset, "read-only");
      },
    },
    readLatencyNs: 0,
    writeLatencyNs: 0,
  });
  const levels: boolean[] = [];
  const wire: InterruptLine = { set: (asserted) => void levels.push(asserted) };
  const bus = new PciBus({
    name: "pci0",
    clock: queue,
    log: silentLog,
    timing: { bytesPerSecond: 100e6, transactionLatencyNs: 500 },
    memory,
    translate: (address) => address < 0x1000_0000 ? address : undefined,
    interruptLine: () => wire,
    firmware: { cacheLineSize: 16, interruptNumber: (device, pin) => 16 + device + pin },
  });
  const slots: PciSlot[] = [];
  const attach = (number: number, more: Partial<PciDevice> = {}) =>
    bus.attach(number, (slot) => {
      slots[number] = slot;
      return { name: `device${number}`, identity, bars: [], ...more };
    });
  return { queue, memory, bus, attach, slots, levels };
}

Deno.test("an empty slot and a missing function give no answer to configuration cycles", () => {
  const { bus, attach } = bench();
  attach(3);
  assertEquals(bus.read32(4, 0, 0), undefined);
  assertEquals(bus.read32(3, 1, 0), undefined);
  assertEquals(bus.write32(4, 0, 4, 0), false);
});

Deno.test("the header shows identity and what firmware stored, and identity cannot be written", () => {
  const { bus, attach } = bench();
  attach(3);
  bus.write32(3, 0, 0, 0);
  bus.write32(3, 0, 8, 0);
  assertEquals(bus.read32(3, 0, 0), 0x100e8086);
  assertEquals(bus.read32(3, 0, 8), 0x02000002);
  assertEquals(bus.read(3, 0, 0x0c, 1), 16);
  assertEquals(bus.read32(3, 0, 0x3c), 0x0114);
  assertEquals(bus.write(3, 0, 0x3c, 1, 9), true);
  assertEquals(bus.read(3, 0, 0x3c, 2), 0x0109);
});

Deno.test("a BAR of any kind and size sizes itself as written & ~(size - 1) with its type bits", () => {
  const anyBar = fc.oneof(
    fc.record({ kind: fc.constant("io" as const), log: fc.integer({ min: 2, max: 15 }) }),
    fc.record({ kind: fc.constant("memory32" as const), log: fc.integer({ min: 4, max: 30 }) }),
    fc.record({ kind: fc.constant("memory64" as const), log: fc.integer({ min: 4, max: 38 }) }),
  );
  fc.assert(fc.property(anyBar, fc.boolean(), fc.nat(), (shape, prefetchable, written) => {
    const { bus, attach } = bench();
    const size = 2 ** shape.log;
    attach(1, { bars: [bar(2, shape.kind, size, prefetchable)] });
    const low = barOffset(2);
    const typeBits = shape.kind === "io" ? 1 : (shape.kind === "memory64" ? 4 : 0) | (prefetchable ? 8 : 0);
    const mask = BigInt.asUintN(64, ~(BigInt(size) - 1n));
    const value = (at: number) => BigInt(bus.read32(1, 0, at)!);
    bus.write32(1, 0, low, 0xffffffff);
    bus.write32(1, 0, low + 4, 0xffffffff);
    assertEquals(value(low), BigInt.asUintN(32, mask) | BigInt(typeBits));
    assertEquals(value(low + 4), shape.kind === "memory64" ? mask >> 32n : 0n);
    bus.write32(1, 0, low, written);
    assertEquals(value(low), BigInt.asUintN(32, BigInt(written) & mask) | BigInt(typeBits));
    assertEquals(bus.read32(1, 0, barOffset(0)), 0, "an unimplemented BAR reads 0");
  }));
});

Deno.test("a BAR answers in its window only while the command register lets it decode", () => {
  const { bus, attach } = bench();
  attach(1, { bars: [bar(0, "memory32", 4096), bar(1, "io", 16)] });
  bus.write32(1, 0, barOffset(0), 0xc0001000);
  bus.write32(1, 0, barOffset(1), 0xc040);
  const memory = bus.memoryWindow(0xc0000000);
  const io = bus.ioWindow(0xc000);
  const answers = (window: BusTarget, offset: number) => {
    window.write(offset, Uint8Array.of(0x5a));
    const into = new Uint8Array(1);
    window.read(offset, into);
    return into[0];
  };
  assertEquals([answers(memory, 0x1000), answers(io, 0x40)], [0xff, 0xff]);
  bus.write(1, 0, command, 2, 1 << 1);
  assertEquals([answers(memory, 0x1000), answers(io, 0x40)], [0x5a, 0xff]);
  bus.write(1, 0, command, 2, 1 << 0);
  assertEquals([answers(memory, 0x1000), answers(io, 0x40)], [0xff, 0x5a]);
  assertEquals([answers(memory, 0x2000), answers(io, 0x50)], [0xff, 0xff]);
});

Deno.test("an access that runs past the end of a BAR is a bus fault", () => {
  const { bus, attach } = bench();
  attach(1, { bars: [bar(0, "memory32", 4096)] });
  bus.write32(1, 0, barOffset(0), 0xc0000000);
  bus.write(1, 0, command, 2, 1 << 1);
  assertThrows(() => bus.memoryWindow(0xc0000000).read(4094, new Uint8Array(4)), BusFault, "past the end");
});

Deno.test("dma waits for the bus-master bit and then takes latency and bytes of bus time", () => {
  const { queue, memory, bus, attach, slots } = bench();
  attach(1);
  let doneAt: number | undefined;
  slots[1]!.dma.write(0x100, new Uint8Array(1000).fill(7), () => doneAt = queue.now, (fault) => {
    throw fault;
  });
  queue.runUntil(5000 as typeof queue.now);
  assertEquals(doneAt, undefined);
  bus.write(1, 0, command, 2, 1 << 2);
  while (queue.runNext());
  assertEquals(doneAt, 5000 + 500 + 10_000);
  assertEquals(memory.read(0x4e7, 2), Uint8Array.of(7, 0));
});

Deno.test("devices on one bus share its time in order; a device with its own link does not wait", () => {
  const { queue, bus, slots } = bench();
  const finished: string[] = [];
  const add = (number: number, link?: LinkTiming) => {
    bus.attach(number, (slot) => {
      slots[number] = slot;
      return { name: `device${number}`, identity, bars: [] };
    }, link);
    bus.write(number, 0, command, 2, 1 << 2);
  };
  add(1);
  add(2);
  add(3, { bytesPerSecond: 1e9, transactionLatencyNs: 100, readLatencyNs: 900, writeLatencyNs: 30 });
  const fail = (fault: BusFault) => {
    throw fault;
  };
  for (const number of [1, 2, 1, 3]) {
    slots[number]!.dma.read(0, 1000, () => finished.push(`${number}@${queue.now}`), fail);
  }
  while (queue.runNext());
  assertEquals(finished, ["3@1100", "1@10500", "2@21000", "1@31500"]);
});

Deno.test("dma to nowhere is a master abort and dma that a target refuses a target abort", () => {
  const { queue, bus, attach, slots } = bench();
  attach(1);
  bus.write(1, 0, command, 2, 1 << 2);
  const faults: string[] = [];
  const failed = (fault: BusFault) => faults.push(fault.message);
  const unexpected = () => faults.push("done");
  const statusBits = () => bus.read(1, 0, status, 2)! & 0x3000;
  slots[1]!.dma.read(0x2000_0000, 4, unexpected, failed);
  while (queue.runNext());
  assertEquals(statusBits(), 1 << 13);
  slots[1]!.dma.write(0x10000, new Uint8Array(4), unexpected, failed);
  while (queue.runNext());
  assertEquals(statusBits(), 3 << 12);
  assertEquals(faults.length, 2);
  assert(faults[0]!.includes("0x20000000"), faults[0]);
  bus.write32(1, 0, command, 0x2000_0004);
  assertEquals(statusBits(), 1 << 12, "status bits are cleared by writing 1, one by one");
  assertEquals(bus.read(1, 0, command, 2), 4);
});

Deno.test("two devices share a wire: it stays asserted until both let go, and INTx disable lets go too", () => {
  const { bus, attach, slots, levels } = bench();
  attach(1);
  attach(2);
  slots[1]!.interrupt.set(true);
  slots[2]!.interrupt.set(true);
  slots[2]!.interrupt.set(true);
  slots[1]!.interrupt.set(false);
  assertEquals(levels, [true]);
  bus.write(2, 0, command, 2, 1 << 10);
  assertEquals(levels, [true, false]);
  assertEquals(bus.read(2, 0, status, 2)! & 8, 8, "pending shows before the gate");
  bus.write(2, 0, command, 2, 0);
  slots[2]!.interrupt.set(false);
  assertEquals(levels, [true, false, true, false]);
  assertEquals(bus.read(2, 0, status, 2)! & 8, 0);
});

Deno.test("a card that still boots answers Retry, drops writes, and may change its BARs until it is ready", () => {
  const { bus, attach } = bench();
  let retry = true;
  const bars = [bar(0, "memory32", 4096)];
  attach(5, { bars, configurationRetry: () => retry });
  bus.write32(5, 0, barOffset(0), 0xffffffff);
  assertEquals(bus.read32(5, 0, 0), 0xffff0001);
  assertEquals(bus.read(5, 0, 0, 2), 0x0001);
  assertEquals(bus.read32(5, 0, 8), 0xffffffff);
  retry = false;
  bars[0] = bar(0, "memory64", 8192, true);
  assertEquals(bus.read32(5, 0, 0), 0x100e8086);
  bus.write32(5, 0, barOffset(0), 0xffffffff);
  assertEquals(bus.read32(5, 0, barOffset(0)), 0xffffe00c);
});

Deno.test("a card shows what it became while it booted, also to software that first looks afterwards", () => {
  const { bus, attach } = bench();
  let retry = true;
  const bars: BarDefinition[] = [];
  attach(5, { bars, configurationRetry: () => retry });
  bars.push(bar(0, "memory32", 4096));
  retry = false;
  bus.write32(5, 0, barOffset(0), 0xffffffff);
  assertEquals(bus.read32(5, 0, barOffset(0)), 0xfffff000);
});

Deno.test("capability bytes belong to the model, which sees each write to them", () => {
  const { bus, attach } = bench();
  const bytes = new Uint8Array(0x20);
  bytes.set([0x01, 0x00, 0x02, 0x00], 0x10);
  const written: number[] = [];
  attach(1, { capabilities: { firstOffset: 0x50, bytes, written: (offset) => written.push(offset) } });
  assertEquals(bus.read(1, 0, 0x34, 1), 0x50);
  assertEquals(bus.read(1, 0, status, 2)! & 1 << 4, 1 << 4);
  assertEquals(bus.read32(1, 0, 0x50), 0x00020001);
  bus.write(1, 0, 0x54, 2, 0x1234);
  assertEquals([bytes[0x14], bytes[0x15], written], [0x34, 0x12, [0x54]]);
  assertEquals(bus.read32(1, 0, 0xf0), 0);
});
