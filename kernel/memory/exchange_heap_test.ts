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

// ------------------------------------------------ against a model

Deno.test("whatever is done to it, the heap agrees with a list of blocks, and none overlap", () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("allocate" as const), size: fc.nat(12_000), owner: fc.nat(2) }),
    fc.record({ kind: fc.constant("free" as const), pick: fc.nat() }),
    fc.record({ kind: fc.constant("give" as const), pick: fc.nat(), owner: fc.nat(2) }),
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const heap = heapOf(32);
    const owners = [owner(), owner(), owner()];
    const live: { block: Block; owner: number; mark: number }[] = [];
    let mark = 0;
    for (const one of steps) {
      if (one.kind === "allocate") {
        const block = heap.allocate(one.size, owners[one.owner]);
        if (block === undefined) continue;
        assert(block.bytes.every((byte) => byte === 0));
        block.bytes.fill(++mark);
        live.push({ block, owner: one.owner, mark: mark & 0xff });
      } else if (live.length > 0) {
        const index = one.pick % live.length;
        if (one.kind === "free") heap.free(live.splice(index, 1)[0]!.block);
        else heap.setOwner(live[index]!.block, owners[live[index]!.owner = one.owner]);
      }
      assertEquals(heap.liveBlocks, live.length);
      assertEquals(heap.liveBytes, live.reduce((sum, { block }) => sum + block.capacity, 0));
    }
    const sorted = [...live].sort((a, b) => a.block.address - b.block.address);
    sorted.forEach(({ block }, index) => {
      const next = sorted[index + 1];
      assert(next === undefined || block.address + block.capacity <= next.block.address, "blocks overlap");
      assert(heap.extentAt(block.address + block.capacity - 1) === block.extent);
    });
    for (const entry of live) assert(entry.block.bytes.every((byte) => byte === entry.mark));
    owners.forEach(({ blocks }, index) => {
      assertEquals(blocks.size, live.filter((entry) => entry.owner === index).length);
    });
    for (const { block } of live) heap.free(block);
    assertEquals([heap.liveBlocks, heap.liveBytes], [0, 0]);
  }));
});
