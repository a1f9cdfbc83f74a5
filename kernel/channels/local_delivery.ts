/**
 * Local message passing: both ends are on this kernel, and a message is a pointer.
 *
 * Nothing is copied, whatever the size: the cost of a send is constant. Blocks
 * change hands; the sender's views of them were killed when the message was made.
 */

import type { CompiledContract, CompiledMessage } from "../contracts/monitor.ts";
import type { Process } from "../process/process.ts";
import type { ChannelEnd, Delivery, Message } from "./channel_end.ts";

/** Where a message goes that nobody will receive. */
export interface Disposal {
  dispose(message: Message): void;
}

export class LocalDelivery implements Delivery {
  readonly kind = "local";
  readonly #lines: string[] = [];
  #holder: Process | undefined;
  #contract: CompiledContract | undefined;

  readonly peer: ChannelEnd;
  readonly disposal: Disposal;
  readonly log: (text: string) => void;

  constructor(peer: ChannelEnd, disposal: Disposal, log: (text: string) => void) {
    this.peer = peer;
    this.disposal = disposal;
    this.log = log;
  }

  describePeer(): string {
    if (this.peer.closed) return "closed";
    return this.peer.holder?.label ?? "kernel";
  }

  /** The line for the log; the same for each message of a kind as long as nobody else has the peer's end. */
  #describe({ index, tag }: CompiledMessage): string {
    const { peer } = this;
    if (this.#holder !== peer.holder || this.#contract !== peer.contract) {
      this.#holder = peer.holder;
      this.#contract = peer.contract;
      this.#lines.length = 0;
    }
    return this.#lines[index] ??= `message ${peer.contract.name} ${tag} to ${this.describePeer()}`;
  }

  send(sequence: number, message: Message): void {
    const { peer } = this;
    if (peer.closed) {
      // A send never fails because the peer closed; what it carried ends here, when its turn has come.
      peer.arrive(sequence, { message });
      for (const unread of peer.inbox.takeAll()) this.disposal.dispose(unread);
      return;
    }
    this.log(this.#describe(message.definition));
    peer.arriveMessage(sequence, message);
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
