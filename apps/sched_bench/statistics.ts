/**
 * What SchedBench says about its measurements.
 *
 * Times are virtual nanoseconds; a line names the instants too, so that runs on several
 * kernels can be put side by side.
 */

import type { Request, TestName } from "./command_line.ts";

/** When a measurement began and ended. */
export interface Span {
  readonly beganNs: number;
  readonly endedNs: number;
}

/** The line of a test whose threads did `operations` things between them. */
export function describeSpan(
  test: TestName,
  { threads, iterations }: Request,
  { beganNs, endedNs }: Span,
  operations: number,
): string {
  const each = (endedNs - beganNs) / operations;
  return `${test}: ${threads} threads x ${iterations}: ${each.toFixed(1)} ns each, from ${
    beganNs.toFixed(0)
  } to ${endedNs.toFixed(0)} ns\n`;
}

/** Least, most, mean and standard deviation of times, one for each thread. */
export function describeTimes(timesNs: readonly number[]): string {
  const mean = timesNs.reduce((sum, time) => sum + time, 0) / timesNs.length;
  const squares = timesNs.reduce((sum, time) => sum + (time - mean) ** 2, 0);
  const deviation = Math.sqrt(squares / Math.max(1, timesNs.length - 1));
  const [least, most, middle, spread] = [Math.min(...timesNs), Math.max(...timesNs), mean, deviation]
    .map((time) => time.toFixed(1));
  return `  per thread: min ${least}, max ${most}, mean ${middle}, standard deviation ${spread} ns\n`;
}
