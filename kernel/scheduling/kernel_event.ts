/**
 * An auto-reset event for the kernel's own threads and for interrupts.
 *
 * `signal` lets one waiter through, or the next one that comes; signals do not add up.
 */

import type { Call } from "../abi/kernel.ts";
import { blocked, type KernelCall, submit } from "../calls/kernel_call.ts";
import { later, nanoseconds } from "../hal/hardware.ts";
import type { Kernel } from "../kernel.ts";
import type { Thread } from "./thread.ts";
import { WaitQueue } from "./wait_queue.ts";

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
    return submit(new WaitForEvent(this));
  }
}

class WaitForEvent implements KernelCall<void> {
  constructor(readonly event: KernelEvent) {}

  perform(kernel: Kernel, thread: Thread): void | typeof blocked {
    const { event } = this;
    if (event.consume()) return;
    const waiter = {
      wake() {
        if (!event.consume()) return false;
        event.waiters.remove(waiter);
        kernel.scheduler.unblock(thread);
        return true;
      },
    };
    event.waiters.add(waiter);
    thread.wait = { cancel: () => event.waiters.remove(waiter) };
    return blocked;
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
  return cycles > 0 ? submit({ cycles, perform: () => undefined }) : atOnce;
}

/** What needs no call after all: `yield*` goes on at once. */
export const atOnce: Call<void> = Object.freeze({
  [Symbol.iterator]: () => atOnce,
  next: () => ({ done: true, value: undefined }),
}) as unknown as Call<void>;
