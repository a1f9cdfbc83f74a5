/**
 * Interlocked operations: reading, changing and writing an atomic cell as one step, on every ISA.
 *
 * Threads of one process that share a cell use these; `cell.load()` and then `cell.store()` would lose what
 * another thread did between the two. As in .NET, `compareExchange` and `exchange` give the value before,
 * the others the value after.
 * - x86 has an instruction for each. ARMv5TE has none but SWP (no load-exclusive before ARMv6): there the
 *   thread keeps its CPU by turning interrupts off, which is enough, as the card has one CPU.
 * - Values become int32 as `| 0` makes them, and sums wrap.
 * - An image holds the versions for its own ISA only (docs/compilation.md). What they cost is what they execute.
 */

import type { Call } from "./kernel.ts";
import type { AtomicCell } from "./synchronisation.ts";
import type {} from "./isa_versions.ts";

type CompareExchange = (cell: AtomicCell, value: number, comparand: number) => Call<number>;
type Change = (cell: AtomicCell, value: number) => Call<number>;

const compareExchange = isaVersions<CompareExchange>({
  x86: (cell, value, comparand) => cell.lockedCompareExchange(value | 0, comparand | 0),
  armv5te: function* (cell, value, comparand) {
    const wanted = value | 0;
    const expected = comparand | 0;
    yield* cell.interruptsOff();
    const found = yield* cell.load();
    if (found === expected) yield* cell.store(wanted);
    yield* cell.interruptsOn();
    return found;
  },
});

const add = isaVersions<Change>({
  x86: function* (cell, value) {
    const summand = value | 0;
    return (yield* cell.lockedAdd(summand)) + summand | 0;
  },
  armv5te: function* (cell, value) {
    const summand = value | 0;
    yield* cell.interruptsOff();
    const sum = (yield* cell.load()) + summand | 0;
    yield* cell.store(sum);
    yield* cell.interruptsOn();
    return sum;
  },
});

export const Interlocked = {
  /** Stores `value` if the cell holds `comparand`; gives what it held. */
  compareExchange,
  /** Adds; gives the sum. */
  add,
  /** Stores; gives the value before. */
  exchange: (cell: AtomicCell, value: number): Call<number> => cell.lockedExchange(value | 0),
  increment: (cell: AtomicCell): Call<number> => add(cell, 1),
  decrement: (cell: AtomicCell): Call<number> => add(cell, -1),
} as const;
