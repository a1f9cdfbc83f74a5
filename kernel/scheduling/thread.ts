/**
 * A thread: a generator, and where it stands between two kernel calls.
 *
 * A thread runs in bursts: the generator runs on the host until it yields a call,
 * its cycles then pass on a CPU, and only then does the call take effect.
 * - `step` runs the next burst; `pendingCycles` is what is left of it in time.
 * - A blocked thread has a `Wait`; whoever ends the wait calls `resume` or `fail`,
 *   once, and the scheduler makes the thread runnable.
 */

import { type KernelCall, openToken } from "../calls/kernel_call.ts";
import type { Process, Resumable } from "../process/process.ts";
import type { Dispatcher } from "./dispatcher.ts";

/** What a blocked thread waits for; `cancel` takes it out of every queue it stands in. */
export interface Wait {
  cancel(): void;
}

export type ThreadState = "unblocked" | "runnable" | "running" | "blocked" | "ended";

type Answer = { readonly value: unknown } | { readonly error: unknown };

/** How a burst ended: with a call, with the end of the function, or with an exception. */
export type BurstEnd =
  | { readonly kind: "call"; readonly call: KernelCall<unknown> }
  | { readonly kind: "returned"; readonly value: unknown }
  | { readonly kind: "threw"; readonly error: unknown };

export class Thread {
  state: ThreadState = "runnable";
  wait: Wait | undefined;
  /** The CPU it ran on last; new threads go round robin. */
  lastDispatcher: Dispatcher | undefined;
  /** Cycles of the burst that have not passed yet. */
  pendingCycles = 0;
  /** Set from the start of a burst until its effect. */
  burstEnd: BurstEnd | undefined;
  /** Kernel work done on behalf of this thread, to be spent with its next burst. */
  overheadCycles = 0;
  /** Cycles that it has run since it turned its CPU's interrupts off; undefined while they are on. */
  interruptsOffCycles: number | undefined;
  /** Called when the thread has ended. */
  readonly onEnd: (() => void)[] = [];
  #answer: Answer = { value: undefined };

  constructor(
    readonly process: Process,
    readonly name: string,
    readonly code: Resumable,
  ) {}

  /** Runs the generator to its next call; returns the instructions' cycles. */
  step(): number {
    try {
      const answer = this.#answer;
      this.#answer = { value: undefined };
      const result = "error" in answer ? this.code.throw(answer.error) : this.code.next(answer.value);
      this.burstEnd = this.#endOf(result.done === true, result.value);
    } catch (error) {
      this.burstEnd = { kind: "threw", error };
    }
    return this.process.takeCycles();
  }

  /** The value that the pending `yield*` evaluates to. */
  answer(value: unknown): void {
    this.#answer = { value };
  }

  /** The exception that the pending `yield*` throws. */
  answerError(error: unknown): void {
    this.#answer = { error };
  }

  #endOf(done: boolean, value: unknown): BurstEnd {
    if (done) return { kind: "returned", value };
    // A program can yield anything; only calls that this kernel made count.
    const call = openToken(value);
    if (call !== undefined) return { kind: "call", call };
    return { kind: "threw", error: new TypeError("A program may yield kernel calls only, with yield*") };
  }
}
