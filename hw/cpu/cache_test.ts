/**
 * The sampled caches: walks, loops and strides miss as often as a cache of their shape does.
 *
 * Accesses are given by address; only sampled lines reach the model, as in images.
 */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type CacheDefinition, CpuCaches, linesPerSample } from "./cache.ts";

const definition: CacheDefinition = {
  l1: { sizeKiB: 64, ways: 2, lineBytes: 64, hitCycles: 3 },
  l2: { sizeKiB: 1024, ways: 16, lineBytes: 64, hitCycles: 13 },
  missesAtOnce: 1,
};
const surroundings = { frequencyHz: 2e9, memoryLatencyNs: () => 65 };

/** Touches the line of an address if it is a sampled one; gives the cycles. */
function access(caches: CpuCaches, address: number): number {
  const line = Math.floor(address / caches.lineBytes);
  return line % linesPerSample === 0 ? caches.touch(line / linesPerSample) : 0;
}

function walk(caches: CpuCaches, from: number, bytes: number, step = 4): number {
  let cycles = 0;
  for (let address = from; address < from + bytes; address += step) cycles += access(caches, address);
  return cycles;
}

Deno.test("a walk over four times the L2 misses both levels once for each line, each time", () => {
  const caches = new CpuCaches(definition, surroundings);
  for (let turn = 1; turn <= 2; turn++) {
    walk(caches, 0x100000, 4 << 20);
    assertEquals([caches.l1Misses, caches.l2Misses], [turn * 65536, turn * 65536]);
  }
});

Deno.test("a loop over what fits the L1 hits from its second turn on, and over what fits the L2 misses only the L1", () => {
  const small = new CpuCaches(definition, surroundings);
  for (let turn = 0; turn < 5; turn++) walk(small, 0, 64 << 10);
  assertEquals([small.l1Misses, small.l2Misses], [1024, 1024]);
  const medium = new CpuCaches(definition, surroundings);
  for (let turn = 0; turn < 5; turn++) walk(medium, 0, 512 << 10);
  assertEquals([medium.l1Misses, medium.l2Misses], [5 * 8192, 8192]);
});

Deno.test("a miss costs what its level's latency is above a hit in L1, shared by the misses under way", () => {
  const line = 1000 * linesPerSample * 64;
  const once = new CpuCaches(definition, surroundings);
  assertEquals(access(once, line), 32 * (130 - 3));
  assertEquals(access(once, line), 0);
  walk(once, 0x4000000, 128 << 10);
  assertEquals(access(once, line), 32 * (13 - 3));
  const shared = new CpuCaches({ ...definition, missesAtOnce: 2 }, surroundings);
  assertEquals(access(shared, line), 32 * (130 - 3) / 2);
  assertEquals(shared.stallCycles, 32 * (130 - 3) / 2);
});

Deno.test("memory is asked for its latency at the address of the line", () => {
  const asked: number[] = [];
  const memoryLatencyNs = (address: number) => asked.push(address);
  const caches = new CpuCaches(definition, { ...surroundings, memoryLatencyNs });
  walk(caches, 0x40000000, 3 * 2048);
  assertEquals(asked, [0x40000000, 0x40000800, 0x40001000]);
});

/** The same caches whole: sets of least-recently-used lines, by address. */
class WholeCache {
  readonly #sets: number[][];
  misses = 0;

  constructor(sets: number, readonly ways: number) {
    this.#sets = Array.from({ length: sets }, () => []);
  }

  holds(line: number): boolean {
    const set = this.#sets[line % this.#sets.length]!;
    const at = set.indexOf(line);
    if (at >= 0) set.splice(at, 1);
    set.unshift(line);
    set.length = Math.min(set.length, this.ways);
    if (at < 0 && line % linesPerSample === 0) this.misses += linesPerSample;
    return at >= 0;
  }
}

Deno.test("what is sampled is exactly what happens in every 32nd set of the whole caches", () => {
  const address = fc.nat(200).map((page) => page * 4096 + (page % 3) * 64);
  fc.assert(fc.property(fc.array(address, { maxLength: 400 }), (addresses) => {
    const l1 = new WholeCache(512, 2);
    const l2 = new WholeCache(1024, 16);
    const caches = new CpuCaches(definition, surroundings);
    for (const one of addresses) {
      if (!l1.holds(one / 64)) l2.holds(one / 64);
      access(caches, one);
    }
    assertEquals([caches.l1Misses, caches.l2Misses], [l1.misses, l2.misses]);
  }));
});

Deno.test("the latest line of a set is told, and touching it once more changes nothing", () => {
  const caches = new CpuCaches(definition, surroundings);
  walk(caches, 0, 1 << 20);
  const line = 5 + 3 * (caches.setMask + 1);
  caches.touch(line);
  assertEquals(caches.latestLines[line & caches.setMask], line);
  const before = [...caches.latestLines];
  assertEquals(caches.touch(line), 0);
  assertEquals([...caches.latestLines], before);
  assert(caches.l1Misses > 0);
});
