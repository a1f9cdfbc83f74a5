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
    const waiters = this.#waiters;
    const index = waiters.indexOf(waiter);
    if (index === waiters.length - 1) waiters.pop();
    else if (index >= 0) waiters.splice(index, 1);
  }

  /** Offers what happened to the waiters in order, until one takes it. */
  wakeOne(): void {
    const [first] = this.#waiters;
    if (first === undefined || first()) return;
    for (const waiter of this.#waiters.slice(1)) if (waiter()) return;
  }

  wakeAll(): void {
    for (const waiter of [...this.#waiters]) waiter();
  }
}
