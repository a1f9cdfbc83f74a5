/**
 * Type checking by `deno check`: each finding as one line that names the place.
 */

import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { checkTypes, findingsIn, TypeCheckError } from "./type_check.ts";

/** A folder with these files, for as long as the test runs. */
async function inFolder(files: Readonly<Record<string, string>>, test: (folder: string) => Promise<void>) {
  const folder = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "helios_test_" }));
  try {
    for (const [name, text] of Object.entries(files)) Deno.writeTextFileSync(join(folder, name), text);
    await test(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("findings come as file, line, column, reason and rule, whichever module they are in", () =>
  inFolder({
    "deno.json": "{}",
    "a.ts": 'import { b } from "./b.ts";\nimport "./none.ts";\nexport const a: string = b;\n',
    "b.ts": "export const b: number = true;\n",
  }, async (folder) => {
    const error = await assertRejects(() => checkTypes(folder, ["a.ts"]), TypeCheckError);
    assertEquals(error.message.split("\n").sort(), [
      "a.ts:2:8: Cannot find module 'none.ts'. (rule type)",
      "a.ts:3:14: Type 'number' is not assignable to type 'string'. (rule type)",
      "b.ts:1:14: Type 'boolean' is not assignable to type 'number'. (rule type)",
    ]);
  }));

Deno.test("a syntax error is told with its place", () =>
  inFolder({ "deno.json": "{}", "a.ts": "\nconst = 1;\n" }, async (folder) => {
    const error = await assertRejects(() => checkTypes(folder, ["a.ts"]), TypeCheckError);
    assertEquals(
      error.message.replace(/: SyntaxError.*\(/, ": SyntaxError ("),
      "a.ts:2:7: SyntaxError (rule type)",
    );
  }));

Deno.test("remarks below a finding are not findings of their own", () => {
  const output = [
    "TS2345 [ERROR]: Argument of type 'A' is not assignable.",
    "  Property 'b' is missing.",
    "f({ a: 1 });",
    "    at file:///top/apps/a%20b.ts:6:20",
    "",
    "    'b' is declared here.",
    "        at file:///top/apps/c.ts:2:28",
    "",
    "error: Type checking failed.",
  ];
  assertEquals(findingsIn(output.join("\n"), "/top"), [
    "apps/a b.ts:6:20: Argument of type 'A' is not assignable. (rule type)",
  ]);
});

Deno.test("what is no finding is told as one line", () => {
  assertEquals(findingsIn('\nerror: Module not found "file:///top/a.ts".\n\nStack backtrace:\n', "/top"), [
    'Cannot check types: Module not found "a.ts".',
  ]);
  assertEquals(findingsIn("", "/top").length, 1);
});

Deno.test("of many findings the first are shown, and how many there are besides", () =>
  inFolder({
    "deno.json": "{}",
    "a.ts": Array.from({ length: 25 }, (_, n) => `export const b${n}: string = ${n};\n`).join(""),
  }, async (folder) => {
    const error = await assertRejects(() => checkTypes(folder, ["a.ts"]), TypeCheckError);
    assertEquals([error.message.split("\n").length, error.message.split("\n").at(-1)], [21, "and 5 more"]);
  }));
