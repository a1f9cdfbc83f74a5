/**
 * Programs that recurse without end, and programs that loop without end, in each form that the language has.
 *
 * How deep the host's stack is depends on what ran before: a program must never see where it ends. Calls
 * are counted, and end in a RangeError that may be caught; what cannot be counted ends the program.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { deepPrograms } from "./testing/deep_programs.ts";
import { HostileBench } from "./testing/hostile_bench.ts";

const bench = new HostileBench();

for (const [what, body] of Object.entries(deepPrograms)) {
  Deno.test(`recursion through ${what} ends in an error that the program may catch`, () => {
    assertEquals(bench.fateOf(body, { memoryMiB: 64 }), { reason: "", status: 7 });
  });
}

Deno.test("recursion ends at the same cycle whatever the size of the host's stack", () => {
  const script = fromFileUrl(new URL("testing/deep_programs.ts", import.meta.url));
  const [cycles, ...others] = [984, 1500, 4000].map((kilobytes) => {
    const args = ["run", "-A", `--v8-flags=--stack-size=${kilobytes}`, script];
    const { stdout, stderr } = new Deno.Command(Deno.execPath(), { args }).outputSync();
    assertEquals(new TextDecoder().decode(stderr).replaceAll(/.*Check.*\n/g, ""), "");
    return new TextDecoder().decode(stdout);
  });
  for (const other of others) assertEquals(other, cycles);
});

const uncounted: Readonly<Record<string, string>> = {
  "a conversion under a computed name":
    "const o = {}, f = () => o + 1; o['value' + 'Of'] = f; for (;;) { try { f(); } catch {} }",
  "a conversion by a bound function of the library":
    "const o = {}; o['to' + 'String'] = parseInt.bind(null, o); for (;;) { try { String(o); } catch {} }",
};

for (const [what, body] of Object.entries(uncounted)) {
  Deno.test(`a program that fills the host's stack with ${what} is ended, whatever it catches`, () => {
    assertMatch(bench.fateOf(body).reason, /^StackSpent: Hostile needs more stack than there is/);
  });
}

Deno.test("a program may pause its generators as often as it likes", () => {
  const body = `function* g() { yield* [1, 2]; }
    let sum = 0;
    for (let i = 0; i < 3e4; i++) { const one = g(); one.next(); sum += one.next().value; }
    return sum === 6e4 ? 7 : 8;`;
  assertEquals(bench.fateOf(body), { reason: "", status: 7 });
});

const loops: Readonly<Record<string, string>> = {
  "a loop": "for (;;);",
  "a while": "while (true);",
  "a finally": "for (;;) { try { for (;;); } finally { continue; } }",
  "a catch": "for (;;) { try { for (;;); } catch {} }",
  "recursion": "function f(n) { return n < 1 ? 0 : f(n - 1) + f(n - 1); } return f(90);",
  "an iterator":
    "for (const x of { [Symbol.iterator]() { return this; }, next() { return { done: false }; } });",
  "a getter": "const o = { get x() { for (;;); } }; return o.x;",
  "a comparison of a sort": "[2, 1].sort(() => { for (;;); });",
  "a conversion": "return `${{ toString() { for (;;); } }}`;",
  "toJSON": "return JSON.stringify({ toJSON() { for (;;); } });",
  "destructuring": "const [a] = { [Symbol.iterator]() { for (;;); } };",
  "an object in place of a regular expression": "return 'a'.split({ [Symbol.split]() { for (;;); } });",
  "what its iterator does when it is closed":
    "const it = { [Symbol.iterator]() { return this; }, next: () => ({ done: false }), return() { for (;;); } };" +
    " for (const x of it) break;",
};

for (const [what, body] of Object.entries(loops)) {
  Deno.test(`a program that never ends in ${what} is stopped for good, and others go on`, () => {
    assertMatch(bench.fateOf(body).reason, /^BudgetSpent: Hostile has spent its 2000000000 cycles/);
  });
}

Deno.test("regular expressions are refused before they run, and strings take none", () => {
  const refused = bench.fateOf("return /^(a+)+$/.test('a'.repeat(1000));");
  assert(refused.reason.includes("regular-expression"), refused.reason);
  assertMatch(bench.fateOf("return 'aaa'['ma' + 'tch']('^(a+)+$');").reason, /^TypeError: Cannot call match/);
});

Deno.test("there is no BigInt to grow, whatever name it hides under", () => {
  const body = "let n = new DataView(new ArrayBuffer(8))['getBig' + 'Uint64'](0); for (;;) n = n * n;";
  assertMatch(bench.fateOf(body).reason, /^TypeError: Cannot call getBigUint64: programs have no BigInt/);
});

Deno.test("iterators of the library are refused their endless helpers", () => {
  const body = "return [].keys.call({ length: 2 ** 50 }).drop(2 ** 49).next().value;";
  assertMatch(bench.fateOf(body).reason, /^TypeError: Cannot call drop/);
});
