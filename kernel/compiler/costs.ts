/**
 * What operations cost, as the compiler sees it: cycles per class of operation.
 *
 * The classes are those of an ISA's table; the compiler is handed a table and knows no ISA by itself.
 * - Images count in units of 1/64 cycle, because averages such as 0.33 cycles are common and small
 *   whole numbers are what the host counts fastest.
 * - A block is rounded once, as a whole: its error stays below 1/128 cycle.
 */

import type { OperationClass } from "../hal/hardware.ts";

/** Cycles per class; fractions are allowed. */
export type OperationCosts = Readonly<Record<OperationClass, number>>;

/** An instruction set that programs are compiled for. */
export interface CompilationTarget {
  /** Name that images carry, such as "armv5te". */
  readonly isa: string;
  readonly costs: OperationCosts;
}

/** Counting units in one cycle. */
export const unitsPerCycle = 64;

/** Cycles as whole counting units. */
export function toUnits(cycles: number): number {
  return Math.round(cycles * unitsPerCycle);
}
