/**
 * MinScheduler: two queues, one dispatch lock, an IPI to a CPU only if it is idle.
 *
 * As in Singularity (helios-reference.md section 7): threads that were unblocked run
 * first; those that yielded or were preempted go to the tail of the runnable queue.
 * - Starting or unblocking a thread prefers the CPU it ran on last, new ones go round
 *   robin; a busy CPU is left alone and takes the thread at its next dispatch.
 * - The dispatch lock is a lock in virtual time: who comes while it is held spins.
 */

import { elapsed, type Instant, later, milliseconds } from "../hal/hardware.ts";
import type { Kernel } from "../kernel.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { Thread } from "./thread.ts";
import { ThreadQueue } from "./thread_queue.ts";

/** The time slice of MinScheduler (helios-reference.md section 7). */
export const quantum = milliseconds(10);

export class Scheduler {
  readonly #kernel: Kernel;
  readonly #unblocked = new ThreadQueue();
  readonly #runnable = new ThreadQueue();
  #nextDispatcher = 0;
  #lockFreeAt: Instant = 0 as Instant;
  /** Cycles that CPUs spun on the dispatch lock. */
  lockSpinCycles = 0;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  get hasUnblocked(): boolean {
    return this.#unblocked.length > 0;
  }

  get hasWaiting(): boolean {
    return this.#unblocked.length > 0 || this.#runnable.length > 0;
  }

  /** A new thread. */
  start(thread: Thread): void {
    const { dispatchers } = this.#kernel;
    thread.lastDispatcher ??= dispatchers[this.#nextDispatcher++ % dispatchers.length]!;
    thread.state = "runnable";
    this.#runnable.putLast(thread);
    this.#notify(thread);
  }

  /** A thread whose wait is over. */
  unblock(thread: Thread): void {
    if (thread.state === "ended") return;
    thread.wait = undefined;
    thread.state = "unblocked";
    this.#unblocked.putLast(thread);
    this.#notify(thread);
  }

  /** A thread that yielded or used up its quantum. */
  requeue(thread: Thread): void {
    thread.state = "runnable";
    this.#runnable.putLast(thread);
  }

  /** A thread that an interrupt pushed aside: it is next among the runnable ones. */
  putBack(thread: Thread): void {
    thread.state = "runnable";
    this.#runnable.putFirst(thread);
  }

  /** The next thread for a CPU, or undefined. */
  take(dispatcher: Dispatcher): Thread | undefined {
    return this.#unblocked.takeFor(dispatcher) ?? this.#runnable.takeFor(dispatcher);
  }

  /** Takes a thread that is being killed out of the queues. */
  remove(thread: Thread): void {
    this.#unblocked.remove(thread);
    this.#runnable.remove(thread);
  }

  /** Takes the dispatch lock now: cycles to spin and to hold it. */
  lockCycles(dispatcher: Dispatcher): number {
    const { now } = this.#kernel.clock;
    const hold = dispatcher.costs.dispatchLock;
    const wait = Math.max(0, elapsed(now, this.#lockFreeAt)) * dispatcher.cpu.frequencyHz / 1e9;
    this.#lockFreeAt = later(Math.max(now, this.#lockFreeAt) as Instant, dispatcher.cpu.duration(hold));
    this.lockSpinCycles += wait;
    return wait + hold;
  }

  #notify(thread: Thread): void {
    const kernel = this.#kernel;
    const preferred = thread.lastDispatcher ?? kernel.dispatchers[0]!;
    const target = preferred.idle ? preferred : kernel.dispatchers.find((dispatcher) => dispatcher.idle);
    const here = kernel.executing;
    if (target === undefined) {
      if (here !== preferred) preferred.quantumMatters();
      return;
    }
    if (target === here) return;
    if (here === undefined) {
      // Nobody's CPU did this: an idle one noticed it by polling.
      target.run();
      return;
    }
    kernel.charge(here.costs.ipiSend);
    kernel.platform.sendIpi(here.cpu, target.cpu.apicId);
  }
}
