/**
 * An auto-reset event for the kernel's own threads and for interrupts.
 *
 * `signal` lets one waiter through, or the next one that comes; signals do not add up.
 */

import type { Call } from "../abi/kernel.ts";
import { blocked, chargeOf, issue, submit, workCharge } from "../calls/kernel_call.ts";
import { later, nanoseconds } from "../hal/hardware.ts";
import type { Kernel } from "../kernel.ts";
import type { Thread, Wait } from "./thread.ts";
import { type Waiter, WaitQueue } from "./wait_queue.ts";

/** Some thirty years: a longer sleep means for ever. */
const sleepMaxNs = 1e18;

export class KernelEvent {
  readonly waiters = new WaitQueue();
  #signalled = false;

  get signalled(): boolean {
    return this.#signalled;
  }

  signal(): void {
    this.#signalled = true;
    this.waiters.wakeOne();
  }

  /** Takes the signal, if there is one. */
  consume(): boolean {
    const was = this.#signalled;
    this.#signalled = false;
    return was;
  }

  /** Blocks the calling thread until the event is signalled. */
  wait(): Call<void> {
    return issue(chargeOf(undefined), waitForEvent, this, undefined, undefined);
  }
}

function waitForEvent(kernel: Kernel, thread: Thread, event: KernelEvent): void | typeof blocked {
  if (event.consume()) return;
  const wait = new EventWait(kernel, thread, event);
  event.waiters.add(wait);
  thread.wait = wait;
  return blocked;
}

class EventWait implements Waiter, Wait {
  constructor(readonly kernel: Kernel, readonly thread: Thread, readonly event: KernelEvent) {}

  wake(): boolean {
    if (!this.event.consume()) return false;
    this.cancel();
    this.kernel.scheduler.unblock(this.thread);
    return true;
  }

  cancel(): void {
    this.event.waiters.remove(this);
  }
}

/** Blocks the calling thread for a time. */
export function sleep(duration: number): Call<void> {
  return submit({
    perform(kernel: Kernel, thread: Thread): void | typeof blocked {
      if (!(duration > 0)) return;
      const wake = () => kernel.scheduler.unblock(thread);
      const timer = kernel.timers.at(
        later(kernel.clock.now, nanoseconds(Math.min(duration, sleepMaxNs))),
        wake,
      );
      thread.wait = { cancel: () => kernel.timers.cancel(timer) };
      return blocked;
    },
  });
}

/** Lets cycles of kernel work pass on the calling thread. */
export function work(cycles: number): Call<void> {
  return cycles > 0 ? issue(workCharge, nothing, cycles, undefined, undefined) : atOnce;
}

const nothing = () => undefined;

/** What needs no call after all: `yield*` goes on at once. */
export const atOnce: Call<void> = Object.freeze({
  [Symbol.iterator]: () => atOnce,
  next: () => ({ done: true, value: undefined }),
}) as unknown as Call<void>;
