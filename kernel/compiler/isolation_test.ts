/**
 * Hostile programs: what a program can try against the host, other programs and the clock.
 *
 * All of them pass the verifier; the compartment, the frozen library and the checks must hold them.
 */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import fc from "fast-check";
import { instantiate } from "./instantiate.ts";
import { BudgetSpent, MemorySpent } from "./process_limits.ts";
import { plainTarget, runSample, sampleImage, sampleKernel } from "./sample_programs.ts";

const main = (body: string) => `export default function* main(kernel) { ${body} }`;

for (
  const [title, body] of [
    ["through the constructor of a function", "return (() => {}).constructor('return this')()"],
    ["through the constructor of a generator", "return (function* () {}).constructor('yield 1')"],
    ["through the constructor of the kernel's method", "return kernel.ask.constructor('return this')()"],
    ["through a change of the library", "Array.prototype.push = () => {}"],
    ["through a new property of the library", "Object.prototype.polluted = 1"],
    ["through the kernel object", "kernel.ask = 1"],
    ["through a prototype of the kernel's", "Object.getPrototypeOf(kernel.ask).next = 1"],
    ["through regular expressions in strings", "return 'aaaa'['ma' + 'tch']('(a+)+b')"],
    ["through promises", "return Array['from' + 'Async']([1])"],
    ["through randomness", "return Math['ran' + 'dom']()"],
    [
      "through a size of its own making",
      "const a = new Uint8Array(8); Object.defineProperty(a, 'byteLength', { get() { throw new RangeError(); } }); a.fill(1); throw new TypeError('filled')",
    ],
    ["through a buffer's constructor under another name", "const U = Uint8Array; return new U(2 ** 40)"],
  ] as const
) {
  Deno.test(`a program gets nowhere ${title}`, () => {
    const error = assertThrows(() => runSample(main(body)));
    assert(error instanceof TypeError, String(error));
    assertEquals("polluted" in {}, false);
  });
}

Deno.test("a compartment has no globals", () => {
  const { result } = runSample(
    main("return Object.getOwnPropertyNames((function () { return this; })() ?? {})"),
  );
  assertEquals(result, []);
});

for (
  const [title, body] of [
    ["an endless loop", "for (;;);"],
    ["a loop in a loop", "for (;;) for (let i = 0; i < 10; i++);"],
    ["a counted loop of very many turns", "const n = 1e15; for (let i = 0; i < n; i++);"],
    ["a counted loop to a string", "const n = '1e300'; for (let i = 0; i < n; i++);"],
    ["a counted loop that stands still", "const s = 0; for (let i = 0, n = 9; i < n; i += s);"],
    ["a counted loop beyond whole numbers", "const n = 1e300; for (let i = 2 ** 53; i < n; i++);"],
    ["a counted loop of tiny steps", "const s = 1e-300; for (let i = 1, n = 2; i < n; i += s);"],
    [
      "a counted loop that is left again and again",
      "const n = 9; for (;;) { try { for (let i = 0; i < n; i++) if (i > 3) throw 1; } catch {} }",
    ],
    ["a finally that goes on", "for (;;) { try { while (true); } finally { continue; } }"],
    ["a catch that swallows", "for (;;) { try { for (;;) { try { for (;;); } catch {} } } catch {} }"],
    [
      "recursion that takes exponential time",
      "function f(n) { return n < 1 ? 0 : f(n - 1) + f(n - 1); } return f(60);",
    ],
    [
      "arrow functions that call each other",
      "const f = (n) => n < 1 ? 0 : g(n - 1) + g(n - 1), g = (n) => f(n); return f(99);",
    ],
    [
      "a getter that takes exponential time",
      "let d = 0; const o = { get x() { d++; const v = d > 60 ? 0 : this.x + this.x; d--; return v; } }; return o.x;",
    ],
    ["a small function in a loop", "function id(x) { return x; } while (id(true));"],
    [
      "a generator of its own that never ends",
      "const it = { [Symbol.iterator]() { return this; }, next() { return { done: false }; } }; for (const x of it);",
    ],
    ["an array-like of any length", "return [].fill.call({ length: 2 ** 53 - 1 }, 0);"],
    ["sorting again and again", "const a = new Uint8Array(1e6); for (;;) a.sort();"],
    ["joining an empty array of any length", "const a = []; a.length = 2 ** 32 - 1; for (;;) a.join();"],
    ["a callback of the library", "for (;;) [1, 2, 3].map((x) => x + 1);"],
  ] as const
) {
  Deno.test(`${title} is stopped, and stays stopped`, () => {
    const instance = instantiate(sampleImage(main(body)));
    instance.setLimit(5e6);
    const thread = instance.start(sampleKernel());
    const error = assertThrows(() => thread.next(), BudgetSpent);
    assertStringIncludes(error.message, "Sample has spent its 5000000 cycles without calling the kernel");
    assertThrows(() => thread.next(), BudgetSpent);
    assertThrows(() => instance.start(sampleKernel()).next(), BudgetSpent);
    assertEquals(instance.explain(error).places[0]?.split(":")[0], "apps/sample/main.ts");
  });
}

Deno.test("the top level of a module is stopped too", () => {
  assertThrows(() => runSample(`while (true);\n${main("")}`, plainTarget, 1e6), BudgetSpent);
});

Deno.test("a long burst within the limit is not stopped, and each burst has the limit for itself", () => {
  const body =
    "let n = 0; for (let k = 0; k < 4; k++) { for (let i = 0; i < 1e6; i++) n++; yield* kernel.ask(0); } return n;";
  assertEquals(runSample(main(body), plainTarget, 9e6).result, 4e6);
});

for (
  const [title, body] of [
    ["a function", "function f(n) { deepest = n; return f(n + 1) + 1; }"],
    ["a method", "const o = { f(n) { deepest = n; this.f(n + 1); } }, f = (n) => o.f(n);"],
    ["a callback", "const f = (n) => { deepest = n; [n].forEach((x) => f(x + 1)); };"],
    ["a getter", "const o = { get x() { deepest++; return this.x; } }, f = (n) => o.x;"],
    ["a conversion", "const o = { toString() { deepest++; return `${o}`; } }, f = (n) => `${o}`;"],
    ["a constructor", "class A { constructor(n) { deepest = n; new A(n + 1); } } const f = (n) => new A(n);"],
    ["a sort", "const f = (n) => { deepest = n; [1, 2].sort(() => f(n + 1)); };"],
    [
      "JSON",
      "const o = { toJSON() { deepest++; return JSON.stringify(o); } }, f = (n) => JSON.stringify(o);",
    ],
    [
      "a function with a finally",
      "function f(n) { try { deepest = n; f(n + 1); } finally { deepest += 0; } }",
    ],
  ] as const
) {
  Deno.test(`the depth of recursion through ${title} is limited by count, not by the host's stack`, () => {
    const source = main(`let deepest = 0; ${body}
      const depths = [];
      for (let k = 0; k < 3; k++) {
        deepest = 0;
        try { f(0); } catch (error) { depths.push(error.message, deepest); }
      }
      return depths;`);
    const atDepth = (frames: number): unknown =>
      frames === 0 ? runSample(source).result : atDepth(frames - 1);
    const shallow = atDepth(0) as unknown[];
    assertEquals(shallow[0], "Maximum call stack size exceeded");
    assert(Number(shallow[1]) >= 80, String(shallow[1]));
    assertEquals(atDepth(500), shallow);
    assertEquals(shallow.slice(2), [...shallow.slice(0, 2), ...shallow.slice(0, 2)]);
  });
}

Deno.test("the depth of recursion through generators is limited by count, also after they waited", () => {
  const { result } = runSample(main(`
    let deepest = 0;
    function* f(n) { deepest = n; yield* kernel.ask(n); yield* f(n + 1); }
    try { yield* f(0); } catch (error) { return [error.message, deepest > 200]; }`));
  assertEquals(result, ["Maximum call stack size exceeded", true]);
});

Deno.test("calls that return, throw or wait leave the depth as it was", () => {
  const { result } = runSample(main(`
    function throws() { helper(); throw 1; }
    function helper() { return [1].map((x) => x); }
    function returns() { try { return helper(); } finally { helper(); } }
    function* waits() { yield* kernel.ask(1); return helper(); }
    for (let i = 0; i < 20000; i++) { try { throws(); } catch {} returns(); }
    for (let i = 0; i < 2000; i++) { yield* waits(); try { throws(); } catch {} }
    return "done";`));
  assertEquals(result, "done");
});

Deno.test("an allocation larger than the quota ends the program before it happens, whatever it catches", () => {
  const error = assertThrows(
    () => runSample(main("try { new Uint8Array(2 ** 33); } catch (error) { return error.name; }")),
    MemorySpent,
  );
  assertEquals(error.message, "Sample has used up its 64 MiB of memory");
});

Deno.test("a stack holds places of the program and nothing of the host", () => {
  const { result } = runSample(
    `function inner() {\n  return null.x;\n}\n${
      main("try { inner(); } catch (error) { return error.stack; }")
    }`,
  );
  const lines = String(result).split("\n    at ");
  assertEquals(lines, [
    "Error: Cannot read properties of null (reading 'x')",
    "apps/sample/main.ts:2:15",
    "apps/sample/main.ts:4:47",
  ]);
});

Deno.test("a fault is told with file, line and column of each frame of the program, in every module", () => {
  const instance = instantiate(sampleImage({
    "apps/sample/main.ts":
      'import { work } from "./deep/work.ts";\nexport default function* main(): Generator {\n' +
      "  const a: number = 1; if (a > 0) { for (let i = 0; i < 3; i++) work(i as number); }\n}",
    "apps/sample/deep/work.ts": "// comment\nexport function work(n: number): number {\n" +
      "  let sum = 0; for (const x of [1, 2]) sum += x; if (n === 2) throw new RangeError('no \\n more');\n  return sum;\n}\n",
  }));
  const thread = instance.start(sampleKernel());
  const error = assertThrows(() => thread.next());
  assertEquals(instance.explain(error), {
    reason: "RangeError: no   more",
    places: ["apps/sample/deep/work.ts:3:69", "apps/sample/main.ts:3:65"],
  });
  assertEquals(instance.mapStack(error), instance.explain(error).places);
});

Deno.test("whatever a program throws, the host can tell it without harm", () => {
  fc.assert(fc.property(
    fc.constantFrom(
      "null",
      "undefined",
      "1",
      "'text'.repeat(1000)",
      "Symbol('s')",
      "() => 1",
      "{}",
      "{ get message() { throw 1; } }",
      "{ get message() { for (;;); } }",
      "{ message: 'm', get stack() { return {}; } }",
      "Object.create(null)",
      "Object.assign(new Error('m'), { name: { toString() { throw 1; } } })",
    ),
    (thrown) => {
      const instance = instantiate(sampleImage(main(`throw (${thrown});`)));
      instance.setLimit(1e6);
      const thread = instance.start(sampleKernel());
      let caught: unknown;
      try {
        thread.next();
      } catch (error) {
        caught = error;
      }
      const { reason, places } = instance.explain(caught);
      assert(reason.length > 0 && reason.length <= 300);
      assert(Array.isArray(places));
    },
  ));
});

Deno.test("what a generator gives is read once, within the program's budget", () => {
  const instance = instantiate(sampleImage(main(`
    const step = { get done() { for (;;); } };
    yield* { [Symbol.iterator]: () => ({ next: () => step }) };`)));
  instance.setLimit(1e6);
  assertThrows(() => instance.start(sampleKernel()).next(), BudgetSpent);
});

Deno.test("a main that is no generator function, or makes none, ends in a TypeError", () => {
  for (const value of ["1", "() => ({ next: () => 1 })", "() => {}", "{ next() {} }"]) {
    const thread = instantiate(sampleImage(`export default ${value};`)).start(sampleKernel());
    assertThrows(() => thread.next(), TypeError);
  }
});

Deno.test("processes of one program share no variables", () => {
  const image = sampleImage(`let count = 0;\n${main("return ++count;")}`);
  const [one, two] = [instantiate(image), instantiate(image)];
  assertEquals([one, one, two].map((instance) => instance.start(sampleKernel()).next().value), [1, 2, 1]);
});

Deno.test("the host's program goes on working after the lockdown", async () => {
  runSample(main(""));
  const { createHash } = await import("node:crypto");
  assertEquals(createHash("sha256").update("abc").digest("hex").slice(0, 8), "ba7816bf");
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  listener.close();
  assert("aXb".match(/x/i));
  assertEquals(await Promise.all([1, Promise.resolve(2)]), [1, 2]);
  class Overrides extends Error {
    override toString(): string {
      return "mine";
    }
  }
  assertEquals(String(new Overrides()), "mine");
  const own: Record<string, unknown> = {};
  own.toString = () => "own";
  assertEquals(`${own}`, "own");
  assertStringIncludes(String(new Error("trace").stack), "isolation_test.ts");
});
