/**
 * Measuring from inside: how long an operation takes in virtual time.
 *
 * The operation runs once unmeasured, so that what happens only the first time stays
 * out, then `repeats` times between two looks at the clock.
 * - A look at the clock is a kernel call of its own; over twenty runs its share is small.
 */

import type { Call, Kernel } from "../../kernel/abi/kernel.ts";

/** The paper's figures are means of 20 runs (Figure 5). */
export const repeats = 20;

export interface Row {
  readonly operation: string;
  /** Bytes in the message, 0 for none. */
  readonly bytes: number;
  /** Who the other side is, "" when there is none, and the kernel that it runs on. */
  readonly peer: "" | "thread" | "near child" | "far child" | "card child";
  readonly kernel: string;
  readonly nanoseconds: number;
}

/** Mean time of one `operation`, in ns. */
export function* meanNs(kernel: Kernel, operation: () => Call<unknown>): Call<number> {
  yield* operation();
  const start = yield* kernel.now();
  for (let count = 0; count < repeats; count++) yield* operation();
  return ((yield* kernel.now()) - start) / repeats;
}
