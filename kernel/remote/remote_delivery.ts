/**
 * Delivery to an end that another kernel holds: what a channel does when its other end is not here.
 *
 * - To a kernel that is lost nothing goes: what a message carries is freed.
 * - A send never waits. One that finds `backlogMax` records before it, and more than a few of its own process among
 *   them, breaks the bound of its contract, for which the sender answers, not the kernel.
 */

import type { ChannelEnd, Delivery, Message } from "../channels/channel_end.ts";
import { CallError, ContractViolation } from "../calls/errors.ts";
import type { RemotePeer } from "./remote_peer.ts";

export class RemoteDelivery implements Delivery {
  readonly kind = "remote";
  /** Of each kind of message, what the log says of it. */
  readonly #lines: string[] = [];

  readonly peer: RemotePeer;
  readonly from: ChannelEnd;

  constructor(peer: RemotePeer, from: ChannelEnd) {
    this.peer = peer;
    this.from = from;
  }

  describePeer(): string {
    return `@${this.peer.kernel.nameOf(this.peer.index)}`;
  }

  send(sequence: number, message: Message): void {
    if (this.peer.isCutOff) return this.peer.kernel.channels.dispose(message);
    const { holder } = this.from;
    if (this.peer.isStalledFor(holder)) {
      this.peer.kernel.channels.dispose(message);
      throw new ContractViolation(
        `Contract "${this.from.contract.name}": ${this.describePeer()} does not take what is sent to it: ` +
          `${this.peer.transport.backlog} records wait before "${message.definition.tag}"`,
      );
    }
    const { channel, end } = this.from;
    try {
      const line = this.#lines[message.definition.index] ??= this.peer.lineOf(channel, message);
      this.peer.sendMessage(channel, end === "client" ? "server" : "client", sequence, message, line, holder);
    } catch (error) {
      if (error instanceof CallError) this.peer.kernel.channels.dispose(message);
      throw error;
    }
  }

  close(sequence: number): void {
    this.peer.sendClose(this.from.channel, this.from.end === "client" ? "server" : "client", sequence);
  }
}
