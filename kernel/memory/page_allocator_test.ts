/**
 * The page allocator, against a plain model: an array that says for each page whether it is taken.
 */

import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { PageAllocator, pageSize } from "./page_allocator.ts";

const base = 0x10_0000;
const at = (page: number) => base + page * pageSize;

Deno.test("pages are given from the lowest address that fits, whole and aligned", () => {
  const pages = new PageAllocator(base, 10 * pageSize);
  assertEquals([pages.allocate(3), pages.allocate(2), pages.allocate(1)], [at(0), at(3), at(5)]);
  pages.free(at(0), 3);
  assertEquals([pages.allocate(4), pages.allocate(2), pages.allocate(1)], [at(6), at(0), at(2)]);
  assertEquals(pages.freePages, 0);
});

Deno.test("an unaligned range is used from its first whole page to its last", () => {
  const pages = new PageAllocator(base + 1, 3 * pageSize);
  assertEquals([pages.totalPages, pages.allocate(2), pages.allocate(1)], [2, at(1), undefined]);
  assertEquals(new PageAllocator(base + 1, pageSize).totalPages, 0);
});

Deno.test("a run that was freed in pieces can be had again in one", () => {
  const pages = new PageAllocator(base, 4 * pageSize);
  for (let page = 0; page < 4; page++) pages.allocate(1);
  for (const page of [2, 0, 3, 1]) pages.free(at(page), 1);
  assertEquals(pages.allocate(4), at(0));
});

Deno.test("freeing pages that are free already, wholly or in part, throws and changes nothing", () => {
  const pages = new PageAllocator(base, 8 * pageSize);
  pages.allocate(8);
  pages.free(at(2), 3);
  for (const [page, count] of [[2, 3], [2, 1], [4, 1], [1, 2], [4, 3], [0, 8]] as const) {
    assertThrows(() => pages.free(at(page), count), Error, "they are free already");
  }
  assertEquals(pages.freePages, 3);
});

Deno.test("freeing pages outside the range throws", () => {
  const pages = new PageAllocator(base, 2 * pageSize);
  pages.allocate(2);
  for (const [page, count] of [[-1, 1], [2, 1], [1, 2], [-1, 2]] as const) {
    assertThrows(() => pages.free(at(page), count), Error, "outside");
  }
  assertEquals(pages.freePages, 0);
});

Deno.test("whatever is allocated and freed, the allocator agrees with an array of pages (first fit)", () => {
  const total = 24;
  const step = fc.oneof(
    fc.record({ kind: fc.constant("allocate" as const), pages: fc.integer({ min: 1, max: 8 }) }),
    fc.record({ kind: fc.constant("free" as const), pick: fc.nat() }),
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const pages = new PageAllocator(base, total * pageSize);
    const taken = new Array<boolean>(total).fill(false);
    const runs: { first: number; count: number }[] = [];
    for (const one of steps) {
      if (one.kind === "allocate") {
        const first = taken.findIndex((_, page) =>
          page + one.pages <= total && taken.slice(page, page + one.pages).every((isTaken) => !isTaken)
        );
        assertEquals(pages.allocate(one.pages), first < 0 ? undefined : at(first));
        if (first < 0) continue;
        taken.fill(true, first, first + one.pages);
        runs.push({ first, count: one.pages });
      } else if (runs.length > 0) {
        const [run] = runs.splice(one.pick % runs.length, 1);
        pages.free(at(run!.first), run!.count);
        taken.fill(false, run!.first, run!.first + run!.count);
      }
      assertEquals(pages.freePages, taken.filter((isTaken) => !isTaken).length);
    }
  }));
});
