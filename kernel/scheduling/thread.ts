/**
 * A thread: a generator, and where it stands between two kernel calls.
 *
 * A thread runs in bursts: the generator runs on the host until it yields a call,
 * its cycles then pass on a CPU, and only then does the call take effect.
 * - `step` runs the next burst; `pendingCycles` is what is left of it in time.
 * - A blocked thread has a `Wait`; whoever ends the wait calls `resume` or `fail`,
 *   once, and the scheduler makes the thread runnable.
 */

import { type Request, setRunningThread, takeRequest } from "../calls/kernel_call.ts";
import type { Instant } from "../hal/hardware.ts";
import type { Process, Resumable } from "../process/process.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { ThreadQueue } from "./thread_queue.ts";

/** What a blocked thread waits for; `cancel` takes it out of every queue it stands in. */
export interface Wait {
  cancel(): void;
}

/** What a thread can hold; it is told when the thread ends without letting go. */
export interface Held {
  abandon(): void;
}

export type ThreadState = "unblocked" | "runnable" | "running" | "blocked" | "ended";

/** How a thread's code ended: with the end of its function, or with an exception. */
export type Ending =
  | { readonly kind: "returned"; readonly value: unknown }
  | { readonly kind: "threw"; readonly error: unknown };

export class Thread {
  state: ThreadState = "runnable";
  wait: Wait | undefined;
  /** Its last wait for a message, to be used again: a new object for each one, held by old ones, costs the host more. */
  receiving: Wait | undefined;
  /** The CPU it ran on last; new threads go round robin. */
  lastDispatcher: Dispatcher | undefined;
  /** When the CPU that it ran on last has saved it; no other may go on with it before. */
  savedAt = 0 as Instant;
  /** The queue in which it stands, and its neighbours there; only that queue changes them. */
  queue: ThreadQueue | undefined;
  before: Thread | undefined;
  behind: Thread | undefined;
  /** Cycles of the burst that have not passed yet. */
  pendingCycles = 0;
  /** How the burst ended; one of the two is set from its start until its effect. */
  call: Request | undefined;
  ending: Ending | undefined;
  /** Its last call took effect within the burst, which ended there: there is nothing to be yielded. */
  isSuspended = false;
  /** Kernel work done on behalf of this thread, to be spent with its next burst. */
  overheadCycles = 0;
  /** Cycles that it has run since it turned its CPU's interrupts off; undefined while they are on. */
  interruptsOffCycles: number | undefined;
  readonly held = new Set<Held>();
  /** Called when the thread has ended. */
  readonly onEnd: (() => void)[] = [];
  /** What the pending `yield*` gives or throws. */
  #answer: unknown;
  #isError = false;

  readonly process: Process;
  readonly name: string;
  readonly code: Resumable;

  constructor(process: Process, name: string, code: Resumable) {
    this.process = process;
    this.name = name;
    this.code = code;
  }

  /** Runs the generator to its next call. */
  step(): void {
    const answer = this.#answer;
    const isError = this.#isError;
    this.#answer = undefined;
    this.#isError = false;
    // With interrupts off, a watchdog looks at each burst.
    setRunningThread(this.interruptsOffCycles === undefined ? this : undefined);
    try {
      const { done, value } = isError ? this.code.throw(answer) : this.code.next(answer);
      if (this.isSuspended) takeRequest(value);
      else if (done === true) this.ending = { kind: "returned", value };
      // A program can yield anything; only requests that this kernel made count.
      else if ((this.call = takeRequest(value)) === undefined) {
        this.ending = {
          kind: "threw",
          error: new TypeError("A program may yield kernel calls only, with yield*"),
        };
      }
    } catch (error) {
      this.ending = { kind: "threw", error };
    }
    setRunningThread(undefined);
  }

  /** The value that the pending `yield*` evaluates to. */
  answer(value: unknown): void {
    this.#answer = value;
    this.#isError = false;
  }

  /** The exception that the pending `yield*` throws. */
  answerError(error: unknown): void {
    this.#answer = error;
    this.#isError = true;
  }
}
