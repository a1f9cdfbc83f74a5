/**
 * Mutual exclusion and conditions among the threads of one process.
 *
 * A mutex goes from hand to hand: who releases it gives it to the thread that waits
 * longest, so that none is overtaken. A condition's waiters stand in line for the
 * mutex when they are woken, behind those that stand there already.
 * - A thread that ends while it holds a mutex leaves it abandoned, and its next holder is told once.
 * - Handles stay in their process: no field of a message can carry one.
 */

import type { Call } from "../abi/kernel.ts";
import type { Kernel } from "../kernel.ts";
import type { Process } from "../process/process.ts";
import { patienceOf, timedOut, timerAfter, waitInLine } from "../scheduling/timed_wait.ts";
import type { Held, Thread } from "../scheduling/thread.ts";
import { WaitQueue } from "../scheduling/wait_queue.ts";
import { CallError } from "./errors.ts";
import { blocked, submit } from "./kernel_call.ts";

const synchronisation = "synchronisation";

/** What a kernel keeps of a mutex. */
class MutexState implements Held {
  holder: Thread | undefined;
  readonly waiters = new WaitQueue();
  #isAbandoned = false;

  constructor(readonly process: Process) {}

  /** Gives the mutex to a thread if it is free, with the answer for it. */
  take(thread: Thread): boolean {
    if (this.holder !== undefined) return false;
    this.holder = thread;
    thread.held.add(this);
    return true;
  }

  /** What the new holder is told. */
  heldAs<T>(usual: T): T | "abandoned" {
    const was = this.#isAbandoned;
    this.#isAbandoned = false;
    return was ? "abandoned" : usual;
  }

  release(): void {
    this.holder!.held.delete(this);
    this.holder = undefined;
    this.waiters.wakeOne();
  }

  abandon(): void {
    this.#isAbandoned = true;
    this.release();
  }

  checkHolder(thread: Thread, what: string): void {
    if (this.holder === thread) return;
    throw new CallError("BadArgument", `Cannot ${what} a mutex that this thread does not hold`);
  }
}

export class MutexHandle {
  readonly #state: MutexState;

  constructor(process: Process) {
    this.#state = new MutexState(process);
  }

  acquire(timeoutNs?: number): Call<"acquired" | "abandoned"> {
    const state = this.#state;
    return submit({
      primitive: synchronisation,
      perform(kernel: Kernel, thread: Thread) {
        checkProcess(state.process, thread);
        if (state.holder === thread) {
          throw new CallError("BadArgument", "Cannot acquire a mutex that this thread holds already");
        }
        if (state.take(thread)) return state.heldAs("acquired");
        const patience = patienceOf(timeoutNs);
        if (patience === 0) throw timedOut("mutex", 0);
        const attempt = () => {
          if (!state.take(thread)) return false;
          thread.answer(state.heldAs("acquired"));
          return true;
        };
        return waitInLine(kernel, thread, state.waiters, patience, attempt, "mutex");
      },
    });
  }

  release(): Call<void> {
    const state = this.#state;
    return submit({
      primitive: synchronisation,
      perform(_kernel: Kernel, thread: Thread) {
        state.checkHolder(thread, "release");
        state.release();
      },
    });
  }

  static stateOf(value: unknown): MutexState | undefined {
    return typeof value === "object" && value !== null && #state in value ? value.#state : undefined;
  }
}
const mutexStateOf = MutexHandle.stateOf;
Reflect.deleteProperty(MutexHandle.prototype, "constructor");
Object.freeze(MutexHandle.prototype);

export class ConditionHandle {
  readonly #mutex: MutexState;
  readonly #waiters = new WaitQueue();

  /** Throws when `mutex` is no mutex of the process. */
  constructor(mutex: unknown, process: Process) {
    const state = mutexStateOf(mutex);
    if (state?.process !== process) {
      throw new CallError("BadArgument", "A condition needs a mutex of this process");
    }
    this.#mutex = state;
  }

  wait(timeoutNs?: number): Call<"woken" | "abandoned" | "timeout"> {
    const [mutex, waiters] = [this.#mutex, this.#waiters];
    return submit({
      primitive: synchronisation,
      perform(kernel: Kernel, thread: Thread) {
        mutex.checkHolder(thread, "wait with");
        const patience = patienceOf(timeoutNs);
        if (patience === 0) return "timeout";
        mutex.release();
        /** True when the thread holds the mutex again; otherwise it stands in line for it. */
        const holdAgain = (outcome: "woken" | "timeout"): boolean => {
          const attempt = () => {
            if (!mutex.take(thread)) return false;
            thread.answer(mutex.heldAs(outcome));
            return true;
          };
          if (attempt()) return true;
          waitInLine(kernel, thread, mutex.waiters, Infinity, attempt, "mutex");
          return false;
        };
        return waitForWake(kernel, thread, waiters, patience, holdAgain);
      },
    });
  }

  wakeOne(): Call<void> {
    const waiters = this.#waiters;
    return submit({ primitive: synchronisation, perform: () => waiters.wakeOne() });
  }

  wakeAll(): Call<void> {
    const waiters = this.#waiters;
    return submit({ primitive: synchronisation, perform: () => waiters.wakeAll() });
  }
}
Reflect.deleteProperty(ConditionHandle.prototype, "constructor");
Object.freeze(ConditionHandle.prototype);

/** Waits in a condition's line; woken or out of time, the thread goes on to the mutex. */
function waitForWake(
  kernel: Kernel,
  thread: Thread,
  waiters: WaitQueue,
  patienceNs: number,
  holdAgain: (outcome: "woken" | "timeout") => boolean,
): typeof blocked {
  const end = (outcome: "woken" | "timeout") => {
    cancel();
    if (holdAgain(outcome)) kernel.scheduler.unblock(thread);
  };
  const waiter = {
    wake() {
      end("woken");
      return true;
    },
  };
  const timer = timerAfter(kernel, patienceNs, () => end("timeout"));
  const cancel = () => {
    waiters.remove(waiter);
    timer?.cancel();
  };
  waiters.add(waiter);
  thread.wait = { cancel };
  return blocked;
}

function checkProcess(process: Process, thread: Thread): void {
  if (process !== thread.process) throw new CallError("BadArgument", "That is no mutex of this process");
}
