/**
 * Page tables as a CPU walks them: in the place where they were built, and as a copy elsewhere.
 */

import { assertEquals, assertNotEquals } from "@std/assert";
import { buildPageTables, relocatePageTables, translate } from "./page_tables.ts";

const gibibyte = 2 ** 30;

/** Memory that holds nothing but tables at `base`. */
const memoryOf = (base: number, tables: Uint8Array) => (address: number, length: number) => {
  const at = address - base;
  if (at < 0 || at + length > tables.length) {
    throw new Error(`A walk leaves the tables, to 0x${address.toString(16)}`);
  }
  return tables.subarray(at, at + length);
};

Deno.test("every address is mapped to itself, up to the end and no further", () => {
  const base = 0x50_0000;
  const read = memoryOf(base, buildPageTables(base, 5 * gibibyte));
  for (const address of [0, 0x1234, 2 ** 21, 3 * gibibyte + 7, 5 * gibibyte - 1]) {
    assertEquals(translate(read, base, address), address);
  }
  assertEquals(translate(read, base, 5 * gibibyte), undefined);
});

Deno.test("a copy of the tables refers to no table of the original", () => {
  const from = 0x50_0000;
  const to = 0x1_4050_0000;
  const tables = buildPageTables(from, 4 * gibibyte);
  const copy = tables.slice();
  relocatePageTables(copy, from, to);
  assertNotEquals(copy, tables);
  const read = memoryOf(to, copy);
  for (const address of [0, 2 ** 21 + 5, 4 * gibibyte - 1]) {
    assertEquals(translate(read, to, address), address);
  }
});
