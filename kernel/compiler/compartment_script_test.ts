/**
 * The second wall: what a text can reach that no verifier has read.
 *
 * Phase two refuses all of these texts; here they are evaluated past it, as if it had overlooked them.
 */

import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { CompartmentScript } from "./compartment_script.ts";

const evaluate = (text: string, name = "second-wall") => new CompartmentScript(text, name).evaluate();

/** Names that the host's own code has, and some that nobody has. */
const hostNames = [
  ...["Deno", "process", "globalThis", "self", "window", "global", "console", "fetch", "performance", "Date"],
  ...["eval", "Function", "Compartment", "lockdown", "harden", "require", "module", "nobody", "terminator"],
  ...["Object", "Array", "Math", "Promise", "WebAssembly", "SharedArrayBuffer", "Symbol", "Script"],
];

Deno.test("a free name has no value, whatever the host has under it", () => {
  for (const name of hostNames) {
    assertEquals(evaluate(`[typeof ${name}, ${name}]`), ["undefined", undefined], name);
    assertEquals(evaluate(`(() => () => typeof ${name})()()`), "undefined", name);
    assertThrows(() => evaluate(`${name}()`), TypeError, "is not a function");
  }
});

Deno.test("a free name cannot be written, and the host's globals stay as they are", () => {
  const before = Object.getOwnPropertyNames(globalThis);
  for (const name of ["nobody", "Deno", "globalThis"]) {
    assertThrows(() => evaluate(`(() => { ${name} = 1; })()`), ReferenceError, `${name} is not defined`);
  }
  assertThrows(() => evaluate("(() => { nobody += 1; })()"), ReferenceError);
  assertEquals(evaluate("(() => { var kept = 1; function own() {} return [kept, typeof own]; })()"), [
    1,
    "function",
  ]);
  assertEquals(Object.getOwnPropertyNames(globalThis), before);
});

Deno.test("`this` and the arguments around a text hold nothing", () => {
  assertEquals(evaluate("[this, arguments.length, (function () { return this; })()]"), [
    undefined,
    0,
    undefined,
  ]);
  assertThrows(() => evaluate("arguments.callee"), TypeError);
});

Deno.test("code cannot be made of text", () => {
  for (
    const text of [
      "(function () {}).constructor('return this')()",
      "(() => {}).constructor('return this')()",
      "(function* () {}).constructor('yield this')().next()",
      "(async () => {}).constructor('return this')()",
      "[].constructor.constructor('return this')()",
      "Reflect.construct((function () {}).constructor, ['return this'])()",
      "eval('this')",
      "(0, eval)('this')",
    ]
  ) {
    assertThrows(() => evaluate(text), TypeError, undefined, text);
  }
});

Deno.test("a text imports nothing", async () => {
  for (const specifier of ["node:fs", "data:text/javascript,export default 1", "./lockdown.ts"]) {
    await assertRejects(() => evaluate(`import("${specifier}")`) as Promise<unknown>);
  }
  for (const text of ["import.meta.url", "(() => { import 'node:fs'; })()", "await 1"]) {
    assertThrows(() => new CompartmentScript(text, "second-wall"), SyntaxError, undefined, text);
  }
});

Deno.test("each evaluation has globals of its own, and they are empty", () => {
  // Called as a free name, a method that the globals inherit is given them.
  assertEquals(evaluate("valueOf().constructor.getOwnPropertyNames(valueOf())"), [
    "Infinity",
    "NaN",
    "undefined",
  ]);
  const script = new CompartmentScript(
    "(() => { const was = typeof mark; valueOf().mark = 1; return was; })()",
    "own",
  );
  assertEquals([script.evaluate(), script.evaluate()], ["undefined", "undefined"]);
});

/** A text that closes all that is around it, goes on outside, and opens the same again under a label of its choice. */
function breakOut(label: string, inner: string): string {
  return `1;}});}}});globalThis.brokenOut = true;(function(){with(this.terminator){with(this.globals){` +
    `return ${inner}{"use strict";${label}:{return 1`;
}

Deno.test("a text that closes the braces around it is refused before anything of it runs", () => {
  for (const inner of ["(function()", "(()=>", "(function*()", "(0,function()"]) {
    // With the right label it gets out, which shows that nothing else stops it; that label holds a hash of the text.
    const known = new CompartmentScript(breakOut("$guessed", inner), "guessed");
    assert(known instanceof CompartmentScript);
    const error = assertThrows(() => evaluate(breakOut("$guessed", inner)), SyntaxError);
    assertStringIncludes(error.message, "Undefined label '$second$wall'");
  }
  for (const text of ["1}", "1)", "1;}});}}});(1", "/*", "`", "'", "1 }}}))", "`${1"]) {
    assertThrows(() => evaluate(text), SyntaxError, undefined, text);
  }
  assertEquals("brokenOut" in globalThis, false);
});

Deno.test("a comment at the end of a text hides nothing of what is around it", () => {
  for (const text of ["7 //", "7 /* */", "7 <!-- comment", "7\n--> comment"]) {
    assertEquals(evaluate(text), 7, text);
  }
});
