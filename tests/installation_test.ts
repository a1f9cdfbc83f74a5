/**
 * Installation: programs as files on the boot volume, put there by Helios, by mtools, and by a person.
 *
 * A program of the test's own is built by phase one from a source text, as a person's would be.
 * - Images are looked at with dosfstools and mtools, never through Helios alone.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { readSource } from "../hw/host/program_files.ts";
import { ilPath, manifestPath } from "../kernel/abi/program_paths.ts";
import { formatIl } from "../kernel/compiler/il.ts";
import { buildIl } from "../kernel/compiler/phase_one.ts";
import {
  changedMachine,
  commandOf,
  editedManifests,
  hasProgram,
  helios,
  netStackAffinity,
  projectFolder,
  run,
  succeed,
  TemporaryFolder,
} from "./command_line.ts";
import { BootedMachine } from "./machine_bench.ts";
import { faultsOf } from "./mail_client.ts";

const tools = ["mcopy", "mattrib", "mdel", "fsck.fat"] as const;
const source = "apps/mine/main.ts";
const program = `
import type { Kernel, Program } from "../../kernel/abi/kernel.ts";
import type { ProgramDeclaration } from "../../kernel/abi/program.ts";
import { writeText } from "../../kernel/abi/text.ts";

export const program = { name: "Mine", doc: "Says that it runs" } as const satisfies ProgramDeclaration;

export default function* main(kernel: Kernel): Program {
  yield* writeText(kernel, kernel.stdout, "it runs: " + kernel.arguments.join(" ") + "\\n");
}
`;
const { il, header } = buildIl(source, (path) => path === source ? program : readSource(path));

function manifestOf(name: string, platform?: string, main = source): string {
  const endpoint = platform === undefined
    ? ""
    : `<endpoint contractName="KernelControlContract" platform="${platform}" affinity="9"/>`;
  return `<application name="${name}" source="${main}"><endpoints>${endpoint}</endpoints></application>\n`;
}

/** Puts a file of the host on an image, as a person does. */
async function mcopy(image: string, file: string, path: string): Promise<void> {
  const { status, stderr } = await run("mcopy", ["-o", "-i", image, file, `::${path}`]);
  assertEquals(status, 0, stderr);
}

/** The program in `folder`, as Mine.il beside Mine.xml, and an image on which it is installed. */
async function installMine(folder: TemporaryFolder): Promise<string> {
  const image = folder.file("disk.img");
  const file = folder.write("Mine.il", il);
  folder.write("Mine.xml", manifestOf("Mine"));
  const { stdout } = await succeed(["install", file, "--disk", image]);
  assertEquals(stdout, `Mine is on "${image}": /bin/Mine.il, /manifests/Mine.xml\n`);
  return image;
}

Deno.test("a program that install put on an image and one that mcopy put there both run, each on its ISA", async () => {
  if (!await hasProgram(...tools)) return;
  using folder = new TemporaryFolder();
  const image = await installMine(folder);
  assertEquals(await faultsOf(image), "");
  await mcopy(image, folder.file("Mine.il"), "/bin/OnCard.il");
  await mcopy(image, folder.write("OnCard.xml", manifestOf("OnCard", "xscale")), "/manifests/OnCard.xml");
  const exec = "run Mine a b; OnCard c; kernels";
  const { stdout, stderr } = await succeed(["boot", "--disk", image, "--json", "--exec", exec]);
  const isaOf = (kernel: unknown) =>
    commandOf(stdout, "kernels").rows.find(({ name }) => name === kernel)?.isa;
  const [mine, onCard] = [commandOf(stdout, "run"), commandOf(stdout, "OnCard")];
  assertEquals([mine.rows, isaOf(mine.kernel)], [[{ text: "it runs: a b" }], "x86-k8"]);
  assertEquals([onCard.rows, isaOf(onCard.kernel)], [[{ text: "it runs: c" }], "armv5te"]);
  assert(!stderr.includes("brought up to date"), stderr);
  assertEquals(await faultsOf(image), "");
  const { stdout: attributes } = await run("mattrib", ["-i", image, "::/bin/Mine.il", "::/bin/Shell.il"]);
  const [own, shipped] = attributes.split("\n");
  assertMatch(`${own}`, /^\s*A\b.*Mine\.il$/);
  assertMatch(`${shipped}`, /^\s+(?!A\b).*Shell\.il$/);
});

Deno.test("files as installed follow the checkout at boot, what a person wrote stays, and --manifests goes before both", async () => {
  if (!await hasProgram(...tools)) return;
  using folder = new TemporaryFolder();
  const image = await installMine(folder);
  await run("mdel", ["-i", image, "::/bin/Ping.il"]);
  const shipped = Deno.readTextFileSync(join(projectFolder, "manifests", "NetStack.xml"));
  const boot = async (...words: string[]) => {
    const { stdout, stderr } = await succeed(["boot", "--disk", image, ...words, "--json", "--exec", "ps"]);
    const kernel = commandOf(stdout, "ps").rows.find(({ program }) => program === "NetStack")?.kernel;
    return { kernel, updates: /^disk image .*: brought up to date (.*)$/m.exec(stderr)?.[1] };
  };
  const away = editedManifests(folder, { "NetStack.xml": netStackAffinity(-1) });
  const edited = await boot("--manifests", away);
  assert(edited.kernel !== "card0", `NetStack is on ${edited.kernel}`);
  assertEquals(edited.updates, "/manifests/NetStack.xml, /bin/Ping.il");
  assertEquals(await boot(), { kernel: "card0", updates: "/manifests/NetStack.xml" });
  const own = folder.write("NetStack.xml", `${netStackAffinity(-1)(shipped)}<!-- my own -->\n`);
  await mcopy(image, own, "/manifests/NetStack.xml");
  const kept = await boot();
  assert(kept.kernel !== "card0", `NetStack is on ${kept.kernel}`);
  assertEquals(kept.updates, undefined);
  const near = join(projectFolder, "manifests");
  assertEquals(await boot("--manifests", near), { kernel: "card0", updates: undefined });
  const { stdout } = await run("mtype", ["-i", image, "::/manifests/NetStack.xml"]);
  assertEquals(stdout, Deno.readTextFileSync(own));
  assertEquals(await faultsOf(image), "");
});

Deno.test("what install cannot put on a disk is refused in one line, and nothing is written", async () => {
  using folder = new TemporaryFolder();
  const file = folder.write("Mine.il", il);
  let manifests = 0;
  const manifest = (text: string) => ["--manifest", folder.write(`${manifests++}.xml`, text)];
  const body = il.slice(il.indexOf("\n") + 1).replace('"it runs: "', 'fetch("x")');
  const hostile = folder.write("Hostile.il", formatIl(header, body));
  const cases: readonly (readonly [words: readonly string[], expected: RegExp])[] = [
    [[file], /Mine\.il" has no manifest: there is neither ".*Mine\.xml" nor one that ships/],
    [[file, ...manifest("<application>")], /\d\.xml:1:\d+: /],
    [
      [file, ...manifest(manifestOf("Mine", undefined, "apps/other/main.ts"))],
      /is the manifest of Mine \("apps\/other/,
    ],
    [[file, ...manifest(manifestOf("FileSystem"))], /started from the boot archive/],
    [[file, ...manifest(manifestOf("a/b"))], /the name of a program on a disk has no slash/],
    [[folder.write("Text.il", "hello"), ...manifest(manifestOf("Text"))], /Text\.il": IL:1:1: /],
    // What is wrong with an IL comes before what it lacks.
    [[folder.write("Alone.il", "hello")], /Alone\.il": IL:1:1: /],
    [
      [hostile, ...manifest(manifestOf("Mine"))],
      /Hostile\.il": apps\/mine\/main\.ts:9:\d+: "fetch" .*rule free-name/,
    ],
    [[folder.file("None.il"), ...manifest(manifestOf("None"))], /None\.il": not found/],
    [[], /expected one file with intermediate language, got 0/],
  ];
  const before = folder.names;
  for (const [words, expected] of cases) {
    const image = folder.file("disk.img");
    const { status, stdout, stderr } = await helios(["install", ...words, "--disk", image]);
    assertEquals([status, stdout], [1, ""], stderr);
    assertMatch(stderr, /^helios: [^\n]+\n$/);
    assertMatch(stderr, expected);
  }
  assertEquals(folder.names, before);
  const { stderr } = await helios(["install", file]);
  assertMatch(stderr, /^helios: --disk is missing/);
});

Deno.test("a machine without a disk still gives a shell, with programs of the boot archive, and says so", async () => {
  using folder = new TemporaryFolder();
  const machine = folder.write(
    "mine.json",
    changedMachine("helios", (machine) => {
      machine.devices = machine.devices.filter(({ model }) => model !== "sii3114");
    }),
  );
  const { stdout, stderr } = await succeed([
    "boot",
    "--machine",
    machine,
    "--exec",
    "echo still here; ping 10.0.2.2",
  ]);
  assertMatch(stdout, /still here\n/);
  assertMatch(stdout, /0% packet loss/);
  assertEquals(stderr.match(/No boot volume is mounted: programs come from the boot archive/g)?.length, 1);
});

Deno.test("a program on the disk that is refused dies alone, with the reason and the place", () => {
  const encode = (text: string) => new TextEncoder().encode(text);
  const ownFiles = new Map([
    [ilPath("Bad"), encode("this is no intermediate language")],
    [manifestPath("Bad"), encode(manifestOf("Bad"))],
    [manifestPath("Wrong"), encode("<application name='Wrong'/>")],
    [ilPath("King"), encode(il)],
    [
      manifestPath("King"),
      encode(
        manifestOf("King").replace(
          "</endpoints>",
          '</endpoints><privileges><privilege name="system"/></privileges>',
        ),
      ),
    ],
  ]);
  const booted = new BootedMachine({ ownFiles });
  const reasonOf = (name: string) => `${booted.command(name).error}`;
  assertMatch(reasonOf("Bad"), /^Cannot run "Bad": Cannot load Bad: IL:1:1: [^\n]+$/);
  assertMatch(
    reasonOf("Wrong"),
    /^Cannot run "Wrong": \/manifests\/Wrong\.xml:1: <application> has no attribute source$/,
  );
  assertMatch(reasonOf("King"), /^Cannot run "King": \/manifests\/King\.xml asks for the privilege system/);
  assertMatch(reasonOf("Nobody"), /^Cannot run "Nobody": no program named Nobody$/);
  booted.command("rm /fs/bin/Ping.il");
  assertMatch(reasonOf("Ping"), /^Cannot run "Ping": \/bin\/Ping\.il: it is not on the boot volume$/);
  assertEquals(booted.command("explain NetStack").chosen, "card0");
});

Deno.test("a manifest that is edited on the disk counts from the next start on", () => {
  const booted = new BootedMachine();
  const chosen = () => booted.command("explain Ping").chosen;
  assert(chosen() !== "card0");
  booted.command("cp /fs/manifests/Ping.xml /fs/Ping.xml");
  const text = manifestOf("Ping", "xscale", "apps/ping/main.ts").trim();
  booted.command(`echo '${text}' > /fs/manifests/Ping.xml`);
  assertEquals(chosen(), "card0");
  assertEquals(booted.command("manifest Ping").rows.map(({ text }) => text), [text]);
});
