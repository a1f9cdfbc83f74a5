/**
 * Commands about files and names, run on the test kernel with a file system in memory.
 *
 * No process manager: these commands need none, and the namespace holds just what a
 * test registers.
 */

import { assertEquals } from "@std/assert";
import { pipeContract } from "../../kernel/contracts/pipe.ts";
import { TestFiles } from "../../kernel/programs/testing/test_files.ts";
import { TestKernel } from "../../kernel/programs/testing/test_kernel.ts";
import { fileContract, fileSystemContract } from "../../fs/contracts/file_system.ts";
import { ipConfigContract } from "../../net/contracts/ip_config.ts";
import type { Row } from "./table.ts";
import { fileCommands } from "./file_commands.ts";
import { PipeOutput } from "./output.ts";

/** What a command answers; `start` registers what it shall find. */
function run(line: string, start: (kernel: TestKernel) => void): { rows: readonly Row[]; error: string } {
  const bench = new TestKernel();
  start(bench);
  let found: { rows: readonly Row[]; error: string } | undefined;
  const client = bench.start("Client", function* (kernel) {
    yield* kernel.sleep(1e6);
    const words = line.split(" ");
    const command = fileCommands.find(({ name }) => name === words[0])!;
    const output = new PipeOutput(kernel, kernel.stdout);
    const { rows = [], error = "" } = yield* command.run({ kernel, words, output, keyboard: undefined });
    found = { rows, error };
  });
  bench.run(() => client.status !== undefined, 60e9);
  assertEquals(client.fault, "");
  return found!;
}

Deno.test("ls shows the directories of the namespace beside the names, each once", () => {
  const register = (kernel: TestKernel) => {
    kernel.start("Services", function* (kernel) {
      yield* kernel.register(ipConfigContract, "/service/ip");
      yield* kernel.register(ipConfigContract, "/service/ip2");
      yield* kernel.register(fileSystemContract, "/fs");
      yield* kernel.sleep(1e12);
    });
  };
  const shown = (line: string) => run(line, register).rows.map(({ kind, name }) => `${kind} ${name}`).sort();
  assertEquals(shown("ls"), ["directory service", "service fs"]);
  assertEquals(shown("ls /service"), ["service ip", "service ip2"]);
});

Deno.test("a file is not copied onto itself, however its path is written", () => {
  const files = new TestFiles();
  files.files.set("/Notes.txt", new TextEncoder().encode("kept"));
  for (const to of ["/fs/Notes.txt", "/fs/notes.TXT", "/fs//Notes.txt"]) {
    const { error } = run(`cp /fs/Notes.txt ${to}`, (kernel) => kernel.start("FileSystem", files.main));
    assertEquals(error, `Cannot copy "/fs/Notes.txt" to "${to}": they are the same file (${to})`);
  }
  assertEquals([...files.files.keys()], ["/", "/Notes.txt"]);
  assertEquals(new TextDecoder().decode(files.files.get("/Notes.txt")), "kept");
});

Deno.test("a file system that goes away under an open file is a failure of the command, not of the shell", () => {
  const { error } = run("cat /fs/x", (kernel) => {
    kernel.start("FileSystem", function* (kernel) {
      const service = yield* kernel.register(fileSystemContract, "/fs");
      const client = yield* service.accept();
      yield* client.receive();
      const opened = yield* kernel.createChannel(fileContract);
      yield* opened.server.close();
      yield* client.send("opened", { file: opened.client, size: 0 });
    });
  });
  assertEquals(error, 'Cannot read "/fs/x": the file system is gone');
});

Deno.test("the standard output knows whether a line is open", () => {
  const bench = new TestKernel();
  const seen: boolean[] = [];
  const process = bench.start("Client", function* (kernel) {
    const pipe = yield* kernel.createChannel(pipeContract);
    yield* kernel.createThread(function* () {
      for (;;) {
        const message = yield* pipe.server.receiveOrClosed();
        if (message === undefined) return;
        yield* kernel.free(message.data);
        yield* pipe.server.send("written");
      }
    });
    const output = new PipeOutput(kernel, pipe.client);
    for (const text of ["a", "b\n", "", "c\nd"]) {
      yield* output.text(text);
      seen.push(output.isInLine);
    }
    yield* pipe.client.close();
  });
  bench.run(() => process.status !== undefined, 60e9);
  assertEquals(process.fault, "");
  assertEquals(seen, [true, false, false, true]);
});
