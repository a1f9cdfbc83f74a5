/**
 * Phase one: what becomes of a program's modules, and which programs it refuses.
 *
 * Programs are given as text; what the linked result does is seen by running it through phase two.
 */

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { CompileError } from "./compile_error.ts";

import { buildSample, runSample, sampleEntry, sampleIl, type Sources } from "./sample_programs.ts";

const mainOf = (body: string, top = "") => `${top}\nexport default function* main() { ${body} }`;

function refusal(sources: Sources, entry = sampleEntry): CompileError {
  return assertThrows(() => buildSample(sources, entry), CompileError);
}

Deno.test("modules are linked in dependency order and see each other's exports under every form of import", () => {
  const { result } = runSample({
    [sampleEntry]: mainOf(
      "return [one, renamed, def(), all.two, all.Box.name, passed, third, sub.deep, nameless];",
      `import def, { one, two as renamed } from "./values.ts";
       import * as all from "./values.ts";
       import { passed, third, sub } from "./barrel.ts";
       import nameless from "../other/nameless.ts";
       import type { Type } from "./values.ts";`,
    ),
    "apps/sample/values.ts": `
      export type Type = number;
      export interface Shape { readonly size: Type }
      export const one: number = 1;
      const inner = 2;
      export { inner as two };
      export class Box { readonly size = 1 }
      export default function def(): string { return "default"; }`,
    "apps/sample/barrel.ts": `
      export { one as passed } from "./values.ts";
      export * from "./third.ts";
      export * as sub from "./deep.ts";`,
    "apps/sample/third.ts": "export const [third] = [3] as const; export default 0;",
    "apps/sample/deep.ts": "export const { deep } = { deep: 4 };",
    "apps/other/nameless.ts": "export default   [5] satisfies number[];",
  });
  assertEquals(result, [1, 2, "default", 2, "Box", 1, 3, 4, [5]]);
});

Deno.test("each module keeps its lines and columns in the IL, and the header says where it lies", () => {
  const text = "import type { A } from './a.ts';\n\nexport const x: number = 1; // note\n" +
    "export default function* main(): Generator { yield* [].values(); return x; }\n";
  const { il, header } = buildSample(text);
  const [module] = header.modules;
  const lines = il.split("\n");
  const line = (number: number) => lines[(module?.line ?? 0) - 1 + number - 1] ?? "";
  assertEquals(line(3).indexOf("x "), text.split("\n")[2]?.indexOf("x:"));
  assertEquals(line(4).indexOf("return x"), text.split("\n")[3]?.indexOf("return x"));
  assertEquals(header.entry, sampleEntry);
  assertEquals(module?.path, sampleEntry);
});

Deno.test("an IL has no blanks at the ends of its lines, except within templates", () => {
  const text = "/** Comment */\n\ninterface A { a: 1 } \n" + 'const end = "a\\\n  b";  \n' +
    "const text = `one  \n  two ${1 as number}  \n`; type B = A;\n" +
    "export default function* main() {\n  return [end, text];  \n}\n";
  const { il, header } = buildSample(text);
  const { line = 0, lines = 0 } = header.modules[0] ?? {};
  const body = il.split("\n").slice(line - 1, line - 1 + lines);
  assertEquals(body.flatMap((of, index) => of.endsWith(" ") ? [index + 1] : []), [6, 7]);
  assertEquals(runSample(text).result, ["a  b", "one  \n  two 1  \n"]);
});

Deno.test("the same sources give the same IL to the byte", () => {
  const sources = {
    [sampleEntry]: mainOf("return a;", 'import { a } from "./a.ts";'),
    "apps/sample/a.ts": "export const a = 1;",
  };
  assertEquals(sampleIl(sources), sampleIl(sources));
});

Deno.test("a module that two others import runs once", () => {
  const { result } = runSample({
    [sampleEntry]: mainOf(
      "return [a === b, log.length];",
      `
      import { a } from "./a.ts"; import { b } from "./b.ts"; import { log } from "./shared.ts";`,
    ),
    "apps/sample/a.ts": 'import { log } from "./shared.ts"; export const a = log;',
    "apps/sample/b.ts": 'import { log } from "./shared.ts"; export const b = log;',
    "apps/sample/shared.ts": "export const log: number[] = []; log.push(1);",
  });
  assertEquals(result, [true, 1]);
});

Deno.test("imports in a circle are refused at the import that closes it", () => {
  const error = refusal({
    [sampleEntry]: mainOf("return a;", 'import { a } from "./a.ts";'),
    "apps/sample/a.ts": '\n  import { b } from "./b.ts"; export const a = b;',
    "apps/sample/b.ts": 'import { a } from "./a.ts"; export const b = a;',
  });
  assertEquals(error.rule, "circular-import");
  assertEquals(error.place, { file: "apps/sample/b.ts", line: 1, column: 19 });
});

for (
  const [specifier, reason] of [
    ["npm:left-pad", "programs import no packages"],
    ["node:fs", "programs import no packages"],
    ["@std/assert", "programs import no packages"],
    ["https://example.com/x.ts", "programs import no packages"],
    ["../../hw/time/time.ts", "neither kernel/abi"],
    ["../../kernel/compiler/il.ts", "neither kernel/abi"],
    ["../../fs/fat32/volume.ts", "neither kernel/abi"],
    ["../../../etc/secret.ts", "outside of the project"],
    ["./data.json", "not a .ts file"],
    ["./missing.ts", "there is no file"],
  ] as const
) {
  Deno.test(`an import of ${specifier} is refused`, () => {
    const error = refusal({ [sampleEntry]: `\nimport { x } from "${specifier}";\n${mainOf("return x;")}` });
    assertEquals(error.rule, "import");
    assertEquals(error.place, { file: sampleEntry, line: 2, column: 19 });
    assertStringIncludes(error.message, reason);
  });
}

Deno.test("the kernel's ABI and contracts of every room may be imported", () => {
  const { result } = runSample({
    [sampleEntry]: mainOf(
      "return a + b + c;",
      `
      import { a } from "../../kernel/abi/a.ts"; import { b } from "../../kernel/contracts/b.ts";
      import { c } from "../../fs/contracts/c.ts";`,
    ),
    "kernel/abi/a.ts": "export const a = 1;",
    "kernel/contracts/b.ts": "export const b = 2;",
    "fs/contracts/c.ts": "export const c = 3;",
  });
  assertEquals(result, 6);
});

for (
  const [title, source, rule, line, column] of [
    ["an exported let", "export let x = 1;", "export-variable", 1, 1],
    ["an exported variable that can change", "let x = 1;\nexport { x };", "export-variable", 2, 10],
    ["an enum", "const a = 1;\n  enum Colour { Red }", "type-syntax", 2, 3],
    ["a parameter property", "class A { constructor(readonly x: number) {} }", "type-syntax", 1, 32],
    ["a name that is not exported", 'import { nothing } from "./empty.ts";', "import", 1, 10],
    ["a name that is exported twice", "const a = 1;\nexport { a, a as a };", "syntax", 2, 18],
    ["a syntax error", "const = 1;", "type-syntax", 1, 1],
  ] as const
) {
  Deno.test(`${title} is refused with file, line, column and rule`, () => {
    const error = refusal({
      [sampleEntry]: mainOf("", 'import "./bad.ts";'),
      "apps/sample/bad.ts": source,
      "apps/sample/empty.ts": "export {};",
    });
    assertEquals([error.rule, error.place], [rule, { file: "apps/sample/bad.ts", line, column }]);
  });
}

Deno.test("a program without a default export, or in a room without programs, is refused", () => {
  assertEquals(refusal({ [sampleEntry]: "export const x = 1;" }).rule, "entry");
  assertEquals(refusal({ "hw/cpu/main.ts": mainOf("") }, "hw/cpu/main.ts").rule, "entry");
  assertEquals(refusal({ "kernel/boot/main.ts": mainOf("") }, "kernel/boot/main.ts").rule, "entry");
  assertEquals(refusal({ "main.ts": mainOf("") }, "main.ts").rule, "entry");
});
