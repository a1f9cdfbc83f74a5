/**
 * Pauses in long work: a message may have megabytes, and a program keeps its CPU until it calls the kernel.
 *
 * Whatever runs over a message tells here how far it got, and pauses when a piece is full; so other
 * clients' messages, and the kernel's own work, have their turn in between.
 * - One for each check: pieces are counted across all that the check does.
 * - What is in work must not change meanwhile: a client's block is its thread's until the verdict.
 */

import type { Call } from "../../kernel/abi/kernel.ts";

/** Half a millisecond's work on the host PC's CPUs, one or two on the card's. */
export const pieceBytes = 65_536;

export class Pauses {
  /** Lets others run. */
  readonly pause: () => Call<void>;
  #left = pieceBytes;

  constructor(pause: () => Call<void>) {
    this.pause = pause;
  }

  /** Counts work on so many bytes; true when it is time to pause. */
  isDueAfter(bytes: number): boolean {
    this.#left -= bytes;
    if (this.#left > 0) return false;
    this.#left = pieceBytes;
    return true;
  }
}
