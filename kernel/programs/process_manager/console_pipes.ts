/**
 * Standard input and output for what the boot starts: the console, or the log.
 *
 * Services write to the console; drivers and Controllers, of which some run before
 * there is a console, write to the boot log, a line at a time with their name before it.
 * - Nothing arrives on the standard input of either: their input has ended.
 * - Without a console everything goes to the log.
 */

import { isKernelError, unlessClosed } from "../../abi/errors.ts";
import type { Call, Endpoint, Kernel, Program, SystemCalls } from "../../abi/kernel.ts";
import type { Mutex } from "../../abi/synchronisation.ts";
import { LineReader } from "../../abi/text.ts";
import { consoleContract } from "../../contracts/console.ts";
import { pipeContract } from "../../contracts/pipe.ts";

export interface StandardPipes {
  readonly stdin: Endpoint<typeof pipeContract, "server">;
  readonly stdout: Endpoint<typeof pipeContract, "client">;
}

type Output = Endpoint<typeof pipeContract, "server">;

const consoleTimeoutNs = 2e9;

export class ConsolePipes {
  readonly #kernel: Kernel;
  readonly #system: SystemCalls;
  #console: Endpoint<typeof consoleContract, "client"> | undefined;
  /** One request to the console at a time. */
  #turn: Mutex | undefined;

  constructor(kernel: Kernel, system: SystemCalls) {
    this.#kernel = kernel;
    this.#system = system;
  }

  /** Finds the console, to be called when its driver was started. */
  *open(): Call<void> {
    this.#turn = yield* this.#kernel.createMutex();
    try {
      this.#console = yield* this.#kernel.bind(consoleContract, "/dev/console", consoleTimeoutNs);
    } catch (error) {
      if (!isKernelError(error)) throw error;
      yield* this.#system.log(`Going on without a console: ${error.message}`);
    }
  }

  /** No input; output to the log. */
  *forLog(name: string): Call<StandardPipes> {
    const stdout = yield* this.#kernel.createChannel(pipeContract);
    yield* this.#logLines(name, stdout.server);
    return { stdin: yield* this.#endedInput(), stdout: stdout.client };
  }

  /** No input; output to the console. */
  *forService(name: string): Call<StandardPipes> {
    return { stdin: yield* this.#endedInput(), stdout: yield* this.#shown(name) };
  }

  /** What is typed; output to the console. */
  *forShell(name: string): Call<StandardPipes> {
    const typed = yield* this.#kernel.createChannel(pipeContract);
    const attached = yield* this.#ask((console) => console.send("attachInput", { input: typed.client }));
    if (!attached) yield* typed.client.close();
    return { stdin: typed.server, stdout: yield* this.#shown(name) };
  }

  *#endedInput(): Call<StandardPipes["stdin"]> {
    const { client, server } = yield* this.#kernel.createChannel(pipeContract);
    yield* client.close();
    return server;
  }

  *#shown(name: string): Call<StandardPipes["stdout"]> {
    const first = yield* this.#kernel.createChannel(pipeContract);
    if (yield* this.#ask((console) => console.send("attachOutput", { output: first.server }))) {
      return first.client;
    }
    // The console may have taken the pipe and refused it: the log gets another one.
    yield* first.client.close();
    const second = yield* this.#kernel.createChannel(pipeContract);
    yield* this.#logLines(name, second.server);
    return second.client;
  }

  *#ask(
    send: (console: Endpoint<typeof consoleContract, "client">) => Call<void>,
  ): Call<boolean> {
    const console = this.#console;
    if (console === undefined) return false;
    // Several services may be started again at the same time, each by a thread of its own.
    yield* this.#turn!.acquire();
    const isSent = yield* unlessClosed(send(console));
    const answer = isSent ? yield* console.receiveOrClosed() : undefined;
    yield* this.#turn!.release();
    return answer?.tag === "attached";
  }

  *#logLines(name: string, output: Output): Call<void> {
    const kernel = this.#kernel;
    const system = this.#system;
    yield* kernel.createThread(function* (): Program {
      const lines = new LineReader(kernel, output);
      for (;;) {
        const line = yield* lines.next();
        if (line === undefined) break;
        yield* system.log(`${name}: ${line}`);
      }
      yield* output.close();
    });
  }
}
