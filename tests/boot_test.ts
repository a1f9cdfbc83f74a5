/**
 * Boot: what the log says, how long it takes, and that every shipped machine gets to its prompt.
 *
 * Each test boots a whole machine by the command line or inside the test's process.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { BootedMachine } from "./machine_bench.ts";
import {
  commandOf,
  hashOf,
  hasProgram,
  helios,
  jsonLines,
  projectFolder,
  run,
  succeed,
} from "./command_line.ts";

/** A slow host must pass; the time that counts is printed. */
const bootSecondsMax = 30;

Deno.test("the boot log names domains, PCI devices, kernels with ISA and CPUs, and where each service runs", async () => {
  const { stderr, hostSeconds } = await succeed(["boot", "--exec", "ps"]);
  console.log(`boot to the end of one command: ${hostSeconds.toFixed(2)} s of host time`);
  for (
    const line of [
      /SRAT: 2 domains/,
      /domain 0: CPUs 0, 1, 1024 MiB/,
      /domain 1: CPUs 2, 3, 1024 MiB/,
      /device 0:3\.0 8086:100e/,
      /device 0:4\.0 1095:3114/,
      /device 0:5\.0 8086:3310/,
      /card0: device 0:1\.0 8086:1026/,
      /kernel coordinator: x86-k8, 2 CPUs/,
      /kernel numa1: x86-k8, 2 CPUs/,
      /kernel card0: armv5te, 1 CPU,/,
      /NicDriver on card0/,
      /DiskDriver on coordinator/,
      /ConsoleDriver on coordinator/,
      /FileSystem on coordinator/,
      /NetStack on card0/,
      /MailStore on coordinator/,
      /Antivirus on \w+/,
      /Smtp on \w+/,
    ]
  ) assertMatch(stderr, line);
  assert(!stderr.includes("Cannot"), stderr);
  assert(hostSeconds < bootSecondsMax, `boot took ${hostSeconds} s`);
});

Deno.test("boot at a terminal reaches the prompt, takes keys, and ends with Ctrl-D", async () => {
  if (!await hasProgram("script")) return;
  const command = `${Deno.execPath()} run -A ${projectFolder}main.ts boot`;
  // \u0004 is Ctrl-D on an empty line.
  const { status, stdout, hostSeconds } = await run("script", ["-qec", command, "/dev/null"], {
    stdin: "echo to be or not\r\u0004",
  });
  console.log(`boot to the prompt and back: ${hostSeconds.toFixed(2)} s of host time`);
  assertEquals(status, 0, stdout);
  assertMatch(stdout, /helios> /);
  assertMatch(stdout, /\nto be or not\r?\n/);
  assert(hostSeconds < bootSecondsMax);
});

Deno.test("boot without a terminal reads commands to the end of its input and exits with the last status", async () => {
  const good = await helios(["boot"], { stdin: "cat /fs/none\necho hello\n" });
  assertEquals(good.status, 0);
  assertMatch(good.stdout, /hello\n/);
  const bad = await helios(["boot"], { stdin: "echo hello\ncat /fs/none\n" });
  assertEquals(bad.status, 1);
  const own = await helios(["boot"], { stdin: "shutdown 7\n" });
  assertEquals(own.status, 7);
});

Deno.test("boot --exec exits with the status of its last command", async () => {
  const { status, stdout } = await helios(["boot", "--exec", "echo hello; cat /fs/none"]);
  assertEquals(status, 1);
  assertMatch(stdout, /hello\n/);
});

Deno.test("boot --for switches the machine off at that instant of virtual time", async () => {
  const { stdout } = await succeed(["boot", "--headless", "--for", "2", "--json"]);
  assertEquals(commandOf(stdout, "halt").virtualSeconds, 2);
  assert(commandOf(stdout, "ready").virtualSeconds as number < 2);
});

Deno.test("with --json every command prints one object whose rows have exactly the documented fields", async () => {
  const exec = "ps; kernels; channels; heap; transfers; ns; explain Ping; ipconfig; ls /fs; ls /; help";
  const finished = await succeed(["boot", "--json", "--exec", exec]);
  const { stdout } = finished;
  const lines = jsonLines(stdout);
  assertEquals(lines.map(({ command }) => command), [
    ...exec.split("; ").map((line) => line.split(" ")[0]),
    "halt",
  ]);
  // In the order of `exec`; the tables of docs/command-line.md.
  const fields = [
    "allocatedKiB:number cpuMs:number kernel:string memoryKiB:number pid:number program:string state:string threads:number",
    "cpus:number isa:string memoryMiB:number name:string path:string place:string platform:string reason:string role:string state:string",
    "client:string contract:string id:string kind:string server:string",
    "blocks:number bytes:number kernel:string name:string part:string",
    "blockBytes:number carriedBytes:number chainedWrites:number chains:number descriptors:number kernel:string " +
    "peer:string receivedMessages:number sentMessages:number transport:string waiting:number",
    "attributes:string contract:string kernel:string kind:string path:string platform:string process:string target:string",
    "kept:boolean kernel:string pass:string sum:number",
    "address:string droppedFrames:number lease:string leaseLeftNs:number linkUp:boolean mac:string " +
    "malformedFrames:number mask:string missedFrames:number mtu:number name:string receivedFrames:number " +
    "router:string transmittedFrames:number",
    "kind:string name:string size:number",
    "contract:string kernel:string kind:string name:string",
    "doc:string usage:string",
  ];
  fields.forEach((expected, index) => {
    const { command, rows } = lines[index]!;
    assert(rows.length > 0, command);
    for (const row of rows) {
      const found = Object.entries(row).map(([field, value]) => `${field}:${typeof value}`).sort().join(" ");
      assertEquals(found, expected, `${command}: ${JSON.stringify(row)}`);
    }
  });
  const roles = commandOf(stdout, "kernels").rows.map(({ role, place }) => [role, place]);
  assertEquals(roles, [["coordinator", "domain 0"], ["satellite", "domain 1"], ["satellite", "card 0"]]);
  const kinds = new Set(commandOf(stdout, "channels").rows.map(({ kind }) => kind));
  assertEquals(kinds, new Set(["local", "remote"]));
  for (const { client, server } of commandOf(stdout, "channels").rows) {
    for (const end of [client, server]) assertMatch(String(end), /@(coordinator|numa1|card0)$/);
  }
  const heap = commandOf(stdout, "heap").rows;
  assertEquals(heap.filter(({ part }) => part === "total").map(({ kernel }) => kernel), [
    "coordinator",
    "numa1",
    "card0",
  ]);
  assert(heap.some(({ part, name }) => part === "owner" && /^NicDriver:\d+@/.test(String(name))));
  assertEquals(heap.filter(({ name }) => name === "nobody"), []);
  const halt = commandOf(stdout, "halt");
  assertEquals(halt.eventLogHash, hashOf(finished));
  assert(halt.virtualSeconds > 0 && halt.hostSeconds > 0);
});

Deno.test("the description of the task helios names the commands that --help names", async () => {
  const { stdout } = await succeed(["--help"]);
  const commands = new Set([...stdout.matchAll(/deno task helios (\w+)/g)].map(([, command]) => command!));
  const { tasks } = JSON.parse(Deno.readTextFileSync(new URL("../deno.json", import.meta.url)));
  const described: string[] = tasks.helios.description.replace("The command line: ", "").split(", ");
  assertEquals(described.sort(), [...commands].sort());
});

const machines: Readonly<Record<string, readonly string[]>> = {
  "helios": ["coordinator x86-k8 2", "numa1 x86-k8 2", "card0 armv5te 1"],
  "core2-iop348": ["coordinator x86-core2 2", "card0 armv5te 1"],
  "opteron-numa": ["coordinator x86-k8 2", "numa1 x86-k8 2"],
  "opteron-interleaved": ["coordinator x86-k8 4"],
};

for (const [machine, kernels] of Object.entries(machines)) {
  Deno.test(`${machine} boots to a shell with its kernels, a disk and a network that answers`, () => {
    const booted = new BootedMachine({ machine });
    const rows = booted.command("kernels").rows;
    assertEquals(rows.map(({ name, isa, cpus }) => `${name} ${isa} ${cpus}`), kernels);
    assertEquals(booted.command("ls /fs").rows.map(({ name }) => name), ["email", "bin", "manifests"]);
    assert(booted.ping() > 0);
    assertEquals(booted.bootLog.filter((line) => /Cannot|fault/i.test(line)), []);
  });
}

Deno.test("the network of each shipped machine is on the kernel of the NIC that has a cable", () => {
  const kernels = Object.keys(machines).map((machine) => new BootedMachine({ machine }).kernelOf("NetStack"));
  assertEquals(kernels, ["card0", "card0", "coordinator", "coordinator"]);
});
