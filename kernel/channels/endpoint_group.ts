/**
 * The kernel's side of an endpoint set: which of many ends have something to receive.
 *
 * Ends with something stand in one queue, each once, in the order in which it came;
 * after one message is taken an end that has more goes to the back: round robin.
 * - A member that is closed or given away leaves by itself.
 */

import { WaitQueue } from "../scheduling/wait_queue.ts";
import type { ChannelEnd } from "./channel_end.ts";

/** What a program keeps for a member: its handle, and its own data. */
export interface Member {
  readonly handle: unknown;
  readonly data: unknown;
}

export class EndpointGroup {
  readonly members = new Map<ChannelEnd, Member>();
  readonly waiters = new WaitQueue();
  readonly #ready: ChannelEnd[] = [];

  add(end: ChannelEnd, member: Member): void {
    this.members.set(end, member);
    end.group = this;
    if (end.ready) this.noteReady(end);
  }

  remove(end: ChannelEnd): void {
    if (!this.members.delete(end)) return;
    end.group = undefined;
    const index = this.#ready.indexOf(end);
    if (index >= 0) this.#ready.splice(index, 1);
    // Who waits for the set alone now waits for nothing.
    if (this.members.size === 0) this.waiters.wakeAll();
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
