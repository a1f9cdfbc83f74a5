/**
 * Who pays for what the language's library does: the program whose burst is running, or nobody.
 *
 * One variable for the whole emulator, as one burst runs at a time.
 * - Whoever runs code on a program's behalf sets it, and puts back what was there.
 */

/** What a running program is charged through: its image. */
export interface Payer {
  /** Bytes that the program may have alive. */
  readonly quotaBytes: number;
  /** Charges work that takes time by size, before or after it is done. */
  bulk(bytes: number): void;
  /** Counts bytes that are about to be allocated; ends a program that asks for more than its quota at once. */
  allocate(bytes: number): void;
  /** Notes a buffer that was allocated. */
  keep(value: unknown): void;
  /** A method of the library begins that may come to be called by itself: gives the depth of calls, for `ascend`. */
  descend(): number;
  /** It has given its result. */
  ascend(depth: number): void;
  /** Throws when so many words of stack are more than there are. */
  nest(words: number): void;
  /** The depth of calls at which the generator that runs was resumed. */
  floor(): number;
  /** A generator is resumed: gives the depth of calls, for `leave`. */
  enter(): number;
  /** The generator has paused or ended. */
  leave(depth: number, floor: number): void;
}

/** The generated wrappers of metering.ts read it at each call. */
export const meter: { payer: Payer | undefined } = { payer: undefined };

export function payer(): Payer | undefined {
  return meter.payer;
}

/** From now on `next` pays, nobody when undefined; gives who paid before. */
export function setRunning(next: Payer | undefined): Payer | undefined {
  const before = meter.payer;
  meter.payer = next;
  return before;
}
