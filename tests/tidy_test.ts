/**
 * Keeps the project as DESIGN lays it out: who imports whom, who touches the host, how files look.
 *
 * Each rule has two tests: the project follows it, and bad samples are caught (a rule that cannot fail
 * guards nothing). A failure lists every offender as `file:line: what`. The rules themselves, with their
 * reasons, are in `tests/tidy/rules.ts`.
 */
import { assertEquals, fail } from "@std/assert";
import { join } from "@std/path";
import { type ProjectFile, projectFiles, projectFolder, topLevelEntries } from "./tidy/project_files.ts";
import * as rules from "./tidy/rules.ts";
import { scanSource } from "./tidy/source_scan.ts";

const files = projectFiles();

function exists(path: string): boolean {
  try {
    Deno.statSync(join(projectFolder, path));
    return true;
  } catch {
    return false;
  }
}

function lines(offences: readonly rules.Offence[]): string[] {
  return offences.map(({ path, line, what }) => `${path}:${line}: ${what}`);
}

/** Fails with all offenders in the message. */
function assertTidy(offences: readonly rules.Offence[]): void {
  if (offences.length > 0) fail(`${offences.length} offences:\n${lines(offences).join("\n")}`);
}

/** The places `path:line` where a rule finds fault with samples. */
function places(offences: readonly rules.Offence[]): string[] {
  return offences.map(({ path, line }) => `${path}:${line}`);
}

function file(path: string, ...text: string[]): ProjectFile {
  return { path, text: text.join("\n") + "\n" };
}

Deno.test("every import stays within what its room may import", () =>
  assertTidy(rules.importOffences(files)));

Deno.test("an import that leaves its room is caught, with its line", () => {
  const bad: [string, string][] = [
    ["hw/cpu/core.ts", `import { boot } from "../../kernel/boot/boot.ts";`],
    ["hw/nic/nic.ts", `import { udp } from "../../net/protocol/udp.ts";`],
    ["hw/host/tap.ts", `import { stack } from "../../net/stack/stack.ts";`],
    ["hw/cpu/core.ts", `import { join } from "node:path";`],
    ["kernel/boot/boot.ts", `import type { Duration } from "../../hw/time/time.ts";`],
    ["kernel/hal/cpu.ts", `import { Nic } from "../../hw/nic/nic.ts";`],
    ["kernel/boot/boot.ts", `import { parse } from "acorn";`],
    ["kernel/compiler/lower.ts", `import { readFile } from "node:fs";`],
    ["kernel/programs/controller.ts", `import { Scheduler } from "../schedule/scheduler.ts";`],
    ["net/stack/stack.ts", `export * from "../../hw/time/time.ts";`],
    ["net/stack/stack.ts", `const { x } = await import("../../kernel/boot/boot.ts");`],
    ["fs/fat/fat.ts", `import { udp } from "../../net/protocol/udp.ts";`],
    ["apps/shell.ts", `import { fat } from "../fs/fat/fat.ts";`],
    ["apps/shell.ts", `import { assert } from "@std/assert";`],
    ["apps/shell.ts", `import "ses";`],
    ["main.ts", `import { assert } from "jsr:@std/assert@1";`],
  ];
  for (const [path, statement] of bad) {
    const sample = file(
      path,
      "/**",
      " * Sample.",
      " */",
      `import {`,
      `  kept,`,
      `} from "./kept.ts";`,
      statement,
    );
    assertEquals(places(rules.importOffences([sample])), [`${path}:7`], `${path}: ${statement}`);
  }
});

Deno.test("an import that DESIGN allows is not caught", () => {
  const good: [string, string][] = [
    ["hw/cpu/core.ts", `import { after } from "../time/time.ts";`],
    ["hw/host/publisher.ts", `import { tcp } from "../../net/protocol/tcp.ts";`],
    ["hw/host/tap.ts", `import { open } from "node:fs";`],
    ["kernel/hal/cpu.ts", `import { type Core, type Cache } from "../../hw/cpu/core.ts";`],
    ["kernel/hal/time.ts", `export { after } from "../../hw/time/time.ts";`],
    ["kernel/compiler/lower.ts", `import { stripTypeScriptTypes } from "node:module";`],
    ["kernel/placement/manifest.ts", `import { parse } from "@std/xml";`],
    ["kernel/programs/controller.ts", `import { fatContract } from "../../fs/contracts/fat.ts";`],
    ["fs/fat/fat.ts", `import { netContract } from "../../net/contracts/net.ts";`],
    ["apps/mail/store.ts", `import { call } from "../../kernel/abi/program.ts";`],
    ["apps/mail/store_test.ts", `import { boot } from "../../kernel/boot/boot.ts";`],
    ["main.ts", `import { boot } from "./kernel/boot/boot.ts";`],
    ["apps/shell.ts", `const message = "import { x } from '../hw/x.ts'"; // import "ses"`],
  ];
  for (const [path, statement] of good) assertTidy(rules.importOffences([file(path, statement)]));
});

Deno.test("only main.ts, hw/host and tests touch the host, its clock or randomness", () => {
  assertTidy(rules.hostOffences(files));
});

Deno.test("a touch of the host is caught, in code and in templates but not in text", () => {
  const bad = [
    ...["Deno.args", "Date.now()", "new Date()", "new Date", "performance.now()", "Math.random()"],
    ...["crypto.getRandomValues(a)", "setTimeout(f, 1)", "setInterval(f, 1)", 'console.log("x")'],
    ...["process.env.HOME", "globalThis.performance", "`at ${Date.now()}`", "x ? /[`/]/ : Deno.args"],
  ];
  const path = "kernel/boot/boot.ts";
  for (const use of bad) {
    assertEquals(places(rules.hostOffences([file(path, "/** */", `f(${use});`)])), [`${path}:2`], use);
  }
  const good = [
    ...['"Deno.args"', "`Date.now() ${f}`", "/new Date/", "process.exit", "console.write(s)", "a.Date(1)"],
    ...["ports.console.log", "fatDate(1)", "1 /* Deno.args */"],
  ];
  for (const use of good) assertTidy(rules.hostOffences([file(path, `f(${use}); // Deno.args`)]));
  const allowed = [
    "main.ts",
    "hw/host/tap.ts",
    "tests/mail_test.ts",
    "std/path/mod.ts",
    "fs/fat/fat_bench.ts",
  ];
  for (const place of allowed) assertTidy(rules.hostOffences([file(place, "f(Deno.args);")]));
});

Deno.test("every source file opens with a comment on what it is", () => {
  assertTidy(rules.openingCommentOffences(files));
});

Deno.test("a missing or too short opening comment is caught", () => {
  const samples = [
    file("a.ts", "const a = 1;"),
    file("b.ts", "/** One", " * two. */", "const b = 1;"),
    file("c.ts", "// one", "// two", "// three"),
    file("d.ts", "/**", " * Fine.", " */"),
  ];
  assertEquals(places(rules.openingCommentOffences(samples)), ["a.ts:1", "b.ts:1", "c.ts:1"]);
});

Deno.test("no source file is longer than 500 lines", () => assertTidy(rules.lengthOffences(files)));

Deno.test("a source file of 501 lines is caught, one of 500 is not", () => {
  const sample = (path: string, count: number) => file(path, ...Array<string>(count).fill("f();"));
  const samples = [sample("a.ts", 500), sample("b.ts", 501)];
  assertEquals(places(rules.lengthOffences(samples)), ["b.ts:501"]);
});

Deno.test("no source file uses the type any", () => assertTidy(rules.anyTypeOffences(files)));

Deno.test("the type any is caught where it stands for a type, not as a word", () => {
  const bad = ["let a: any;", "f<any>();", "const b = c as any;", "type T = string | any;", "let d: any[];"];
  for (const line of bad) {
    assertEquals(places(rules.anyTypeOffences([file("a.ts", "", line)])), ["a.ts:2"], line);
  }
  const leave = "// deno-lint-" + "ignore no-explicit-any";
  assertEquals(places(rules.anyTypeOffences([file("a.ts", leave)])), ["a.ts:1"]);
  const good = ['f("a: any");', "// takes: any kernel", "Promise.any(f);", "const x = { any: 1 };"];
  assertTidy(rules.anyTypeOffences([file("a.ts", ...good)]));
});

Deno.test("no file leaves work behind in a comment", () => assertTidy(rules.leftoverOffences(files)));

Deno.test("work left behind is caught in source and prose", () => {
  const samples = [
    file("a.ts", "", "// TO" + "DO: later"),
    file("docs/a.md", "FIX" + "ME"),
    file("b.ts", "TODOS"),
  ];
  assertEquals(places(rules.leftoverOffences(samples)), ["a.ts:2", "docs/a.md:1"]);
});

Deno.test("every source file is named in snake_case, after what it holds", () => {
  assertTidy(rules.fileNameOffences(files));
});

Deno.test("a file name in another case, or after no idea, is caught", () => {
  const names = ["hw/addressSpace.ts", "hw/address-space.ts", "net/utils.ts", "net/tcp_helper.ts", "Fs/a.ts"];
  assertEquals(
    places(rules.fileNameOffences(names.map((name) => file(name)))),
    names.map((name) => `${name}:1`),
  );
  assertTidy(rules.fileNameOffences([file("hw/address_space_test.ts"), file("net/utility_computing.ts")]));
});

Deno.test("the top level holds only what DESIGN lists", () =>
  assertTidy(rules.topLevelOffences(topLevelEntries())));

Deno.test("a stray entry at the top level is caught", () => {
  assertEquals(places(rules.topLevelOffences(["main.ts", "package.json", "src"])), [
    "package.json:1",
    "src:1",
  ]);
});

Deno.test("every manifest is an application with a name", () => assertTidy(rules.manifestOffences(files)));

Deno.test("a manifest that is malformed, nameless or no application is caught", () => {
  const samples = [
    file("manifests/a.xml", `<application name="a">`, "</aplication>"),
    file("manifests/b.xml", "<!-- b -->", "<application/>"),
    file("manifests/c.xml", `<program name="c"/>`),
    file("manifests/d.xml", `<application name="d"><endpoints/></application>`),
    file("manifests/system.xml", `<system name="helios"/>`),
  ];
  const expected = ["manifests/a.xml:2", "manifests/b.xml:2", "manifests/c.xml:1"];
  assertEquals(places(rules.manifestOffences(samples)), expected);
});

Deno.test("every relative link in a page leads to a file", () =>
  assertTidy(rules.linkOffences(files, exists)));

Deno.test("a dead relative link is caught, other links and code are not", () => {
  const page = file(
    "docs/boot.md",
    "See [time](time.md#clocks) and [gone](../gone.md).",
    "[web](https://example.org) [here](#boot) `[code](no.md)`",
    "```",
    "[code](no.md)",
    "```",
    "![picture](no.png)",
  );
  const offences = rules.linkOffences([page], (path) => path === "docs/time.md");
  assertEquals(places(offences), ["docs/boot.md:1", "docs/boot.md:6"]);
});

Deno.test("the scan of a source finds imports of every form and nothing in text", () => {
  const text = [
    `import type { A } from "./a.ts";`,
    "import {",
    "  type B,",
    "  C, // not 'd'",
    `} from './b.ts';`,
    `export * as e from "./e.ts";`,
    'const s = `import "no" ${await import("./f.ts")} from \'no\'`;',
    `import "./g.ts";`,
    `import data from "./h.json" with { type: "json" };`,
    `export const t = "from"; const r = a / b / "./no.ts".length;`,
    `export function from() { return "./no.ts"; }`,
  ].join("\n");
  const found = scanSource(text).imports.map((one) => `${one.line} ${one.specifier} ${one.isTypeOnly}`);
  assertEquals(found, [
    ...["1 ./a.ts true", "2 ./b.ts false", "6 ./e.ts false", "7 ./f.ts false", "8 ./g.ts false"],
    "9 ./h.json false",
  ]);
});
