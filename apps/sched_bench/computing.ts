/**
 * The tests of SchedBench in which threads compute: how fairly CPUs are shared, and how
 * long a computation takes among others that sleep and wake.
 *
 * The work is the RDK's: one point of the Mandelbrot set that never escapes.
 */

import type { Call, Kernel } from "../../kernel/abi/kernel.ts";
import type { Request } from "./command_line.ts";
import type { Span } from "./statistics.ts";
import { together } from "./turns.ts";

const roundsMax = 128;
const sleepNsMax = 5e6;

function computePoint(x: number, y: number): number {
  let rounds = 0;
  let real = 0;
  let imaginary = 0;
  while (rounds < roundsMax && real * real + imaginary * imaginary < 4) {
    rounds++;
    const next = real * real - imaginary * imaginary + x;
    imaginary = 2 * real * imaginary + y;
    real = next;
  }
  return rounds;
}

/** What threads took for a computation each, and what it takes alone. */
export interface Shared {
  readonly span: Span;
  readonly timesNs: readonly number[];
  readonly aloneNs: number;
}

export function* contextTest(kernel: Kernel, { threads, iterations }: Request): Call<Shared> {
  const startedNs = yield* kernel.now();
  for (let count = 0; count < iterations; count++) computePoint(0, 0);
  const aloneNs = ((yield* kernel.now()) - startedNs) / iterations;
  const timesNs: number[] = [];
  const span = yield* together(kernel, threads, function* (index) {
    const beganNs = yield* kernel.now();
    for (let count = 0; count < iterations; count++) computePoint(0, 0);
    timesNs[index] = ((yield* kernel.now()) - beganNs) / iterations;
  });
  return { span, timesNs, aloneNs };
}

/** Each thread computes a point and sleeps, again and again; the times of the points. */
export function* latencyTest(kernel: Kernel, { threads, iterations }: Request): Call<number[]> {
  const timesNs: number[] = Array.from({ length: threads }, () => 0);
  yield* together(kernel, threads, function* (index) {
    for (let count = 0; count < iterations; count++) {
      const beganNs = yield* kernel.now();
      computePoint(0, 0);
      const tookNs = (yield* kernel.now()) - beganNs;
      timesNs[index] = timesNs[index]! + tookNs / iterations;
      yield* kernel.sleep((yield* kernel.random()) % sleepNsMax);
    }
  });
  return timesNs;
}
