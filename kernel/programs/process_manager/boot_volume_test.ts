/**
 * Programs from the boot volume: what is read, when, and how a missing or wrong file is told.
 *
 * A file system in memory is one of the test machine's services; a program's IL is its name, so a
 * program that starts has come from its file.
 */

import { assert, assertEquals } from "@std/assert";
import type { Kernel, Program } from "../../abi/kernel.ts";
import { ilBytesMax } from "../../abi/program_paths.ts";
import { takeText } from "../../abi/text.ts";
import { pipeContract } from "../../contracts/pipe.ts";
import { processManagerContract } from "../../contracts/process_manager.ts";
import { TestFiles } from "../testing/test_files.ts";
import { TestMachine } from "../testing/test_machine.ts";
import processManager from "./main.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const manifestOf = (name: string): Uint8Array => bytes(`<application name="${name}"/>`);

/** A machine with a boot volume on which `names` are installed. */
function machineWithVolume(...names: string[]): { machine: TestMachine; files: TestFiles } {
  const machine = new TestMachine();
  const files = new TestFiles();
  machine.programs.set("FileSystem", {
    main: files.main,
    description: { services: [{ contract: "FileSystemContract", path: "/fs" }] },
  });
  machine.programs.set("Sleep", { main: function* () {} });
  machine.bootList = [{ program: "FileSystem", arguments: [] }];
  for (const name of names) {
    machine.onVolume.add(name);
    machine.programs.set(name, { main: function* () {} });
    files.files.set(`/bin/${name}.il`, bytes(name));
    files.files.set(`/manifests/${name}.xml`, manifestOf(name));
  }
  return { machine, files };
}

/** Boots, and asks for programs by name: "started", or why not. */
function run(machine: TestMachine, ...programs: string[]): string[] {
  const answers: string[] = [];
  machine.boot(processManager, ["--headless"], 60e9, () => machine.log.includes("ready"));
  const client = machine.bench.start("Test", function* (kernel: Kernel): Program {
    const manager = yield* kernel.bind(processManagerContract, "/service/processes");
    for (const program of programs) {
      const stdin = yield* kernel.createChannel(pipeContract);
      const stdout = yield* kernel.createChannel(pipeContract);
      yield* manager.send("run", { program, arguments: "", stdin: stdin.server, stdout: stdout.client });
      const answer = yield* manager.receive();
      answers.push(answer.tag === "failed" ? answer.reason : answer.tag);
      if (program === "Sleep") yield* kernel.sleep(2e9);
    }
  });
  machine.run(() => client.status !== undefined);
  assertEquals([machine.bugs, client.status], [[], 0], machine.bench.waits().join("; "));
  return answers;
}

Deno.test("a program that is only on the boot volume is started from its files", () => {
  const { machine } = machineWithVolume("Mine");
  assertEquals(run(machine, "Mine"), ["started"]);
  assertEquals(machine.launched, ["Controller@kernel0", "FileSystem@kernel0", "Mine@kernel0"]);
});

Deno.test("a service of the boot list that is on the volume starts after the file system that stands behind it", () => {
  const { machine } = machineWithVolume("Mail");
  machine.bootList.unshift({ program: "Mail", arguments: [] });
  run(machine);
  assertEquals(machine.launched, ["Controller@kernel0", "FileSystem@kernel0", "Mail@kernel0"]);
});

Deno.test("without a boot volume its programs come from the boot archive, and one line of the log says so", () => {
  const { machine } = machineWithVolume("Mine");
  machine.bootList = [];
  assertEquals(run(machine, "Mine"), ["started"]);
  assertEquals(machine.log.filter((line) => line.includes("volume")), [
    "No boot volume is mounted: programs come from the boot archive",
  ]);
});

Deno.test("a program of the boot archive is not replaced by a file of its name on the volume", () => {
  const { machine, files } = machineWithVolume("Mine");
  files.files.set("/bin/Sleep.il", bytes("Mine"));
  files.files.set("/manifests/Sleep.xml", manifestOf("Sleep"));
  assertEquals(run(machine, "Sleep"), ["started"]);
  assertEquals(machine.launched.at(-1), "Sleep@kernel0");
});

Deno.test("a name that nobody has is said to be none, whatever characters are in it", () => {
  const { machine } = machineWithVolume("Mine");
  const names = ["Nope", "../bin/Mine", "/", "a/b"];
  assertEquals(run(machine, ...names), names.map((name) => `no program named ${name}`));
});

Deno.test("a program of which one file is missing is refused by the file's name", () => {
  const { machine, files } = machineWithVolume("Mine", "Other");
  files.files.delete("/manifests/Mine.xml");
  files.files.delete("/bin/Other.il");
  assertEquals(run(machine, "Mine", "Other"), [
    "/bin/Mine.il is on the boot volume, but its manifest /manifests/Mine.xml is not",
    "/bin/Other.il: it is not on the boot volume",
  ]);
});

Deno.test("a manifest of another program, one with a privilege, and files that are too large are refused", () => {
  const { machine, files } = machineWithVolume("Mine", "King", "Long", "Huge");
  machine.programs.set("King", { main: function* () {}, description: { privileges: ["system"] } });
  files.files.set("/manifests/Mine.xml", manifestOf("King"));
  files.files.set("/manifests/Long.xml", new Uint8Array(65_537));
  files.files.set("/bin/Huge.il", new Uint8Array(ilBytesMax + 1));
  assertEquals(run(machine, "Mine", "King", "Long", "Huge"), [
    '/manifests/Mine.xml is the manifest of "King"',
    "/manifests/King.xml asks for the privilege system, which only programs of the boot archive get",
    "/manifests/Long.xml: it has 65537 bytes, expected at most 65536",
    "/bin/Huge.il: it has 4194305 bytes, expected at most 4194304",
  ]);
});

Deno.test("a file of many pieces arrives whole", () => {
  const { machine, files } = machineWithVolume("Mine");
  const name = "N".repeat(700_001);
  machine.programs.set(name, { main: function* () {} });
  files.files.set("/bin/Mine.il", bytes(name));
  assertEquals(run(machine, "Mine"), ["started"]);
  assert(machine.launched.at(-1) === `${name}@kernel0`);
});

Deno.test("a file system that has gone is the reason why a program cannot be read", () => {
  const { machine, files } = machineWithVolume("Mine");
  machine.programs.set("FileSystem", {
    main: function* (kernel): Program {
      yield* kernel.createThread(() => files.main(kernel));
      yield* kernel.sleep(1e9);
      return yield* kernel.exit(0);
    },
    description: { services: [{ contract: "FileSystemContract", path: "/fs" }] },
  });
  assertEquals(run(machine, "Mine", "Sleep", "Mine"), [
    "started",
    "started",
    "/manifests/Mine.xml: no file system is mounted at /fs",
  ]);
});

Deno.test("the manifest that is shown is the one on the volume, as it is now", () => {
  const { machine, files } = machineWithVolume("Mine");
  machine.boot(processManager, ["--headless"], 60e9, () => machine.log.includes("ready"));
  const shown: string[] = [];
  const client = machine.bench.start("Test", function* (kernel: Kernel): Program {
    const manager = yield* kernel.bind(processManagerContract, "/service/processes");
    for (const comment of ["", "<!-- edited -->"]) {
      files.files.set("/manifests/Mine.xml", bytes(`<application name="Mine"/>${comment}`));
      yield* manager.send("manifest", { program: "Mine" });
      const answer = yield* manager.receive();
      if (answer.tag === "text") shown.push(yield* takeText(kernel, answer.text));
    }
  });
  machine.run(() => client.status !== undefined);
  assertEquals(shown, ['<application name="Mine"/>', '<application name="Mine"/><!-- edited -->']);
});
