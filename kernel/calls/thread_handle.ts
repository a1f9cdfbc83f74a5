/**
 * A thread as its process sees it: something whose end can be waited for.
 *
 * An end that has come stays: every join and every select from then on has it at once.
 * - All who wait are told, not only the first.
 * - A thread that waits for itself waits until its process is ended.
 */

import type { Call } from "../abi/kernel.ts";
import type { Kernel } from "../kernel.ts";
import type { Thread } from "../scheduling/thread.ts";
import { attemptOrWait } from "../scheduling/timed_wait.ts";
import { type Occurring, WaitQueue } from "../scheduling/wait_queue.ts";
import { submit } from "./kernel_call.ts";

export class ThreadHandle {
  readonly #thread: Thread;
  readonly #waiters = new WaitQueue();

  constructor(thread: Thread) {
    this.#thread = thread;
    thread.onEnd.push(() => this.#waiters.wakeAll());
  }

  join(): Call<void> {
    return submit({
      perform: (kernel: Kernel, thread: Thread) =>
        attemptOrWait(kernel, thread, this.#waiters, "end of a thread", undefined, () => this.#hasEnded),
    });
  }

  get #hasEnded(): boolean {
    return this.#thread.state === "ended";
  }

  /** What a select needs to wait for the thread's end; undefined for what is no thread. */
  static endingOf(value: unknown): Occurring | undefined {
    if (typeof value !== "object" || value === null || !(#thread in value)) return undefined;
    return { waiters: value.#waiters, take: () => value.#hasEnded };
  }
}
export const endingOf = ThreadHandle.endingOf;
Reflect.deleteProperty(ThreadHandle.prototype, "constructor");
Object.freeze(ThreadHandle.prototype);
