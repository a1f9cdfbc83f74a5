/**
 * Running programs: the output of the last passes through the shell, and what is typed goes to the first.
 *
 * - Between two programs of a pipeline the bytes go by a pipe that only they hold, wherever they run.
 * - Output blocks are handed on as they are; the program is answered when the reader
 *   of the shell's output took them.
 * - Ctrl-C ends all of them, Ctrl-D ends the input; both need an interactive shell.
 *   Other bytes are echoed and passed on, Enter as a line feed.
 * - Without a keyboard the input has ended from the start.
 * - Like a terminal's, the buffer of typed bytes holds 4,096; more rings the bell.
 */

import { unlessClosed } from "../../kernel/abi/errors.ts";
import type { Call, Endpoint, EndpointSet, Kernel } from "../../kernel/abi/kernel.ts";
import { pipeContract } from "../../kernel/contracts/pipe.ts";
import { deathOf } from "./background.ts";
import type { Words } from "./command_line.ts";
import { type Context, failure, type Result } from "./command.ts";
import { ask, openManager, type ProcessManager, request } from "./processes.ts";

const interruptKey = 3;
const endKey = 4;
const typedBytesMax = 4096;
/** How long output is read on after the program's end, should another process still hold its pipe. */
const outputDrainNs = 1e9;

type PipeReader = Endpoint<typeof pipeContract, "server">;
type PipeWriter = Endpoint<typeof pipeContract, "client">;

export interface StartedProgram {
  readonly name: string;
  readonly manager: ProcessManager;
  readonly pid: number;
  readonly kernel: string;
}

/** Programs of which each reads what the one before it writes. */
export interface Pipeline {
  readonly programs: readonly StartedProgram[];
  /** To the first. */
  readonly input: PipeWriter;
  /** From the last. */
  readonly output: PipeReader;
}

/** Starts programs with pipes of their own; if one cannot be started none runs, and the reason is told. */
export function* startPrograms(kernel: Kernel, stages: readonly Words[]): Call<Pipeline | string> {
  const programs: StartedProgram[] = [];
  const first = yield* kernel.createChannel(pipeContract);
  let stdin = first.server;
  for (const words of stages) {
    const stdout = yield* kernel.createChannel(pipeContract);
    const started = yield* startProgram(kernel, words, stdin, stdout.client);
    stdin = stdout.server;
    if (typeof started !== "string") {
      programs.push(started);
      continue;
    }
    for (const { pid, manager } of programs) {
      yield* ask(kernel, (other) => other.send("kill", { pid }));
      yield* manager.close();
    }
    yield* first.client.close();
    yield* stdin.close();
    return `Cannot run "${words[0]}": ${started}`;
  }
  return { programs, input: first.client, output: stdin };
}

/** Starts a program; its pipes change hands in any case. */
function* startProgram(
  kernel: Kernel,
  words: Words,
  stdin: PipeReader,
  stdout: PipeWriter,
): Call<StartedProgram | string> {
  const manager = yield* openManager(kernel);
  if (typeof manager === "string") {
    yield* stdin.close();
    yield* stdout.close();
    return manager;
  }
  const [program = "", ...rest] = words;
  const send = manager.send("run", { program, arguments: rest.join("\n"), stdin, stdout });
  const answer = yield* request(manager, send);
  if (typeof answer !== "string" && answer.tag === "started") {
    return { name: program, manager, pid: answer.pid, kernel: answer.kernel };
  }
  yield* manager.close();
  return typeof answer === "string" ? answer : `the process manager answered ${answer.tag}`;
}

/** Runs a program to its end. */
export function* runForeground(context: Context): Call<Result> {
  const started = yield* startPrograms(context.kernel, [context.words]);
  return typeof started === "string" ? failure(started) : yield* runToEnd(context, started, "typed");
}

/** Runs programs that were started until the last has ended; what is typed is the first one's input, or somebody else's. */
export function* runToEnd(context: Context, pipeline: Pipeline, input: "typed" | "given"): Call<Result> {
  const { name, pid, kernel, manager } = pipeline.programs.at(-1)!;
  yield* unlessClosed(manager.send("wait", { pid }));
  const { status, fault } = yield* new ForegroundRun(context, pipeline, input).toEnd();
  if (fault !== "") return deathOf({ name, pid, kernel }, status, fault);
  return { status, fields: { pid, program: name, kernel, fault } };
}

class ForegroundRun {
  readonly #context: Context;
  readonly #pipeline: Pipeline;
  readonly #manager: ProcessManager;
  /** The last program's output, and the keyboard. */
  readonly #sources: EndpointSet<typeof pipeContract, "server", "output" | "typed">;
  /** The first program's input, while it is open and the keyboard's. */
  readonly #inputs: EndpointSet<typeof pipeContract, "client", undefined>;
  #outputIsOpen = true;
  #inputIsOpen: boolean;
  /** Ctrl-D was typed: the input ends after what is waiting. */
  #inputEnds = false;
  #waiting: number[] = [];
  /** Sent to the program and not answered. */
  #unanswered: number[] = [];

  constructor(context: Context, pipeline: Pipeline, input: "typed" | "given") {
    this.#context = context;
    this.#pipeline = pipeline;
    this.#manager = pipeline.programs.at(-1)!.manager;
    this.#inputIsOpen = input === "typed";
    this.#sources = context.kernel.endpointSet(pipeContract, "server");
    this.#inputs = context.kernel.endpointSet(pipeContract, "client");
  }

  *toEnd(): Call<{ readonly status: number; readonly fault: string }> {
    const { keyboard, kernel } = this.#context;
    const manager = this.#manager;
    const { output, input } = this.#pipeline;
    this.#sources.add(output, "output");
    if (this.#inputIsOpen) this.#inputs.add(input, undefined);
    if (keyboard === undefined || keyboard.hasEnded) {
      this.#inputEnds = true;
    } else {
      this.#sources.add(keyboard.endpoint, "typed");
      for (const byte of keyboard.takeWaiting()) yield* this.#typed(byte);
    }
    yield* this.#feed();
    let outcome: { readonly status: number; readonly fault: string } | undefined;
    while (outcome === undefined) {
      const event = yield* kernel.select({ sources: this.#sources, inputs: this.#inputs, manager });
      // The manager's end is open for as long as the program runs, so there is always something to wait for.
      if (event.on === "unsatisfiable") throw new Error("The shell waits for nothing");
      if (event.on !== "manager") yield* this.#handle(event);
      else if (event.kind === "closed") outcome = { status: 1, fault: "the process manager is gone" };
      else if (event.message.tag === "exited") outcome = event.message;
      else if (event.message.tag === "failed") outcome = { status: 1, fault: event.message.reason };
    }
    while (this.#outputIsOpen) {
      const event = yield* kernel.select({ sources: this.#sources }, outputDrainNs);
      if (event.on === "timeout" || event.on === "unsatisfiable") break;
      yield* this.#handle(event);
    }
    yield* this.#finish();
    return outcome;
  }

  *#handle(
    event: {
      readonly on: "sources" | "inputs" | "timeout";
      readonly kind?: "message" | "closed";
      readonly data?: "output" | "typed" | undefined;
      readonly message?: { readonly tag: string } | PipeWrite;
    },
  ): Call<void> {
    const { keyboard, output } = this.#context;
    if (event.on === "inputs") {
      this.#unanswered = [];
      if (event.kind === "closed") this.#inputIsOpen = false;
      yield* this.#feed();
    } else if (event.on === "sources" && event.data === "output") {
      if (event.kind === "closed") {
        this.#outputIsOpen = false;
        return;
      }
      yield* output.block((event.message as PipeWrite).data);
      yield* unlessClosed(this.#pipeline.output.send("written"));
    } else if (event.on === "sources") {
      if (event.kind === "closed") {
        keyboard!.hasEnded = true;
        this.#inputEnds = true;
      } else {
        for (const byte of yield* keyboard!.take((event.message as PipeWrite).data)) {
          yield* this.#typed(byte);
        }
      }
      yield* this.#feed();
    }
  }

  *#typed(byte: number): Call<void> {
    const { kernel, keyboard } = this.#context;
    const { terminal } = keyboard!;
    if (byte === interruptKey) {
      yield* terminal.text("^C\n");
      // One may have ended by itself in this moment; either way `exited` follows.
      for (const { pid } of this.#pipeline.programs) {
        yield* ask(kernel, (manager) => manager.send("kill", { pid }));
      }
    } else if (byte === endKey) {
      this.#inputEnds = true;
    } else if (this.#waiting.length >= typedBytesMax) {
      yield* terminal.text("\x07");
    } else {
      const character = byte === 0x0d ? 0x0a : byte;
      this.#waiting.push(character);
      const echo = yield* kernel.allocate(1);
      echo.bytes[0] = character;
      yield* terminal.block(echo);
    }
  }

  /** Gives the program what is waiting, one block at a time, then the end of its input. */
  *#feed(): Call<void> {
    const { input } = this.#pipeline;
    if (!this.#inputIsOpen || this.#unanswered.length > 0) return;
    if (this.#waiting.length > 0) {
      const data = yield* this.#context.kernel.allocate(this.#waiting.length);
      data.bytes.set(this.#waiting);
      this.#unanswered = this.#waiting;
      this.#waiting = [];
      yield* unlessClosed(input.send("write", { data }));
    } else if (this.#inputEnds) {
      this.#inputIsOpen = false;
      this.#inputs.remove(input);
      yield* input.close();
    }
  }

  *#finish(): Call<void> {
    const { keyboard } = this.#context;
    const { input, output } = this.#pipeline;
    if (keyboard !== undefined) {
      this.#sources.remove(keyboard.endpoint);
      keyboard.unread(Uint8Array.from([...this.#unanswered, ...this.#waiting]));
    }
    yield* this.#manager.close();
    if (this.#outputIsOpen) yield* output.close();
    if (this.#inputIsOpen) yield* input.close();
  }
}

interface PipeWrite {
  readonly tag: "write";
  readonly data: Parameters<Context["output"]["block"]>[0];
}
