/**
 * What has crossed between this kernel and each other one, as a table for people.
 *
 * Both kernels of a pair have a row, each with its own view: what it sent, what it took, what it brought here. Between
 * a card and the host the card's engine carries all, so only the card's row counts that.
 * - Counts are since the pair was made; a kernel that was started again begins anew.
 */

import type { TransferRow } from "../abi/system.ts";
import { CountedEngine } from "../hal/counted_engine.ts";
import type { Kernel } from "../kernel.ts";
import { CardTransport } from "../remote/card_transport.ts";
import type { RemotePeer } from "../remote/remote_peer.ts";

const nothingCarried = { chains: 0, descriptors: 0, chainedWrites: 0, bytes: 0 };

export function transferRows(kernel: Kernel): TransferRow[] {
  return [...kernel.peers].map((peer): TransferRow => {
    const { chains, descriptors, chainedWrites, bytes } = carriedFor(peer);
    return Object.freeze({
      kernel: kernel.name,
      peer: kernel.nameOf(peer.index),
      // The host's side of a pair does not know what carries the bytes: the card does.
      transport: kernel.cardTransports.has(peer.index)
        ? kernel.options.system.cardTransport
        : peer.transport.name,
      sentMessages: peer.sentMessages,
      receivedMessages: peer.receivedMessages,
      blockBytes: peer.copiedBytes,
      waiting: peer.transport.backlog,
      ...{ chains, descriptors, chainedWrites, carriedBytes: bytes },
    });
  });
}

function carriedFor({ transport }: RemotePeer): CountedEngine["counters"] {
  const engine = transport instanceof CardTransport ? transport.engine : undefined;
  return engine instanceof CountedEngine ? engine.counters : nothingCarried;
}
