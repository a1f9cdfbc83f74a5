/**
 * Threads that wait for one thing, first come first served.
 *
 * A waiter tries to finish its wait when it is woken: it returns false when there
 * is nothing for it after all. It is taken out by `remove` when its wait ends otherwise.
 */

import type { Message } from "../channels/channel_end.ts";

/** Who waits; the same object stands in each queue of a wait for several things. */
export interface Waiter {
  wake(): boolean;
  /** Ends the wait with a message that is the first to come; absent where waiters look for themselves. */
  take?(message: Message): void;
}

/** Something that a select can wait for: where, and whether it is there; it is taken then. */
export interface Occurring {
  readonly waiters: WaitQueue;
  take(): boolean;
}

export class WaitQueue {
  /** As a rule there is one at most, so that the first stands alone. */
  #first: Waiter | undefined;
  readonly #others: Waiter[] = [];

  get size(): number {
    return (this.#first === undefined ? 0 : 1) + this.#others.length;
  }

  /** Who is woken first. */
  get first(): Waiter | undefined {
    return this.#first;
  }

  add(waiter: Waiter): void {
    if (this.#first === undefined) this.#first = waiter;
    else this.#others.push(waiter);
  }

  remove(waiter: Waiter): void {
    const others = this.#others;
    if (this.#first === waiter) {
      this.#first = others.length === 0 ? undefined : others.shift();
      return;
    }
    const index = others.length === 0 ? -1 : others.indexOf(waiter);
    if (index >= 0) others.splice(index, 1);
  }

  /** Offers what happened to the waiters in order, until one takes it. */
  wakeOne(): void {
    if (this.#first === undefined || this.#first.wake() || this.#others.length === 0) return;
    for (const waiter of [...this.#others]) if (waiter.wake()) return;
  }

  wakeAll(): void {
    if (this.#first === undefined) return;
    for (const waiter of [this.#first, ...this.#others]) waiter.wake();
  }
}
