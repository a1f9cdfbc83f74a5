/**
 * What operations cost, as the compiler sees it: cycles per class of operation.
 *
 * The classes are those of an ISA's table; the compiler is handed a table and knows no ISA by itself.
 * - Images count in units of 1/64 cycle, because averages such as 0.33 cycles are common and small
 *   whole numbers are what the host counts fastest.
 * - A block is rounded once, as a whole: its error stays below 1/128 cycle. Instructions are whole.
 */

import type { OperationClass } from "../hal/hardware.ts";

/** Cycles per class; fractions are allowed. */
export type OperationCosts = Readonly<Record<OperationClass, number>>;

/** An instruction set that programs are compiled for. */
export interface CompilationTarget {
  /** Name that images carry, such as "armv5te". */
  readonly isa: string;
  readonly costs: OperationCosts;
  /**
   * Whole instructions per class; undefined where nobody reads them: a second counter costs the host some
   * 3 %, and is kept only by images that sample.
   */
  readonly instructions: OperationCosts | undefined;
  /** Whether loads and stores of typed arrays are sampled into a cache model. */
  readonly isSampled: boolean;
}

/**
 * What a piece of code costs, in a form that can be added up: its instructions times 2^32, plus its cycles.
 * Parts may be taken off again, as long as both sums are never below 0 in the end.
 */
export type Price = number;

const instructionWeight = 2 ** 32;
/** Keeps a sum of cycles that came out a hair below 0 from borrowing an instruction. */
const borrowGuard = 2 ** -24;

export function priceOf(cycles: number, instructions: number): Price {
  return instructions * instructionWeight + cycles;
}

/** Counting units in one cycle. */
export const unitsPerCycle = 64;

/** Cycles in whole units. */
export const unitsOf = (cycles: number): number => Math.floor(cycles * unitsPerCycle);

/** A price's cycles as whole counting units, and its instructions. */
export function countsOf(price: Price): { readonly units: number; readonly instructions: number } {
  const instructions = Math.floor(price / instructionWeight + borrowGuard);
  return { units: Math.round((price - instructions * instructionWeight) * unitsPerCycle), instructions };
}
