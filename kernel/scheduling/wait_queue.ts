/**
 * Threads that wait for one thing, first come first served.
 *
 * A waiter tries to finish its wait when it is woken: it returns false when there
 * is nothing for it after all. It is taken out by `remove` when its wait ends otherwise.
 */

/** Who waits; the same object stands in each queue of a wait for several things. */
export interface Waiter {
  wake(): boolean;
}

export class WaitQueue {
  readonly #waiters: Waiter[] = [];

  get size(): number {
    return this.#waiters.length;
  }

  add(waiter: Waiter): void {
    this.#waiters.push(waiter);
  }

  remove(waiter: Waiter): void {
    const waiters = this.#waiters;
    const last = waiters.length - 1;
    // As a rule it is the only one.
    if (waiters[last] === waiter) waiters.pop();
    else {
      const index = waiters.indexOf(waiter);
      if (index >= 0) waiters.splice(index, 1);
    }
  }

  /** Offers what happened to the waiters in order, until one takes it. */
  wakeOne(): void {
    const waiters = this.#waiters;
    if (waiters.length === 0 || waiters[0]!.wake() || waiters.length === 1) return;
    for (const waiter of waiters.slice(1)) if (waiter.wake()) return;
  }

  wakeAll(): void {
    for (const waiter of [...this.#waiters]) waiter.wake();
  }
}
