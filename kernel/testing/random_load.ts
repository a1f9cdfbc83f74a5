/**
 * What loads of tests are made of: a sequence of random choices, and calls that may fail because others die.
 *
 * - The same seed gives the same choices, so a failure comes again.
 * - Any seed will do, nought too.
 */

import { isKernelError } from "../abi/errors.ts";
import type { Call } from "../abi/kernel.ts";

/** A sequence of its own for each seed, of numbers below what each call says; xorshift32. */
export function randomWords(seed: number): (below: number) => number {
  let word = Math.imul(seed + 1, 0x9e3779b9) | 1;
  return (below) => {
    word ^= word << 13;
    word ^= word >>> 17;
    word ^= word << 5;
    return (word >>> 0) % below;
  };
}

/** Goes on with what fails for a reason that others may have caused. */
export function* attempt(call: () => Call<unknown>): Call<void> {
  try {
    yield* call();
  } catch (error) {
    if (!isKernelError(error)) throw error;
  }
}
