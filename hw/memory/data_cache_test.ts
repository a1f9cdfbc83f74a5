/**
 * The cache that DMA does not see: what the CPU and what memory hold, and when they agree.
 *
 * "Memory" is what a DMA engine would read and write: the address space under the cache.
 */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { AddressSpace } from "./address_space.ts";
import { DataCache } from "./data_cache.ts";
import { DramBlock } from "./dram.ts";

const lineSize = 32;
const size = 4096;

function cacheOnABench(lines = 64) {
  const memory = new AddressSpace("card");
  const dram = new DramBlock({ name: "dram", domain: 0, base: 0, size, latencyNs: 115 });
  memory.map({ name: "dram", base: 0, size, target: dram, readLatencyNs: 0, writeLatencyNs: 0 });
  return { memory, cache: new DataCache(memory, lineSize, lines) };
}

const bytes = (...values: number[]) => Uint8Array.from(values);

Deno.test("what the CPU stores reaches memory when its lines are cleaned, and not before", () => {
  const { memory, cache } = cacheOnABench();
  cache.write(30, bytes(1, 2, 3, 4));
  assertEquals([...cache.read(30, 4)], [1, 2, 3, 4]);
  assertEquals([...memory.read(30, 4)], [0, 0, 0, 0]);
  // The four bytes lie in two lines; one is cleaned.
  cache.clean(32, 1);
  assertEquals([...memory.read(30, 4)], [0, 0, 3, 4]);
  cache.clean(30, 4);
  assertEquals([...memory.read(30, 4)], [1, 2, 3, 4]);
});

Deno.test("what DMA writes is seen by the CPU when its lines are invalidated, and not before", () => {
  const { memory, cache } = cacheOnABench();
  assertEquals(cache.read32(64), 0);
  memory.write(64, bytes(7, 0, 0, 0));
  assertEquals(cache.read32(64), 0);
  cache.invalidate(64, 4);
  assertEquals(cache.read32(64), 7);
});

Deno.test("an invalidated line loses what the CPU has stored in it", () => {
  const { cache } = cacheOnABench();
  cache.write(0, bytes(9));
  cache.invalidate(0, 1);
  assertEquals([...cache.read(0, 1)], [0]);
});

Deno.test("a cache that is full writes its oldest line back, and holds no more than it may", () => {
  const { memory, cache } = cacheOnABench(2);
  for (const [index, value] of [1, 2, 3].entries()) cache.write(index * lineSize, bytes(value));
  assertEquals([0, 32, 64].map((at) => memory.read(at, 1)[0]), [1, 0, 0]);
  assertEquals([0, 32, 64].map((at) => cache.read(at, 1)[0]), [1, 2, 3]);
});

Deno.test("whatever the CPU stores, it reads the same, and so does DMA after a clean of everything", () => {
  const store = fc.record({
    at: fc.nat(size - 100),
    data: fc.uint8Array({ maxLength: 100 }),
  });
  fc.assert(fc.property(fc.array(store, { maxLength: 20 }), fc.constantFrom(1, 3, 200), (stores, lines) => {
    const { memory, cache } = cacheOnABench(lines);
    const expected = new Uint8Array(size);
    for (const { at, data } of stores) {
      cache.write(at, data);
      expected.set(data, at);
    }
    assertEquals(cache.read(0, size), expected);
    cache.clean(0, size);
    assertEquals(memory.read(0, size), expected);
  }));
});

Deno.test("a reset forgets what was stored and not cleaned, and who keeps lines of its own", () => {
  const { memory, cache } = cacheOnABench();
  cache.write(0, bytes(9));
  cache.cover(64, 32, {
    clean: () => {
      throw new Error("covered");
    },
    invalidate: () => {},
  });
  cache.reset();
  assertEquals([...cache.read(0, 1)], [0]);
  cache.write(64, bytes(7));
  cache.clean(64, 1);
  assertEquals([...memory.read(64, 1)], [7]);
});

Deno.test("lines are counted as an access touches them", () => {
  const { cache } = cacheOnABench();
  assertEquals([[0, 32], [31, 2], [5, 0], [32, 33]].map(([at, length]) => cache.linesOf(at!, length!)), [
    1,
    2,
    0,
    2,
  ]);
});
