/**
 * Kernels that are gone or were cut off, and what becomes of the channels that they had a part in.
 *
 * A channel whose other end was on the kernel is closed at once, as if that end had closed.
 * A channel between two that live may have lost messages too: those that the dead kernel had
 * still to send on, because an end had been there. So each end tells the other how much it
 * has sent, and what has not come after `lastArrivals` never comes: that channel is closed.
 * So is that of a record which then still waits for its end, now and later.
 * - Each end does so twice. The first time a kernel on the way may not know of the loss yet, and send the
 *   question on to the dead.
 * - Who finds a channel broken does not know where the end is that sent: a record comes from whoever sent it on.
 *   So all kernels are told, as when a channel is settled.
 * - A kernel's number is never given again, so news of the dead that come late are harmless.
 * - What cannot be reached (cards have no pairs with each other) counts as gone.
 */

import type { End } from "../contracts/contract.ts";
import { LocalDelivery } from "../channels/local_delivery.ts";
import { later, milliseconds } from "../hal/hardware.ts";
import type { Kernel } from "../kernel.ts";
import type { RecordReader } from "./record.ts";
import { RemoteDelivery } from "./remote_delivery.ts";
import type { RemotePeer } from "./remote_peer.ts";

/**
 * What an end sent by an older way may still stand behind blocks that are copied before it. An exchange heap has
 * 256 MiB, which another domain copies in 0.38 s and a card in 0.26 s (Figure 5's largest size); the way has a
 * stop where the end was before. More stops, each behind a full heap, are not waited for (fitted).
 */
const lastArrivals = milliseconds(1000);

/** How far the sender of a channel's direction has come, as the holder of `end` is to check. */
export interface Probe {
  readonly channel: number;
  readonly end: End;
  /** So many messages were sent to `end`. */
  readonly sent: number;
}

const otherEnd = (end: End): End => end === "client" ? "server" : "client";

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
      other.forEachEarly((record, end) => this.awaited(record, end));
    }
    this.#probe();
    const { timers, clock } = this.#kernel;
    timers.at(later(clock.now, lastArrivals), () => this.#probe());
  }

  #probe(): void {
    for (const { channel, end, sendSequence, receiveSequence, delivery } of this.#kernel.channels.ends) {
      // Both ends may be here again, and a message on its way home from where one of them was.
      if (delivery instanceof LocalDelivery && delivery.peer.sendSequence > receiveSequence) {
        this.probed({ channel, end, sent: delivery.peer.sendSequence });
      }
      if (delivery instanceof RemoteDelivery) {
        delivery.peer.sendProbe({ channel, end: otherEnd(end), sent: sendSequence });
      }
    }
  }

  /** A record for an end that is not here waits: the end may be on its way, or lost with a kernel. */
  awaited({ channel, sequence }: RecordReader, end: End): void {
    if (this.#lost.size > 0) this.probed({ channel, end, sent: sequence + 1 });
  }

  /** Another kernel wants to know whether all that it has sent is here. */
  probed(probe: Probe): void {
    if (this.#sendOn(probe)) return;
    const { timers, clock } = this.#kernel;
    timers.at(later(clock.now, lastArrivals), () => {
      if (!this.#sendOn(probe)) this.#check(probe);
    });
  }

  #check({ channel, end, sent }: Probe): void {
    const { channels, peers } = this.#kernel;
    const state = channels.arrivalsOf(channel, end);
    if (state !== undefined && !state.isLost && state.received >= sent) return;
    channels.lose(channel, end);
    channels.lose(channel, otherEnd(end));
    for (const peer of peers) {
      if (state === undefined) peer.dropEarly(channel, end);
      peer.sendBroken(channel, otherEnd(end));
    }
  }

  /** An end that has moved on is asked where it is now; what was sent after it comes before this. */
  #sendOn(probe: Probe): boolean {
    const to = this.#kernel.channels.movedTo(probe.channel, probe.end);
    if (to === undefined) return false;
    this.#kernel.findPeer(to)?.sendProbe(probe);
    return true;
  }
}
