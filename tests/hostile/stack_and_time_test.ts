/**
 * Programs that recurse without end, and programs that loop without end, in each form that the language has.
 *
 * How deep the host's stack is depends on what ran before: a program must never see where it ends. Calls
 * are counted, and end in a RangeError that may be caught; what cannot be counted ends the program.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { HostileBench } from "./testing/hostile_bench.ts";

const bench = new HostileBench();

/** Each answers 7 when it has caught the RangeError of counted calls. */
const counted: Readonly<Record<string, string>> = {
  "a function": "function f(n) { return f(n + 1) + 1; } try { f(0); } catch { return 7; }",
  "a function with a finally":
    "let n = 0; function f() { try { f(); } finally { n++; } } try { f(); } catch { return 7; }",
  "a getter": "const o = { get x() { return this.x; } }; try { o.x; } catch { return 7; }",
  "toString": "const o = { toString() { return `${o}`; } }; try { `${o}`; } catch { return 7; }",
  "valueOf": "const o = { valueOf() { return o + 1; } }; try { o + 1; } catch { return 7; }",
  "a sort": "const f = () => [2, 1].sort(f); try { f(); } catch { return 7; }",
  "a generator": "function* f() { yield* f(); } try { yield* f(); } catch { return 7; }",
  "generators that were started before": `const all = [];
    function* g() { yield* [0]; all.pop()?.next(); }
    for (let i = 0; i < 5000; i++) { const one = g(); one.next(); all.push(one); }
    try { all.pop().next(); } catch { return 7; }`,
};

for (const [what, body] of Object.entries(counted)) {
  Deno.test(`recursion through ${what} ends in an error that the program may catch`, () => {
    assertEquals(bench.fateOf(body), { reason: "", status: 7 });
  });
}

const uncounted: Readonly<Record<string, string>> = {
  "a conversion under a computed name":
    "const o = {}, f = () => o + 1; o['value' + 'Of'] = f; for (;;) { try { f(); } catch {} }",
  "an array that holds itself": "const a = []; a.push(a); for (;;) { try { a.flat(Infinity); } catch {} }",
  "toJSON": `const o = { toJSON() { return { x: { toJSON: o.toJSON } }; } };
    for (;;) { try { JSON.stringify(o); } catch {} }`,
  "arrays in arrays": `let a = []; for (let i = 0; i < 1e5; i++) a = [a];
    for (;;) { try { a.join(); } finally { continue; } }`,
  "arguments": "const a = new Array(3e5).fill(1); try { Math.max(...a); } catch ({ message }) { return 7; }",
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
