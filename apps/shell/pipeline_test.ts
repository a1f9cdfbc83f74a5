/**
 * Pipelines: what one command or program writes, the next program reads.
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Program } from "../../kernel/abi/kernel.ts";
import { encodeText, LineReader, writeText } from "../../kernel/abi/text.ts";
import { Booted, runLine } from "./testing/booted.ts";

/** With programs that count what they read, and that write line after line for as long as somebody reads. */
function booted(): Booted {
  const booted = new Booted();
  booted.machine.programs.set("Count", {
    *main(kernel): Program {
      const lines = new LineReader(kernel, kernel.stdin);
      let count = 0;
      while ((yield* lines.next()) !== undefined) count++;
      yield* writeText(kernel, kernel.stdout, `${count} lines\n`);
      return count % 256;
    },
  });
  booted.machine.programs.set("Chatter", {
    *main(kernel): Program {
      for (let count = 0;; count++) {
        if (!(yield* writeText(kernel, kernel.stdout, `line ${count}\n`))) return 5;
      }
    },
  });
  booted.machine.programs.set("First", {
    *main(kernel): Program {
      const line = yield* new LineReader(kernel, kernel.stdin).next();
      yield* writeText(kernel, kernel.stdout, `first is ${line}\n`);
    },
  });
  return booted;
}

function run(line: string, ...options: string[]) {
  const { uart, machine } = booted().run(["-c", line, ...options]);
  return { text: uart.shown, status: machine.exitStatus };
}

Deno.test("a program reads what the one before it writes, and the line's status is the last one's", () => {
  assertEquals(run("Ping a | Upper"), { text: "PINGING A\n", status: 0 });
  assertEquals(run("Ping a | Upper | Count"), { text: "1 lines\n", status: 1 });
  assertEquals(run("ping a | run Upper"), { text: "PINGING A\n", status: 0 });
});

Deno.test("a command may stand first: its text, a file, or its table goes into the pipe", () => {
  assertEquals(run("echo one two | Upper"), { text: "ONE TWO\n", status: 0 });
  assertMatch(run("kernels | Upper").text, /^NAME +ROLE .*\nKERNEL0 +COORDINATOR /);
  const machine = booted();
  machine.files.files.set("/long", encodeText("line\n".repeat(70_000)));
  assertEquals(machine.run(["-c", "cat /fs/long | Count"]).uart.shown, "70000 lines\n");
});

Deno.test("the shell itself reads a pipe: a file of commands is run", () => {
  assertEquals(run("echo 'echo inner; Ping b' | Shell --batch"), { text: "inner\npinging b\n", status: 4 });
});

Deno.test("output of a pipeline goes to a file, and in JSON it is the last program's", () => {
  assertEquals(run("Ping a | Upper > /fs/x; cat /fs/x").text, "PINGING A\n");
  const { command, program, rows, status } = JSON.parse(run("Ping a | Upper", "--json").text);
  assertEquals([command, program, rows, status], ["Upper", "Upper", [{ text: "PINGING A" }], 0]);
});

Deno.test("a writer whose reader has ended learns so and ends", () => {
  const machine = booted().run(["-c", "Chatter | First; ps"]);
  assertStringIncludes(machine.uart.shown, "first is line 0\n");
  assertEquals(machine.machine.process("Chatter")!.status, 5);
  const files = booted();
  files.files.files.set("/long", encodeText("line\n".repeat(70_000)));
  assertEquals(files.run(["-c", "cat /fs/long | First"]).uart.shown, "first is line\n");
});

Deno.test("a program that dies ends the input of the next, and both are told of", () => {
  const { text, status } = run("Doomed 1000 | Count");
  assertMatch(text, /^0 lines\nDoomed \(process \d+\) on kernel0 died: /);
  assertEquals(status, 0);
  const last = run("Ping a | Doomed 1000");
  assertMatch(last.text, /^Doomed \(process \d+\) on kernel0 died: /);
  assertEquals(last.status, 1);
});

Deno.test("what cannot be a pipeline is one clear line, and none of its programs runs on", () => {
  assertEquals(run("Ping | ls"), {
    text: 'Cannot run "ls" behind "|": only programs read what comes there\n',
    status: 1,
  });
  assertEquals(run("Ping |"), {
    text: 'Cannot read "Ping |": after "|" comes a program\n',
    status: 1,
  });
  assertEquals(
    run("cat /fs/nothing | Count").text,
    `0 lines\nCannot read "/fs/nothing": there is no such file or directory\n`,
  );
  const machine = booted().run(["-c", "Endless | Nonsense; ps"]);
  assertStringIncludes(machine.uart.shown, 'Cannot run "Nonsense": no program named Nonsense\n');
  assertEquals(machine.machine.process("Endless")!.status, 137);
});

Deno.test("what is typed goes to the first program, and Ctrl-C ends all", () => {
  const typed = booted().interactive();
  typed.uart.type("Upper | Count\r");
  typed.until("Upper | Count").uart.type("a\rb\r\x04");
  typed.until("2 lines");
  const ended = booted().interactive();
  ended.uart.type("Endless | Upper\r");
  ended.until("Endless | Upper").machine.run(() => ended.machine.process("Upper") !== undefined);
  ended.uart.type("\x03");
  ended.until("^C").uart.type("echo on\r");
  ended.until("\non");
  assert(["Endless", "Upper"].every((name) => ended.machine.process(name)!.status !== undefined));
});

Deno.test("a pipeline runs in the background, too", () => {
  const machine = booted().interactive();
  machine.uart.type("Ping a | Upper &\r");
  machine.until("PINGING A").uart.type("Ping | ls &\r");
  machine.until('Cannot run "ls" in the background: only programs can');
  assertEquals(runLine("echo a | Upper &").text, 'Cannot run "echo" in the background: only programs can\n');
});
