/**
 * UDP datagrams: ports, an honest length, and the checksum over the pseudo header (RFC 768).
 *
 * - Payloads are written first, at `udpHeader.size` behind the datagram's start;
 *   `writeUdp` puts the header before them.
 * - We always send a checksum; one that is 0 on receipt means that the sender made none.
 */

import { addWords, checksum, pseudoHeaderSum } from "./checksum.ts";
import { ipProtocols, type Ipv4Packet } from "./ipv4.ts";
import { codec, type WireFormat } from "./wire_format.ts";

export const udpHeader = {
  title: "UDP header, RFC 768",
  order: "big",
  size: 8,
  fields: {
    sourcePort: [0, "u16"],
    destinationPort: [2, "u16"],
    length: [4, "u16"], // header and payload together
    checksum: [6, "u16"], // 0 = sender made none
  },
} as const satisfies WireFormat;

const fields = codec(udpHeader);

export interface UdpDatagram {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly payload: Uint8Array;
}

export type UdpMalformation =
  | "UDP datagram is shorter than its header"
  | "UDP length is not honest"
  | "UDP checksum is wrong";

export function parseUdp(packet: Ipv4Packet): UdpDatagram | UdpMalformation {
  const bytes = packet.payload;
  if (bytes.length < udpHeader.size) return "UDP datagram is shorter than its header";
  const length = fields.length.get(bytes, 0);
  if (length < udpHeader.size || length > bytes.length) return "UDP length is not honest";
  if (fields.checksum.get(bytes, 0) !== 0) {
    const pseudo = pseudoHeaderSum(packet.source, packet.destination, ipProtocols.udp, length);
    if (checksum(addWords(pseudo, bytes, 0, length)) !== 0) return "UDP checksum is wrong";
  }
  return {
    sourcePort: fields.sourcePort.get(bytes, 0),
    destinationPort: fields.destinationPort.get(bytes, 0),
    payload: bytes.subarray(udpHeader.size, length),
  };
}

/** Writes the header at `at`, for a payload of `payloadLength` bytes behind it. */
export function writeUdp(
  bytes: Uint8Array,
  at: number,
  source: number,
  sourcePort: number,
  destination: number,
  destinationPort: number,
  payloadLength: number,
): void {
  const length = udpHeader.size + payloadLength;
  fields.sourcePort.set(bytes, at, sourcePort);
  fields.destinationPort.set(bytes, at, destinationPort);
  fields.length.set(bytes, at, length);
  fields.checksum.set(bytes, at, 0);
  const pseudo = pseudoHeaderSum(source, destination, ipProtocols.udp, length);
  const sum = checksum(addWords(pseudo, bytes, at, at + length));
  // All ones stand for a sum of zero, since zero says "none" (RFC 768).
  fields.checksum.set(bytes, at, sum === 0 ? 0xffff : sum);
}
