/**
 * Shell: commands and programs, for a person at the console or for a script.
 *
 * Arguments: none: interactive, with prompt, echo and line editing. `-c LINE` runs
 * one line. `--batch` reads lines from standard input, without prompt or echo.
 * `--json` prints one object `{"command": ..., "rows": [...]}` for each command.
 * - The exit status is that of the last command; 1 for arguments that it cannot read.
 * - Ctrl-D on an empty line, or the end of input, ends it.
 */

import { fileSystemContract } from "../../fs/contracts/file_system.ts";
import type { Call, Kernel, Program } from "../../kernel/abi/kernel.ts";
import type { ProgramDeclaration } from "../../kernel/abi/program.ts";
import { consoleContract } from "../../kernel/contracts/console.ts";
import { processManagerContract } from "../../kernel/contracts/process_manager.ts";
import { LineReader } from "../../kernel/abi/text.ts";
import { ipConfigContract } from "../../net/contracts/ip_config.ts";
import type { EndOccurrence } from "./background.ts";
import { Keyboard } from "./keyboard.ts";
import { LineEditor } from "./line_editor.ts";
import { PipeOutput } from "./output.ts";
import { completions, Shell } from "./shell.ts";

export const program = {
  name: "Shell",
  doc: "Commands and programs, for a person at the console or for a script",
  endpoints: [consoleContract, processManagerContract, fileSystemContract, ipConfigContract],
  parameters: [
    { name: "--json", doc: "Prints one JSON object for each command" },
    { name: "--batch", doc: "Reads lines from standard input, without prompt or echo" },
    { name: "-c LINE", doc: "Runs one line and ends" },
  ],
} as const satisfies ProgramDeclaration;

const prompt = "helios> ";
/** The news of a death takes some kernel calls; what died just before the end of input is told, too. */
const newsNs = 1e6;
const greeting = 'Helios. "help" lists the commands.\n';

interface Options {
  readonly json: boolean;
  readonly batch: boolean;
  readonly line: string | undefined;
}

export default function* main(kernel: Kernel): Program {
  const output = new PipeOutput(kernel, kernel.stdout);
  const options = parseOptions(kernel.arguments);
  if (typeof options === "string") {
    yield* output.text(`${options}\n`);
    return 1;
  }
  const { json, batch, line } = options;
  if (line !== undefined) {
    const shell = new Shell(kernel, output, { json });
    const status = yield* shell.runLine(line);
    yield* shell.tellDeaths(newsNs);
    return status ?? 0;
  }
  if (batch) return yield* runBatch(kernel, new Shell(kernel, output, { json }));
  return yield* runInteractive(kernel, output, json);
}

/** The options, or one line that says what is wrong with the arguments. */
function parseOptions(words: readonly string[]): Options | string {
  let json = false, batch = false;
  let line: string | undefined;
  for (let index = 0; index < words.length; index++) {
    const word = words[index]!;
    if (word === "--json") json = true;
    else if (word === "--batch") batch = true;
    else if (word === "-c" && index + 1 < words.length) line = words[++index]!;
    else if (word === "-c") return 'Cannot start the shell: "-c" needs a command line after it';
    else {return `Cannot start the shell: "${word}" is not an option; usage: Shell [--json] [--batch | -c LINE]`;}
  }
  return { json, batch, line };
}

function* runBatch(kernel: Kernel, shell: Shell): Call<number> {
  const lines = new LineReader(kernel, kernel.stdin);
  let status = 0;
  for (;;) {
    const line = yield* lines.next();
    if (line === undefined) break;
    status = (yield* shell.runLine(line)) ?? status;
  }
  yield* shell.tellDeaths(newsNs);
  return status;
}

function* runInteractive(kernel: Kernel, output: PipeOutput, json: boolean): Call<number> {
  const keyboard = new Keyboard(kernel, output);
  const shell = new Shell(kernel, output, { json, keyboard });
  const editor = new LineEditor(prompt, completions);
  const tell = function* (event: EndOccurrence): Call<void> {
    const death = yield* shell.background.take(event);
    if (death === undefined) return;
    yield* output.text("\r\x1b[K");
    yield* shell.tellDeath(death);
    yield* output.text(editor.prompt);
  };
  let status = 0;
  yield* output.text(`${greeting}${editor.prompt}`);
  for (;;) {
    const byte = yield* keyboard.next(shell.background, tell);
    if (byte === undefined) return status;
    const { output: echo, line, isEnd } = editor.type(byte);
    yield* output.text(echo);
    if (isEnd === true) return status;
    if (line === undefined) continue;
    status = (yield* shell.runLine(line)) ?? status;
    yield* output.text(output.isInLine ? `\r\n${editor.prompt}` : editor.prompt);
  }
}
