/**
 * A Helios that stands alone: one file, or one binary, in an empty folder, without checkout or network.
 *
 * The bundle is made once, and run by Deno with nothing in its caches and no leave to fetch anything.
 * - `deno compile` needs a runtime base that Deno downloads, or that DENORT_BIN names. Without one of
 *   them the binary cannot be booted, and the test says so after it has looked at what goes in.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { readManifests, shippedManifests } from "../hw/host/program_files.ts";
import { entryModule } from "../hw/host/standalone.ts";
import { shippedMachines } from "../hw/machines/machines.ts";
import { commandOf, describe, hashOf, projectFolder, run, succeed, TemporaryFolder } from "./command_line.ts";

const folder = new TemporaryFolder();
globalThis.addEventListener("unload", () => folder[Symbol.dispose]());
const bundleFile = folder.file("helios.js");
const made = await succeed(["bundle", bundleFile]);

/** Runs a program in an empty folder, with empty caches of Deno's. */
async function runAlone(program: string, words: readonly string[]) {
  const place = Deno.makeTempDirSync({ dir: folder.path });
  return await run(program, words, { alone: place });
}

const helios = (...words: string[]) =>
  runAlone(Deno.execPath(), ["run", "-A", "--no-remote", "--cached-only", bundleFile, ...words]);

Deno.test("the bundle boots from an empty folder, and its machine does what that of the checkout does", async () => {
  const exec = "ps; ls /fs/bin; ls /fs/manifests; manifest Ping; run Ping 10.0.2.2";
  const options = ["boot", "--json", "--exec", exec];
  const [alone, checkout] = [await helios(...options), await succeed(options)];
  assertEquals(alone.status, 0, describe(alone));
  assertEquals(hashOf(alone), hashOf(checkout));
  const names = (command: string) => alone.stdout.includes(`{"command":"${command}"`);
  assert(names("ps") && names("ls") && names("manifest"));
  assertMatch(JSON.stringify(commandOf(alone.stdout, "run").rows), / 0% packet loss/);
});

Deno.test("the bundle makes a disk image, lists its machines, and says that it cannot build", async () => {
  const image = folder.file("disk.img");
  const booted = await helios("boot", "--disk", image, "--exec", "echo kept > /fs/kept");
  assertEquals(booted.status, 0, describe(booted));
  assert(Deno.statSync(image).size > 1 << 20);
  for (const name of shippedMachines.keys()) {
    const { stdout } = await helios("machines", name);
    assertEquals(JSON.parse(stdout), shippedMachines.get(name));
  }
  for (const command of ["build", "bundle"]) {
    const { status, stderr } = await helios(command);
    assertEquals(status, 1);
    assertEquals(stderr, `helios: "${command}" needs a checkout of Helios, and this one is a single file\n`);
  }
});

Deno.test("a manifest of a program that the bundle does not carry is refused before the machine boots", async () => {
  const manifests = folder.file("manifests");
  Deno.mkdirSync(manifests);
  for (const { name } of Deno.readDirSync(shippedManifests)) {
    Deno.copyFileSync(`${shippedManifests}/${name}`, `${manifests}/${name}`);
  }
  const driver = `<devices><device vendor="0x8086" device="0x9999" /></devices>`;
  const text = `<application name="Mine" source="apps/mine/main.ts">${driver}</application>`;
  Deno.writeTextFileSync(`${manifests}/Mine.xml`, text);
  const { status, stderr } = await helios("boot", "--manifests", manifests, "--exec", "ps");
  assertEquals(status, 1);
  assertEquals(
    stderr,
    'helios: Cannot find program "apps/mine/main.ts": this Helios stands alone and does not carry it\n',
  );
});

Deno.test("the bundle holds every program, manifest and machine file, and no path of this host", () => {
  const { programs, system } = readManifests(shippedManifests);
  assertMatch(
    made.stdout,
    new RegExp(`^${programs.length} programs and ${shippedMachines.size} machines are in `),
  );
  const text = Deno.readTextFileSync(bundleFile);
  assert(!text.includes(projectFolder), "the bundle names the folder that it was made in");
  const entry = entryModule({ manifests: { programs, system }, ils: { "a/main.ts": "the IL" } });
  for (const { text } of [...programs, system]) assert(entry.includes(JSON.stringify(text)));
  assert(entry.includes(`"a/main.ts": "the IL"`) && !entry.includes(projectFolder));
});

Deno.test("deno compile makes a binary of the bundle that boots, where there is a runtime base for it", async () => {
  const binary = folder.file("helios");
  const compiled = await run(Deno.execPath(), ["compile", "-A", "--output", binary, bundleFile]);
  if (compiled.status !== 0 && Deno.env.get("DENORT_BIN") === undefined) {
    assertMatch(compiled.stderr, /dl\.deno\.land|denort/, describe(compiled));
    console.log(
      "NOT BOOTED: deno compile has no runtime base here (name one in DENORT_BIN); the bundle is checked",
    );
    return;
  }
  assertEquals(compiled.status, 0, describe(compiled));
  const booted = await runAlone(binary, ["boot", "--exec", "echo from the binary"]);
  assertEquals(booted.status, 0, describe(booted));
  assertMatch(booted.stdout, /from the binary/);
});
