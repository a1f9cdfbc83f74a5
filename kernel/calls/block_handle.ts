/**
 * A block as a program holds it, until it sends or frees it.
 *
 * The handle is the program's; the block behind it is the kernel's. Moving the block
 * leaves the handle empty and every view of the memory dead.
 * - `constructor` is taken off the prototype: a program must not make handles.
 */

import type { Block as ProgramBlock } from "../abi/kernel.ts";
import type { Block } from "../memory/exchange_heap.ts";
import { CallError } from "./errors.ts";

export class BlockHandle implements ProgramBlock {
  #block: Block | undefined;
  #view: Uint8Array | undefined;

  constructor(block: Block) {
    this.#block = block;
  }

  get bytes(): Uint8Array {
    const block = this.#held();
    block.fill();
    return this.#view ??= block.lookInto();
  }

  get length(): number {
    return this.#held().length;
  }

  get capacity(): number {
    return this.#held().capacity;
  }

  get isReadOnly(): boolean {
    return this.#held().isReadOnly;
  }

  window(offset: number, length: number): void {
    const block = this.#held();
    if (
      !Number.isInteger(offset) || !Number.isInteger(length) || offset < 0 || length < 0 ||
      offset + length > block.capacity
    ) {
      throw new CallError(
        "BadArgument",
        `Window ${offset}+${length} does not lie in a block of ${block.capacity} bytes`,
      );
    }
    block.offset = offset;
    block.length = length;
    this.#view = undefined;
  }

  #held(): Block {
    if (this.#block === undefined) throw new CallError("BadArgument", "The block was sent or freed");
    return this.#block;
  }

  /** The block behind a handle; undefined if it was given away or is no handle at all. */
  static blockOf(value: unknown): Block | undefined {
    return typeof value === "object" && value !== null && #block in value ? value.#block : undefined;
  }

  /** The view that the program had is dead: `bytes` must make another. */
  static forgetView(value: unknown): void {
    if (typeof value === "object" && value !== null && #block in value) value.#view = undefined;
  }

  /** Takes the block from its holder; views that the program kept are dead afterwards. */
  static take(value: unknown): Block | undefined {
    if (typeof value !== "object" || value === null || !(#block in value)) return undefined;
    const block = value.#block;
    value.#block = undefined;
    value.#view = undefined;
    block?.detachViews();
    return block;
  }
}
export const { blockOf, forgetView, take: takeBlock } = BlockHandle;
Reflect.deleteProperty(BlockHandle.prototype, "constructor");
Object.freeze(BlockHandle.prototype);
