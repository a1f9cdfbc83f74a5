/**
 * MinScheduler: one lock, two queues, and IPIs to CPUs that are to look for work.
 *
 * As in Singularity (helios-reference.md section 7): threads that were unblocked run
 * first; those that yielded or were preempted go to the tail of the runnable queue.
 * - A thread has a CPU: the one it ran on last, new ones go round robin. Which CPU is
 *   interrupted for it is the balancer's say; any CPU takes whichever thread is first.
 * - The end of a quantum puts the unblocked threads behind the runnable ones.
 */

import type { SchedulerRow } from "../abi/kernel.ts";
import { milliseconds } from "../hal/hardware.ts";
import type { Kernel } from "../kernel.ts";
import { announceEvery, type BalancerName } from "./balancer.ts";
import { DispatchLock } from "./dispatch_lock.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { Thread } from "./thread.ts";
import { ThreadQueue } from "./thread_queue.ts";

/** The time slice of MinScheduler (helios-reference.md section 7). */
export const quantum = milliseconds(10);

export class Scheduler {
  readonly lock = new DispatchLock();
  readonly #kernel: Kernel;
  readonly #unblocked = new ThreadQueue();
  readonly #runnable = new ThreadQueue();
  #nextDispatcher = 0;
  #requeued = 0;

  readonly balancer: BalancerName;

  constructor(kernel: Kernel, balancer: BalancerName) {
    this.balancer = balancer;
    this.#kernel = kernel;
  }

  get hasUnblocked(): boolean {
    return !this.#unblocked.isEmpty;
  }

  get hasWaiting(): boolean {
    return !this.#unblocked.isEmpty || !this.#runnable.isEmpty;
  }

  /** What it counted, as the tables show it. */
  get row(): SchedulerRow {
    const { name, dispatchers } = this.#kernel;
    const sum = (counter: keyof Dispatcher["counts"]) =>
      dispatchers.reduce((total, { counts }) => total + counts[counter], 0);
    return Object.freeze({
      kernel: name,
      balancer: this.balancer,
      cpus: dispatchers.length,
      contextSwitches: sum("switches"),
      quantumEnds: sum("quantumEnds"),
      lockAcquisitions: this.lock.acquisitions,
      lockTransfers: this.lock.transfers,
      lockSpinCycles: this.lock.spinCycles,
      handOverCycles: sum("handOverCycles"),
      ipisSent: sum("ipisSent"),
      ipisTaken: sum("ipisTaken"),
      ipiWaits: sum("ipiWaits"),
      ipiWaitCycles: sum("ipiWaitCycles"),
    });
  }

  /** A new thread. */
  start(thread: Thread): void {
    const { dispatchers } = this.#kernel;
    thread.lastDispatcher ??= dispatchers[this.#nextDispatcher++ % dispatchers.length]!;
    thread.state = "runnable";
    this.#lockFor(this.#runnable, thread);
    this.#notify(thread);
  }

  /** A thread whose wait is over. */
  unblock(thread: Thread): void {
    if (thread.state === "ended") return;
    thread.wait = undefined;
    thread.state = "unblocked";
    this.#lockFor(this.#unblocked, thread);
    this.#notify(thread);
  }

  /** A thread that yielded or used up its quantum; the dispatch that follows pays for the lock. */
  requeue(thread: Thread): void {
    thread.state = "runnable";
    this.#runnable.putLast(thread);
  }

  /** Whether the thread that just went back to the queue is one that the balancer announces. */
  announcesNow(): boolean {
    return this.balancer === "announce" && ++this.#requeued % announceEvery === 0;
  }

  /** A thread that an interrupt pushed aside: it is next among the runnable ones. */
  putBack(thread: Thread): void {
    thread.state = "runnable";
    this.#runnable.putFirst(thread);
  }

  /** A quantum has ended: who was unblocked during it has to queue with the others from now on. */
  endQuantum(): void {
    for (
      let thread = this.#unblocked.takeFirst();
      thread !== undefined;
      thread = this.#unblocked.takeFirst()
    ) {
      this.requeue(thread);
    }
  }

  /** The next thread for a CPU, or undefined. */
  take(): Thread | undefined {
    return this.#unblocked.takeFirst() ?? this.#runnable.takeFirst();
  }

  /** Takes a thread that is being killed out of the queues. */
  remove(thread: Thread): void {
    this.#unblocked.remove(thread);
    this.#runnable.remove(thread);
  }

  /** Puts a thread at the tail of a queue, under the lock. */
  #lockFor(queue: ThreadQueue, thread: Thread): void {
    queue.putLast(thread);
    const { executing } = this.#kernel;
    if (executing === undefined) return;
    if (this.lock.takeAgain(executing)) return;
    const cycles = this.lock.take(executing, executing.cpu.freeAt);
    if (cycles > 0) executing.cpu.steal(cycles);
  }

  #notify(thread: Thread): void {
    const kernel = this.#kernel;
    // Its CPUs may be another kernel's by now.
    if (kernel.isHalted) return;
    const preferred = thread.lastDispatcher ?? kernel.dispatchers[0]!;
    const here = kernel.executing;
    // The one CPU there is does this itself, and dispatches next.
    if (here === preferred && kernel.dispatchers.length === 1 && !here.idle) return;
    const target = preferred.idle ? preferred : this.#otherIdle(preferred);
    if (target === undefined) {
      if (here !== preferred) preferred.quantumMatters();
    } else if (here === undefined) {
      // Nobody's CPU did this: an idle one noticed it by polling.
      target.run();
    } else if (target === preferred || this.balancer === "announce") {
      if (target !== here) here.wake(target);
    } else {
      if (here !== preferred) preferred.quantumMatters();
      target.lookInTime();
    }
  }

  #otherIdle(preferred: Dispatcher): Dispatcher | undefined {
    const { dispatchers } = this.#kernel;
    if (dispatchers.length === 1) return undefined;
    return dispatchers.find((dispatcher) => dispatcher !== preferred && dispatcher.idle);
  }
}
