/**
 * Measuring from inside: how long an operation takes, in cycles and in virtual time.
 *
 * The operation runs once unmeasured, so that what happens only the first time stays
 * out, then `repeats` times between two looks at the cycle counter, and at the clock around those.
 * - The looks have a share in what they measure; over twenty runs it is a few cycles.
 */

import type { Call, Kernel } from "../../kernel/abi/kernel.ts";

/** The paper's figures are means of 20 runs (Figure 5). */
export const repeats = 20;

/** What one operation takes. */
export interface Mean {
  /** Of the CPU that runs the benchmark. */
  readonly cycles: number;
  readonly nanoseconds: number;
}

export interface Row extends Mean {
  readonly operation: string;
  /** Bytes in the message, 0 for none. */
  readonly bytes: number;
  /** Who the other side is, "" when there is none, and the kernel that it runs on. */
  readonly peer: "" | "thread" | "near child" | "far child" | "card child";
  readonly kernel: string;
}

/** Mean of one `operation`. */
export function* meanOf(kernel: Kernel, operation: () => Call<unknown>): Call<Mean> {
  yield* operation();
  const start = yield* kernel.now();
  const startCycles = yield* kernel.cycleCount();
  for (let count = 0; count < repeats; count++) yield* operation();
  const cycles = ((yield* kernel.cycleCount()) - startCycles) / repeats;
  return { cycles, nanoseconds: ((yield* kernel.now()) - start) / repeats };
}

/** Of there and back, the half: to send and receive one message, as Figure 5 of the paper reports it. */
export const half = ({ cycles, nanoseconds }: Mean): Mean => ({
  cycles: cycles / 2,
  nanoseconds: nanoseconds / 2,
});
