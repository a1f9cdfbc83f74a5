/**
 * Threads that wait for one thing, first come first served.
 *
 * A waiter is a function that tries to finish the wait: it returns false when there
 * is nothing for it after all. It is taken out by `remove` when its wait ends otherwise.
 */

export type Waiter = () => boolean;

export class WaitQueue {
  readonly #waiters: Waiter[] = [];

  get size(): number {
    return this.#waiters.length;
  }

  add(waiter: Waiter): void {
    this.#waiters.push(waiter);
  }

  remove(waiter: Waiter): void {
    const index = this.#waiters.indexOf(waiter);
    if (index >= 0) this.#waiters.splice(index, 1);
  }

  /** Offers what happened to the waiters in order, until one takes it. */
  wakeOne(): void {
    for (const waiter of [...this.#waiters]) if (waiter()) return;
  }

  wakeAll(): void {
    for (const waiter of [...this.#waiters]) waiter();
  }
}
