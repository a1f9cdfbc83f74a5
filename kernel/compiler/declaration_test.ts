/**
 * The declaration of a program: how it may be written, what the IL says of it, and what is refused.
 *
 * Its code runs in phase one, so a hostile one must end in a refusal like any other.
 */

import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { CompileError } from "./compile_error.ts";
import { buildSample, sampleEntry, type Sources } from "./sample_programs.ts";

const main = "export default function* main() {}";
const contract = (name: string) =>
  `{ name: "${name}/1", contractName: "${name}Contract", messages: {}, start: "s", states: { s: {} } }`;

function refusal(declaration: string, others: Sources = {}): CompileError {
  const text = `${declaration}\n${main}\n`;
  return assertThrows(() => buildSample({ [sampleEntry]: text, ...others }), CompileError);
}

Deno.test("the IL's header tells what the program declares, contracts with direction, version and path", () => {
  const { header } = buildSample({
    [sampleEntry]: `
      import type { ProgramDeclaration } from "../../kernel/abi/program.ts";
      import { tcp, paths } from "../contracts/all.ts";
      const own = ${contract("Own")};
      export const program = {
        name: "Sample2", doc: "Does things",
        endpoints: [tcp],
        services: [{ contract: own, path: paths.own }, { contract: tcp }],
        devices: [{ vendorId: 0x8086, deviceId: 0x100e }],
        privileges: ["system"],
        parameters: [{ name: "ADDRESS", doc: "Where to" }],
      } as const satisfies ProgramDeclaration;
      ${main}`,
    "apps/contracts/all.ts": `export const tcp = ${
      contract("Tcp")
    }; export const paths = { own: "/own" } as const;`,
  });
  const { modules: _modules, ...metadata } = header;
  assertEquals(metadata, {
    name: "Sample2",
    doc: "Does things",
    entry: sampleEntry,
    contracts: [
      { direction: "import", contractName: "TcpContract", contract: "Tcp/1" },
      { direction: "export", contractName: "OwnContract", contract: "Own/1", path: "/own" },
      { direction: "export", contractName: "TcpContract", contract: "Tcp/1" },
    ],
    parameters: [{ name: "ADDRESS", doc: "Where to" }],
    devices: [{ vendorId: 0x8086, deviceId: 0x100e }],
    privileges: ["system"],
    isaMethods: [],
  });
});

Deno.test("a declaration may come from another module, in every form of export", () => {
  const other = { "apps/sample/other.ts": 'export const program = { name: "Other", doc: "d" };' };
  for (
    const text of [
      'export { program } from "./other.ts";',
      'import { program } from "./other.ts"; export { program };',
      'import { program as p } from "./other.ts"; const q = { ...p, doc: "e" }; export { q as program };',
      'import * as all from "./other.ts"; export const program = all.program;',
    ]
  ) {
    assertEquals(buildSample({ [sampleEntry]: `${text}\n${main}`, ...other }).header.name, "Other", text);
  }
});

Deno.test("the IL's header names the methods with one version per ISA, of all modules", () => {
  const { header } = buildSample({
    [sampleEntry]: `import { Locks } from "./locks.ts";
      const own = isaVersions({ x86: () => 1, armv5te: () => 2 });
      export default function* main() { return [Locks, own]; }`,
    "apps/sample/locks.ts": "export const Locks = { add: isaVersions({ x86: () => 1, armv5te: () => 2 }) };",
  });
  assertEquals(header.isaMethods, ["Locks.add", "own"]);
});

Deno.test("only what the declaration names runs in phase one, not the rest of main.ts and what that imports", () => {
  const { header } = buildSample({
    [sampleEntry]: `import "./bad.ts"; import { a } from "./bad.ts"; throw new Error("main"); const b = a;
      class A { static x = b; } const name = "Named";
      export const program = { name, doc: "d" };\n${main}`,
    "apps/sample/bad.ts": 'throw new Error("bad"); export const a = 1;',
  });
  assertEquals(header.name, "Named");
});

Deno.test("a program without a declaration is refused with what one looks like", () => {
  const error = assertThrows(
    () => buildSample({ [sampleEntry]: `${main} /* export program */` }),
    CompileError,
  );
  assertEquals([error.rule, error.place], ["declaration", { file: sampleEntry, line: 1, column: 1 }]);
  assertMatch(error.message, /export const program = \{ name: "\.\.\.", doc: "\.\.\." \}/);
});

for (
  const [title, text, column, reason] of [
    [
      "a name with a blank",
      'export const program = { name: "A b", doc: "d" };',
      32,
      /name is "A b", expected a capital/,
    ],
    ["no doc", 'export const program = { name: "A" };', 24, /doc is absent, expected a value/],
    ["a text of two lines", 'export const program = { name: "A", doc: "a\\nb" };', 42, /expected one line/],
    [
      "a field that there is not",
      'export const program = { name: "A", doc: "d", dok: 1 };',
      52,
      /dok is 1, expected one of/,
    ],
    [
      "a text for a list",
      'export const program = { name: "A", doc: "d", endpoints: "x" };',
      58,
      /expected a list of at most 64/,
    ],
    [
      "no contract",
      'export const program = { name: "A", doc: "d", endpoints: [{}] };',
      59,
      /endpoints\[0\]\.name is absent/,
    ],
    ["no object", "export const program = 5;", 24, /the declaration is 5, expected an object/],
    ["nothing", "export const program = undefined;", 24, /the declaration is absent/],
    ["a function", "export const program = () => 1;", 24, /is a function, expected data/],
    [
      "a path that cannot be",
      `const c = ${
        contract("C")
      }; export const program = { name: "A", doc: "d", services: [{ contract: c, path: "c" }] };`,
      178,
      /services\[0\]\.path is "c", expected a path/,
    ],
    [
      "a privilege that there is not",
      'export const program = { name: "A", doc: "d", privileges: ["root"] };',
      60,
      /"root"/,
    ],
    [
      "a negative device",
      'export const program = { name: "A", doc: "d", devices: [{ vendorId: -1, deviceId: 1 }] };',
      69,
      /-1/,
    ],
  ] as const
) {
  Deno.test(`a declaration with ${title} is refused at its part`, () => {
    const error = refusal(text);
    assertEquals(error.rule, "declaration");
    assertEquals(error.place, { file: sampleEntry, line: 1, column });
    assertMatch(error.message, reason);
  });
}

Deno.test("a contract that no kernel would take is refused with the kernel's reason", () => {
  const broken = contract("C").replace("{ s: {} }", '{ s: { nothing: "s" } }');
  const error = refusal(`export const program = { name: "A", doc: "d", endpoints: [${broken}] };`);
  assertMatch(
    error.message,
    /endpoints\[0\] is no contract: Contract "C\/1": state s names message "nothing"/,
  );
  const shapeless = contract("C").replace("messages: {}", "messages: { m: null }");
  assertMatch(
    refusal(`export const program = { name: "A", doc: "d", endpoints: [${shapeless}] };`).message,
    /endpoints\[0\] is no contract/,
  );
});

for (
  const [title, text, reason] of [
    ["loops for ever", "export const program = (() => { for (;;); })();", /takes more than 10000000 cycles/],
    [
      "loops in a getter",
      'export const program = { get name() { for (;;); }, doc: "d" };',
      /name is a getter/,
    ],
    [
      "allocates for ever",
      "const a = []; export const program = (() => { for (;;) a.push(new Uint8Array(1e6)); })();",
      /cycles/,
    ],
    [
      "recurses without end",
      "function f() { return f(); } export const program = f();",
      /ends in "RangeError/,
    ],
    ["throws", 'export const program = (() => { throw new Error("no"); })();', /ends in "Error: no"/],
    ["throws an odd value", "export const program = (() => { throw null; })();", /ends in "threw object"/],
    [
      "is a circle",
      "export const program = (() => { const a = {}; a.name = a; return a; })();",
      /nested deeper/,
    ],
    ["is endless", "export const program = [[]]; for (;;);", /expected an object/],
    [
      "has a text without end",
      "export const program = { name: 'A'.repeat(1e6), doc: 'd' };",
      /is a text of 1000000 characters/,
    ],
    [
      "has a list without end",
      "export const program = { name: 'A', doc: 'd', endpoints: new Array(1e6) };",
      /too many or missing/,
    ],
    [
      "reaches for the host",
      "export const program = { name: 'A', doc: Deno.cwd() };",
      /"Deno" is neither declared/,
    ],
    [
      "has a setter of the prototype",
      "export const program = { name: 'A', doc: 'd', ['__proto__']: {} };",
      /__proto__ is \{\}/,
    ],
  ] as const
) {
  Deno.test(`a declaration that ${title} is refused`, () => {
    assertMatch(refusal(text).message, reason);
  });
}

Deno.test("code of the declaration that throws is refused at the place that threw", () => {
  const error = refusal('import { p } from "./p.ts"; export const program = p();', {
    "apps/sample/p.ts": 'export function p() {\n  throw new Error("no");\n}',
  });
  assertEquals(error.place, { file: "apps/sample/p.ts", line: 2, column: 9 });
});
