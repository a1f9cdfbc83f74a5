/**
 * Running a program: its output passes through the shell, and so does what is typed.
 *
 * - Output blocks are handed on as they are; the program is answered when the reader
 *   of the shell's output took them.
 * - Ctrl-C ends the program, Ctrl-D ends its input; both need an interactive shell.
 *   Other bytes are echoed and passed on, Enter as a line feed.
 * - Without a keyboard the program's input has ended from the start.
 * - Like a terminal's, the buffer of typed bytes holds 4,096; more rings the bell.
 */

import { unlessClosed } from "../../kernel/abi/errors.ts";
import type { Call, Endpoint, EndpointSet, Kernel } from "../../kernel/abi/kernel.ts";
import { pipeContract } from "../../kernel/contracts/pipe.ts";
import { deathOf } from "./background.ts";
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
  readonly manager: ProcessManager;
  readonly pid: number;
  readonly kernel: string;
  readonly input: PipeWriter;
  readonly output: PipeReader;
}

/** Starts a program with pipes of its own; the reason if it cannot be started. */
export function* startProgram(kernel: Kernel, words: readonly string[]): Call<StartedProgram | string> {
  const manager = yield* openManager(kernel);
  if (typeof manager === "string") return manager;
  const stdin = yield* kernel.createChannel(pipeContract);
  const stdout = yield* kernel.createChannel(pipeContract);
  const [program = "", ...rest] = words;
  const send = manager.send("run", {
    program,
    arguments: rest.join("\n"),
    stdin: stdin.server,
    stdout: stdout.client,
  });
  const answer = yield* request(manager, send);
  if (typeof answer !== "string" && answer.tag === "started") {
    return { manager, pid: answer.pid, kernel: answer.kernel, input: stdin.client, output: stdout.server };
  }
  yield* manager.close();
  yield* stdin.client.close();
  yield* stdout.server.close();
  return typeof answer === "string" ? answer : `the process manager answered ${answer.tag}`;
}

/** Runs a program to its end. */
export function* runForeground(context: Context): Call<Result> {
  const { kernel, words } = context;
  const started = yield* startProgram(kernel, words);
  if (typeof started === "string") return failure(`Cannot run "${words[0]}": ${started}`);
  yield* unlessClosed(started.manager.send("wait", { pid: started.pid }));
  const run = new ForegroundRun(context, started);
  const { status, fault } = yield* run.toEnd();
  const { pid, kernel: on } = started;
  if (fault !== "") return deathOf({ name: words[0]!, pid, kernel: on }, status, fault);
  return { status, fields: { pid, program: words[0]!, kernel: on, fault } };
}

class ForegroundRun {
  readonly #context: Context;
  readonly #program: StartedProgram;
  /** The program's output, and the keyboard. */
  readonly #sources: EndpointSet<typeof pipeContract, "server", "output" | "typed">;
  /** The program's input, while it is open. */
  readonly #inputs: EndpointSet<typeof pipeContract, "client", undefined>;
  #outputIsOpen = true;
  #inputIsOpen = true;
  /** Ctrl-D was typed: the input ends after what is waiting. */
  #inputEnds = false;
  #waiting: number[] = [];
  /** Sent to the program and not answered. */
  #unanswered: number[] = [];

  constructor(context: Context, program: StartedProgram) {
    this.#context = context;
    this.#program = program;
    this.#sources = context.kernel.endpointSet(pipeContract, "server");
    this.#inputs = context.kernel.endpointSet(pipeContract, "client");
  }

  *toEnd(): Call<{ readonly status: number; readonly fault: string }> {
    const { keyboard, kernel } = this.#context;
    const { manager, output, input } = this.#program;
    this.#sources.add(output, "output");
    this.#inputs.add(input, undefined);
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
      yield* unlessClosed(this.#program.output.send("written"));
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
      const { pid } = this.#program;
      // It may have ended by itself in this moment; either way `exited` follows.
      yield* ask(kernel, (manager) => manager.send("kill", { pid }));
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
    const { input } = this.#program;
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
    const { manager, input, output } = this.#program;
    if (keyboard !== undefined) {
      this.#sources.remove(keyboard.endpoint);
      keyboard.unread(Uint8Array.from([...this.#unanswered, ...this.#waiting]));
    }
    yield* manager.close();
    if (this.#outputIsOpen) yield* output.close();
    if (this.#inputIsOpen) yield* input.close();
  }
}

interface PipeWrite {
  readonly tag: "write";
  readonly data: Parameters<Context["output"]["block"]>[0];
}
