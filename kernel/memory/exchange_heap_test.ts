/**
 * The exchange heap: who owns what, where it lies, and that nothing is left over.
 *
 * What devices and other kernels see of it is tested through physical memory: the heap
 * lies over a real block of DRAM.
 */

import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { BusFault } from "../../hw/memory/bus_target.ts";
import { DramBlock } from "../../hw/memory/dram.ts";
import { type Block, ExchangeHeap } from "./exchange_heap.ts";
import { pageSize } from "./page_allocator.ts";

const base = 0x40_0000;
const owner = () => ({ blocks: new Set<Block>(), heapBytes: 0 });
const heapOf = (pages: number) => new ExchangeHeap(base, pages * pageSize);

Deno.test("a block is zeroed and its window is exactly what was asked for", () => {
  const heap = heapOf(16);
  for (
    const [size, capacity] of [[0, 64], [1, 64], [64, 64], [65, 128], [2048, 2048], [2049, 4096], [
      4097,
      8192,
    ]]
  ) {
    const block = heap.allocate(size!, undefined)!;
    assertEquals([block.length, block.capacity], [size!, capacity!]);
    assert(block.bytes.every((byte) => byte === 0));
  }
});

Deno.test("memory that was used before is zero when it is allocated again", () => {
  const heap = heapOf(1);
  const first = heap.allocate(100, undefined)!;
  first.bytes.fill(0xa5);
  const { address } = first;
  heap.free(first);
  const second = heap.allocate(100, undefined)!;
  assertEquals(second.address, address);
  assert(second.bytes.every((byte) => byte === 0));
});

Deno.test("two small blocks never share a cache line, and a large one starts on a page", () => {
  const heap = heapOf(16);
  const small = Array.from({ length: 40 }, () => heap.allocate(3, undefined)!);
  assertEquals(new Set(small.map(({ address }) => Math.floor(address / 64))).size, 40);
  assertEquals(heap.allocate(3000, undefined)!.address % pageSize, 0);
});

Deno.test("an owner's set follows its blocks from hand to hand", () => {
  const heap = heapOf(4);
  const [a, b] = [owner(), owner()];
  const block = heap.allocate(10, a)!;
  assertEquals([a.blocks.size, b.blocks.size], [1, 0]);
  heap.setOwner(block, b);
  assertEquals([a.blocks.size, b.blocks.size, block.owner === b], [0, 1, true]);
  heap.setOwner(block, undefined);
  assertEquals(b.blocks.size, 0);
  heap.setOwner(block, a);
  heap.free(block);
  assertEquals([a.blocks.size, heap.liveBlocks, heap.liveBytes], [0, 0, 0]);
});

Deno.test("when views are detached every former view is dead and the bytes are still there", () => {
  const heap = heapOf(4);
  const block = heap.allocate(8, undefined)!;
  const view = block.bytes;
  view.set([1, 2, 3]);
  block.detachViews();
  assertEquals(view.length, 0);
  assertEquals([...block.bytes], [1, 2, 3, 0, 0, 0, 0, 0]);
});

Deno.test("views of a freed block are dead", () => {
  const heap = heapOf(4);
  const block = heap.allocate(5000, undefined)!;
  const view = block.bytes;
  heap.free(block);
  assertEquals(view.length, 0);
});

for (const size of [10, 2048, 5000]) {
  Deno.test(`freeing a block of ${size} bytes twice throws, and the heap goes on as before`, () => {
    const heap = heapOf(8);
    const kept = heap.allocate(size, undefined)!;
    const block = heap.allocate(size, undefined)!;
    heap.free(block);
    const { liveBlocks, liveBytes } = heap;
    assertThrows(() => heap.free(block), Error, "is freed twice");
    assertEquals([heap.liveBlocks, heap.liveBytes], [liveBlocks, liveBytes]);
    const next = heap.allocate(size, undefined)!;
    assertThrows(() => heap.free(block), Error, "is freed twice");
    assert(heap.extentAt(next.address) === next.extent && heap.extentAt(kept.address) === kept.extent);
  });
}

Deno.test("when memory is out allocation answers undefined, and freeing makes room again", () => {
  const heap = heapOf(2);
  const large = heap.allocate(2 * pageSize, undefined)!;
  assertEquals([heap.allocate(1, undefined), heap.allocate(5000, undefined)], [undefined, undefined]);
  assertEquals(heap.liveBlocks, 1);
  heap.free(large);
  assertNotEquals(heap.allocate(1, undefined), undefined);
});

Deno.test("pages of small blocks go back, so that a large block finds room among them", () => {
  const heap = heapOf(4);
  const small = Array.from({ length: 4 * 64 }, () => heap.allocate(64, undefined)!);
  assertEquals(heap.allocate(64, undefined), undefined);
  for (const block of small) heap.free(block);
  assert(heap.allocate(3 * pageSize, undefined) !== undefined);
});

// ------------------------------------------------ as devices and other kernels see it

function overDram() {
  const dram = new DramBlock({ name: "dram", domain: 0, base: 0, size: base + 64 * pageSize, latencyNs: 0 });
  const heap = heapOf(64);
  dram.overlay(base, heap.size, heap);
  return { dram, heap };
}

Deno.test("physical memory at a block's address is the block, for loads and for stores", () => {
  const { dram, heap } = overDram();
  for (const size of [64, 3000, 9000]) {
    const block = heap.allocate(size, undefined)!;
    block.bytes[size - 1] = 0x5a;
    const read = new Uint8Array(2);
    dram.read(block.address + size - 2, read);
    assertEquals([...read], [0, 0x5a]);
    dram.write(block.address + 1, Uint8Array.of(7, 8));
    assertEquals([...block.bytes.subarray(0, 4)], [0, 7, 8, 0]);
  }
});

Deno.test("the window moves what a receiver sees, not where the bytes lie", () => {
  const { dram, heap } = overDram();
  const block = heap.allocate(100, undefined)!;
  [block.offset, block.length] = [10, 4];
  dram.write(block.address + 10, Uint8Array.of(1, 2, 3, 4));
  assertEquals([...block.bytes], [1, 2, 3, 4]);
});

Deno.test("an access to no block, or past the end of one, is refused with the address", () => {
  const { heap } = overDram();
  const block = heap.allocate(64, undefined)!;
  const into = new Uint8Array(8);
  assertThrows(() => heap.read(block.address + 64, into), BusFault, "0x400040: no block is there");
  assertThrows(
    () => heap.read(block.address + 60, into),
    BusFault,
    "8 bytes run past the end of their block",
  );
  heap.free(block);
  assertThrows(() => heap.write(block.address, into), BusFault, "0x400000: no block is there");
});

Deno.test("parts answer at their own addresses, and memory is free when nobody has a part of it any more", () => {
  const { dram, heap } = overDram();
  const free = heap.freeBytes;
  const head = heap.allocate(3 * pageSize, undefined)!;
  const { address } = head;
  const tail = heap.split(head, pageSize + 64);
  assertEquals([tail.address, tail.capacity], [address + pageSize + 64, 2 * pageSize - 64]);
  dram.write(tail.address, Uint8Array.of(5));
  assertEquals([tail.bytes[0], head.bytes[0]], [5, 0]);
  assertThrows(() => dram.write(tail.address - 1, Uint8Array.of(1, 2)), BusFault, "run past the end");
  heap.free(head);
  assertEquals(heap.freeBytes, free - 2 * pageSize);
  assertThrows(() => dram.read(address + pageSize, new Uint8Array(1)), BusFault, "no block is there");
  heap.free(tail);
  assertEquals(heap.freeBytes, free);
});

Deno.test("a device reads shared memory at one address, and what it writes is there for views taken later", () => {
  const { dram, heap } = overDram();
  const block = heap.allocate(100, undefined)!;
  const other = heap.share(block, undefined);
  const before = other.lookInto();
  before[0] = 9;
  const read = new Uint8Array(1);
  dram.read(other.address, read);
  assertEquals([other.address, read[0], block.lookInto()[0]], [block.address, 0, 0]);
  heap.free(block);
  dram.write(other.address, Uint8Array.of(7));
  other.detachViews();
  assertEquals([before.length, other.lookInto()[0]], [0, 7]);
  heap.free(other);
});

// ------------------------------------------------ against a model

/** A block, whose it is, and what its bytes are. */
interface Entry {
  readonly block: Block;
  owner: number;
  readonly mark: number;
}

Deno.test("whatever is done to it, the heap agrees with a list of blocks, and no memory overlaps", () => {
  const kinds = ["allocate", "free", "give", "split", "share", "truncate"] as const;
  const step = fc.record({
    kind: fc.constantFrom(...kinds),
    pick: fc.nat(),
    size: fc.oneof(fc.nat(300), fc.nat(12_000)),
    owner: fc.nat(2),
  });
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const heap = heapOf(32);
    const owners = [owner(), owner(), owner()];
    const live: Entry[] = [];
    let mark = 0;
    for (const one of steps) {
      const entry = live[one.pick % Math.max(1, live.length)];
      if (one.kind === "allocate" || entry === undefined) {
        const block = heap.allocate(one.size, owners[one.owner]);
        if (block === undefined) continue;
        assert(block.bytes.every((byte) => byte === 0));
        block.bytes.fill(++mark);
        live.push({ block, owner: one.owner, mark: mark & 0xff });
      } else {
        change(heap, owners, live, entry, one);
      }
      assertAgrees(heap, owners, live);
    }
    for (const { block } of live) heap.free(block);
    assertEquals([heap.liveBlocks, heap.liveExtents, heap.liveBytes], [0, 0, 0]);
    // One page of each class is kept for the next block.
    assert(heap.freeBytes >= heap.size - 6 * pageSize);
  }));
});

function change(
  heap: ExchangeHeap,
  owners: readonly ReturnType<typeof owner>[],
  live: Entry[],
  entry: Entry,
  one: { kind: string; size: number; owner: number },
): void {
  const { block } = entry;
  const lines = block.capacity / 64;
  if (one.kind === "free") heap.free(live.splice(live.indexOf(entry), 1)[0]!.block);
  else if (one.kind === "give") heap.setOwner(block, owners[entry.owner = one.owner]);
  else if (one.kind === "share") {
    live.push({ ...entry, block: heap.share(block, owners[one.owner]), owner: one.owner });
  } else if (!block.isReadOnly && lines > 1) {
    const offset = 64 * (1 + one.size % (lines - 1));
    if (one.kind === "truncate") heap.truncate(block, offset);
    else live.push({ ...entry, block: heap.split(block, offset) });
  }
}

function assertAgrees(
  heap: ExchangeHeap,
  owners: readonly ReturnType<typeof owner>[],
  live: readonly Entry[],
): void {
  const extents = [...new Set(live.map(({ block }) => block.extent))].sort((a, b) => a.address - b.address);
  const bytes = extents.reduce((sum, { capacity }) => sum + capacity, 0);
  assertEquals([heap.liveBlocks, heap.liveExtents, heap.liveBytes], [live.length, extents.length, bytes]);
  assertEquals(heap.usage.reduce((sum, size) => sum + size.bytes, 0), bytes);
  extents.forEach((extent, index) => {
    const next = extents[index + 1];
    assert(next === undefined || extent.end <= next.address, "memory overlaps");
    assert(extent.address % 64 === 0 && extent.capacity % 64 === 0, "a cache line has two owners");
    assert(heap.extentAt(extent.address) === extent && heap.extentAt(extent.end - 1) === extent);
    assertEquals(extent.holders, live.filter(({ block }) => block.extent === extent).length);
  });
  for (const { block, mark } of live) assert(block.bytes.every((byte) => byte === mark));
  owners.forEach(({ blocks, heapBytes }, index) => {
    const own = live.filter((entry) => entry.owner === index);
    assertEquals(blocks, new Set(own.map(({ block }) => block)));
    assertEquals(heapBytes, own.reduce((sum, { block }) => sum + block.capacity, 0));
  });
}
