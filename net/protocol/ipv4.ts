/**
 * IPv4 packets: header, checksum, and what must hold before a packet is believed (RFC 791, RFC 1122).
 *
 * - Payloads are written first, at `ipv4Header.size` behind the packet's start; `writeIpv4`
 *   puts the header before them and computes its checksum.
 * - Options are skipped when received and never sent.
 * - A payload too long for the link is cut by its sender (`fragmentsOf`); a fragment parses like
 *   any packet, and `ipv4_reassembly.ts` puts fragments together.
 */

import { addWords, checksum } from "./checksum.ts";
import { codec, type WireFormat } from "./wire_format.ts";

export const ipv4Header = {
  title: "IPv4 header, RFC 791 section 3.1",
  order: "big",
  size: 20,
  fields: {
    version: [0, "u8", 7, 4],
    headerLength: [0, "u8", 3, 0], // in 32-bit words
    typeOfService: [1, "u8"],
    totalLength: [2, "u16"],
    identification: [4, "u16"],
    reserved: [6, "u16", 15, 15],
    dontFragment: [6, "u16", 14, 14],
    moreFragments: [6, "u16", 13, 13],
    fragmentOffset: [6, "u16", 12, 0], // in units of 8 bytes
    timeToLive: [8, "u8"],
    protocol: [9, "u8"],
    headerChecksum: [10, "u16"],
    source: [12, "u32"],
    destination: [16, "u32"],
  },
} as const satisfies WireFormat;

const fields = codec(ipv4Header);

/** Protocol numbers (IANA). */
export const ipProtocols = { icmp: 1, tcp: 6, udp: 17 } as const;

/** RFC 1122 section 3.2.1.7 wants at least as many as the Internet has hops; 64 is IANA's advice. */
const defaultTimeToLive = 64;

/** Longest payload behind a header without options: the total length has 16 bits. */
export const ipv4PayloadMax = 65_535 - ipv4Header.size;

/** Which part of a payload a packet carries. */
export interface Fragment {
  /** Offset in the payload, a multiple of 8. */
  readonly start: number;
  readonly length: number;
  readonly moreFragments: boolean;
}

export interface Ipv4Packet {
  readonly source: number;
  readonly destination: number;
  readonly protocol: number;
  readonly identification: number;
  /** More fragments follow, or this one does not start at 0. */
  readonly isFragment: boolean;
  readonly moreFragments: boolean;
  /** Where the payload lies in the whole datagram, in bytes. */
  readonly fragmentOffset: number;
  /** The header as it came, for ICMP errors. */
  readonly header: Uint8Array;
  readonly payload: Uint8Array;
}

export type Ipv4Malformation =
  | "IPv4 packet is shorter than its header"
  | "IP version is not 4"
  | "IPv4 total length is not honest"
  | "IPv4 header checksum is wrong"
  | "IPv4 source address is a group's";

export function parseIpv4(bytes: Uint8Array): Ipv4Packet | Ipv4Malformation {
  if (bytes.length < ipv4Header.size) return "IPv4 packet is shorter than its header";
  if (fields.version.get(bytes, 0) !== 4) return "IP version is not 4";
  const headerSize = fields.headerLength.get(bytes, 0) * 4;
  if (headerSize < ipv4Header.size || headerSize > bytes.length) {
    return "IPv4 packet is shorter than its header";
  }
  const totalLength = fields.totalLength.get(bytes, 0);
  if (totalLength < headerSize || totalLength > bytes.length) return "IPv4 total length is not honest";
  if (checksum(addWords(0, bytes, 0, headerSize)) !== 0) return "IPv4 header checksum is wrong";
  const source = fields.source.get(bytes, 0);
  if (source >>> 28 >= 0xe) return "IPv4 source address is a group's";
  const moreFragments = fields.moreFragments.get(bytes, 0) === 1;
  const fragmentOffset = fields.fragmentOffset.get(bytes, 0) * 8;
  return {
    source,
    destination: fields.destination.get(bytes, 0),
    protocol: fields.protocol.get(bytes, 0),
    identification: fields.identification.get(bytes, 0),
    isFragment: moreFragments || fragmentOffset !== 0,
    moreFragments,
    fragmentOffset,
    header: bytes.subarray(0, headerSize),
    payload: bytes.subarray(headerSize, totalLength),
  };
}

/** Cuts a payload for a link whose packets carry `sizeMax` bytes of it (RFC 791 section 3.2). */
export function fragmentsOf(payloadLength: number, sizeMax: number): readonly Fragment[] {
  // All fragments but the last are a multiple of 8 long.
  const step = sizeMax & ~7;
  const fragments: Fragment[] = [];
  let start = 0;
  for (; payloadLength - start > sizeMax; start += step) {
    fragments.push({ start, length: step, moreFragments: true });
  }
  fragments.push({ start, length: payloadLength - start, moreFragments: false });
  return fragments;
}

/**
 * Writes a packet's header at `at`, for `payloadLength` bytes behind it: a whole payload, or the
 * `fragment` of one. Don't Fragment is set in whole packets, so that nobody cuts what our peers may
 * not put together; what we have cut ourselves may be cut further.
 */
export function writeIpv4(
  bytes: Uint8Array,
  at: number,
  source: number,
  destination: number,
  protocol: number,
  identification: number,
  payloadLength: number,
  fragment?: Fragment,
): void {
  fields.version.set(bytes, at, 4);
  fields.headerLength.set(bytes, at, ipv4Header.size / 4);
  fields.typeOfService.set(bytes, at, 0);
  fields.totalLength.set(bytes, at, ipv4Header.size + payloadLength);
  fields.identification.set(bytes, at, identification);
  fields.reserved.set(bytes, at, 0);
  fields.dontFragment.set(bytes, at, fragment === undefined ? 1 : 0);
  fields.moreFragments.set(bytes, at, fragment?.moreFragments === true ? 1 : 0);
  fields.fragmentOffset.set(bytes, at, (fragment?.start ?? 0) / 8);
  fields.timeToLive.set(bytes, at, defaultTimeToLive);
  fields.protocol.set(bytes, at, protocol);
  fields.headerChecksum.set(bytes, at, 0);
  fields.source.set(bytes, at, source);
  fields.destination.set(bytes, at, destination);
  fields.headerChecksum.set(bytes, at, checksum(addWords(0, bytes, at, at + ipv4Header.size)));
}
