/**
 * How the threads of one process wait for each other.
 *
 * All of these are made by the calls of `Kernel`, belong to their process and stay in it.
 * Who waits longest is first, and the same program does the same each time.
 * - Only types stand here: import this file with `import type`.
 */

import type { Call } from "./kernel.ts";

/**
 * Mutual exclusion among the threads of this process; who waits longest is next. A thread that ends while it
 * holds one leaves it abandoned: the next holder is told, since what it guards may be half done.
 */
export interface Mutex {
  /** Waits for the mutex; throws "TimedOut" when it is not free within `timeoutNs`, "BadArgument" when this thread holds it. */
  acquire(timeoutNs?: number): Call<"acquired" | "abandoned">;
  /** Throws "BadArgument" when this thread does not hold it. */
  release(): Call<void>;
}

/** Waiting for what a mutex guards to change. Look again after a wait: other threads may have been first. */
export interface Condition {
  /**
   * Gives the mutex up, waits to be woken, and goes on holding it again; "timeout" when nobody woke it within
   * `timeoutNs`. Throws "BadArgument" when this thread does not hold the mutex.
   */
  wait(timeoutNs?: number): Call<"woken" | "abandoned" | "timeout">;
  /** Wakes who waits longest; nothing is remembered when nobody waits. */
  wakeOne(): Call<void>;
  wakeAll(): Call<void>;
}

/** A count that threads take from and add to; who waits longest is next. */
export interface Semaphore {
  /** Takes one; throws "TimedOut" when there is none within `timeoutNs`. */
  acquire(timeoutNs?: number): Call<void>;
  /** Adds `count` (1 when left out); throws "BadArgument", and adds nothing, beyond the maximum. */
  release(count?: number): Call<void>;
}

/** "auto": a signal lets one waiter through and is gone. "manual": lets all through until it is reset. */
export interface ThreadEvent {
  /** Waits for the signal; throws "TimedOut" when there is none within `timeoutNs`. */
  wait(timeoutNs?: number): Call<void>;
  /** Signals; once more changes nothing. */
  set(): Call<void>;
  reset(): Call<void>;
}

/**
 * A cell that holds one value of the exchange heap, a block or an endpoint, which the threads of this process
 * use in turn; who waits longest is next. While the value is in the cell, what threads kept of it is dead.
 */
export interface TRef<T> {
  /**
   * Takes the value, and waits until it is there. Throws "TimedOut" when it is not within `timeoutNs`, "BadArgument"
   * when this thread has it already, "NotFound" when the thread that had it ended without releasing it.
   */
  acquire(timeoutNs?: number): Call<T>;
  /** Puts a value back, the same or another. Throws "BadArgument" when this thread has not acquired it. */
  release(value: T): Call<void>;
}

/**
 * A word of memory, an int32 that wraps, for the threads of one process. Each operation is one instruction of
 * the CPU and ends the burst, so another thread may run between two of them. Programs use `Interlocked`
 * (kernel/abi/interlocked.ts), which is the same on every ISA; what is here is not.
 */
export interface AtomicCell {
  load(): Call<number>;
  store(value: number): Call<void>;
  /** XCHG on x86, SWP on armv5te: stores a value and gives the one before. */
  lockedExchange(value: number): Call<number>;
  /** LOCK XADD: gives the value before; throws "UndefinedInstruction" on armv5te. */
  lockedAdd(value: number): Call<number>;
  /** LOCK CMPXCHG: stores if it finds `comparand`, gives what it found; throws "UndefinedInstruction" on armv5te. */
  lockedCompareExchange(value: number, comparand: number): Call<number>;
  /**
   * Interrupts of this thread's CPU off: no other thread runs on it until they are on again. Only operations
   * of cells and looks at the cycle counter may stand between, 1,000 cycles at most; else the process ends. Other CPUs go on.
   */
  interruptsOff(): Call<void>;
  interruptsOn(): Call<void>;
}
