/**
 * A counting semaphore among the threads of one process.
 *
 * What is added goes to the threads that wait longest, one each; the rest stays in the
 * count, which never goes beyond its maximum.
 */

import type { Call } from "../abi/kernel.ts";
import type { Kernel } from "../kernel.ts";
import { attemptOrWait } from "../scheduling/timed_wait.ts";
import type { Thread } from "../scheduling/thread.ts";
import { WaitQueue } from "../scheduling/wait_queue.ts";
import { CallError } from "./errors.ts";
import { submit } from "./kernel_call.ts";

const countMax = 2 ** 31 - 1;
const synchronisation = "synchronisation";

export class SemaphoreHandle {
  #count: number;
  readonly #maximum: number;
  readonly #waiters = new WaitQueue();

  /** Throws for a count that cannot be. */
  constructor(initial: unknown, maximum: unknown) {
    if (!isCount(maximum) || maximum === 0) {
      throw new CallError("BadArgument", `A semaphore's maximum is 1 to ${countMax}, not ${String(maximum)}`);
    }
    if (!isCount(initial) || initial > maximum) {
      throw new CallError("BadArgument", `A semaphore starts with 0 to ${maximum}, not ${String(initial)}`);
    }
    this.#count = initial;
    this.#maximum = maximum;
  }

  acquire(timeoutNs?: number): Call<void> {
    const attempt = () => {
      if (this.#count === 0) return false;
      this.#count--;
      return true;
    };
    return submit({
      primitive: synchronisation,
      perform: (kernel: Kernel, thread: Thread) =>
        attemptOrWait(kernel, thread, this.#waiters, "semaphore", timeoutNs, attempt),
    });
  }

  release(count: number = 1): Call<void> {
    return submit({ primitive: synchronisation, perform: () => this.#release(count) });
  }

  #release(count: unknown): void {
    const room = this.#maximum - this.#count;
    if (!isCount(count) || count === 0 || count > room) {
      throw new CallError("BadArgument", `Cannot add ${String(count)} to a semaphore with room for ${room}`);
    }
    this.#count += count;
    for (let woken = 0; woken < count && this.#waiters.size > 0; woken++) this.#waiters.wakeOne();
  }
}
Reflect.deleteProperty(SemaphoreHandle.prototype, "constructor");
Object.freeze(SemaphoreHandle.prototype);

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= countMax;
}
