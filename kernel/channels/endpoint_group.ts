/**
 * The kernel's side of an endpoint set: which of many ends have something to receive.
 *
 * Ends with something stand in one queue, each once, in the order in which it came;
 * after one message is taken an end that has more goes to the back: round robin.
 */

import { WaitQueue } from "../scheduling/wait_queue.ts";
import type { ChannelEnd } from "./channel_end.ts";

export class EndpointGroup {
  readonly members = new Set<ChannelEnd>();
  readonly waiters = new WaitQueue();
  readonly #ready: ChannelEnd[] = [];

  add(end: ChannelEnd): void {
    this.members.add(end);
    end.group = this;
    if (end.ready) this.noteReady(end);
  }

  remove(end: ChannelEnd): void {
    if (!this.members.delete(end)) return;
    end.group = undefined;
    const index = this.#ready.indexOf(end);
    if (index >= 0) this.#ready.splice(index, 1);
  }

  /** A member has something to receive. */
  noteReady(end: ChannelEnd): void {
    if (!this.#ready.includes(end)) this.#ready.push(end);
    this.waiters.wakeOne();
  }

  /** The next end with something to receive, which goes to the back if it has more. */
  next(): ChannelEnd | undefined {
    return this.#ready.shift();
  }

  /** Call after receiving from an end that `next` gave. */
  settle(end: ChannelEnd): void {
    if (end.ready && this.members.has(end) && !this.#ready.includes(end)) this.#ready.push(end);
  }
}
