/**
 * Bytes that were typed, on their way to the reader that attached last.
 *
 * A reader that goes away uncovers the one before it, so a program that borrows the
 * keyboard gives it back by closing its pipe.
 * - One block is outstanding at a time; bytes without a reader wait, and a full
 *   buffer makes the driver stop the terminal instead of losing what was typed.
 * - After a hang-up the readers still get what was typed before, then end of input.
 */

import { unlessClosed } from "../../abi/errors.ts";
import type { Call, Endpoint, Kernel } from "../../abi/kernel.ts";
import type { pipeContract } from "../../contracts/pipe.ts";

export interface InputPipe {
  readonly endpoint: Endpoint<typeof pipeContract, "client">;
  /** The write that the reader has not answered; empty when there is none. */
  unanswered: Uint8Array;
}

const typedBytesMax = 4096;
const readersMax = 8;

export class TypedInput {
  readonly #kernel: Kernel;
  readonly #bytes = new Uint8Array(typedBytesMax);
  #count = 0;
  #readers: InputPipe[] = [];
  #hungUp = false;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  get isFull(): boolean {
    return this.#count === typedBytesMax;
  }

  /** Whether one more reader may attach. */
  get hasPlace(): boolean {
    return this.#readers.length < readersMax;
  }

  /** Whether the next `feed` would end the input, unless more bytes are found. */
  get isEnding(): boolean {
    return this.#hungUp && this.#count === 0 && this.#readers.at(-1)?.unanswered.length === 0;
  }

  attach(reader: InputPipe): void {
    this.#readers.push(reader);
  }

  /** The reader is gone; what it has not answered goes to the one that follows, as far as there is room. */
  detach(reader: InputPipe): void {
    this.#readers = this.#readers.filter((other) => other !== reader);
    const kept = reader.unanswered.subarray(0, typedBytesMax - this.#count);
    this.#bytes.copyWithin(kept.length, 0, this.#count);
    this.#bytes.set(kept);
    this.#count += kept.length;
  }

  /** The caller has checked `isFull`. */
  add(byte: number): void {
    this.#bytes[this.#count++] = byte;
  }

  carrier(present: boolean): void {
    this.#hungUp = !present;
  }

  /** Gives the reader what there is; returns the readers whose input has ended, now closed. */
  *feed(): Call<readonly InputPipe[]> {
    const reader = this.#readers.at(-1);
    if (reader === undefined || reader.unanswered.length > 0) return [];
    if (this.#count > 0) {
      reader.unanswered = this.#bytes.slice(0, this.#count);
      this.#count = 0;
      const data = yield* this.#kernel.allocate(reader.unanswered.length);
      data.bytes.set(reader.unanswered);
      // Of a reader that is gone the endpoint set tells.
      yield* unlessClosed(reader.endpoint.send("write", { data }));
      return [];
    }
    if (!this.#hungUp) return [];
    const ended = this.#readers;
    this.#readers = [];
    for (const { endpoint } of ended) yield* endpoint.close();
    return ended;
  }
}
