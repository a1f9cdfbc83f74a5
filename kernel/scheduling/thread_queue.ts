/**
 * A queue of threads: first in first out, with the two exceptions that the kernel needs.
 *
 * It keeps the place of its first thread instead of moving all others up, because the scheduler takes one at
 * each dispatch.
 * - `putFirst` is for a thread that an interrupt pushed aside.
 * - `remove` is for a thread that is killed while it waits here.
 */

import type { Thread } from "./thread.ts";

/** So many free places in front are put up with before the rest moves up. */
const gapMax = 64;

export class ThreadQueue {
  #threads: (Thread | undefined)[] = [];
  #first = 0;

  get length(): number {
    return this.#threads.length - this.#first;
  }

  putLast(thread: Thread): void {
    this.#threads.push(thread);
  }

  putFirst(thread: Thread): void {
    if (this.#first > 0) this.#threads[--this.#first] = thread;
    else this.#threads.unshift(thread);
  }

  /** The first thread; undefined when there is none. */
  takeFirst(): Thread | undefined {
    return this.length > 0 ? this.#takeAt(this.#first) : undefined;
  }

  remove(thread: Thread): void {
    const index = this.#threads.indexOf(thread, this.#first);
    if (index >= 0) this.#takeAt(index);
  }

  #takeAt(index: number): Thread {
    const threads = this.#threads;
    const thread = threads[index]!;
    if (index > this.#first) {
      threads.splice(index, 1);
      return thread;
    }
    threads[index] = undefined;
    this.#first++;
    if (this.#first === threads.length) {
      threads.length = 0;
      this.#first = 0;
    } else if (this.#first > gapMax) {
      this.#threads = threads.slice(this.#first);
      this.#first = 0;
    }
    return thread;
  }
}
