/**
 * IPv4 reassembly: puts the fragments of a datagram together (RFC 791 section 3.2, RFC 815).
 *
 * One per interface. Fragments wait until all of a datagram is there, or too long.
 * - At most 8 datagrams wait, of at most 64 fragments each; a new one pushes out the oldest.
 * - A datagram dies 30 s after its first fragment (RFC 1122 section 3.3.2 says 60 to 120 s;
 *   on one LAN a missing fragment never comes so late).
 * - Fragments that overlap end their datagram: nobody honest sends them (RFC 5722 section 3).
 */

import { type Ipv4Packet, ipv4PayloadMax } from "./ipv4.ts";
import { DropCounter } from "./drop_counter.ts";

export type FragmentDropReason =
  | "fragments overlap"
  | "fragment is not honest about its length"
  | "datagram has too many fragments"
  | "datagram was never completed";

interface Piece {
  readonly start: number;
  readonly bytes: Uint8Array;
}

interface Datagram {
  readonly startedAt: number;
  /** In order of `start`. */
  readonly pieces: Piece[];
  receivedLength: number;
  /** Known once the last fragment came. */
  totalLength: number | undefined;
  header: Uint8Array;
}

const datagramCountMax = 8;
const pieceCountMax = 64;
const lifeNs = 30e9;

export class Ipv4Reassembly {
  readonly drops = new DropCounter<FragmentDropReason>();
  /** Oldest first; the key is what RFC 791 names a datagram by. */
  readonly #datagrams = new Map<string, Datagram>();

  /** Takes a fragment; returns the whole packet when this was the last piece. */
  add(now: number, packet: Ipv4Packet): Ipv4Packet | undefined {
    this.#dropOld(now);
    const { source, destination, protocol, identification } = packet;
    const key = `${source} ${destination} ${protocol} ${identification}`;
    const datagram = this.#datagrams.get(key) ??
      { startedAt: now, pieces: [], receivedLength: 0, totalLength: undefined, header: packet.header };
    const reason = insert(datagram, packet);
    if (reason !== undefined) {
      this.drops.count(reason);
      this.#datagrams.delete(key);
      return undefined;
    }
    if (datagram.receivedLength === datagram.totalLength) {
      this.#datagrams.delete(key);
      return wholePacket(packet, datagram);
    }
    this.#datagrams.set(key, datagram);
    return undefined;
  }

  #dropOld(now: number): void {
    for (const [key, { startedAt }] of this.#datagrams) {
      if (this.#datagrams.size < datagramCountMax && startedAt + lifeNs > now) return;
      this.#datagrams.delete(key);
      this.drops.count("datagram was never completed");
    }
  }
}

function insert(datagram: Datagram, packet: Ipv4Packet): FragmentDropReason | undefined {
  const start = packet.fragmentOffset;
  const length = packet.payload.length;
  const end = start + length;
  const isHonest = length > 0 && end <= ipv4PayloadMax && (!packet.moreFragments || length % 8 === 0) &&
    (datagram.totalLength === undefined || (packet.moreFragments && end <= datagram.totalLength));
  const pieces = datagram.pieces;
  let index = pieces.length;
  while (index > 0 && pieces[index - 1]!.start >= start) index--;
  const isRepeat = index < pieces.length && pieces[index]!.start === start &&
    pieces[index]!.bytes.length === length;
  if (isRepeat) return undefined;
  if (!isHonest) return "fragment is not honest about its length";
  if (pieces.length >= pieceCountMax) return "datagram has too many fragments";
  const before = pieces[index - 1];
  if (before !== undefined && before.start + before.bytes.length > start) return "fragments overlap";
  if (index < pieces.length && pieces[index]!.start < end) return "fragments overlap";
  if (!packet.moreFragments) {
    if (index < pieces.length) return "fragment is not honest about its length";
    datagram.totalLength = end;
  }
  if (start === 0) datagram.header = packet.header.slice();
  pieces.splice(index, 0, { start, bytes: packet.payload.slice() });
  datagram.receivedLength += length;
  return undefined;
}

function wholePacket(last: Ipv4Packet, datagram: Datagram): Ipv4Packet {
  const payload = new Uint8Array(datagram.receivedLength);
  for (const { start, bytes } of datagram.pieces) payload.set(bytes, start);
  return {
    source: last.source,
    destination: last.destination,
    protocol: last.protocol,
    identification: last.identification,
    isFragment: false,
    moreFragments: false,
    fragmentOffset: 0,
    header: datagram.header,
    payload,
  };
}
