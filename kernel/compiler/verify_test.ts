/**
 * The verifier: a sample for each rule, refused at its place, and what must not be refused.
 *
 * Most samples go through phase one; ILs that phase one would never make are written by hand.
 */

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { CompileError } from "./compile_error.ts";
import { formatIl, parseIlHeader } from "./il.ts";
import { compileIl } from "./phase_two.ts";
import { plainTarget, runSample, sampleEntry, sampleImage } from "./sample_programs.ts";

const refused: readonly (readonly [title: string, rule: string, code: string])[] = [
  ["a name that nothing declares", "free-name", "§fetch('x')"],
  ["a name that is declared elsewhere only", "free-name", "{ let inner = 1; } §inner"],
  ["a default that cannot see the body's variable", "free-name", "(function (a = §Deno) { var Deno; })"],
  ["globalThis", "free-name", "§globalThis"],
  ["eval by a name", "free-name", "const e = §eval"],
  ["Function", "free-name", "§Function('return 1')"],
  ["Promise", "free-name", "new §Promise(() => {})"],
  ["the clock", "free-name", "§Date"],
  ["WebAssembly", "free-name", "§WebAssembly"],
  ["Proxy", "free-name", "new §Proxy({}, {})"],
  ["Reflect", "free-name", "§Reflect"],
  ["BigInt by its name", "free-name", "§BigInt(1)"],
  ["arrays of floats", "free-name", "new §Float64Array(1)"],
  ["a compartment", "free-name", "new §Compartment()"],
  ["arguments of no function", "free-name", "const f = () => §arguments"],
  ["an assignment to the language's names", "free-name", "§Math = 1"],
  ["Math.random", "refused-member", "§Math.random()"],
  ["Array.fromAsync", "refused-member", "§Array.fromAsync([])"],
  ["dynamic import", "import", "§import('x')"],
  ["import.meta", "import", "§import.meta"],
  ["an async function", "async", "const f = §async () => 1"],
  ["a regular expression", "regular-expression", "§/a+/"],
  ["a BigInt", "bigint", "§10n"],
  ["this at the top", "this", "§this"],
  ["the debugger", "debugger", "§debugger"],
  ["a subclass of a buffer", "super-class", "class A extends §Uint8Array {}"],
  ["an opening HTML comment in a string", "html-comment", "'§<!--'"],
  ["a closing HTML comment as operators", "html-comment", "let n = 3; while (n§--> 0);"],
  ["a call of eval in a string", "evaluation", "const s = 'x §eval(1)'"],
];

for (const [title, rule, marked] of refused) {
  Deno.test(`phase two refuses ${title} (${rule}) at its place`, () => {
    const line = `const before = 1;  ${marked.replace("§", "")};`;
    const source = `export default function* main() {}\n${line}\n`;
    const error = assertThrows(() => sampleImage(source), CompileError);
    const column = marked.indexOf("§") + "const before = 1;  ".length + 1;
    assertEquals([error.rule, error.place], [rule, { file: sampleEntry, line: 2, column }]);
    assertStringIncludes(error.message, `${sampleEntry}:2:${column}: `);
  });
}

Deno.test("a plain yield, await and an asynchronous loop are refused", () => {
  const bodies: [string, string][] = [["yield 1", "plain-yield"], ["yield", "plain-yield"]];
  for (const [body, rule] of bodies) {
    const error = assertThrows(
      () => sampleImage(`export default function* main() { ${body}; }`),
      CompileError,
    );
    assertEquals(error.rule, rule);
  }
  const handmade: [string, string][] = [["await 1;", "async"], ["for await (const x of []);", "async"]];
  for (const [code, rule] of handmade) {
    assertEquals(assertThrows(() => compileIl(ilOf(code), plainTarget), CompileError).rule, rule);
  }
});

function ilOf(code: string): string {
  const [path, doc] = ["x/main.ts", "A sample"];
  const header = { name: "X", doc, entry: path, modules: [{ path, line: 2, lines: 1 }] };
  const lists = { contracts: [], parameters: [], devices: [], privileges: [], isaMethods: [] };
  return formatIl({ ...header, ...lists }, `${code}\nexport default function* main() {}\n`);
}

Deno.test("an IL that was not made by phase one is refused when it imports, exports or takes the compiler's names", () => {
  const handmade: [string, string][] = [
    ['import x from "node:fs";', "import"],
    ['import "./x.ts";', "import"],
    ["export const a = 1;", "export"],
    ['export * from "x";', "export"],
    ["let $c = 1;", "reserved-name"],
    ["const f = ($spent) => 1;", "reserved-name"],
    ["$c = 1e9;", "free-name"],
    ["$k();", "free-name"],
  ];
  for (const [code, rule] of handmade) {
    const error = assertThrows(() => compileIl(ilOf(code), plainTarget), CompileError);
    assertEquals([code, error.rule, error.place.line], [code, rule, 1]);
  }
});

Deno.test("an IL without an export or with bad syntax is refused", () => {
  const bad: [string, string][] = [
    [formatIl(parseIlHeader(ilOf("")), ""), "export"],
    [ilOf("const = 1;"), "syntax"],
    [ilOf("with (Math) {}"), "syntax"],
    [ilOf("[".repeat(500) + "]".repeat(500)), "nesting"],
    [ilOf("[".repeat(100_000) + "]".repeat(100_000)), "syntax"],
  ];
  for (const [il, rule] of bad) {
    assertEquals(assertThrows(() => compileIl(il, plainTarget), CompileError).rule, rule);
  }
});

Deno.test("names that are declared in every way that the language has are not taken for free ones", () => {
  const { result } = runSample(`
    function hoisted({ a, b, ...others }, d = a, ...more) {
      const [c, ...rest] = b;
      var e = arguments.length;
      if (true) { function inBlock() { return e; } e = inBlock(); }
      for (const f of [1]) e += f;
      for (var g in { k: 1 }) e += g.length;
      try { throw { h: 1 }; } catch ({ h }) { e += h; }
      try { throw 1; } catch { e += 1; }
      label: for (let i = 0; i < 2; i++) { if (i) break label; }
      const self = function me(n) { return n === 0 ? 0 : me(n - 1); };
      class K { static s = 1; static { e += K.s; } #p = 2; get v() { return this.#p; } }
      switch (e) { default: let j = 2; e += j; }
      const o = { a, hoisted, [e]: 1, get x() { return late; }, m() { return new.target; } };
      return [c, rest.length, Object.keys(others).length, d, more.length, g, self(2), new K().v, o.x, typeof hoisted];
    }
    const late = 9;
    export default function* main() { return hoisted({ a: 1, b: [2, 3], z: 4 }); }`);
  assertEquals(result, [2, 1, 1, 1, 0, "k", 0, 2, 9, "function"]);
});

Deno.test("comments may say anything", () => {
  const { result } = runSample(`
    // <!-- import('x') eval('y') fetch -->
    /* => { $c } */
    export default function* main() { const f = (x /* => */) => /* => */ (x /* ) */ + 1); return f(1); }`);
  assertEquals(result, 2);
});
