/**
 * The shell without its terminal: runs command lines and shows their results.
 *
 * A word that is no command is the name of a program. One place decides how a result
 * is shown: a table and a sentence for people, or one JSON object for each command.
 * - A line that cannot be read is refused as a whole, with status 1.
 * - The status of a line is that of its last command.
 */

import { isKernelError } from "../../kernel/abi/errors.ts";
import type { Call, Endpoint, Kernel, Program } from "../../kernel/abi/kernel.ts";
import { consoleContract } from "../../kernel/contracts/console.ts";
import type { pipeContract } from "../../kernel/contracts/pipe.ts";
import { processManagerContract } from "../../kernel/contracts/process_manager.ts";
import { type BackgroundProgram, BackgroundPrograms, type Death } from "./background.ts";
import { type CommandDefinition, type Context, failure, type Result } from "./command.ts";
import { type Command, parseLine, type Words } from "./command_line.ts";
import { fileCommands } from "./file_commands.ts";
import { Failure, FileOutput, openFile } from "./files.ts";
import { runForeground, runToEnd, startPrograms } from "./foreground.ts";
import type { Keyboard } from "./keyboard.ts";
import { machineCommands } from "./machine_commands.ts";
import { KeptOutput, type Output, PipeOutput } from "./output.ts";
import { formatTable, type Row } from "./table.ts";

const consoleTimeoutNs = 1e9;
/** How long a command in front of a pipe may go on after the last program behind it has ended. */
const writerDrainNs = 1e9;

const help: CommandDefinition = {
  name: "help",
  usage: "help",
  doc: "lists the commands",
  words: [0, 0],
  *run({ output }) {
    yield* output.text(
      "A program's name alone runs it. A; B runs both, A & runs a program in the background,\n",
    );
    yield* output.text("A | B gives B the output of A to read, A > FILE keeps it in a file.\n\n");
    const rows = commands.map(({ usage, doc }) => ({ usage, doc }));
    const columns = [{ field: "usage", heading: "COMMAND" }, { field: "doc", heading: "WHAT IT DOES" }];
    return { status: 0, rows, columns };
  },
};

const commands: readonly CommandDefinition[] = [help, ...machineCommands, ...fileCommands];

/** Names of commands that start with `prefix`, in alphabetical order. */
export function completions(prefix: string): readonly string[] {
  return commands.map(({ name }) => name).filter((name) => name.startsWith(prefix)).sort();
}

export class Shell {
  readonly #kernel: Kernel;
  readonly #output: Output;
  readonly #json: boolean;
  readonly #keyboard: Keyboard | undefined;
  readonly background: BackgroundPrograms;

  constructor(
    kernel: Kernel,
    output: Output,
    options: { readonly json: boolean; readonly keyboard?: Keyboard },
  ) {
    this.#kernel = kernel;
    this.#output = output;
    this.#json = options.json;
    this.#keyboard = options.keyboard;
    const ends = kernel.endpointSet<typeof processManagerContract, "client", BackgroundProgram>(
      processManagerContract,
      "client",
    );
    this.background = new BackgroundPrograms(kernel, ends);
  }

  /** Runs a line; its status, or undefined when there was nothing in it. */
  *runLine(line: string): Call<number | undefined> {
    const parsed = parseLine(line);
    if (typeof parsed === "string") {
      yield* this.#show(line, failure(`Cannot read "${line}": ${parsed}`), undefined);
      return 1;
    }
    let status: number | undefined;
    for (const command of parsed) {
      status = yield* this.#runCommand(command);
      yield* this.tellDeaths(0);
    }
    return status;
  }

  /** Tells of programs in the background that have died; waits so long for news of the first. */
  *tellDeaths(timeoutNs: number): Call<void> {
    for (const death of yield* this.background.deaths(timeoutNs)) yield* this.tellDeath(death);
  }

  *tellDeath({ name, result }: Death): Call<void> {
    yield* this.#show(name, result, undefined);
  }

  *#runCommand(command: Command): Call<number> {
    const name = nameOf(command);
    if (command.isBackground) {
      const result = yield* this.#runBackground(command);
      yield* this.#show(name, result, undefined);
      return result.status;
    }
    if (command.file !== undefined) return yield* this.#runIntoFile(command, command.file);
    const kept = this.#json ? new KeptOutput(this.#kernel) : undefined;
    const result = yield* this.#resultOf(command.stages, kept ?? this.#output);
    yield* this.#show(name, result, kept);
    return result.status;
  }

  *#runIntoFile(command: Command, path: string): Call<number> {
    const name = nameOf(command);
    const file = yield* openFile(this.#kernel, path, "replace");
    let result: Result;
    if (file instanceof Failure) {
      result = failure(`Cannot write "${path}": ${file.reason}`);
    } else {
      const output = new FileOutput(this.#kernel, file);
      result = yield* this.#resultOf(command.stages, output);
      yield* output.text(textOf(result));
      yield* output.close();
      if (output.failure !== undefined) {
        result = failure(`Cannot write "${path}": ${output.failure.reason}`);
      }
    }
    const { status, error } = result;
    yield* this.#show(name, error === undefined ? { status } : { status, error }, undefined);
    return status;
  }

  *#resultOf(stages: readonly Words[], output: Output): Call<Result> {
    return stages.length === 1
      ? yield* this.#result(stages[0]!, output, this.#keyboard)
      : yield* this.#pipelineResult(stages, output);
  }

  /** All but the first stage are programs. The result is the last one's; of others that die is told as of those in the background. */
  *#pipelineResult(stages: readonly Words[], output: Output): Call<Result> {
    const kernel = this.#kernel;
    const [first, ...behind] = stages.map(programOf);
    const unfit = behind.indexOf(undefined);
    if (unfit >= 0) {
      return failure(`Cannot run "${stages[unfit + 1]![0]}" behind "|": only programs read what comes there`);
    }
    const programs = [...(first === undefined ? [] : [first]), ...behind as readonly Words[]];
    const pipeline = yield* startPrograms(kernel, programs);
    if (typeof pipeline === "string") return failure(pipeline);
    for (const program of pipeline.programs.slice(0, -1)) yield* this.background.add(program);
    const context = { kernel, words: stages.at(-1)!, output, keyboard: this.#keyboard };
    if (first !== undefined) return yield* runToEnd(context, pipeline, "typed");
    // While the command writes into the pipe, this thread reads what comes out of its other end.
    let error: string | undefined;
    const writer = yield* kernel.createThread(() =>
      this.#writeInto(pipeline.input, stages[0]!, (reason) => error = reason)
    );
    const result = yield* runToEnd(context, pipeline, "given");
    // A command that has nobody to write to any more need not be waited for.
    yield* kernel.select({ writer }, writerDrainNs);
    return error === undefined || result.error !== undefined ? result : { ...result, error };
  }

  /** Runs a command whose output is a program's input. */
  *#writeInto(
    input: Endpoint<typeof pipeContract, "client">,
    words: Words,
    fail: (reason: string) => void,
  ): Program {
    const output = new PipeOutput(this.#kernel, input);
    const result = yield* this.#result(words, output, undefined);
    yield* output.text(textOf(result));
    if (result.error !== undefined) fail(result.error);
    yield* input.close();
  }

  *#result(words: Words, output: Output, keyboard: Keyboard | undefined): Call<Result> {
    const context: Context = { kernel: this.#kernel, words, output, keyboard };
    const name = words[0]!;
    const command = commands.find((candidate) => candidate.name === name);
    if (command === undefined) return yield* runForeground(context);
    const [least, most] = command.words;
    const count = words.length - 1;
    if (count >= least && count <= most) return yield* command.run(context);
    const what = count < least ? "something is missing" : `"${words[most + 1]}" is too much`;
    return failure(`Cannot run ${name}: ${what}; usage: ${command.usage}`);
  }

  /** Programs of which the last one's output goes straight to the console, while the shell goes on. */
  *#runBackground(command: Command): Call<Result> {
    const { stages, file } = command;
    const programs = stages.map(programOf);
    const unfit = stages[programs.indexOf(undefined)];
    const name = unfit?.[0] ?? programs.at(-1)![0]!;
    const refuse = (reason: string) => failure(`Cannot run "${name}" in the background: ${reason}`);
    if (file !== undefined) return refuse("its output cannot go to a file");
    if (unfit !== undefined) return refuse("only programs can");
    const pipeline = yield* startPrograms(this.#kernel, programs as readonly Words[]);
    if (typeof pipeline === "string") return failure(pipeline);
    yield* pipeline.input.close();
    for (const program of pipeline.programs) yield* this.background.add(program);
    const { pid, kernel } = pipeline.programs.at(-1)!;
    const shown = yield* this.#attach(pipeline.output);
    const fields = { pid, program: name, kernel };
    if (!shown) return { ...refuse("its output cannot be shown on the console"), fields };
    return { status: 0, fields, footer: `[${pid}] ${name} on ${kernel}\n` };
  }

  *#attach(output: Endpoint<typeof pipeContract, "server">): Call<boolean> {
    try {
      const console = yield* this.#kernel.bind(consoleContract, "/dev/console", consoleTimeoutNs);
      yield* console.send("attachOutput", { output });
      const answer = yield* console.receiveOrClosed();
      yield* console.close();
      return answer?.tag === "attached";
    } catch (error) {
      if (!isKernelError(error)) throw error;
      yield* output.close();
      return false;
    }
  }

  *#show(name: string, result: Result, kept: KeptOutput | undefined): Call<void> {
    if (!this.#json) {
      yield* this.#output.text(textOf(result));
      if (result.error !== undefined) yield* this.#output.text(`${result.error}\n`);
      return;
    }
    const rows: readonly Row[] = result.rows ?? (kept?.lines ?? []).map((text) => ({ text }));
    const error = result.error === undefined ? {} : { error: result.error };
    const isCut = kept?.isCut === true ? { truncated: true } : {};
    const object = { command: name, rows, status: result.status, ...result.fields, ...isCut, ...error };
    yield* this.#output.text(`${JSON.stringify(object)}\n`);
  }
}

/** The command that the result is of. */
function nameOf({ stages }: Command): string {
  return stages.at(-1)![0]!;
}

/** The program that a command line runs, and its arguments; undefined when a command does all of it. */
function programOf(words: Words): Words | undefined {
  if (words[0] === "run" && words.length > 1) return words.slice(1);
  const command = commands.find(({ name }) => name === words[0]);
  if (command === undefined) return words;
  return command.program === undefined ? undefined : [command.program, ...words.slice(1)];
}

/** What people see of a result, apart from its error. */
function textOf(result: Result): string {
  const table = result.columns === undefined ? "" : formatTable(result.columns, result.rows ?? []);
  return `${table}${result.footer ?? ""}`;
}
