/**
 * Local message passing: both ends are on this kernel, and a message is a pointer.
 *
 * Nothing is copied, whatever the size: the cost of a send is constant. Blocks
 * change hands; the sender's views of them were killed when the message was made.
 */

import type { ChannelEnd, Delivery, Message } from "./channel_end.ts";

/** Where a message goes that nobody will receive. */
export interface Disposal {
  dispose(message: Message): void;
}

export class LocalDelivery implements Delivery {
  readonly kind = "local";

  constructor(
    readonly peer: ChannelEnd,
    readonly disposal: Disposal,
    readonly log: (text: string) => void,
  ) {}

  describePeer(): string {
    if (this.peer.closed) return "closed";
    return this.peer.holder?.label ?? "kernel";
  }

  send(sequence: number, message: Message): void {
    const { peer } = this;
    if (peer.closed) {
      // A send never fails because the peer closed; what it carried ends here, when its turn has come.
      peer.arrive(sequence, { message });
      for (const unread of peer.inbox.takeAll()) this.disposal.dispose(unread);
      return;
    }
    this.log(`message ${peer.contract.name} ${message.definition.tag} to ${this.describePeer()}`);
    peer.arrive(sequence, { message });
  }

  close(sequence: number): void {
    this.peer.arrive(sequence, "closed");
  }
}

/** Makes the two ends each other's peer on one kernel. */
export function connectLocally(
  client: ChannelEnd,
  server: ChannelEnd,
  disposal: Disposal,
  log: (text: string) => void,
): void {
  client.delivery = new LocalDelivery(server, disposal, log);
  server.delivery = new LocalDelivery(client, disposal, log);
}
