/**
 * Tests of wire formats: the tables themselves, and the codec derived from them.
 *
 * The walk over the tables loads every module of this folder and takes each exported
 * table, so a new header is checked without being listed here.
 * - Emitting is tried on a buffer full of rubbish, so that a field left unset shows.
 */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { codec, type FieldDefinition, fieldSize, type WireFormat } from "./wire_format.ts";

function isWireFormat(value: unknown): value is WireFormat {
  return typeof value === "object" && value !== null && "title" in value && "fields" in value;
}

async function tablesBelow(folder: URL): Promise<WireFormat[]> {
  const tables: WireFormat[] = [];
  for (const entry of Deno.readDirSync(folder)) {
    if (entry.isDirectory) tables.push(...await tablesBelow(new URL(`${entry.name}/`, folder)));
    if (!/^(?!.*_test\.ts).*\.ts$/.test(entry.name)) continue;
    const module: Record<string, unknown> = await import(new URL(entry.name, folder).href);
    tables.push(...Object.values(module).filter(isWireFormat));
  }
  return tables;
}

/** How often each bit of a table is covered; bit 0 is the first on the wire. */
function coverage(format: WireFormat): number[] {
  const counts: number[] = Array(format.size * 8).fill(0);
  for (const field of Object.values(format.fields)) {
    for (const bit of bitsOf(field)) counts[bit] = (counts[bit] ?? 0) + 1;
  }
  return counts;
}

function bitsOf(field: FieldDefinition): number[] {
  const unitBits = fieldSize(field) * 8;
  const [high, low] = field.length === 4 ? [field[2], field[3]] : [unitBits - 1, 0];
  return Array.from({ length: high - low + 1 }, (_, index) => field[0] * 8 + unitBits - 1 - (low + index));
}

const sample = {
  title: "Sample of all field types",
  order: "big",
  size: 18,
  fields: {
    tiny: [0, "u8"],
    upper: [1, "u8", 7, 4],
    middle: [1, "u8", 3, 1],
    lowest: [1, "u8", 0, 0],
    top: [2, "u16", 15, 13],
    rest: [2, "u16", 12, 0],
    word: [4, "u32"],
    long: [8, "u48"],
    name: [14, "bytes", 4],
  },
} as const satisfies WireFormat;

Deno.test("every table covers each bit of its size exactly once", async () => {
  const tables = await tablesBelow(new URL("./", import.meta.url));
  assert(tables.length >= 7, `only ${tables.length} tables were found`);
  for (const table of tables) {
    assertEquals(coverage(table), Array(table.size * 8).fill(1), `coverage of "${table.title}"`);
  }
});

Deno.test("the walk sees a gap and an overlap", () => {
  const faulty = { ...sample, size: 2, fields: { a: [0, "u8", 7, 3], b: [0, "u8", 3, 0] } } as const;
  assertEquals(coverage(faulty), [...[1, 1, 1, 1, 2, 1, 1, 1], ...Array(8).fill(0)]);
});

Deno.test("fields stand in network order at their offsets", () => {
  const fields = codec(sample);
  const bytes = new Uint8Array(20).fill(0xee);
  fields.tiny.set(bytes, 1, 0x11);
  fields.upper.set(bytes, 1, 0xa);
  fields.middle.set(bytes, 1, 0b101);
  fields.lowest.set(bytes, 1, 0);
  fields.top.set(bytes, 1, 0b010);
  fields.rest.set(bytes, 1, 0x1234);
  fields.word.set(bytes, 1, 0xdeadbeef);
  fields.long.set(bytes, 1, 0x525501020304);
  fields.name.set(bytes, 1, Uint8Array.of(1, 2));
  assertEquals(
    bytes.toHex(),
    "ee" + "11" + "aa" + "5234" + "00deadbeef".slice(2) + "525501020304" + "01020000" + "ee",
  );
});

Deno.test("what is written into rubbish is read back, and neighbours keep their value", () => {
  const fields = codec(sample);
  const limits = { tiny: 8, upper: 4, middle: 3, lowest: 1, top: 3, rest: 13, word: 32, long: 48 } as const;
  type Name = keyof typeof limits;
  const names = Object.keys(limits) as Name[];
  const one = fc.constantFrom(...names).chain((name) =>
    fc.record({ name: fc.constant(name), value: fc.integer({ min: 0, max: 2 ** limits[name] - 1 }) })
  );
  fc.assert(fc.property(fc.uint8Array({ minLength: 18, maxLength: 18 }), one, (bytes, { name, value }) => {
    const before = names.map((other) => fields[other].get(bytes, 0));
    fields[name].set(bytes, 0, value);
    const expected = names.map((other, index) => other === name ? value : before[index]);
    assertEquals(names.map((other) => fields[other].get(bytes, 0)), expected);
  }));
});
