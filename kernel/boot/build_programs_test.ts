/**
 * Phase one over a checkout of a few texts: what is written, what is hinted at, what is refused.
 *
 * - Refusals come before any result, so a caller that writes afterwards writes everything or nothing.
 */

import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { CompileError } from "../compiler/compile_error.ts";
import { buildPrograms, programEntries } from "./build_programs.ts";

const entry = "apps/sample/main.ts";
const own = '{ name: "own/1", contractName: "OwnContract", messages: {}, start: "s", states: { s: {} } }';
const source = (name: string, rest = "", body = "") =>
  `export const program = { name: "${name}", doc: "d"${rest} };\nexport default function* main() {\n  ${body}\n}\n`;
const manifest = (name: string, path: string) => ({
  file: `manifests/${name}.xml`,
  text: `<application name="${name}" source="${path}"/>`,
});

function build(
  sources: Readonly<Record<string, string>>,
  entries = Object.keys(sources),
  manifests = [manifest("Old", "a/b.ts")],
) {
  const system = { file: "system.xml", text: '<system name="x"><contracts/></system>' };
  return buildPrograms(entries, { manifests, system, readSource: (path) => sources[path] });
}

function refusal(sources: Readonly<Record<string, string>>, manifests = [manifest("Old", "a/b.ts")]): string {
  return assertThrows(() => build(sources, Object.keys(sources), manifests), CompileError).message;
}

Deno.test("a program of any room is built, its own included, and its manifest is made", () => {
  const built = build({ [entry]: source("One"), "mine/main.ts": source("Two") });
  assertEquals(built.map(({ name, entry, manifest, hints }) => [name, entry, manifest.changes, hints]), [
    ["One", entry, ["new"], []],
    ["Two", "mine/main.ts", ["new"], []],
  ]);
});

Deno.test("a contract that the system manifest does not know is mentioned with what to add", () => {
  const [built] = build({ [entry]: source("One", `, services: [{ contract: ${own}, path: "/own" }]`) });
  assertEquals(built?.hints.length, 1);
  assertMatch(built?.hints[0] ?? "", /add <contract contractName="OwnContract" path="\/own" \/>$/);
});

Deno.test("what phase two would refuse is refused, at its place in the TypeScript source", () => {
  const body = "const a: number = 1; if (a as number) yield 1;";
  assertMatch(
    refusal({ [entry]: source("One", "", body) }),
    /^apps\/sample\/main\.ts:3:41: .*\(rule plain-yield\)$/,
  );
  assertMatch(
    refusal({ [entry]: source("One", "", "/(a+)+$/.test('');") }),
    /main\.ts:3:3: .*\(rule regular-expression\)$/,
  );
});

Deno.test("two programs cannot have one name, and a copy that was not renamed is refused at the name", () => {
  const known = [manifest("One", entry)];
  const sources = { [entry]: source("One"), "mine/main.ts": source("One") };
  const reason =
    /^mine\/main\.ts:1:32: One is the name of apps\/sample\/main\.ts already \(rule declaration\)$/;
  assertMatch(refusal(sources), reason);
  assertMatch(assertThrows(() => build(sources, ["mine/main.ts"], known), CompileError).message, reason);
});

Deno.test("a program that moved to another folder takes its manifest along", () => {
  const [built] = build({ "mine/main.ts": source("One") }, ["mine/main.ts"], [manifest("One", entry)]);
  assertEquals(built?.manifest.changes[0], `source is mine/main.ts, was ${entry}`);
});

Deno.test("the same sources give the same ILs and manifests to the byte", () => {
  const sources = { [entry]: source("One"), "mine/main.ts": source("Two") };
  assertEquals(build(sources), build(sources));
});

Deno.test("programs are found by the names in their manifests", () => {
  assertEquals([...programEntries([manifest("One", entry)])], [["One", entry]]);
});
