/**
 * Programs that allocate for ever, in each way that the language has; each has 4 MiB.
 *
 * Small objects are told from the host's own only by a margin of 32 MiB, so those programs take that much
 * more before they are ended.
 */

import { assertStringIncludes } from "@std/assert";
import { HostileBench } from "./testing/hostile_bench.ts";

const bench = new HostileBench();

const spent = "MemorySpent: Hostile has used up its 4 MiB of memory";

const hoarders: Readonly<Record<string, string>> = {
  "objects in an array": "const a = []; for (;;) a.push({ x: 1, y: 2 });",
  "objects in a list, whatever it catches":
    "let a; for (;;) { try { for (;;) a = { next: a }; } catch {} finally { continue; } }",
  "objects with kernel calls in between":
    "const a = []; for (;;) { for (let i = 0; i < 1000; i++) a.push({ i }); yield* kernel.now(); }",
  "elements of an array by index": "const a = []; for (let i = 0; a.length === i; i++) a[i] = { i };",
  "entries of a map": "const m = new Map(); for (let i = 0;; i++) m.set(i, i);",
  "entries of a set": "const m = new Set(); for (let i = 0;; i++) m.add(i);",
  "large buffers": "const a = []; for (;;) a.push(new Uint8Array(65536));",
  "large buffers with kernel calls in between":
    "const a = []; for (;;) { a.push(new ArrayBuffer(65536)); yield* kernel.now(); }",
  "small buffers": "const a = []; for (;;) a.push(new Uint8Array(64));",
  "copies of a buffer": "const a = [], b = new Uint8Array(1e6); for (;;) a.push(b.slice());",
  "strings that are added to": "const a = []; let s = 'x'; for (;;) { s += 'y'; a.push(s); }",
  "a string that doubles": "let s = 'x'; for (;;) s += s;",
  "a string that doubles where no type shows it": "const o = { length: 'x' }; for (;;) o.length += o.length;",
  "a template that doubles": "let s = 'x'; for (;;) s = `${s}${s}`;",
  "a string that is concatenated": "let s = 'x'; for (;;) s = s.concat(s);",
  "long strings that are read": `let s = 'x'; while (s.length < 2e6) s += s;
    const a = []; for (let i = 0;; i++) { const t = s + i; t.charCodeAt(5); a.push(t); }`,
  "padded strings": "return ''.padEnd(2 ** 28, 'ab').length;",
  "a repeated string": "return 'x'.repeat(2 ** 28).length;",
  "a repeated string, whatever it catches": "for (;;) { try { 'x'.repeat(2 ** 28); } catch {} }",
  "closures": "const a = []; for (let i = 0;; i++) a.push(() => i);",
  "generators":
    "function* g() { yield* [1]; } const a = []; for (;;) { const i = g(); i.next(); a.push(i); }",
  "arrays in arrays": "let a = []; for (;;) a = [a];",
  "parsed JSON": "const a = [], t = `[${'[],'.repeat(1e4)}[]]`; for (;;) a.push(JSON.parse(t));",
  "JSON of what stands in it many times":
    "let a = []; for (let i = 0; i < 40; i++) a = [a, a]; for (;;) { try { JSON.stringify(a); } catch {} }",
  "a flat array of what stands in it many times":
    "let a = [0]; for (let i = 0; i < 28; i++) a = [a, a]; for (;;) { try { a.flat(Infinity); } catch {} }",
  "an array of 2^31": "return new Array(2 ** 31).length;",
  "a buffer of 2^40, whatever it catches": "for (;;) { try { new Uint8Array(2 ** 40); } catch {} }",
  "filled arrays": "const a = []; for (;;) a.push(new Array(1e5).fill(0));",
  "the names of a buffer's elements": "return Object.keys(new Uint8Array(3e6)).length;",
};

for (const [what, body] of Object.entries(hoarders)) {
  Deno.test(`a program that hoards ${what} is ended for its memory, and others go on`, () => {
    assertStringIncludes(bench.fateOf(body).reason, spent);
  });
}

/** Ended by whichever comes first: each element is charged for its time and for its bytes. */
const endless: Readonly<Record<string, string>> = {
  "Array.from": "return Array.from([].keys.call({ length: 2 ** 50 })).length;",
  "spreading": "return [...[].keys.call({ length: 2 ** 50 })].length;",
  "a rest pattern": "const [first, ...rest] = [].keys.call({ length: 2 ** 50 }); return rest.length;",
  "a set": "return new Set([].keys.call({ length: 2 ** 50 })).size;",
  "a map": "return new Map([].entries.call({ length: 2 ** 50 })).size;",
  "a buffer": "return new Uint8Array([].keys.call({ length: 2 ** 50 })).length;",
  "an iterator of its own":
    "return Array.from({ [Symbol.iterator]() { return this; }, next() { return { done: false }; } }).length;",
  "an array of any length": "const a = []; a.length = 2 ** 32 - 1; for (;;) a.map((x) => x);",
  "a slice of holes": "const a = []; a.length = 2 ** 32 - 1; for (;;) a.slice();",
  "an array that is joined": "const a = []; a.length = 2 ** 32 - 1; for (;;) a.join();",
};

for (const [what, body] of Object.entries(endless)) {
  Deno.test(`a program that takes elements without end through ${what} is ended, and others go on`, () => {
    const { reason } = bench.fateOf(body);
    if (!reason.startsWith("BudgetSpent")) assertStringIncludes(reason, spent);
  });
}

Deno.test("a program may make far more garbage than its quota, of objects and of buffers", () => {
  const body = `let sum = 0;
    for (let i = 0; i < 3e6; i++) { const o = { a: i, b: [i, i] }; sum += o.b[1] & 1; }
    for (let i = 0; i < 1e5; i++) sum += new Uint8Array(1024)[1];
    return sum === 1.5e6 ? 7 : 8;`;
  const { reason, status } = bench.fateOf(body);
  if (reason !== "" || status !== 7) throw new Error(`${status}: ${reason}`);
});
