/**
 * Events among the threads of one process: with automatic and with manual reset.
 *
 * A signal of the first kind lets one thread through, the one that waits longest, or the
 * next that comes; a signal of the second kind lets all through until it is reset.
 * - A select is let through like a wait, and takes the signal only if it is what the select ends with.
 */

import type { Call } from "../abi/kernel.ts";
import type { Kernel } from "../kernel.ts";
import { attemptOrWait } from "../scheduling/timed_wait.ts";
import type { Thread } from "../scheduling/thread.ts";
import { type Occurring, WaitQueue } from "../scheduling/wait_queue.ts";
import { CallError } from "./errors.ts";
import { submit } from "./kernel_call.ts";

const synchronisation = "synchronisation";

export class EventHandle {
  readonly #isAutomatic: boolean;
  #isSignalled: boolean;
  readonly #waiters = new WaitQueue();

  /** Throws for a kind of reset that there is not. */
  constructor(reset: unknown, isSignalled: boolean) {
    if (reset !== "auto" && reset !== "manual") {
      throw new CallError("BadArgument", `An event resets "auto" or "manual", not ${String(reset)}`);
    }
    this.#isAutomatic = reset === "auto";
    this.#isSignalled = isSignalled;
  }

  wait(timeoutNs?: number): Call<void> {
    return submit({
      primitive: synchronisation,
      perform: (kernel: Kernel, thread: Thread) =>
        attemptOrWait(kernel, thread, this.#waiters, "event", timeoutNs, () => this.#pass()),
    });
  }

  set(): Call<void> {
    return submit({
      primitive: synchronisation,
      perform: () => {
        this.#isSignalled = true;
        if (this.#isAutomatic) this.#waiters.wakeOne();
        else this.#waiters.wakeAll();
      },
    });
  }

  reset(): Call<void> {
    return submit({ primitive: synchronisation, perform: () => void (this.#isSignalled = false) });
  }

  /** Takes the signal, if there is one. */
  #pass(): boolean {
    if (!this.#isSignalled) return false;
    if (this.#isAutomatic) this.#isSignalled = false;
    return true;
  }

  /** What a select needs to wait for the signal; undefined for what is no event. */
  static signalOf(value: unknown): Occurring | undefined {
    if (typeof value !== "object" || value === null || !(#waiters in value)) return undefined;
    return { waiters: value.#waiters, take: () => value.#pass() };
  }
}
export const signalOf = EventHandle.signalOf;
Reflect.deleteProperty(EventHandle.prototype, "constructor");
Object.freeze(EventHandle.prototype);
