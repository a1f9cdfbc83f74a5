/**
 * Frame pool: exchange-heap blocks at hand for frames to send.
 *
 * To allocate is a kernel call, but the protocol code that fills a frame makes none;
 * so the program fills the pool between two inputs, and the code takes from it.
 * - An empty pool bounds what one input can send: the frame is dropped and counted.
 * - A taken block goes into `IpInterface.outgoing`, or back.
 */

import type { Block } from "../../kernel/abi/kernel.ts";

/** Frames that one input may make; TCP sends at most that many segments at a time and then the rest. */
export const poolSize = 48;

export class FramePool {
  readonly #blocks: Block[] = [];

  /** How many blocks the program should add. */
  get missing(): number {
    return poolSize - this.#blocks.length;
  }

  get available(): number {
    return this.#blocks.length;
  }

  add(block: Block): void {
    this.#blocks.push(block);
  }

  take(): Block | undefined {
    return this.#blocks.pop();
  }
}
