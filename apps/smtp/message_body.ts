/**
 * A message while it comes in: one block of the exchange heap that grows.
 *
 * It doubles when it is full, so each byte is copied about once, and can be handed to the
 * store as it is.
 * - All messages that are under way share one budget, so that many large ones at once
 *   cannot eat the machine's memory; who finds it empty is told to come back later.
 * - `release` gives the budget back; call it once, when the message is stored or given up.
 */

import { isKernelError } from "../../kernel/abi/errors.ts";
import type { Block, Call, Kernel } from "../../kernel/abi/kernel.ts";

const firstCapacity = 16384;

export class MemoryBudget {
  #left: number;

  constructor(bytes: number) {
    this.#left = bytes;
  }

  take(bytes: number): boolean {
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#left += bytes;
  }
}

export class MessageBody {
  readonly #kernel: Kernel;
  readonly #budget: MemoryBudget;
  #block: Block | undefined;
  #length = 0;
  #capacity = 0;

  constructor(kernel: Kernel, budget: MemoryBudget) {
    this.#kernel = kernel;
    this.#budget = budget;
  }

  /** Adds bytes at the end; false when there is no memory for them. */
  *append(bytes: Uint8Array): Call<boolean> {
    const length = this.#length + bytes.length;
    if (length > this.#capacity && !(yield* this.#grow(length))) return false;
    this.#block!.bytes.set(bytes, this.#length);
    this.#length = length;
    return true;
  }

  /** The whole message, once; the budget is still charged for it. */
  take(): Block {
    const block = this.#block!;
    this.#block = undefined;
    block.window(0, this.#length);
    return block;
  }

  /** Frees what was not taken. */
  *release(): Call<void> {
    const block = this.#block;
    this.#block = undefined;
    this.#budget.giveBack(this.#capacity);
    this.#capacity = 0;
    if (block !== undefined) yield* this.#kernel.free(block);
  }

  *#grow(length: number): Call<boolean> {
    let capacity = Math.max(this.#capacity, firstCapacity);
    while (capacity < length) capacity *= 2;
    if (!this.#budget.take(capacity)) return false;
    let block: Block;
    try {
      block = yield* this.#kernel.allocate(capacity);
    } catch (error) {
      this.#budget.giveBack(capacity);
      if (isKernelError(error) && error.code === "OutOfMemory") return false;
      throw error;
    }
    const old = this.#block;
    if (old !== undefined) {
      block.bytes.set(old.bytes);
      yield* this.#kernel.free(old);
    }
    this.#budget.giveBack(this.#capacity);
    this.#block = block;
    this.#capacity = capacity;
    return true;
  }
}
