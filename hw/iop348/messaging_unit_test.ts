/**
 * The Messaging Unit, driven by a host through BAR0 and by a core through PMMR.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { BusFault } from "../memory/bus_target.ts";
import { bars, boardOnABench, boot, peripheral, read32, write32 } from "./testing/bench_board.ts";
import { cp6Offset } from "./coprocessor_page.ts";
import { interruptRegisters, interruptSources } from "./interrupt_controller.ts";
import { memoryMap } from "./memory_map.ts";
import { messagingCoreRegisters, messagingHostRegisters } from "./messaging_registers.ts";

const empty = 0xffffffff;
type HostRegister = keyof typeof messagingHostRegisters;
type CoreRegister = keyof typeof messagingCoreRegisters;

function messagingOnABench() {
  const bench = boardOnABench();
  boot(bench);
  const { space, cpus } = bench.board.complex;
  const interrupts = cpus[0]!.coprocessors.get(6)!;
  // The ROM listens for messages; these tests are the core's software instead.
  cpus[0]!.interruptHandler = undefined;
  const hostAt = (name: HostRegister) => bars.messagingUnit + messagingHostRegisters[name].offset;
  const coreAt = (name: CoreRegister) => peripheral("messagingUnit", messagingCoreRegisters[name]);
  const raw = (source: number) => (interrupts.read(source >>> 5, 3) >>> (source & 31) & 1) === 1;
  return {
    ...bench,
    space,
    host: {
      read: (name: HostRegister) => read32(bench.hostWindow, hostAt(name)),
      write: (name: HostRegister, value: number) => write32(bench.hostWindow, hostAt(name), value),
    },
    core: {
      read: (name: CoreRegister) => space.read32(coreAt(name)),
      write: (name: CoreRegister, value: number) => space.write32(coreAt(name), value),
    },
    /** The three inputs of the interrupt controller that the unit drives. */
    coreInterrupts: () => ({
      normal: raw(interruptSources.messagingUnit),
      post: raw(interruptSources.messagingInboundPost),
      error: raw(interruptSources.messagingError),
    }),
  };
}

const quiet = { normal: false, post: false, error: false };

Deno.test("an inbound message reaches the core, which alone can clear its interrupt", () => {
  const { host, core, coreInterrupts } = messagingOnABench();
  core.write("IIMR", 0);
  host.write("IMR0", 0xcafe);
  assertEquals(core.read("IMR0"), 0xcafe);
  assertEquals(core.read("IISR"), 1);
  assertEquals(coreInterrupts(), { ...quiet, normal: true });
  host.write("IISR", 1);
  assertEquals(host.read("IISR"), 1, "IISR is read-only for the host");
  core.write("IISR", 1);
  assertEquals(core.read("IISR"), 0);
  assertEquals(coreInterrupts(), quiet);
});

Deno.test("the core cannot write inbound messages and the host cannot write outbound ones", () => {
  const { host, core } = messagingOnABench();
  core.write("IMR0", 5);
  host.write("OMR0", 6);
  assertEquals([core.read("IMR0"), core.read("OMR0"), core.read("IISR"), core.read("OISR")], [0, 0, 0, 0]);
});

Deno.test("a masked inbound message sets its status and interrupts only when unmasked", () => {
  const { host, core, coreInterrupts } = messagingOnABench();
  core.write("IIMR", 0xffffffff);
  host.write("IMR1", 1);
  assertEquals(core.read("IISR"), 2);
  assertEquals(coreInterrupts(), quiet);
  core.write("IIMR", ~2 >>> 0);
  assertEquals(coreInterrupts(), { ...quiet, normal: true });
});

Deno.test("the inbound doorbell is set by the host, cleared by the core, and bit 31 is an error", () => {
  const { host, core, coreInterrupts } = messagingOnABench();
  core.write("IIMR", 0);
  host.write("IDR", 0x5);
  host.write("IDR", 0x80000000);
  assertEquals(core.read("IDR"), 0x80000005);
  assertEquals(core.read("IISR"), 0xc);
  assertEquals(coreInterrupts(), { normal: true, post: false, error: true });
  core.write("IISR", 0xffffffff);
  assertEquals(core.read("IISR"), 0xc, "doorbell bits follow IDR");
  core.write("IDR", 0x5);
  assertEquals(coreInterrupts(), { ...quiet, error: true });
  core.write("IDR", 0x80000000);
  assertEquals(coreInterrupts(), quiet);
});

Deno.test("an outbound message raises the host's line unless OIMR masks it", () => {
  const { host, core, hostInterrupt } = messagingOnABench();
  core.write("OMR0", 0x77);
  assertEquals(host.read("OISR"), 1);
  assert(!hostInterrupt(), "everything is masked after reset");
  host.write("OIMR", ~1 >>> 0);
  assert(hostInterrupt());
  assertEquals(host.read("OMR0"), 0x77);
  host.write("OISR", 1);
  assert(!hostInterrupt());
  core.write("OMR1", 0x78);
  assertEquals(host.read("OISR"), 2);
  assert(!hostInterrupt(), "message 1 is still masked");
});

Deno.test("the outbound doorbell holds the host's line until the host writes its bits back", () => {
  const { host, core, hostInterrupt } = messagingOnABench();
  host.write("OIMR", ~0x4 >>> 0);
  core.write("ODR", 0x3);
  core.write("ODR", 0x10000000);
  assertEquals(host.read("OISR"), 0x14, "bit 28 of ODR is PCI interrupt A, bit 4 of OISR");
  assert(hostInterrupt());
  host.write("OISR", 0x14);
  assert(hostInterrupt(), "doorbell bits follow ODR");
  host.write("ODR", 0x3);
  assert(!hostInterrupt());
  assertEquals(host.read("ODR"), 0x10000000);
});

Deno.test("a register refuses an access wider than a word", () => {
  const { space, hostWindow } = messagingOnABench();
  const at = peripheral("messagingUnit", messagingCoreRegisters.OMR0);
  assertThrows(() => space.write(at, new Uint8Array(8)), BusFault, "one word");
  assertThrows(() => space.read(at, 8), BusFault, "one word");
  assertThrows(
    () => hostWindow.write(bars.messagingUnit + messagingHostRegisters.IMR0.offset, new Uint8Array(8)),
    BusFault,
    "one word",
  );
});

Deno.test("an internal master that writes through the host aperture acts as the host", () => {
  const { space, core, coreInterrupts } = messagingOnABench();
  core.write("IIMR", 0);
  space.write32(memoryMap.messagingHostAperture + messagingHostRegisters.IDR.offset, 1);
  assertEquals(core.read("IDR"), 1);
  assert(coreInterrupts().normal);
});

Deno.test("index registers are card memory; a host write raises IISR bit 6 and names itself in IAR", () => {
  const { space, core, hostWindow } = messagingOnABench();
  core.write("QBAR", 0x100000);
  const text = Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8]);
  hostWindow.write(bars.messagingUnit + 0xa04, text);
  assertEquals(core.read("IISR"), 1 << 6);
  assertEquals(core.read("IAR"), 0xa04);
  assertEquals(space.read(memoryMap.pmmr + 0x4a04, 8), text);
  core.write("IISR", 1 << 6);
  space.write(memoryMap.pmmr + 0x4a04, text);
  assertEquals(core.read("IISR"), 0, "the core's own writes do not count");
});

Deno.test("an inbound MSI write sets its vector's pending bit and source 113 until cleared", () => {
  const { host, board } = messagingOnABench();
  const interrupts = board.complex.cpus[0]!.coprocessors.get(6)!;
  host.write("MIMR", 35);
  const [page, register] = [1, 9];
  assertEquals(interruptRegisters.IMIPR1.offset, cp6Offset(page, register));
  assertEquals(interrupts.read(register, page), 1 << 3);
  assertEquals(interrupts.read(3, 3) >>> 17 & 1, 1);
  interrupts.write(register, page, 1 << 3);
  assertEquals(interrupts.read(3, 3) >>> 17 & 1, 0);
});

function queuesOnABench() {
  const bench = messagingOnABench();
  const { core, space } = bench;
  const base = 0x200000;
  const size = 4096 * 4;
  core.write("QBAR", base);
  core.write("IIMR", 0);
  // Inbound free at 0, inbound post, outbound post, outbound free (2.5).
  for (const [head, tail, index] of [["IFHPR", "IFTPR", 0], ["IPHPR", "IPTPR", 1]] as const) {
    core.write(head, index * size);
    core.write(tail, index * size);
  }
  for (const [head, tail, index] of [["OPHPR", "OPTPR", 2], ["OFHPR", "OFTPR", 3]] as const) {
    core.write(head, index * size);
    core.write(tail, index * size);
  }
  core.write("MUCR", 1 | 1 << 1);
  const push = (head: CoreRegister, entry: number) => {
    const at = core.read(head);
    space.write32(at, entry);
    core.write(head, at + 4);
  };
  return { ...bench, push, base, size };
}

Deno.test("inbound queue: the host takes a free frame, posts it, and the core is interrupted on source 13", () => {
  const { host, core, space, push, coreInterrupts } = queuesOnABench();
  assertEquals(host.read("IQP"), empty);
  push("IFHPR", 0x1000);
  push("IFHPR", 0x2000);
  assertEquals(host.read("IQP"), 0x1000);
  assertEquals(host.read("IQP"), 0x2000);
  assertEquals(host.read("IQP"), empty);
  host.write("IQP", 0x2000);
  assertEquals(coreInterrupts(), { ...quiet, post: true });
  assertEquals(space.read32(core.read("IPTPR")), 0x2000);
  core.write("IISR", 1 << 4);
  assertEquals(coreInterrupts(), quiet);
});

Deno.test("outbound queue: OISR bit 3 stands while the post queue holds something", () => {
  const { host, push, hostInterrupt, core, space } = queuesOnABench();
  host.write("OIMR", ~0x8 >>> 0);
  push("OPHPR", 0xabc0);
  assert(hostInterrupt());
  assertEquals(host.read("OQP"), 0xabc0);
  assert(!hostInterrupt());
  assertEquals(host.read("OQP"), empty);
  const at = core.read("OFHPR");
  host.write("OQP", 0xabc0);
  assertEquals(space.read32(at), 0xabc0);
  assertEquals(core.read("OFHPR"), at + 4);
});

Deno.test("queue pointers wrap inside their own queue", () => {
  const { host, core, space, base, size } = queuesOnABench();
  core.write("IPHPR", 2 * size - 4);
  core.write("IPTPR", 2 * size - 4);
  host.write("IQP", 0x42);
  assertEquals(core.read("IPHPR"), base + size);
  assertEquals(space.read32(base + 2 * size - 4), 0x42);
});

Deno.test("a full inbound post queue drops the post, a full outbound free queue is an error", () => {
  const { host, core, size, coreInterrupts, logLines } = queuesOnABench();
  core.write("IPTPR", size + 4);
  host.write("IQP", 0x42);
  assertEquals(core.read("IISR"), 0);
  assert(logLines.some((line) => line.includes("dropped inbound post")), "the drop is logged");
  core.write("OFTPR", 3 * size + 4);
  host.write("OQP", 0x42);
  assertEquals(core.read("IISR"), 1 << 5);
  assertEquals(coreInterrupts(), { ...quiet, error: true });
});

Deno.test("with queues off, both ports read empty", () => {
  const { host, core, push } = queuesOnABench();
  push("IFHPR", 0x1000);
  core.write("MUCR", 0);
  assertEquals([host.read("IQP"), host.read("OQP")], [empty, empty]);
});
