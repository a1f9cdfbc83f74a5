/**
 * Blocks on a kernel whose cache DMA does not see: what the CPU and what DMA see of one block.
 *
 * `heap.read` and `heap.write` are DMA, `block.bytes` is the CPU.
 */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { ExchangeHeap } from "./exchange_heap.ts";

const base = 0x10_0000;
const heapOf = (isCoherent: boolean) => new ExchangeHeap(base, 64 * 4096, isCoherent);

function blockOnABench(size = 4096) {
  const heap = heapOf(false);
  const block = heap.allocate(size, undefined)!;
  const dmaReads = (length = 4) => {
    const into = new Uint8Array(length);
    heap.read(block.address, into);
    return [...into];
  };
  return {
    heap,
    block,
    dmaReads,
    dmaWrites: (...bytes: number[]) => heap.write(block.address, Uint8Array.from(bytes)),
  };
}

Deno.test("DMA reads what the CPU has stored in a block once its lines are cleaned, and not before", () => {
  const { heap, block, dmaReads } = blockOnABench();
  block.bytes.set([1, 2, 3, 4]);
  assertEquals(dmaReads(), [0, 0, 0, 0]);
  heap.clean(block.address, 4);
  assertEquals(dmaReads(), [1, 2, 3, 4]);
});

Deno.test("the CPU sees what DMA has written after an invalidation before or behind it, and not without one", () => {
  const { heap, block, dmaWrites } = blockOnABench();
  dmaWrites(5, 6, 7, 8);
  assertEquals([...block.bytes.subarray(0, 4)], [0, 0, 0, 0]);
  heap.invalidate(block.address, 4);
  assertEquals([...block.bytes.subarray(0, 4)], [5, 6, 7, 8]);
  heap.invalidate(block.address, 4);
  dmaWrites(9, 9, 9, 9);
  assertEquals([...block.bytes.subarray(0, 4)], [9, 9, 9, 9]);
});

Deno.test("parts of a block keep what the CPU has stored and what DMA sees, each its own", () => {
  const { heap, block, dmaReads } = blockOnABench();
  block.bytes.set([1, 2, 3, 4]);
  heap.clean(block.address, 4);
  block.bytes.fill(9, 64, 68);
  const tail = heap.split(block, 64);
  assertEquals(dmaReads(), [1, 2, 3, 4]);
  const into = new Uint8Array(4);
  heap.read(tail.address, into);
  assertEquals([[...into], [...tail.bytes.subarray(0, 4)]], [[0, 0, 0, 0], [9, 9, 9, 9]]);
  heap.clean(tail.address, 4);
  heap.read(tail.address, into);
  assertEquals([...into], [9, 9, 9, 9]);
});

Deno.test("a look at the block while DMA is under way brings the old bytes in, and they stay", () => {
  const { heap, block, dmaWrites } = blockOnABench();
  heap.invalidate(block.address, 4);
  assertEquals(block.bytes[0], 0);
  dmaWrites(5, 5, 5, 5);
  assertEquals(block.bytes[0], 0);
});

Deno.test("a clean leaves lines out that the cache does not hold", () => {
  const { heap, block, dmaReads, dmaWrites } = blockOnABench();
  block.bytes.fill(1);
  heap.invalidate(block.address, 2);
  heap.clean(block.address, 4);
  assertEquals(dmaReads(), [0, 0, 1, 1]);
  dmaWrites(7, 7);
  assertEquals([...block.bytes.subarray(0, 4)], [7, 7, 1, 1]);
});

Deno.test("where DMA sees the cache, the CPU and DMA always see the same", () => {
  const heap = heapOf(true);
  const block = heap.allocate(4096, undefined)!;
  heap.write(block.address, Uint8Array.of(1, 2));
  assertEquals([...block.bytes.subarray(0, 2)], [1, 2]);
  block.bytes[0] = 3;
  const into = new Uint8Array(2);
  heap.read(block.address, into);
  assertEquals([...into], [3, 2]);
});

Deno.test("with a clean before each read of DMA's and an invalidation before each write, nothing is ever stale", () => {
  const size = 256;
  const part = fc.record({
    at: fc.nat(size - 1),
    length: fc.nat(64),
    value: fc.nat(255),
    isDma: fc.boolean(),
  });
  fc.assert(fc.property(fc.array(part, { maxLength: 30 }), (writes) => {
    const { heap, block } = blockOnABench(size);
    const expected = new Uint8Array(size);
    for (const { at, length, value, isDma } of writes) {
      const bytes = new Uint8Array(Math.min(length, size - at)).fill(value);
      expected.set(bytes, at);
      if (isDma) {
        heap.invalidate(block.address + at, bytes.length);
        heap.write(block.address + at, bytes);
      } else block.bytes.set(bytes, at);
    }
    assertEquals(block.bytes, expected);
    heap.clean(block.address, size);
    const into = new Uint8Array(size);
    heap.read(block.address, into);
    assertEquals(into, expected);
  }));
});
