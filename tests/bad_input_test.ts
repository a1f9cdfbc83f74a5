/**
 * Bad input: one line that names file, place and reason, exit status 1, and nothing written.
 *
 * Every case asks for a new disk image, a trace and a capture, none of which may come to be.
 */

import { assertEquals, assertMatch } from "@std/assert";
import {
  changedMachine,
  editedManifests,
  helios,
  jsonLines,
  type Machine,
  succeed,
  TemporaryFolder,
} from "./command_line.ts";

/** Runs `boot` with these options and checks that it was refused as it should be. */
async function refuse(
  options: (folder: TemporaryFolder) => readonly string[],
  expected: RegExp,
  replaced: readonly string[] = [],
): Promise<void> {
  using folder = new TemporaryFolder();
  const given = options(folder);
  const before = folder.names;
  const written = ["disk", "trace", "pcap"].filter((name) => !replaced.includes(name));
  const words = written.flatMap((name) => [`--${name}`, folder.file(`${name}.out`)]);
  const { status, stdout, stderr } = await helios(["boot", ...words, ...given, "--exec", "ps"]);
  assertEquals([status, stdout], [1, ""], stderr);
  assertMatch(stderr, /^helios: [^\n]+\n$/);
  assertMatch(stderr, expected);
  assertEquals(folder.names, before, "files were written");
}

const machineFile = (change: (machine: Machine) => void) => (folder: TemporaryFolder) => [
  "--machine",
  folder.write("mine.json", changedMachine("helios", change)),
];

Deno.test("a machine file with a figure of the wrong type is refused with file, path, value and what was expected", () =>
  refuse(
    machineFile(({ host }) => host.memory.localNs = "fast"),
    /machine ".*mine\.json": host\.memory\.localNs is "fast", must be /,
  ));

Deno.test("a machine file with a misspelt field is refused by the field's name", () =>
  refuse(
    machineFile(({ host }) => host.frequencyhz = 1),
    /mine\.json": host\.frequencyhz is 1, must be absent/,
  ));

Deno.test("a system manifest that names a kernel which the machine has not is refused with its line and the names", async () => {
  using folder = new TemporaryFolder();
  const balancers = `<balancers><balancer name="announce" kernel="numa7" /></balancers><boot>`;
  const manifests = editedManifests(folder, {
    "system.xml": (text) => text.replace("<boot>", balancers),
  });
  await refuse(
    () => ["--manifests", manifests],
    /system\.xml:\d+: kernel is "numa7", this machine has coordinator, numa1, card0$/m,
  );
});

Deno.test("a machine file that is not JSON is refused with its name", () =>
  refuse((folder) => ["--machine", folder.write("mine.json", "{")], /mine\.json": is not JSON/));

Deno.test("a machine file that is not there, and a machine that does not exist, are refused", async () => {
  await refuse((folder) => ["--machine", folder.file("none.json")], /none\.json": not found/);
  await refuse(() => ["--machine", "cray"], /no machine is named "cray"; there are helios, /);
});

Deno.test("a manifest with a syntax error is refused with file, line and reason", () =>
  refuse((folder) => {
    const manifests = editedManifests(folder, {
      "NetStack.xml": (text) => text.replace("</endpoints>", "</endpoint>"),
    });
    return ["--manifests", manifests];
  }, /NetStack\.xml:7:\d+: .*tag/));

Deno.test("a manifest with an affinity that is no number is refused with file and value", () =>
  refuse((folder) => {
    const manifests = editedManifests(folder, {
      "NetStack.xml": (text) => text.replace('affinity="5"', 'affinity="near"'),
    });
    return ["--manifests", manifests];
  }, /NetStack\.xml.*near/));

Deno.test("a manifests folder that is not there, or has no system manifest, is refused", async () => {
  await refuse((folder) => ["--manifests", folder.file("none")], /none": not found/);
  await refuse((folder) => ["--manifests", folder.path], /system\.xml": not found/);
});

Deno.test("a disk image without a FAT32 volume is refused with the reason, and is not changed", async () => {
  const noise = new Uint8Array(2 << 20).map((_, index) => index * 7 % 251);
  for (const [size, reason] of [[2 << 20, /boot signature/], [1000, /size is 1000 bytes/]] as const) {
    using folder = new TemporaryFolder();
    const image = folder.file("noise.img");
    Deno.writeFileSync(image, noise.subarray(0, size));
    await refuse(() => ["--disk", image], reason, ["disk"]);
    assertEquals(Deno.readFileSync(image), noise.slice(0, size));
  }
});

Deno.test("a port that is in use is refused with its number", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  await refuse(() => ["--publish", `${port}:25`], new RegExp(`Cannot publish .*${port}.*in use`));
});

Deno.test("a publication that cannot be understood is refused with its text", async () => {
  await refuse(() => ["--publish", "25"], /Cannot publish "25": expected \[IP:\]HOST:GUEST/);
  await refuse(() => ["--publish", "70000:25"], /host port is "70000"/);
});

Deno.test("an option that does not exist, and one without a value, are refused by name", async () => {
  await refuse(() => ["--frobnicate"], /"--frobnicate" is not an option/);
  await refuse(() => ["--machine"], /--machine/);
  await refuse(() => ["--for", "soon"], /--for is "soon"/);
  await refuse(() => ["--seed", "1.5"], /--seed is "1\.5"/);
});

Deno.test("a trace or capture that cannot be written is refused before anything else is made", async () => {
  await refuse((folder) => ["--trace", folder.file("none/trace")], /none\/trace/, ["trace"]);
  await refuse((folder) => ["--pcap", folder.file("none/pcap")], /none\/pcap/, ["pcap"]);
});

Deno.test("a disk image that cannot be made is refused, and no trace is left", () =>
  refuse((folder) => ["--disk", folder.file("none/disk.img")], /none\/disk\.img/, ["disk"]));

Deno.test("a command that does not exist is refused by name", async () => {
  const { status, stderr } = await helios(["frob"]);
  assertEquals([status, stderr], [1, 'helios: "frob" is not a command; try --help\n']);
});

Deno.test("help is on standard output, for every command and with status 0", async () => {
  for (const words of [["--help"], ["boot", "--help"], ["explain", "--help"], ["machines", "--help"]]) {
    const { stdout } = await succeed(words);
    assertMatch(stdout, /deno task boot/);
  }
});

Deno.test("the shell answers what it cannot do with one sentence and status 1, in text and in JSON", async () => {
  const { stdout, status } = await helios([
    "boot",
    "--json",
    "--exec",
    "frobnicate; cat /fs/none; ps; kill 0",
  ]);
  assertEquals(status, 1);
  const statuses = jsonLines(stdout).slice(0, -1).map((object) => object.status);
  assertEquals([statuses[1], statuses[2], statuses[3]], [1, 0, 1]);
  assertMatch(`${jsonLines(stdout)[1]!.error}`, /Cannot read "\/fs\/none": /);
});
