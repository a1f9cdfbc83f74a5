/**
 * A thread's wait in a queue, first come first served, until its turn or its time-out.
 *
 * - Whoever changes what is waited for wakes the queue; the thread goes on when `attempt` succeeds.
 * - A thread that is killed leaves the queue and takes its timer along.
 */

import { CallError } from "../calls/errors.ts";
import { blocked } from "../calls/kernel_call.ts";
import { later, nanoseconds } from "../hal/hardware.ts";
import type { Kernel } from "../kernel.ts";
import type { Thread } from "./thread.ts";
import type { WaitQueue } from "./wait_queue.ts";

/** What a program said of its patience: for ever when it said nothing, at once when it makes no sense. */
export function patienceOf(timeoutNs: unknown): number {
  if (timeoutNs === undefined) return Infinity;
  const patience = Number(timeoutNs);
  return patience > 0 ? patience : 0;
}

/** The error of a wait that was in vain. */
export function timedOut(what: string, patienceNs: number): CallError {
  return new CallError("TimedOut", `The ${what} was not to be had within ${patienceNs / 1e6} ms`);
}

/** A timer for a wait; none when the patience has no end. */
export function timerAfter(
  kernel: Kernel,
  patienceNs: number,
  action: () => void,
): { cancel(): void } | undefined {
  if (patienceNs === Infinity) return undefined;
  const timer = kernel.timers.at(later(kernel.clock.now, nanoseconds(patienceNs)), action);
  return { cancel: () => kernel.timers.cancel(timer) };
}

/** Blocks a thread whose `attempt` has failed once, until one succeeds or its patience for `what` is over. */
export function waitInLine(
  kernel: Kernel,
  thread: Thread,
  queue: WaitQueue,
  patienceNs: number,
  attempt: () => boolean,
  what: string,
): typeof blocked {
  const waiter = {
    wake() {
      if (!attempt()) return false;
      cancel();
      kernel.scheduler.unblock(thread);
      return true;
    },
  };
  const timer = timerAfter(kernel, patienceNs, () => {
    queue.remove(waiter);
    thread.answerError(timedOut(what, patienceNs));
    kernel.scheduler.unblock(thread);
  });
  const cancel = () => {
    queue.remove(waiter);
    timer?.cancel();
  };
  queue.add(waiter);
  thread.wait = { cancel };
  return blocked;
}

/** Tries at once, and else waits in line until `attempt` succeeds or the thread's patience is over. */
export function attemptOrWait(
  kernel: Kernel,
  thread: Thread,
  waiters: WaitQueue,
  what: string,
  timeoutNs: unknown,
  attempt: () => boolean,
): void | typeof blocked {
  if (attempt()) return;
  const patience = patienceOf(timeoutNs);
  if (patience === 0) throw timedOut(what, 0);
  return waitInLine(kernel, thread, waiters, patience, attempt, what);
}
