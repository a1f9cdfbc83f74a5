/**
 * Bytes that a person types, for the line editor or for the program in the foreground.
 *
 * It holds the shell's standard input, so there is one reader. What a program did not
 * take when it ended comes back with `unread` and is the start of the next line.
 */

import { unlessClosed } from "../../kernel/abi/errors.ts";
import type { Block, Call, Endpoint, Kernel } from "../../kernel/abi/kernel.ts";
import type { pipeContract } from "../../kernel/contracts/pipe.ts";
import type { BackgroundPrograms, EndOccurrence } from "./background.ts";
import type { Output } from "./output.ts";

export class Keyboard {
  readonly endpoint: Endpoint<typeof pipeContract, "server">;
  /** Where typed bytes are echoed, also while a command's output goes elsewhere. */
  readonly terminal: Output;
  readonly #kernel: Kernel;
  #bytes: Uint8Array = new Uint8Array(0);
  #next = 0;
  /** The terminal has hung up. */
  hasEnded = false;

  constructor(kernel: Kernel, terminal: Output) {
    this.#kernel = kernel;
    this.endpoint = kernel.stdin;
    this.terminal = terminal;
  }

  /** The next byte, or undefined at the end of input; until there is one, `hear` is told of programs that end. */
  *next(
    { ends }: BackgroundPrograms,
    hear: (event: EndOccurrence) => Call<void>,
  ): Call<number | undefined> {
    while (this.#next >= this.#bytes.length) {
      if (this.hasEnded) return undefined;
      const event = yield* this.#kernel.select({ typed: this.endpoint, ended: ends });
      if (event.on === "ended") yield* hear(event);
      else if (event.on !== "typed" || event.kind === "closed") this.hasEnded = true;
      else {
        this.#bytes = yield* this.take(event.message.data);
        this.#next = 0;
      }
    }
    return this.#bytes[this.#next++];
  }

  /** The bytes of a received block, which is answered. */
  *take(block: Block): Call<Uint8Array> {
    const bytes = block.bytes.slice();
    yield* this.#kernel.free(block);
    yield* unlessClosed(this.endpoint.send("written"));
    return bytes;
  }

  /** All that has arrived and was not read. */
  takeWaiting(): Uint8Array {
    const waiting = this.#bytes.slice(this.#next);
    this.#next = this.#bytes.length;
    return waiting;
  }

  unread(bytes: Uint8Array): void {
    const waiting = this.takeWaiting();
    this.#bytes = new Uint8Array(bytes.length + waiting.length);
    this.#bytes.set(bytes);
    this.#bytes.set(waiting, bytes.length);
    this.#next = 0;
  }
}
