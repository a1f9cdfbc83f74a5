/**
 * Programs that reach for the host, for the kernel's objects and for other programs.
 *
 * Each ends with an error of its own making, refused, or finds nothing; and the host is as it was.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { HostileBench } from "./testing/hostile_bench.ts";

const bench = new HostileBench();

/** Each would answer 7 if it had got somewhere. */
const reaches: Readonly<Record<string, string>> = {
  "the constructor of a function": "return (() => {}).constructor('return this')() ? 7 : 0;",
  "the constructor of a generator": "return (function* () {}).constructor('yield 1') ? 7 : 0;",
  "the constructor of a kernel call": "return kernel.now.constructor('return this')() ? 7 : 0;",
  "a prototype of the library": "Object.prototype.reached = 1; return 7;",
  "a method of the library": "Array.prototype.push = () => 7; return 7;",
  "the kernel's object": "kernel.now = () => 7; return 7;",
  "the prototype of the kernel's object": "Object.getPrototypeOf(kernel.now).reached = 7; return 7;",
  "an error's stack hook":
    "Error.prepareStackTrace = (_, sites) => sites; return typeof new Error('x').stack === 'string' ? 0 : 7;",
  "the frames of an error": `Error.captureStackTrace({});
    const { stack } = new Error("x"); return stack.includes("/kernel/") ? 7 : 0;`,
  "the global object": "return (function () { return this; })() === undefined ? 0 : 7;",
  "a species": `const a = new Uint8Array(8);
    a.constructor = { [Symbol.species]: function () { return kernel; } };
    a.slice(); return 7;`,
  "the caller of a function": "return (function f() { return f.caller; })() ? 7 : 0;",
};

for (const [what, body] of Object.entries(reaches)) {
  Deno.test(`a program gets nowhere through ${what}`, () => {
    const { status, reason } = bench.fateOf(body);
    assert(status !== 7, `it got through: ${reason}`);
    assertEquals("reached" in {}, false);
  });
}

const refused: Readonly<Record<string, readonly [body: string, rule: string]>> = {
  "a Proxy": ["return new Proxy({}, {});", "free-name"],
  "globalThis": ["return globalThis;", "free-name"],
  "eval": ["return eval;", "free-name"],
  "a promise": ["return Promise.resolve(1);", "free-name"],
  "a bare yield": ["yield 1;", "plain-yield"],
  "an async function": ["return (async () => 1)();", "async"],
  "a BigInt": ["return 2n ** 64n;", "bigint"],
  "a buffer that grows": ["return new ArrayBuffer(8, { maxByteLength: 2 ** 32 });", "spread-size"],
  "a size out of a list": ["return new Uint8Array(...[2 ** 33]);", "spread-size"],
};

for (const [what, [body, rule]] of Object.entries(refused)) {
  Deno.test(`a program with ${what} is refused with place and rule, whoever made its intermediate language`, () => {
    const { reason } = bench.fateOf(body);
    assertMatch(reason, new RegExp(`apps/hostile/main.ts:2:\\d+: .*\\(rule ${rule}\\)`));
  });
}

Deno.test("a text that is no intermediate language is refused with the reason", () => {
  for (const il of ["", "nonsense", "export default function* main() {}", "\u0000\u0001", "{".repeat(1000)]) {
    assertMatch(bench.fateOfIl(il).reason, /^Cannot load Hostile: ./);
  }
});

const yielded: Readonly<Record<string, string>> = {
  "an object of its own": "{ operation: 'powerOff' }",
  "an object with a then": "{ then(done) { done(7); } }",
  "an object whose getters never end": "{ get call() { for (;;); } }",
  "nothing": "undefined",
};

for (const [what, value] of Object.entries(yielded)) {
  Deno.test(`a program that yields ${what} ends, and others go on`, () => {
    assertMatch(bench.fateOf(`yield* [${value}];`).reason, /may yield kernel calls only/);
  });
}

const thrown: readonly string[] = [
  "null",
  "undefined",
  "'x'.repeat(2e6)",
  "Symbol('s')",
  "{ get message() { throw 1; } }",
  "{ get message() { for (;;); } }",
  "{ get stack() { throw 1; }, message: 'm' }",
  "{ get name() { return [].keys.call({ length: 2 ** 50 }); }, message: 'm' }",
  "(() => { const o = {}; o.message = o; return o; })()",
  "Object.create(null)",
];

for (const value of thrown) {
  Deno.test(`a program that throws ${value} ends with one short line, and others go on`, () => {
    const { reason, status } = bench.fateOf(`throw (${value});`);
    assertEquals(status, 1);
    assert(reason.length > 0 && reason.split("\n")[0]!.length <= 300, reason);
  });
}

Deno.test("a view that is kept after its block was freed is dead", () => {
  const body = `const block = yield* kernel.allocate(16);
    const view = block.bytes;
    yield* kernel.free(block);
    return view.length === 0 ? 7 : 8;`;
  assertEquals(bench.fateOf(body), { reason: "", status: 7 });
});

Deno.test("one process sees nothing that another has left in what both can reach", () => {
  const leave = `for (const o of [kernel, kernel.now, Object, Array.prototype, Math, Symbol.iterator, JSON]) {
      try { o.left = 1; } catch {}
    }
    Symbol.for("left").description; return 7;`;
  assertEquals(bench.fateOf(leave).status, 7);
  const look =
    `for (const o of [kernel, kernel.now, Object, Array.prototype, Math, JSON]) if (o.left) return 8;
    return 7;`;
  assertEquals(bench.fateOf(look).status, 7);
});
