/**
 * Programs that nest without end, and the cycles that each has spent when it is told so.
 *
 * Each is a main function's body that answers 7 when it has caught the RangeError of counted calls. Run as a
 * program of the host, it prints the cycles of each, so that a test can compare hosts with stacks of other sizes.
 */

import { finish, plainTarget, sampleIl } from "../../../kernel/compiler/sample_programs.ts";
import { instantiate } from "../../../kernel/compiler/instantiate.ts";
import { compileIl } from "../../../kernel/compiler/phase_two.ts";

const nested = "let a = [1]; for (let i = 0; i < 1e5; i++) a = [a];";

export const deepPrograms: Readonly<Record<string, string>> = {
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
  "join of arrays in arrays": `${nested} try { a.join(); } catch { return 7; }`,
  "a string of arrays in arrays": `${nested} try { "" + a; } catch { return 7; }`,
  "a key of arrays in arrays": `${nested} try { ({})[a]; } catch { return 7; }`,
  "toLocaleString of arrays in arrays": `${nested} try { a.toLocaleString(); } catch { return 7; }`,
  "flat of arrays in arrays": `${nested} try { a.flat(Infinity); } catch { return 7; }`,
  "flat of an array that holds itself":
    "const a = []; a.push(a); try { a.flat(Infinity); } catch { return 7; }",
  "JSON of objects in objects":
    "let o = {}; for (let i = 0; i < 1e4; i++) o = { o }; try { JSON.stringify(o, null, 1); } catch { return 7; }",
  "JSON of what toJSON gives": `const o = { toJSON() { return { x: { toJSON: o.toJSON } }; } };
    try { JSON.stringify(o); } catch { return 7; }`,
  "JSON of what getters give": `const o = () => ({ get x() { return o(); } });
    try { JSON.stringify(o(), (key, value) => value); } catch { return 7; }`,
  "JSON that is revived": `const text = "[".repeat(1e4) + "]".repeat(1e4);
    try { JSON.parse(text, (key, value) => value); } catch { return 7; }`,
  "errors that are named by errors": `let e = new Error();
    for (let i = 0; i < 1e4; i++) { const next = new Error(); next.name = e; e = next; }
    try { String(e); } catch { return 7; }`,
  "an array whose join is its toString":
    "const a = []; Object.defineProperty(a, 'join', { value: a.toString }); try { String(a); } catch { return 7; }",
  "maps that are called for each of a map": `const each = (() => 1).call.bind(new Map().forEach);
    let m = new Map(); for (let i = 0; i < 1e4; i++) m = new Map([[each, m]]);
    try { each(m, each); } catch { return 7; }`,
  "arguments": "const a = new Array(3e5).fill(1); try { Math.max(...a); } catch { return 7; }",
};

/** Cycles that a program has spent when it answers; fails when it answers anything but 7. */
function cyclesOf(what: string, body: string): number {
  const il = sampleIl(`export default function* main(kernel) {\n${body}\n}`);
  const instance = instantiate(compileIl(il, plainTarget));
  const { result } = finish(instance);
  if (result !== 7) throw new Error(`The program that nests ${what} has answered ${result}`);
  return instance.readCycles();
}

if (import.meta.main) {
  const cycles = Object.entries(deepPrograms).map(([what, body]) => [what, cyclesOf(what, body)] as const);
  console.log(JSON.stringify(Object.fromEntries(cycles)));
}
