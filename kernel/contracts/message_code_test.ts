/**
 * The code that is made for messages does what their declaration says, whatever names it holds.
 *
 * Names are any texts that a program may choose, so most of them here are chosen by an enemy.
 */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { CompiledField } from "./fields.ts";
import { messageCode, textMax } from "./message_code.ts";

const hostileNames = [
  ...["__proto__", "constructor", "toString", "tag", "0", "-1", "", " ", "values", "body", "arguments"],
  ...[
    `"]; globalThis.broken = true; ["`,
    "`${globalThis.broken = true}`",
    "'",
    "\\",
    '\\"',
    "*/",
    "//",
    "\n",
  ],
  ...["\u2028", "\u2029", "\0", "\ud800", "}); globalThis.broken = true; ({", "</script>", "eval", "await"],
];

const name = fc.oneof(fc.constantFrom(...hostileNames), fc.string({ unit: "binary", maxLength: 12 }));
const whole = fc.constantFrom(
  ...[["u8", 0, 255], ["u16", 0, 65_535], ["u32", 0, 2 ** 32 - 1], ["i32", -(2 ** 31), 2 ** 31 - 1]] as const,
  ...[["u64", 0, Number.MAX_SAFE_INTEGER], ["u8", 3, 7], ["i32", -5, -5]] as const,
);
const float = fc.constantFrom([-Infinity, Infinity] as const, [-1.5, 2.5] as const, [0, 1e300] as const);
const kind: fc.Arbitrary<Omit<CompiledField, "name">> = fc.oneof(
  fc.constant({ kind: "bool" as const }),
  fc.constant({ kind: "string" as const }),
  fc.constant({ kind: "bytes" as const }),
  whole.map(([kind, min, max]) => ({ kind, min, max })),
  float.map(([min, max]) => ({ kind: "f64" as const, min, max })),
  fc.array(name, { minLength: 1, maxLength: 4 }).map((words) => ({ kind: "enum" as const, words })),
);
const fields = fc.uniqueArray(fc.tuple(name, kind), { selector: ([name]) => name, maxLength: 6 })
  .map((list) => list.map(([name, kind]) => ({ name, ...kind }) as CompiledField));
const value = fc.oneof(
  fc.boolean(),
  fc.double(),
  fc.integer(),
  fc.integer({ min: -6, max: 8 }),
  fc.constantFrom<unknown>(
    -0,
    NaN,
    2 ** 32,
    2 ** 53,
    1n,
    null,
    undefined,
    Symbol.iterator,
    "x".repeat(textMax + 1),
  ),
  fc.string({ unit: "binary", maxLength: 6 }),
  name,
  fc.constantFrom<unknown>({}, [], () => 1, new String("text"), { valueOf: () => 5 }),
);

/** Bodies whose properties are often right. */
const cases = fields.chain((fields) =>
  fc.tuple(fc.constant(fields), name, fc.tuple(...fields.map((field) => fc.oneof(value, rightFor(field)))))
);

function rightFor(field: CompiledField): fc.Arbitrary<unknown> {
  switch (field.kind) {
    case "bool":
      return fc.boolean();
    case "string":
      return fc.string({ maxLength: 8 });
    case "enum":
      return fc.constantFrom(...field.words);
    case "bytes":
    case "endpoint":
      return fc.constant({});
    case "f64":
      return fc.double({ min: field.min, max: field.max, noNaN: true });
    default:
      return fc.maxSafeInteger().map((number) => field.min + Math.abs(number) % (field.max - field.min + 1));
  }
}

/** The same as a person would check it, one field after the other. */
function isRight(field: CompiledField, value: unknown): boolean {
  switch (field.kind) {
    case "bool":
      return value === true || value === false;
    case "string":
      return typeof value === "string" && value.length <= textMax && value === value.toWellFormed();
    case "enum":
      return typeof value === "string" && field.words.includes(value);
    case "bytes":
    case "endpoint":
      return false;
    case "f64":
      if (typeof value !== "number") return false;
      return Number.isNaN(value) ? field.min === -Infinity && field.max === Infinity : inRange(field, value);
    default:
      return typeof value === "number" && Number.isInteger(value) && inRange(field, value);
  }
}

function inRange({ min, max }: { readonly min: number; readonly max: number }, value: number): boolean {
  return min <= value && value <= max;
}

Deno.test("values are read by any names, each once and in order, and found again in the record", () => {
  fc.assert(fc.property(cases, ([fields, tag, values]) => {
    const reads: string[] = [];
    const body = Object.create(null);
    fields.forEach((field, index) =>
      Object.defineProperty(body, field.name, {
        get() {
          reads.push(field.name);
          return values[index];
        },
      })
    );
    const code = messageCode(tag, fields);
    const read = code.read(body);
    assertEquals(reads, fields.map((field) => field.name));
    assert(read.every((one, index) => Object.is(one, values[index])));
    const record = code.record(read);
    assertEquals(Object.getPrototypeOf(record), Object.prototype);
    const wanted = new Map<string, unknown>([
      ["tag", tag],
      ...fields.map(({ name }, at) => [name, values[at]] as const),
    ]);
    assertEquals(new Set(Object.keys(record)), new Set(wanted.keys()));
    for (const [name, value] of wanted) {
      assert(Object.is(Object.getOwnPropertyDescriptor(record, name)?.value, value), name);
    }
  }));
  assertEquals("broken" in globalThis, false);
});

Deno.test("values go as they are exactly if each of them is what its field says", () => {
  fc.assert(
    fc.property(cases, ([fields, tag, values]) => {
      const expected = fields.every((field, index) => isRight(field, values[index]));
      assertEquals(messageCode(tag, fields).isPlain(values), expected);
    }),
    { numRuns: 500 },
  );
});

Deno.test("the same declaration has the same functions, another one has its own", () => {
  const field = { name: "value", kind: "u8", min: 0, max: 255 } as const;
  assertEquals(messageCode("ask", [field]) === messageCode("ask", [{ ...field }]), true);
  assertEquals(messageCode("ask", [field]) === messageCode("ask", [{ ...field, max: 254 }]), false);
  assertEquals(messageCode("ask", [field]) === messageCode("tell", [field]), false);
});
