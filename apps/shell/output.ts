/**
 * Where a command's output goes: the shell's standard output, a file, or memory.
 *
 * Commands write without knowing which; `text` for what they say, `block` for bytes
 * that they pass on, which change hands without being copied.
 * - Memory (for JSON) keeps the first MiB and remembers that there was more.
 * - When nobody reads the standard output any more, writing goes on to nowhere.
 * - The standard output knows whether a line is open, so that a prompt does not write over it.
 */

import { unlessClosed } from "../../kernel/abi/errors.ts";
import type { Block, Call, Endpoint, Kernel } from "../../kernel/abi/kernel.ts";
import { decodeText, textBlock } from "../../kernel/abi/text.ts";
import type { pipeContract } from "../../kernel/contracts/pipe.ts";

const lineFeed = 0x0a;

export interface Output {
  text(text: string): Call<void>;
  /** Takes the block. */
  block(block: Block): Call<void>;
}

export class PipeOutput implements Output {
  readonly #kernel: Kernel;
  readonly #pipe: Endpoint<typeof pipeContract, "client">;
  #isOpen = true;
  /** What was written last did not end with a line feed. */
  isInLine = false;

  constructor(kernel: Kernel, pipe: Endpoint<typeof pipeContract, "client">) {
    this.#kernel = kernel;
    this.#pipe = pipe;
  }

  *text(text: string): Call<void> {
    if (text !== "") yield* this.block(yield* textBlock(this.#kernel, text));
  }

  *block(block: Block): Call<void> {
    if (block.length > 0) this.isInLine = block.bytes[block.length - 1] !== lineFeed;
    if (!this.#isOpen) return yield* this.#kernel.free(block);
    this.#isOpen = (yield* unlessClosed(this.#pipe.send("write", { data: block }))) &&
      (yield* this.#pipe.receiveOrClosed()) !== undefined;
  }
}

const keptBytesMax = 1 << 20;

export class KeptOutput implements Output {
  readonly #kernel: Kernel;
  readonly #pieces: Uint8Array[] = [];
  #size = 0;
  isCut = false;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  *text(text: string): Call<void> {
    yield* this.block(yield* textBlock(this.#kernel, text));
  }

  *block(block: Block): Call<void> {
    const bytes = block.bytes.slice(0, keptBytesMax - this.#size);
    if (bytes.length < block.length) this.isCut = true;
    this.#pieces.push(bytes);
    this.#size += bytes.length;
    yield* this.#kernel.free(block);
  }

  /** What was written, as lines without their ends. */
  get lines(): readonly string[] {
    const bytes = new Uint8Array(this.#size);
    let offset = 0;
    for (const piece of this.#pieces) {
      bytes.set(piece, offset);
      offset += piece.length;
    }
    const lines = decodeText(bytes).split("\n").map((line) => line.endsWith("\r") ? line.slice(0, -1) : line);
    if (lines.at(-1) === "") lines.pop();
    return lines;
  }
}
