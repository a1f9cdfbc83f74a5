/**
 * What an instruction set costs: cycles and instructions per class of operation, and
 * cycles of the kernel's own primitives.
 *
 * Phase two of the compiler folds the operation costs into images; kernels charge
 * the primitives. Each figure in a table carries its source or the word `fitted`.
 */

export type IsaName = "x86-core2" | "x86-k8" | "armv5te";

/** Classes that the compiler tells apart. Cycles are averages and may be fractions. */
export type OperationClass =
  | "integer"
  | "multiply"
  | "divide"
  | "load"
  | "store"
  | "branch"
  | "call"
  | "allocation"
  | "floatingPoint"
  | "floatingDivide"
  | "kernelCall"
  | "bulkByte"
  /** The collector's share of each byte that is allocated. */
  | "collectedByte";

/** What the kernel itself does, in cycles of the CPU that does it. */
export type KernelPrimitive =
  | "kernelCall"
  | "contextSwitch"
  | "interruptEntry"
  | "interruptExit"
  | "channelSend"
  | "channelReceive"
  | "channelCreate"
  | "select"
  | "synchronisation"
  | "blockAllocate"
  | "blockFree"
  | "blockRecord"
  | "threadCreate"
  | "processCreate"
  | "nameLookup"
  | "dispatchLock"
  | "ipiSend"
  | "timerSet"
  | "remoteEnqueue"
  | "remoteDequeue"
  | "dmaProgram"
  | "cacheLineClean"
  | "sharedLoad"
  | "sharedStore"
  | "lockedOperation"
  | "interruptsOff"
  | "interruptsOn"
  | "cycleCounter";

/** Instructions that read and write one word of memory without anything in between. */
export type AtomicInstruction = "exchange" | "add" | "compareExchange";

export interface Cost {
  readonly cycles: number;
  /** Where the figure is from, or "fitted: why". */
  readonly source: string;
}

/** How many, with where the figure is from. */
export interface Count {
  readonly count: number;
  readonly source: string;
}

export interface Isa {
  readonly name: IsaName;
  /** What the kernel advertises to platform affinities. */
  readonly platform: "out-of-order-x86" | "xscale";
  /** Those that it has; a program cannot execute others. */
  readonly atomics: readonly AtomicInstruction[];
  readonly operations: Readonly<Record<OperationClass, Cost>>;
  /** Instructions of each class: whole numbers, but for a byte's. Over the cycles, never more than the width. */
  readonly instructions: Readonly<Record<OperationClass, Count>>;
  /** Instructions that the core can start in a cycle. */
  readonly issueWidth: Count;
  readonly primitives: Readonly<Record<KernelPrimitive, Cost>>;
}
