/**
 * Kernels that are gone or were cut off, and what becomes of the channels that they had a part in.
 *
 * A channel whose other end was on the kernel is closed at once, as if that end had closed.
 * A channel between two that live may have lost messages too: those that the dead kernel had
 * still to send on, because an end had been there. So each end tells the other how much it
 * has sent, and what has not come after `lastArrivals` never comes: that channel is closed.
 * So is that of a record which then still waits for its end, now and later.
 * - A kernel's number is never given again, so news of the dead that come late are harmless.
 * - What cannot be reached (cards have no pairs with each other) counts as gone.
 */

import type { End } from "../contracts/contract.ts";
import { later, milliseconds } from "../hal/hardware.ts";
import type { Kernel } from "../kernel.ts";
import type { RecordReader } from "./record.ts";
import { RemoteDelivery } from "./remote_delivery.ts";
import type { RemotePeer } from "./remote_peer.ts";

/** Messages between kernels take microseconds; this is a thousand times that (fitted). */
const lastArrivals = milliseconds(20);

/** How far the sender of a channel's direction has come, as the holder of `end` is to check. */
export interface Probe {
  readonly channel: number;
  readonly end: End;
  /** So many messages were sent to `end`. */
  readonly sent: number;
  /** The kernel that asks. */
  readonly origin: number;
}

export class LostKernels {
  readonly #kernel: Kernel;
  readonly #lost = new Set<number>();

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** True when a kernel was known and nothing is sent to it any more. */
  has(index: number): boolean {
    return this.#lost.has(index);
  }

  /** The kernel has died or was cut off: nothing is sent to it any more. */
  add(peer: RemotePeer): void {
    if (this.#lost.has(peer.index)) return;
    const { channels } = this.#kernel;
    this.#lost.add(peer.index);
    channels.loseKernel(peer);
    for (const other of this.#kernel.peers) {
      other.forEachEarly((record, end) => this.awaited(record, end, other.index));
    }
    for (const { channel, end, sendSequence, delivery } of channels.ends) {
      if (!(delivery instanceof RemoteDelivery)) continue;
      const other = end === "client" ? "server" : "client";
      delivery.peer.sendProbe({ channel, end: other, sent: sendSequence, origin: this.#kernel.index });
    }
  }

  /** A record for an end that is not here waits: the end may be on its way, or lost with a kernel. */
  awaited({ channel, sequence }: RecordReader, end: End, origin: number): void {
    if (this.#lost.size > 0) this.probed({ channel, end, sent: sequence + 1, origin });
  }

  /** Another kernel wants to know whether all that it has sent is here. */
  probed(probe: Probe): void {
    if (this.#sendOn(probe)) return;
    const { timers, clock } = this.#kernel;
    timers.at(later(clock.now, lastArrivals), () => {
      if (!this.#sendOn(probe)) this.#check(probe);
    });
  }

  #check({ channel, end, sent, origin }: Probe): void {
    const { channels } = this.#kernel;
    const state = channels.arrivalsOf(channel, end);
    if (state !== undefined && !state.isLost && state.received >= sent) return;
    const here = state !== undefined;
    if (here) channels.lose(channel, end);
    const peer = this.#kernel.findPeer(origin);
    if (peer === undefined) return;
    if (!here) peer.dropEarly(channel, end);
    peer.sendBroken(channel, end === "client" ? "server" : "client");
  }

  /** An end that has moved on is asked where it is now; what was sent after it comes before this. */
  #sendOn(probe: Probe): boolean {
    const to = this.#kernel.channels.movedTo(probe.channel, probe.end);
    if (to === undefined) return false;
    this.#kernel.findPeer(to)?.sendProbe(probe);
    return true;
  }
}
