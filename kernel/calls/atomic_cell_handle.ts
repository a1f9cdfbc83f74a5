/**
 * Atomic cells: words of memory that the threads of one process share.
 *
 * A cell's operations are single instructions, not entries into the kernel, but each ends the burst: other
 * threads see when it happens (DESIGN section 3). It takes effect at once when its cycles have passed.
 * - Values are int32 and wrap. A cell is private memory of its process: no message can carry it.
 * - Which locked instructions there are, the ISA says. Turning interrupts off keeps the thread on its CPU
 *   and everything else off it; the dispatcher bounds for how long.
 * - `constructor` is taken off the prototype: a program must not make cells beyond its bound.
 */

import type { Call } from "../abi/kernel.ts";
import type { AtomicCell } from "../abi/synchronisation.ts";
import type { AtomicInstruction, KernelPrimitive } from "../hal/hardware.ts";
import type { Kernel } from "../kernel.ts";
import type { Thread } from "../scheduling/thread.ts";
import { CallError } from "./errors.ts";
import { submit } from "./kernel_call.ts";

/** Cells of one process; they live as long as it does. */
const cellsMax = 4096;

export class AtomicCellHandle implements AtomicCell {
  #value: number;

  constructor(value: number) {
    this.#value = value;
    Object.freeze(this);
  }

  load(): Call<number> {
    return instruction("sharedLoad", () => this.#value);
  }

  store(value: number): Call<void> {
    return instruction("sharedStore", () => void (this.#value = toInt32(value)));
  }

  lockedExchange(value: number): Call<number> {
    return this.#locked("exchange", value, (_, given) => given);
  }

  lockedAdd(value: number): Call<number> {
    return this.#locked("add", value, (found, given) => found + given);
  }

  lockedCompareExchange(value: number, comparand: number): Call<number> {
    return this.#locked(
      "compareExchange",
      value,
      (found, given) => found === toInt32(comparand) ? given : found,
    );
  }

  interruptsOff(): Call<void> {
    return instruction("interruptsOff", (_, thread) => void (thread.interruptsOffCycles ??= 0));
  }

  interruptsOn(): Call<void> {
    return instruction("interruptsOn", (_, thread) => void (thread.interruptsOffCycles = undefined));
  }

  /** A locked instruction: gives what it found and leaves what `change` makes of it. */
  #locked(
    name: AtomicInstruction,
    value: number,
    change: (found: number, given: number) => number,
  ): Call<number> {
    return instruction("lockedOperation", (kernel) => {
      const { isa } = kernel.options.cpus[0]!;
      if (!isa.atomics.includes(name)) {
        throw new CallError("UndefinedInstruction", `${isa.name} has no instruction for a locked ${name}`);
      }
      const found = this.#value;
      this.#value = change(found, toInt32(value)) | 0;
      return found;
    });
  }
}
Reflect.deleteProperty(AtomicCellHandle.prototype, "constructor");
Object.freeze(AtomicCellHandle.prototype);

function instruction<T>(primitive: KernelPrimitive, perform: (kernel: Kernel, thread: Thread) => T): Call<T> {
  return submit<T>({ primitive, isInstruction: true, perform });
}

/** What a program gave as a value; wraps as the machine's words do. */
function toInt32(value: unknown): number {
  if (Number.isInteger(value)) return (value as number) | 0;
  throw new CallError("BadArgument", `A cell holds whole numbers, not ${describe(value)}`);
}

function describe(value: unknown): string {
  return typeof value === "number" ? `${value}` : `a value of type ${typeof value}`;
}

/** The kernel call that makes cells for one process. */
export function atomicCellMaker(): (value?: number) => Call<AtomicCell> {
  let cells = 0;
  return (value = 0) =>
    submit<AtomicCell>({
      perform: () => {
        if (cells >= cellsMax) {
          throw new CallError("OutOfMemory", `A process has at most ${cellsMax} atomic cells`);
        }
        const cell = new AtomicCellHandle(toInt32(value));
        cells++;
        return cell;
      },
    });
}
