/**
 * Methods with one version per ISA: an image holds its own version only, and misuse is refused at its place.
 */

import { assert, assertEquals, assertFalse, assertStringIncludes, assertThrows } from "@std/assert";
import { CompileError, type SourcePlace } from "./compile_error.ts";
import { formatImage, parseImage } from "./image.ts";
import { parseIlHeader, sourcePlace } from "./il.ts";
import { instantiate } from "./instantiate.ts";
import { compileIl } from "./phase_two.ts";
import { finish, plainTarget, runSample, sampleEntry, sampleIl, sampleImage } from "./sample_programs.ts";
import { parseModule } from "./syntax.ts";
import { verify } from "./verify.ts";

const [core2, k8, armv5te] = ["x86-core2", "x86-k8", "armv5te"].map((isa) => ({ ...plainTarget, isa }));

const main = "export default function* main(kernel) { return pick(); }";
const twoVersions = `const pick = isaVersions({
  x86: function () { return Math.max(...["for every x86"]) || "for every x86"; },
  armv5te: () => JSON.parse('"for the card"'),
});
${main}`;

Deno.test("an image holds the version for its ISA and no trace of the others", () => {
  const texts = [core2, k8, armv5te].map((target) => formatImage(sampleImage(twoVersions, target)));
  for (const [index, text] of texts.entries()) {
    assertEquals(text.includes("for every x86"), index < 2);
    assertEquals(text.includes("Math"), index < 2, "nor of a name that only the other version uses");
    assertEquals(text.includes("for the card"), index === 2);
    assertFalse(text.includes("isaVersions"));
    assertFalse(text.includes("armv5te:"));
  }
});

Deno.test("each ISA runs its own version, before the one for its family", () => {
  const source = `const pick = isaVersions({
    "x86": () => "family", 'x86-k8': function* () { return "k8"; }, armv5te: () => ("card") });
  const nested = Object.freeze({ deep: { pick: isaVersions({ x86: (a) => a, "armv5te": (a) => -a }) } })
  export default function* main() { const one = pick(); return [one.next?.().value ?? one, nested.deep.pick(7)]; }`;
  const results = [core2, k8, armv5te].map((target) => runSample(source, target).result);
  assertEquals(results, [["family", 7], ["k8", 7], ["card", -7]]);
});

Deno.test("the kept version counts as if it had been written in the call's place", () => {
  const plain =
    `const pick = function () { let n = 0; for (let i = 0; i < 9; i++) n += i * 2; return n; };\n${main}`;
  const form = plain.replace("function ()", "isaVersions({ armv5te: () => { throw 0.5; }, x86: function ()")
    .replace("; };", "; } });");
  assertEquals(runSample(form, core2).cycles, runSample(plain, core2).cycles);
});

Deno.test("faults in and behind a version name the line and column that a person wrote", () => {
  const source = `const pick = isaVersions({
    x86: () => 1,
    armv5te: () => {
      throw new Error("inside");
    } }); const behind = () => { throw new Error("behind"); };
  export default function* main(kernel) { (yield* kernel.ask(1)) ? pick() : behind(); }`;
  for (const [target, place] of [[armv5te, "4:13"], [core2, undefined]] as const) {
    const instance = instantiate(sampleImage(source, target));
    if (place === undefined) {
      finish(instance);
      continue;
    }
    const error = assertThrows(() => finish(instance));
    assertEquals(instance.explain(error).places[0], `${sampleEntry}:${place}`);
  }
  const behind = instantiate(sampleImage(source.replace("ask(1)", "ask(0)"), armv5te));
  const error = assertThrows(() => finish(behind));
  assertEquals(behind.explain(error).places[0], `${sampleEntry}:5:40`);
});

Deno.test("a program without a version for the ISA is refused there and taken elsewhere", () => {
  const source = `const before = 1;\nconst pick = isaVersions({ "x86-k8": () => 1 });\n${main}`;
  assertEquals(runSample(source, k8).result, 1);
  const error = assertThrows(() => sampleImage(source, armv5te), CompileError);
  assertEquals([error.rule, error.place], ["isa-missing", { file: sampleEntry, line: 2, column: 14 }]);
  assertStringIncludes(error.message, '"pick" has versions for x86-k8, none for armv5te');
});

Deno.test("the versions for other ISAs are verified too", () => {
  const source = twoVersions.replace("() => JSON", "() => fetch");
  const error = assertThrows(() => sampleImage(source, core2), CompileError);
  assertEquals([error.rule, error.place.line], ["free-name", 3]);
});

const misused: readonly (readonly [title: string, code: string])[] = [
  ["its name without a call", "const f = §isaVersions"],
  ["an assignment to it", "§isaVersions = 1"],
  ["new", "const f = new §isaVersions({ x86: () => 1 })"],
  ["an optional call", "const f = §isaVersions?.({ x86: () => 1 })"],
  ["no object literal", "const o = {}; const f = §isaVersions(o)"],
  ["a second argument", "const f = §isaVersions({ x86: () => 1 }, 1)"],
  ["no version", "const f = isaVersions(§{})"],
  ["an unknown ISA", "const f = isaVersions({ §mips: () => 1 })"],
  ["a computed name", "const f = isaVersions({ §['x86']: () => 1 })"],
  ["spread versions", "const f = isaVersions({ §...{} })"],
  ["two versions for one ISA", "const f = isaVersions({ x86: () => 1, §'x86': () => 2 })"],
  ["a version that is a name", "const g = () => 1; const f = isaVersions({ §x86: g })"],
  ["a version that is a class", "const f = isaVersions({ §x86: class {} })"],
  ["a version written as a method", "const f = isaVersions({ §x86() { return 1; } })"],
  ["a getter", "const f = isaVersions({ §get x86() { return 1; } })"],
  ["a variable that can change", "let f = §isaVersions({ x86: () => 1 })"],
  ["a pattern", "const { length } = §isaVersions({ x86: () => 1 })"],
  ["its result called", "const f = §isaVersions({ x86: () => 1 })()"],
  ["its result passed on", "const f = Object.freeze(§isaVersions({ x86: () => 1 }))"],
  ["an object that initialises nothing", "(() => 1)({ a: §isaVersions({ x86: () => 1 }) }).x"],
  ["a computed property", "const o = { ['a']: §isaVersions({ x86: () => 1 }) }"],
  [
    "versions inside of a version",
    "const f = isaVersions({ x86: () => { const g = §isaVersions({ x86: () => 1 }); } })",
  ],
];

for (const [title, marked] of misused) {
  Deno.test(`phase two refuses ${title} as a method with versions, at its place`, () => {
    const source = `export default function* main() {}\n${marked.replace("§", "")};\n`;
    const error = assertThrows(() => sampleImage(source, core2), CompileError);
    const column = marked.indexOf("§") + 1;
    assertEquals([error.rule, error.place], ["isa-versions", { file: sampleEntry, line: 2, column }]);
  });
}

Deno.test("a program may give the name isaVersions to something of its own", () => {
  const source = `const isaVersions = (x) => x.x86;\nconst pick = isaVersions({ x86: () => 5 });\n${main}`;
  assertEquals(runSample(source, plainTarget).result, 5);
});

Deno.test("the verifier lists an IL's methods with their versions, by the name that they initialise", () => {
  const il = sampleIl(`const Interlocked = { "add": isaVersions({ x86: () => 1, armv5te: () => 2 }) };
    ${twoVersions}`);
  const header = parseIlHeader(il);
  const placeOf = (line: number, column: number): SourcePlace => sourcePlace(header, line, column);
  const parsed = parseModule(il, placeOf);
  const { isaMethods } = verify(parsed, () => placeOf(1, 1));
  assertEquals(isaMethods.map(({ name, versions }) => [name, [...versions.keys()]]), [
    ["Interlocked.add", ["x86", "armv5te"]],
    ["pick", ["x86", "armv5te"]],
  ]);
});

Deno.test("images of one IL for two ISAs tell the same IL by their hash", () => {
  const il = sampleIl(twoVersions);
  const [one, other] = [compileIl(il, core2!), compileIl(il, armv5te!)];
  assertEquals(one.ilHash, other.ilHash);
  assert("reason" in parseImage(formatImage(one), "armv5te"));
});
