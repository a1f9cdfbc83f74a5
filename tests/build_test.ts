/**
 * `helios build` as a person uses it: the whole tree, and a program of one's own in a checkout.
 *
 * The checkout is a folder of links to this one, with main.ts, apps and manifests of its own, so that
 * nothing here is written to.
 * - What a fault shows in the shell is tested here too: it takes sources of a program that dies.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { parseIlHeader } from "../kernel/compiler/il.ts";
import { parseManifest } from "../kernel/placement/manifest.ts";
import { describe, type Finished, projectFolder, run, succeed, TemporaryFolder } from "./command_line.ts";

const manifestFolder = join(projectFolder, "manifests");

function textsIn(folder: string): Map<string, string> {
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  return new Map(names.map((name) => [name, Deno.readTextFileSync(join(folder, name))]));
}

/** Paths of all main.ts below a folder of the tree. */
function mainModules(folder: string): string[] {
  return [...Deno.readDirSync(join(projectFolder, folder))].flatMap(({ name, isDirectory }) =>
    isDirectory ? mainModules(`${folder}/${name}`) : name === "main.ts" ? [`${folder}/${name}`] : []
  );
}

Deno.test("a build of the whole tree changes no manifest, and leaves no program out", async () => {
  const before = textsIn(manifestFolder);
  const { stdout } = await succeed(["build"]);
  assertEquals(textsIn(manifestFolder), before, stdout);
  const programs = [...before].filter(([name]) => name !== "system.xml");
  const built = programs.map(([file, text]) => {
    const { name, source } = parseManifest(text, file);
    assertEquals(file, `${name}.xml`);
    const header = parseIlHeader(Deno.readTextFileSync(join(projectFolder, "build", `${name}.il`)));
    assertEquals([header.name, header.entry], [name, source]);
    return source;
  });
  const mains = ["apps", "fs", "kernel", "net"].flatMap(mainModules);
  assertEquals(mains.filter((main) => !built.includes(main)), []);
  assertEquals(stdout.split("\n").length - 1, built.length, stdout);
});

/** A checkout whose apps and manifests may be changed. */
class Checkout extends TemporaryFolder {
  constructor() {
    super();
    for (const name of ["hw", "kernel", "net", "fs", "std", "deno.json", "deno.lock"]) {
      Deno.symlinkSync(join(projectFolder, name), this.file(name));
    }
    Deno.copyFileSync(join(projectFolder, "main.ts"), this.file("main.ts"));
    this.copy("apps");
    this.copy("manifests");
  }

  copy(name: string, to = name): void {
    Deno.mkdirSync(this.file(to));
    for (const entry of Deno.readDirSync(join(projectFolder, name))) {
      if (entry.isDirectory) this.copy(`${name}/${entry.name}`, `${to}/${entry.name}`);
      else Deno.copyFileSync(join(projectFolder, name, entry.name), this.file(`${to}/${entry.name}`));
    }
  }

  async helios(...words: string[]): Promise<Finished> {
    return await run(Deno.execPath(), ["run", "-A", this.file("main.ts"), ...words]);
  }
}

Deno.test("a copied template is refused until it has a name of its own, then built, booted and moved to the card", async () => {
  using checkout = new Checkout();
  const main = "mine/main.ts";
  checkout.copy("apps/hello", "mine");
  const text = Deno.readTextFileSync(checkout.file(main)).replaceAll("../contracts/", "../apps/contracts/")
    .replaceAll("../../kernel/", "../kernel/");
  checkout.write(main, text);
  const refused = await checkout.helios("build", checkout.file(main));
  assertEquals([refused.status, refused.stdout], [1, ""], describe(refused));
  assertMatch(
    refused.stderr,
    /^helios: mine\/main\.ts:\d+:9: Hello is the name of apps\/hello\/main\.ts already/,
  );

  checkout.write(
    main,
    text.replace('"Hello"', '"Mine"').replaceAll("helloPath", '"/service/mine"')
      .replace(/import \{ helloContract, .*/, 'import { helloContract } from "../apps/contracts/hello.ts";'),
  );
  const built = await checkout.helios("build", checkout.file(main));
  assertEquals([built.status, built.stderr], [0, ""], describe(built));
  assertMatch(
    built.stdout,
    /^Mine: mine\/main\.ts to build\/Mine\.il, \d+ characters\nmanifests\/Mine\.xml: new\n$/,
  );

  const manifest = checkout.file("manifests/Mine.xml");
  const edited = Deno.readTextFileSync(manifest).replace(
    "  </endpoints>",
    '    <endpoint contractName="KernelControlContract" platform="xscale" affinity="5"/>\n  </endpoints>',
  );
  Deno.writeTextFileSync(manifest, edited);
  const booted = await checkout.helios("boot", "--exec", "Mine & Mine World");
  assertMatch(
    booted.stdout,
    /^\[\d+\] Mine on card0\nHello, World, from card0 \(armv5te\)!\n/,
    describe(booted),
  );
});

const faulty = `/** Faults of many kinds. */
import type { Call, Kernel, Program } from "../../kernel/abi/kernel.ts";
import type { ProgramDeclaration } from "../../kernel/abi/program.ts";
import { inOneLine } from "./one_line.ts";
export const program = { name: "Faulty", doc: "Faults" } as const satisfies ProgramDeclaration;
const box = { get value(): number { throw new TypeError("in a getter"); } };
function* thread(): Call<void> { throw new Error("in a thread"); }
class Odd extends Error { override get message(): string { throw new Error("never seen"); } }
export default function* main(kernel: Kernel): Program {
  const values: readonly number[] = [3, 1, 2];
  switch (kernel.arguments[0]) {
    case "getter": return box.value;
    case "text": throw "a text";
    case "nothing": if (values.length > 0) throw undefined; return 1;
    case "object": throw { code: 7 };
    case "odd": throw new Odd();
    case "callback": return values.map((value): number => { if (value === 1) throw new Error("x"); return 1; }).length;
    case "line": return inOneLine(values);
    case "thread": yield* kernel.createThread(() => thread()); return yield* kernel.sleep(1e9);
  }
}
`;
const oneLine =
  "/** One line. */ export function inOneLine(values: readonly number[]): number { let sum = 0; " +
  'for (const value of values) { sum += value * 3; if (sum > 9) throw new Error("late"); } return sum; }\n';

/** Where a text begins in a source, as faults tell it. */
function placeOf(source: string, text: string): string {
  const at = source.indexOf(text);
  assert(at >= 0, text);
  const before = source.slice(0, at).split("\n");
  return `${before.length}:${before.at(-1)!.length + 1}`;
}

Deno.test("run shows the TypeScript file, line and column of whatever a program dies of", async () => {
  using checkout = new Checkout();
  Deno.mkdirSync(checkout.file("apps/faulty"));
  checkout.write("apps/faulty/main.ts", faulty);
  checkout.write("apps/faulty/one_line.ts", oneLine);
  checkout.write(
    "manifests/Faulty.xml",
    '<application name="Faulty" source="apps/faulty/main.ts" runtime="Full"/>',
  );
  const inMain = (text: string) => `apps/faulty/main.ts:${placeOf(faulty, text)}`;
  const expected: readonly (readonly [word: string, reason: string, ...places: string[]])[] = [
    ["getter", "TypeError: in a getter", inMain("new TypeError"), inMain("value;")],
    ["text", 'threw "a text"', inMain('"a text"')],
    ["nothing", "threw undefined", inMain("undefined;")],
    ["object", "threw an object that is no error", inMain("{ code")],
    ["odd", "threw an error without words", inMain("class Odd"), inMain("new Odd")],
    ["callback", "Error: x", inMain('new Error("x")'), inMain("map(")],
    [
      "line",
      "Error: late",
      `apps/faulty/one_line.ts:${placeOf(oneLine, "new Error")}`,
      inMain("inOneLine(values)"),
    ],
    ["thread", "Error: in a thread", inMain('new Error("in a thread")')],
  ];
  const line = expected.map(([word]) => `run Faulty ${word}`).join("; ");
  const booted = await checkout.helios("boot", "--json", "--exec", line);
  const faults = booted.stdout.split("\n").filter((text) => text.includes('"fault"')).map((text) =>
    JSON.parse(text).fault
  );
  assertEquals(
    faults,
    expected.map(([, reason, ...places]) => [reason, ...places.map((place) => `  at ${place}`)].join("\n")),
  );
});
