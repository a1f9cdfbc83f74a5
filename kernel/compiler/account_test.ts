/**
 * Accounting: what is charged, when, and that programs behave as if nothing were charged.
 *
 * On the plain target each operation costs one cycle, so expected counts can be added up by hand.
 */

import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import type { CompilationTarget } from "./costs.ts";
import { finish, plainTarget, runSample, sampleImage, sampleKernel } from "./sample_programs.ts";
import { instantiate } from "./instantiate.ts";

/** Cycles of a program whose main does `body`, beside those of a main that does nothing. */
function cyclesOf(body: string, top = "", target = plainTarget): number {
  const run = (text: string) =>
    runSample(`${top}\nexport default function* main(kernel) { ${text} }`, target).cycles;
  return run(body) - run("");
}

// An empty main is charged 1/64 cycle, so that even doing nothing again and again comes to an end.
const assertCycles = (actual: number, expected: number) => assertAlmostEquals(actual, expected, 1 / 60);

for (
  const [title, body, cycles] of [
    ["an addition of a constant", "let a = 1; a = a + 2;", 1],
    ["a load and a store", "const a = [5]; a[0] = a[0] + 1;", 1 + 1 + 1 + 1 + 1],
    ["the branch that is taken", "let a = 1; if (a > 5) { a *= 2; a *= 2; } else { a += 1; }", 2 + 1],
    [
      "ten turns with test and update, and a last test",
      "let a = 0; for (let i = 0; i < 10; i++) a += 2;",
      2 + 10 * 4,
    ],
    ["a loop that is left by break at once", "let a = 0; for (;;) { a++; if (a > 2) break; }", 3 * 4],
    ["each turn of a do loop", "let a = 0; do a++; while (a < 4);", 4 * 3],
    [
      "a case that is entered, and none before it",
      "let a = 2; switch (a) { case 1: a++; a++; case 2: a++; }",
      2 + 1,
    ],
    ["a cheap operand as if it were evaluated", "let a = 0; const b = a > 0 && a * a > 4;", 1 + 1 + 2],
    ["a conditional's calls where they are made", "const c = 1 > 2 ? big(1) : 3;", 2],
  ] as const
) {
  Deno.test(`charged is ${title}`, () => {
    const top = "function big(n) { let s = 0; for (let i = 0; i < 9; i++) s += n; return s; }";
    assertCycles(cyclesOf(body, top), cycles);
  });
}

Deno.test("a counted loop is charged turn by turn, however many there are", () => {
  const loop = (turns: number) => `let s = 0; const n = ${turns}; for (let i = 0; i < n; i++) s ^= i;`;
  assertCycles(cyclesOf(loop(0)), 2);
  assertCycles(cyclesOf(loop(3)), 2 + 3 * 4);
  // More than the loop counts by itself before it looks at the budget.
  assertCycles(cyclesOf(loop(9_000_000)), 2 + 9_000_000 * 4);
});

Deno.test("a counted loop that an error leaves is charged for the turns that began", () => {
  const text = "const n = 100; try { for (let i = 0; i < n; i++) if (i === 6) throw 1; } catch {}";
  assertCycles(cyclesOf(text), 2 + 7 * 5 + 1);
});

for (
  const [title, body, expected] of [
    ["a bound that is a string", "const n = '3'; for (let i = 0; i < n; i++) seen.push(i);", [0, 1, 2]],
    ["a counter that begins as a string", "const n = 3; for (let i = '1'; i < n; i++) seen.push(i);", [
      "1",
      2,
    ]],
    ["a step that is a string", "const s = '1', n = 99; for (let i = 0; i < n; i += s) seen.push(i);", [
      0,
      "01",
      "011",
    ]],
    ["a step below one", "const s = 0.5, n = 1; for (let i = 0; i <= n; i += s) seen.push(i);", [0, 0.5, 1]],
    ["no number as its bound", "let n; for (let i = 0; i < n; i++) seen.push(i);", []],
    [
      "a bound that is an object, which is asked before each turn",
      "const n = { valueOf() { seen.push('?'); return 2; } }; for (let i = 0; i < n; i++) seen.push(i);",
      ["?", 0, "?", 1, "?"],
    ],
    [
      "a bound that its body lowers",
      "let n = 9; for (let i = 0; i < n; i++) { n -= 2; seen.push(i); }",
      [0, 1, 2],
    ],
    [
      "an array that its body shortens",
      "const list = [1, 2, 3, 4]; for (let i = 0; i < list.length; i++) { seen.push(list.pop()); }",
      [4, 3],
    ],
    [
      "the length of an object of its own, which is asked before each turn",
      "const o = { get length() { seen.push('?'); return 1; } }; let s = 0; for (let i = 0; i < o.length; i++) s += i;",
      ["?", "?"],
    ],
    [
      "continue and a function that sees each turn's counter",
      "const n = 4, all = []; for (let i = 0; i < n; i++) { if (i & 1) continue; all.push(() => i); } for (const f of all) seen.push(f());",
      [0, 2],
    ],
    [
      "a jump to the loop around",
      "const n = 3; outer: for (let i = 0; i < n; i++) { for (let j = 0; j < n; j++) { if (j > i) continue outer; seen.push(j); } }",
      [0, 0, 1, 0, 1, 2],
    ],
  ] as const
) {
  Deno.test(`a loop counts as without accounting with ${title}`, () => {
    const text = `export default function* main() { const seen = []; ${body} return JSON.stringify(seen); }`;
    assertEquals(JSON.parse(String(runSample(text).result)), expected);
  });
}

Deno.test("work is counted in the burst in which it is done", () => {
  const instance = instantiate(sampleImage(`
    export default function* main(kernel) {
      let a = 0;
      yield* kernel.ask(1);
      for (let i = 0; i < 100; i++) a += i;
      yield* kernel.ask(2);
      return a;
    }`));
  const thread = instance.start(sampleKernel());
  thread.next();
  const first = instance.readCycles();
  thread.next();
  const second = instance.readCycles();
  thread.next();
  assertCycles(second - first, 2 + 400 + 3);
  assertCycles(instance.readCycles() - second, 0);
});

Deno.test("threads of one process share its counter", () => {
  const instance = instantiate(sampleImage(`
    export default function* main(kernel) {
      kernel.started(function* () { let a = 0; for (let i = 0; i < 50; i++) a += i; });
    }`));
  let body: unknown;
  instance.start({
    started: (given: unknown) => {
      body = given;
    },
  }).next();
  const before = instance.readCycles();
  instance.thread(body).next();
  assertCycles(instance.readCycles() - before, 2 + 50 * 4);
});

Deno.test("a count is neither lost nor doubled when a loop is left by return, throw, or a jump to a label", () => {
  const loop = (leave: string) => `
    function f() { out: { for (let i = 0; i < 1000; i++) { if (i === 500) ${leave}; } } return 0; }
    try { f(); } catch (error) {}`;
  // 501 turns of test, update and comparison, and the last test; a throw makes its operand as well.
  const base = cyclesOf(loop("return 1"));
  assert(base > 501 * 5 && base < 501 * 5 + 20, `${base}`);
  assertCycles(cyclesOf(loop("break out")) - base, 0);
  assertCycles(cyclesOf(loop("throw 1")) - base, 1);
  assertCycles(cyclesOf(loop("return null.x")) - base, 1);
});

Deno.test("functions of the library that take time by size are charged by size, however they are reached", () => {
  const target: CompilationTarget = { ...plainTarget, costs: { ...plainTarget.costs, bulkByte: 1 } };
  const near = (body: string, bytes: number) => {
    const cycles = cyclesOf(body, "", target);
    assert(
      cycles >= bytes && cycles < bytes + 100,
      `${body} is charged ${cycles}, expected ${bytes} and a little`,
    );
  };
  near("new Uint8Array(10000)", 10_000);
  near("new Uint32Array(10000)", 40_000);
  near("const a = new Uint8Array(10000); a.fill(1);", 20_000);
  near("const a = new Uint8Array(10000); a.fill(1, 2000, -3000);", 15_000);
  near("const a = new Uint8Array(10000); a['fi' + 'll'](1);", 20_000);
  near("const a = new Uint8Array(10000); const f = a.fill; f.call(a, 1);", 20_000);
  near("const a = new Uint8Array(10000); a.set(a);", 20_000);
  near("const a = new Uint8Array(10000); a.slice(0, 5000);", 15_000);
  near("const a = new Uint8Array(10000); a.subarray(0, 5000);", 10_000);
  near("const a = new Array(1000); a.indexOf(1);", 16_000);
  near("const a = new Array(1000); [...a];", 16_000);
  near("const s = 'x'.repeat(5000); s.indexOf('y');", 10_000);
  near("const s = 'x'.repeat(5000); s.slice(1, 1001);", 6000);
  near("JSON.parse('[' + '1,'.repeat(500) + '1]');", 1000 + 1003);
  near("new Set(new Array(1000))", 16_000);
});

Deno.test("a search is charged for what it looks at: from where it begins to what it finds", () => {
  const target: CompilationTarget = { ...plainTarget, costs: { ...plainTarget.costs, bulkByte: 1 } };
  const near = (setup: string, search: string, bytes: number) => {
    const cycles = cyclesOf(`${setup} ${search}`, "", target) - cyclesOf(setup, "", target);
    assert(cycles >= bytes && cycles < bytes + 20, `${search} is charged ${cycles}, expected ${bytes}`);
  };
  const buffer = "const a = new Uint8Array(10000); a[4000] = 1;";
  near(buffer, "a.indexOf(1);", 4001);
  near(buffer, "a.indexOf(1, 3000);", 1001);
  near(buffer, "a.indexOf(1, -7000);", 1001);
  near(buffer, "a.indexOf(1, 5000);", 5000);
  near(buffer, "a.indexOf(1, 20000);", 0);
  near(buffer, "a.includes(1, 9000);", 1000);
  near(buffer, "a.lastIndexOf(1);", 6000);
  near(buffer, "a.lastIndexOf(1, 4500);", 501);
  near(buffer, "a.lastIndexOf(1, 3000);", 3001);
  near("const a = new Uint32Array(1000);", "a.indexOf(1, 900);", 400);
  near("const a = new Array(1000);", "a.indexOf(1, 900);", 800);
  near("const a = new Array(1000);", "a.lastIndexOf(1, 99);", 800);
  const text = "const s = 'x'.repeat(5000) + 'needle' + 'x'.repeat(4994);";
  near(text, "s.indexOf('needle');", 5006);
  near(text, "s.indexOf('needle', 4900);", 106);
  near(text, "s.includes('y', 9900);", 100);
  near(text, "s.lastIndexOf('needle');", 5006);
});

Deno.test("a search from a start that is no number is charged whole, and no code of the program's runs for it", () => {
  const target: CompilationTarget = { ...plainTarget, costs: { ...plainTarget.costs, bulkByte: 1 } };
  const { result, cycles } = runSample(
    `export default function* main(kernel) {
      let asked = 0;
      const start = { valueOf() { return asked++ * 10000; } };
      const a = new Uint8Array(10000);
      Object.defineProperty(a, "length", { value: 0 });
      a.indexOf(1, start);
      a.fill(1, start);
      return asked;
    }`,
    target,
  );
  assertEquals(result, 2);
  assert(cycles > 30_000, `${cycles}`);
});

Deno.test("walking the lines of a buffer takes time in proportion to its size", () => {
  const walk = (size: number) =>
    cyclesOf(`
      const a = new Uint8Array(${size});
      for (let i = 70; i < a.length; i += 72) a[i] = 10;
      for (let line = 0; line < a.length;) { const end = a.indexOf(10, line); line = end < 0 ? a.length : end + 1; }`);
  const ratio = walk(720_000) / walk(72_000);
  assert(ratio > 9.5 && ratio < 10.5, `ten times the size took ${ratio} times as long`);
});

Deno.test("a sort is charged more per element the more there are", () => {
  const small = cyclesOf("new Uint8Array(1 << 8).sort();");
  const large = cyclesOf("new Uint8Array(1 << 16).sort();");
  assert(large > small * 256 * 1.5);
});

Deno.test("an ISA with soft-float pays for fractions and quotients, not for integers", () => {
  const soft: CompilationTarget = {
    ...plainTarget,
    isa: "soft",
    costs: { ...plainTarget.costs, floatingPoint: 75, floatingDivide: 400, divide: 50 },
  };
  const both = (body: string) => [cyclesOf(body), cyclesOf(body, "", soft)].map(Math.round);
  assertEquals(both("let a = 3; a = a * 2 + 1;"), [2, 2]);
  assertEquals(both("let a = 3; a = a * 0.5;"), [1, 75]);
  assertEquals(both("let a = 3; a = a / 2;"), [1, 400]);
  assertEquals(both("let a = 3; a = a / 2 | 0;"), [2, 51]);
  assertEquals(both("let a = 3; a = Math.floor(a / 2);"), [2, 51]);
  assertEquals(both("let a = 0; a += 0.5; const b = a + 1;"), [2, 150]);
  assertEquals(both("const o = { x: 0.5 }; const b = o.x + 1;"), [4, 78]);
  assertEquals(both("const a = []; a[0] = 1.5; const b = a[0] + 1;"), [4, 78]);
});

Deno.test("a small function is charged where it is called, the same as if it stood there", () => {
  const inline = cyclesOf("let s = 0; for (let i = 0; i < 100; i++) s = (s + (i > 5 ? i : 5)) | 0;");
  const called = cyclesOf(
    "let s = 0; for (let i = 0; i < 100; i++) s = (s + clamp(i)) | 0;",
    "function clamp(n) { return n > 5 ? n : 5; }",
  );
  assertCycles(called, inline + 100);
});

Deno.test("text that accounting is woven into keeps its meaning in the corners of the grammar", () => {
  const { result } = runSample(`
    const log = [];
    const say = (x) => { log.push(x); return x; };
    const object = () => ({ a: 1, say });
    const nested = a => b => c => say(a + b + c);
    function returnsObject() { return{ b: 2 }; }
    function throwsObject() { for (;;) { throw{ c: 3 } } }
    function early(x) { if (x) return
      return say(4) }
    class Base { constructor() { this.made = new.target.name; } static make() { return new this(); } }
    class Derived extends Base { field = say("field"); other = () => this.field; constructor() { super(); this.late = 1 } }
    class Computed extends (say(0), Base) { ["x" + say(1)] = 2; static s = say("static"); static { say("block"); } }
    function tries() { try { return say("try"); } finally { say("finally"); } }
    function overrides() { for (const x of [1, 2]) { try { return 1; } finally { continue; } } return 2; }
    function labels() { let n = 0; a: b: for (;;) { for (;;) { if (n++ > 2) break a; continue b; } } return n; }
    const named = say(false) || function () {};
    let assigned; assigned ??= () => {};
    const { d = say("default"), ...rest } = { e: 1 };
    export default function* main(kernel) {
      if (say(false)) say("no"); else if (say(true)) say("yes"); else say("no")
      for (let i = 0; i < 2; i++) if (i) say(i); else continue
      do say("do"); while (log.length < 0) say("after")
      var x = say(1) ? say(2) ? "both" : say(3) : say(4)
      const y = (yield* kernel.ask(1)) + (yield* kernel.ask(2)), z = [...[1, 2], ...(yield* kernel.ask([3]))]
      try { throwsObject() } catch ({ c }) { say(c) }
      switch (say(5)) { case say(4): case say(5): { say("five") } default: say("through") }
      for (const key in { k: 1 }) say(key)
      const seq = [...(0, [1]), new Uint8Array((0, 2)).length, new (0, Base)().made, new Set((0, [1])).size];
      const made = Base.make().made + new Derived().other() + Object.keys(new Computed());
      return JSON.stringify([log, x, y, z, object().a, nested(1)(2)(3), returnsObject().b, early(1) ?? null, early(0),
        made, tries(), overrides(), labels(), named.name, assigned.name, d, rest, seq]);
    }`);
  assertEquals(
    result,
    '[[0,1,"static","block",false,"default",false,true,"yes",1,"do","after",1,2,3,5,4,5,"five","through","k",' +
      '"field",6,4,"try","finally"],"both",3,[1,2,3],1,6,2,null,4,"Basefieldmade,x1","try",2,4,"","assigned",' +
      '"default",{"e":1},[1,2,"Base",1]]',
  );
});

Deno.test("the same program counts the same cycles in each run", () => {
  const image = sampleImage(`
    export default function* main(kernel) {
      const seen = new Map();
      for (let i = 0; i < 1000; i++) seen.set(i % 37, [...(seen.get(i % 37) ?? []), i].sort((a, b) => b - a));
      return [...seen.values()].map((list) => list.join()).join(";").length;
    }`);
  const first = finish(instantiate(image));
  for (let run = 0; run < 3; run++) assertEquals(finish(instantiate(image)), first);
});
