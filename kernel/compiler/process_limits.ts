/**
 * What ends a program for good: its cycles of one burst, its memory, or the host's own stack.
 *
 * An image asks here when its counters say that it should, and gets the error that it throws; from then
 * on it throws at each check, so that no `catch` or `finally` gets away.
 * - The error is made once, where the limit was reached, so that it tells the place.
 */

import { harden } from "./lockdown.ts";
import type { ImageControl } from "./prelude.ts";
import type { MemorySurroundings } from "./prelude_memory.ts";
import { memoryQuotaDefault } from "../placement/manifest.ts";
import { MemoryAccounts, type PrivateHeap } from "./private_heap.ts";

/** A program was ended; the error is frozen, because the program gets to see it. */
export class ProgramStopped extends Error {
  constructor(message: string) {
    super(message);
    Object.freeze(this);
  }
}

/** A program has spent its budget of one burst. */
export class BudgetSpent extends ProgramStopped {
  override get name(): string {
    return "BudgetSpent";
  }
}

/** A program has more memory alive than its quota, or asked for more at once. */
export class MemorySpent extends ProgramStopped {
  override get name(): string {
    return "MemorySpent";
  }
}

/** A program has nested calls, or spread arguments, in a way that is not counted, until the host's stack was full. */
export class StackSpent extends ProgramStopped {
  override get name(): string {
    return "StackSpent";
  }
}

/** Cycles after which a process's memory is looked at when its burst ends, whatever it has counted. */
const cyclesBetweenLooks = 16e6;
const overflowMessage = "Maximum call stack size exceeded";

export class ProcessLimits {
  readonly #name: string;
  readonly #memory: PrivateHeap;
  #cause: "cycles" | "memory" | "stack" = "cycles";
  #error: ProgramStopped | undefined;
  #cyclesAtLook = 0;
  /** The errors of calls that were counted to nest too deep, which are the program's to handle. */
  readonly #counted = new WeakSet<object>();

  constructor(name: string, memory: PrivateHeap = new MemoryAccounts(undefined).open(memoryQuotaDefault)) {
    this.#name = name;
    this.#memory = memory;
    for (const kind of [BudgetSpent, MemorySpent, StackSpent]) harden(kind);
  }

  /** What the image calls. */
  surroundings(): MemorySurroundings {
    const memory = this.#memory;
    return {
      quotaBytes: memory.quotaBytes,
      check: (allocated, cycles, pending) => memory.check(allocated, cycles, pending),
      mayNotHold: (bytes) => memory.mayNotHold(bytes),
      keep: (value) => this.#keep(value),
      endedBy: (cause) => {
        this.#cause = cause;
      },
      tooDeep: () => {
        const error = new RangeError(overflowMessage);
        this.#counted.add(error);
        return error;
      },
      isHostOverflow: (error) => this.#isHostOverflow(error),
    };
  }

  isLookDue(cycles: number): boolean {
    return cycles - this.#cyclesAtLook >= cyclesBetweenLooks;
  }

  /** Looks at the memory of a process that has worked for long, as not all that it allocates is counted. */
  burstEnded(control: ImageControl, cycles: number): void {
    if (!this.isLookDue(cycles)) return;
    this.#cyclesAtLook = cycles;
    control.look(0);
  }

  /** The error of this program's end. */
  error(burstCyclesMax: number): ProgramStopped {
    return this.#error ??= this.#makeError(burstCyclesMax);
  }

  release(): void {
    this.#memory.close();
  }

  #makeError(burstCyclesMax: number): ProgramStopped {
    switch (this.#cause) {
      case "cycles":
        return new BudgetSpent(
          `${this.#name} has spent its ${burstCyclesMax} cycles without calling the kernel`,
        );
      case "memory":
        return new MemorySpent(
          `${this.#name} has used up its ${this.#memory.quotaBytes / 2 ** 20} MiB of memory`,
        );
      case "stack":
        return new StackSpent(`${this.#name} needs more stack than there is`);
    }
  }

  #keep<T>(value: T): T {
    if (ArrayBuffer.isView(value)) this.#memory.keep(value.buffer);
    else if (value instanceof ArrayBuffer) this.#memory.keep(value);
    return value;
  }

  /** Errors of the library do not run code of the program when their message is read so. */
  #isHostOverflow(error: unknown): boolean {
    if (typeof error !== "object" || error === null || this.#counted.has(error)) return false;
    return Object.getOwnPropertyDescriptor(error, "message")?.value === overflowMessage;
  }
}
