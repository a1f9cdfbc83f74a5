/**
 * DMA channels on a board: chains in card DRAM, a host with 1 MiB of memory.
 *
 * The core programs registers; what counts is which bytes are where, and when.
 */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { later, nanoseconds } from "../time/time.ts";
import {
  admaRegisters,
  admaStatusBits,
  controlWord,
  descriptorControl,
  type Direction,
  directions,
  encodeDescriptor,
} from "./adma_registers.ts";
import {
  bars,
  boardOnABench,
  boot,
  hostMemorySize,
  peripheral,
  read32,
  write32,
} from "./testing/bench_board.ts";
import { interruptSources } from "./interrupt_controller.ts";
import { memoryMap, peripherals } from "./memory_map.ts";
import { messagingCoreRegisters, messagingHostRegisters } from "./messaging_registers.ts";

const pcie = 1 << admaRegisters.ACCR.bits.hostInterfacePcie;
const start = pcie | 1;
const append = start | 1 << admaRegisters.ACCR.bits.chainResume;
const status = admaStatusBits;
const outboundMessage0 = memoryMap.pmmr + peripherals.messagingUnit + messagingCoreRegisters.OMR0.offset;

interface Transfer {
  readonly direction: Direction;
  readonly bits?: (keyof typeof descriptorControl)[];
  readonly byteCount: number;
  readonly destination: number;
  readonly source?: number;
  readonly fill?: number;
}

function channelOnABench(enable = true) {
  const bench = boardOnABench();
  boot(bench);
  if (!enable) bench.bus.write(5, 0, 4, 2, 2);
  const { space, cpus } = bench.board.complex;
  cpus[0]!.interruptHandler = undefined;
  const interrupts = cpus[0]!.coprocessors.get(6)!;
  const at = (name: keyof typeof admaRegisters) => peripheral("adma0", admaRegisters[name]);
  const bit = (source: number) => (interrupts.read(source >>> 5, 3) >>> (source & 31) & 1) === 1;
  const describe = (address: number, transfer: Transfer, next = 0) =>
    space.write(
      address,
      encodeDescriptor({
        next,
        control: controlWord(transfer.direction, ...transfer.bits ?? []),
        byteCount: transfer.byteCount,
        destination: transfer.destination,
        source: transfer.source ?? 0,
        ...(transfer.fill === undefined ? {} : { fill: transfer.fill }),
      }),
    );
  return {
    ...bench,
    space,
    describe,
    read: (name: keyof typeof admaRegisters) => space.read32(at(name)),
    write: (name: keyof typeof admaRegisters, value: number) => space.write32(at(name), value >>> 0),
    /** Lays descriptors out 32 bytes apart and links them. */
    chain: (address: number, transfers: readonly Transfer[]) =>
      transfers.forEach((transfer, index) => {
        const here = address + 32 * index;
        describe(here, transfer, index + 1 < transfers.length ? here + 32 : 0);
      }),
    go: (address: number) => {
      space.write32(at("ACCR"), 0);
      space.write32(at("ANDAR"), address);
      space.write32(at("ACCR"), start);
    },
    runNs: (ns: number) => bench.queue.runUntil(later(bench.queue.now, nanoseconds(ns))),
    pending: () => ({
      endOfTransfer: bit(interruptSources.adma0EndOfTransfer),
      endOfChain: bit(interruptSources.adma0EndOfChain),
      error: bit(interruptSources.adma0Error),
    }),
  };
}

const nothing = { endOfTransfer: false, endOfChain: false, error: false };
const pattern = (length: number, seed: number) => Uint8Array.from({ length }, (_, index) => index * 7 + seed);

Deno.test("copy then bell: the host is interrupted only when every byte is in its memory", () => {
  const { chain, go, space, host, hostWindow, queue, hostInterrupt } = channelOnABench();
  write32(hostWindow, bars.messagingUnit + messagingHostRegisters.OIMR.offset, ~1 >>> 0);
  const data = pattern(50000, 3);
  space.write(0x100001, data);
  space.write32(0x2000, 0xbe11);
  chain(0x1000, [
    { direction: "local to host", byteCount: data.length, source: 0x100001, destination: 0x8003 },
    {
      direction: "local to internal",
      bits: ["interruptEnable"],
      byteCount: 4,
      source: 0x2000,
      destination: outboundMessage0,
    },
  ]);
  go(0x1000);
  const began = queue.now;
  while (!hostInterrupt()) assert(queue.runNext(), "the bell must ring");
  assertEquals(host.read(0x8003, data.length), data);
  assertEquals(read32(hostWindow, bars.messagingUnit + messagingHostRegisters.OMR0.offset), 0xbe11);
  // 50000 bytes at 1.5 GB/s and four transactions of 0.4 us; start-up 0.5, second descriptor 0.3 us; 4 ns for the bell.
  const wire = 50000 / 1.5 + 4 * 400;
  assert(Math.abs(queue.now - began - (500 + wire + 300 + 4)) < 1, `took ${queue.now - began} ns`);
});

Deno.test("data is read when the transfer happens, not when the chain was started", () => {
  const { chain, go, space, runNs, host } = channelOnABench();
  chain(0x1000, [{ direction: "local to host", byteCount: 4, source: 0x2000, destination: 0x100 }]);
  go(0x1000);
  runNs(400);
  space.write32(0x2000, 0x1234);
  runNs(10000);
  assertEquals(host.read32(0x100), 0x1234);
});

Deno.test("the last descriptor ends with EOC, those before with EOT, and only if they ask", () => {
  const { chain, go, run, read, write, pending } = channelOnABench();
  const copy = { direction: "local to internal", byteCount: 8, source: 0x2000, destination: 0x3000 } as const;
  chain(0x1000, [copy, { ...copy, bits: ["interruptEnable"] }, copy]);
  go(0x1000);
  run(1);
  assertEquals(pending(), { ...nothing, endOfTransfer: true });
  write("ACSR", 1 << status.endOfTransfer);
  assertEquals([pending(), read("ACSR"), read("ADAR")], [nothing, 0, 0x1040]);
  chain(0x1000, [{ ...copy, bits: ["interruptEnable"] }]);
  go(0x1000);
  run(1);
  assertEquals(pending(), { ...nothing, endOfChain: true });
});

Deno.test("append while active is met in due course, append while idle starts the channel again", () => {
  const { describe, go, write, run, runNs, space, read } = channelOnABench();
  const copy = (to: number) =>
    ({ direction: "local to internal", byteCount: 4000, source: 0x100000, destination: to }) as const;
  space.write(0x100000, pattern(4000, 1));
  describe(0x1000, copy(0x200000));
  go(0x1000);
  runNs(1000);
  assertEquals(read("ACSR"), 1 << status.active);
  describe(0x1020, copy(0x201000));
  space.write32(0x1000, 0x1020);
  write("ACCR", append);
  run(1);
  assertEquals([read("ACSR"), read("ADAR"), read("ACCR")], [0, 0x1020, start]);
  assertEquals(space.read(0x201000, 4000), pattern(4000, 1));
  describe(0x1040, copy(0x202000));
  space.write32(0x1020, 0x1040);
  write("ACCR", append);
  run(1);
  assertEquals([read("ADAR"), read("ACCR")], [0x1040, start]);
  assertEquals(space.read(0x202000, 4000), pattern(4000, 1));
});

Deno.test("append in the middle of a chain clears the resume bit and does not disturb it", () => {
  const { chain, describe, go, write, read, run, runNs, space } = channelOnABench();
  const copy = {
    direction: "local to internal",
    byteCount: 4000,
    source: 0x100000,
    destination: 0x200000,
  } as const;
  chain(0x1000, [copy, copy]);
  go(0x1000);
  runNs(1000);
  describe(0x1040, { ...copy, fill: 0xabababab, bits: ["blockFill"], destination: 0x201000 });
  space.write32(0x1020, 0x1040);
  write("ACCR", append);
  assertEquals(read("ACCR"), start);
  run(1);
  assertEquals(space.read32(0x201000), 0xabababab);
});

Deno.test("chain resume without anything appended, or before any chain, leaves the channel idle", () => {
  const { chain, go, write, read, run } = channelOnABench();
  write("ACCR", append);
  assertEquals([read("ACCR"), read("ACSR")], [start, 0]);
  chain(0x1000, [{ direction: "local to internal", byteCount: 4, source: 0, destination: 0x2000 }]);
  go(0x1000);
  run(1);
  write("ACCR", append);
  assertEquals([read("ACCR"), read("ACSR")], [start, 0]);
});

Deno.test("a byte count of 0 moves nothing and still ends with its interrupt and status write-back", () => {
  const { chain, go, run, pending, space } = channelOnABench();
  chain(0x1000, [{
    direction: "local to host",
    bits: ["interruptEnable", "statusWriteBack"],
    byteCount: 0,
    source: 0xdead0000,
    destination: 0xdead0000,
  }]);
  go(0x1000);
  run(1);
  assertEquals(pending(), { ...nothing, endOfChain: true });
  assertEquals(space.read32(0x100c), 0x80000000);
});

Deno.test("block fill repeats its word from the first byte on, and a 4-byte fill can ring the bell", () => {
  const { chain, go, run, host, hostWindow } = channelOnABench();
  const fill = { bits: ["blockFill"] as ["blockFill"], fill: 0x44332211 };
  chain(0x1000, [
    { ...fill, direction: "local to host", byteCount: 7, destination: 0x103 },
    { ...fill, direction: "local to internal", byteCount: 4, destination: outboundMessage0 },
  ]);
  go(0x1000);
  run(1);
  assertEquals([...host.read(0x102, 9)], [0, 0x11, 0x22, 0x33, 0x44, 0x11, 0x22, 0x33, 0]);
  assertEquals(read32(hostWindow, bars.messagingUnit + messagingHostRegisters.OMR0.offset), 0x44332211);
});

const badTransfers: readonly [what: string, transfer: Transfer, bit: number][] = [
  ["a host address that nobody claims", {
    direction: "local to host",
    byteCount: 4,
    destination: hostMemorySize,
  }, status.hostMasterAbort],
  ["a host address beyond any machine", {
    direction: "host to local",
    byteCount: 4,
    source: 2 ** 60,
    destination: 0x2000,
  }, status.hostMasterAbort],
  ["an internal address that nobody claims", {
    direction: "local to internal",
    byteCount: 4,
    source: 0x7000_0000,
    destination: 0x2000,
  }, status.internalMasterAbort],
  ["a burst to Messaging Unit registers", {
    direction: "local to internal",
    byteCount: 8,
    destination: outboundMessage0,
  }, status.internalTargetAbort],
  ["a zero-result check, which is not emulated", {
    direction: "local to internal",
    bits: ["zeroResultCheck"],
    byteCount: 4,
    destination: 0x2000,
  }, status.internalTargetAbort],
];

for (const [what, transfer, bit] of badTransfers) {
  Deno.test(`the channel halts with its error bit and interrupt at ${what}`, () => {
    const { chain, go, run, read, write, pending, space } = channelOnABench();
    const after = {
      direction: "local to internal",
      byteCount: 4,
      source: 0x3000,
      destination: 0x4000,
    } as const;
    space.write32(0x3000, 0x600d);
    chain(0x1000, [after, { ...transfer, bits: [...transfer.bits ?? [], "interruptEnable"] }, {
      ...after,
      destination: 0x5000,
    }]);
    go(0x1000);
    run(1);
    assertEquals([read("ACSR"), read("ADAR")], [1 << bit, 0x1020]);
    assertEquals(pending(), { ...nothing, error: true });
    assertEquals([space.read32(0x4000), space.read32(0x5000)], [0x600d, 0]);
    go(0x1000);
    assertEquals(read("ACSR"), 1 << bit, "it does not start while an error stands");
    write("ACSR", 1 << bit);
    chain(0x1000, [{ ...after, destination: 0x5000 }]);
    go(0x1000);
    run(1);
    assertEquals([read("ACSR"), pending(), space.read32(0x5000)], [0, nothing, 0x600d]);
  });
}

Deno.test("a descriptor with several sources is refused: XOR is not emulated", () => {
  const { describe, go, run, read, space } = channelOnABench();
  describe(0x1000, { direction: "local to internal", byteCount: 4, destination: 0x2000 });
  space.write32(0x1004, controlWord("local to internal") | 1 << 3);
  go(0x1000);
  run(1);
  assertEquals(read("ACSR"), 1 << status.internalTargetAbort);
});

Deno.test("a chain at an address without memory halts at once", () => {
  const { go, run, read } = channelOnABench();
  go(0x7000_0000);
  run(1);
  assertEquals([read("ACSR"), read("ADAR")], [1 << status.internalMasterAbort, 0x7000_0000]);
});

Deno.test("clearing the enable bit suspends after the transaction in flight, setting it goes on", () => {
  const { chain, go, write, read, run, runNs, host, space } = channelOnABench();
  const data = pattern(100000, 9);
  space.write(0x100000, data);
  chain(0x1000, [{ direction: "local to host", byteCount: data.length, source: 0x100000, destination: 0 }]);
  go(0x1000);
  runNs(20000);
  write("ACCR", pcie);
  run(1);
  assertEquals(read("ACSR"), 0);
  const moved = data.length - read("ABCR");
  assert(moved > 0 && moved < data.length && host.read(moved, 1)[0] === 0);
  write("ACCR", start);
  run(1);
  assertEquals(host.read(0, data.length), data);
});

Deno.test("a card that may not master the bus moves nothing until it may", () => {
  const { chain, go, run, bus, host, space } = channelOnABench(false);
  space.write32(0x2000, 0x11223344);
  chain(0x1000, [{ direction: "local to host", byteCount: 4, source: 0x2000, destination: 0x100 }]);
  go(0x1000);
  run(5);
  assertEquals(host.read32(0x100), 0);
  bus.write(5, 0, 4, 2, 6);
  run(1);
  assertEquals(host.read32(0x100), 0x11223344);
});

Deno.test("the three channels work side by side", () => {
  const { describe, space, run } = channelOnABench();
  space.write(0x100000, pattern(30000, 5));
  for (let channel = 0; channel < 3; channel++) {
    const base = memoryMap.pmmr + 0x200 * channel;
    const to = 0x200000 + 0x10000 * channel;
    const direction = channel === 1 ? "local to host" : "local to internal";
    const destination = channel === 1 ? 0 : to;
    describe(0x1000 + 32 * channel, { direction, byteCount: 30000, source: 0x100000, destination });
    space.write32(base + admaRegisters.ANDAR.offset, 0x1000 + 32 * channel);
    space.write32(base + admaRegisters.ACCR.offset, start);
  }
  run(1);
  assertEquals(space.read(0x200000, 30000), pattern(30000, 5));
  assertEquals(space.read(0x220000, 30000), pattern(30000, 5));
});

Deno.test("random chains move the same bytes as a plain copy, one descriptor after the other", () => {
  const arena = 4096;
  const [hostBase, cardBase] = [0x10000, 0x100000];
  const transfer = fc.record({
    direction: fc.constantFrom(...directions),
    fill: fc.option(fc.nat(0xffffffff), { nil: undefined, freq: 4 }),
    byteCount: fc.oneof(fc.nat(64), fc.nat(arena / 2)),
    source: fc.nat(arena / 2),
    destination: fc.nat(arena / 2),
  });
  const memories = { host: fc.uint8Array({ minLength: arena, maxLength: arena }), card: fc.nat(255) };
  fc.assert(
    fc.property(
      fc.array(transfer, { minLength: 1, maxLength: 12 }),
      memories.host,
      memories.card,
      (list, bytes, seed) => {
        const { chain, go, run, space, host, read } = channelOnABench();
        const model = { host: bytes.slice(), card: pattern(arena, seed) };
        host.write(hostBase, model.host);
        space.write(cardBase, model.card);
        for (const { direction, fill, byteCount, source, destination } of list) {
          const from = direction === "host to local" ? model.host : model.card;
          const to = direction === "local to host" ? model.host : model.card;
          const moved = from.slice(source, source + byteCount);
          if (fill !== undefined) moved.forEach((_, index) => moved[index] = fill >>> 8 * (index % 4));
          to.set(moved, destination);
        }
        chain(
          0x1000,
          list.map(({ direction, fill, byteCount, source, destination }) => ({
            direction,
            byteCount,
            source: source + (direction === "host to local" ? hostBase : cardBase),
            destination: destination + (direction === "local to host" ? hostBase : cardBase),
            ...(fill === undefined ? {} : { fill, bits: ["blockFill"] as ["blockFill"] }),
          })),
        );
        go(0x1000);
        run(1);
        assertEquals(read("ACSR"), 0);
        assertEquals(host.read(hostBase, arena), model.host);
        assertEquals(space.read(cardBase, arena), model.card);
      },
    ),
    { numRuns: 60 },
  );
});
