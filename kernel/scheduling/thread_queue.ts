/**
 * A queue of threads: first in first out, with the two exceptions that the kernel needs.
 *
 * The threads are linked to each other, because each dispatch takes one and each wake-up puts one in: neither
 * allocates, nor moves anything. So a thread stands in one queue at a time.
 * - `putFirst` is for a thread that an interrupt pushed aside.
 * - `remove` is for a thread that is killed while it waits here.
 */

import type { Thread } from "./thread.ts";

export class ThreadQueue {
  #first: Thread | undefined;
  #last: Thread | undefined;

  get isEmpty(): boolean {
    return this.#first === undefined;
  }

  putLast(thread: Thread): void {
    const last = this.#last;
    this.#enter(thread);
    thread.before = last;
    if (last === undefined) this.#first = thread;
    else last.behind = thread;
    this.#last = thread;
  }

  putFirst(thread: Thread): void {
    const first = this.#first;
    this.#enter(thread);
    thread.behind = first;
    if (first === undefined) this.#last = thread;
    else first.before = thread;
    this.#first = thread;
  }

  /** The first thread; undefined when there is none. */
  takeFirst(): Thread | undefined {
    const first = this.#first;
    if (first !== undefined) this.remove(first);
    return first;
  }

  /** Takes a thread out; nothing happens if it does not stand here. */
  remove(thread: Thread): void {
    if (thread.queue !== this) return;
    const { before, behind } = thread;
    if (before === undefined) this.#first = behind;
    else before.behind = behind;
    if (behind === undefined) this.#last = before;
    else behind.before = before;
    thread.queue = thread.before = thread.behind = undefined;
  }

  #enter(thread: Thread): void {
    if (thread.queue !== undefined) throw new Error(`Thread "${thread.name}" stands in a queue already`);
    thread.queue = this;
  }
}
