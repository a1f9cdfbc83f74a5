/**
 * Jobs on their way from one thread of a process to the next, first come first served.
 *
 * - One thread takes; it sleeps while there is nothing, until an event says that there is a job. Who waits for
 *   other things as well selects `filled` among them, and drains the queue when it is signalled.
 * - Bounded by who puts jobs in: each client of the store has at most one.
 */

import type { Call, Kernel } from "../../kernel/abi/kernel.ts";
import type { ThreadEvent } from "../../kernel/abi/synchronisation.ts";

export class JobQueue<J> {
  readonly filled: ThreadEvent;
  #jobs: J[] = [];

  private constructor(filled: ThreadEvent) {
    this.filled = filled;
  }

  static *create<J>(kernel: Kernel): Call<JobQueue<J>> {
    return new JobQueue<J>(yield* kernel.createEvent("auto"));
  }

  *put(job: J): Call<void> {
    this.#jobs.push(job);
    // Who takes, takes all; only the first of them has to tell.
    if (this.#jobs.length === 1) yield* this.filled.set();
  }

  /** All jobs that wait, at least one, in the order in which they came. */
  *takeAll(): Call<readonly J[]> {
    while (this.#jobs.length === 0) yield* this.filled.wait();
    return this.drain();
  }

  /** All jobs that wait, if any. */
  drain(): readonly J[] {
    const jobs = this.#jobs;
    this.#jobs = [];
    return jobs;
  }
}
