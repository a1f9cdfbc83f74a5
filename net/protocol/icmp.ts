/**
 * ICMP for IPv4: echo, and telling a sender that its packet could not be delivered (RFC 792).
 *
 * - Echo data is written first, at `icmpHeader.size` behind the message's start; the
 *   writers put the header before it and compute the checksum over all.
 * - An error quotes the header and the first 8 bytes of the packet it is about; none is
 *   ever sent about an ICMP error, a group's packet or a later fragment (RFC 1122 section 3.2.2),
 *   which `mayReportError` judges.
 */

import { isGroupAddress } from "./address.ts";
import { addWords, checksum } from "./checksum.ts";
import { ipProtocols, type Ipv4Packet } from "./ipv4.ts";
import { codec, type WireFormat } from "./wire_format.ts";

export const icmpHeader = {
  title: "ICMP header, RFC 792; echo and unreachable messages",
  order: "big",
  size: 8,
  fields: {
    type: [0, "u8"],
    code: [1, "u8"],
    checksum: [2, "u16"],
    identifier: [4, "u16"], // unused (0) in errors
    sequenceNumber: [6, "u16"],
  },
} as const satisfies WireFormat;

const fields = codec(icmpHeader);

export const icmpTypes = {
  echoReply: 0,
  destinationUnreachable: 3,
  echo: 8,
} as const;

/** Codes of Destination Unreachable. */
export const unreachableCodes = { net: 0, host: 1, protocol: 2, port: 3 } as const;

export type IcmpMessage =
  | {
    readonly kind: "echo" | "echo reply";
    readonly identifier: number;
    readonly sequenceNumber: number;
    readonly data: Uint8Array;
  }
  | { readonly kind: "unreachable"; readonly code: number; readonly quoted: Uint8Array };

export type IcmpMalformation =
  | "ICMP message is too short"
  | "ICMP checksum is wrong"
  | "ICMP type is not handled";

export function parseIcmp(bytes: Uint8Array): IcmpMessage | IcmpMalformation {
  if (bytes.length < icmpHeader.size) return "ICMP message is too short";
  if (checksum(addWords(0, bytes, 0, bytes.length)) !== 0) return "ICMP checksum is wrong";
  const data = bytes.subarray(icmpHeader.size);
  switch (fields.type.get(bytes, 0)) {
    case icmpTypes.echo:
    case icmpTypes.echoReply:
      return {
        kind: fields.type.get(bytes, 0) === icmpTypes.echo ? "echo" : "echo reply",
        identifier: fields.identifier.get(bytes, 0),
        sequenceNumber: fields.sequenceNumber.get(bytes, 0),
        data,
      };
    case icmpTypes.destinationUnreachable:
      return { kind: "unreachable", code: fields.code.get(bytes, 0), quoted: data };
    default:
      return "ICMP type is not handled";
  }
}

/** Writes the header of an echo or its reply at `at`, for `dataLength` bytes behind it. */
export function writeEcho(
  bytes: Uint8Array,
  at: number,
  kind: "echo" | "echo reply",
  identifier: number,
  sequenceNumber: number,
  dataLength: number,
): void {
  fields.type.set(bytes, at, kind === "echo" ? icmpTypes.echo : icmpTypes.echoReply);
  fields.code.set(bytes, at, 0);
  fields.identifier.set(bytes, at, identifier);
  fields.sequenceNumber.set(bytes, at, sequenceNumber);
  writeChecksum(bytes, at, icmpHeader.size + dataLength);
}

/** Writes a whole Destination Unreachable about `packet` at `at`; returns its length. */
export function writeUnreachable(bytes: Uint8Array, at: number, code: number, packet: Ipv4Packet): number {
  fields.type.set(bytes, at, icmpTypes.destinationUnreachable);
  fields.code.set(bytes, at, code);
  fields.identifier.set(bytes, at, 0);
  fields.sequenceNumber.set(bytes, at, 0);
  const quotedData = packet.payload.subarray(0, 8);
  bytes.set(packet.header, at + icmpHeader.size);
  bytes.set(quotedData, at + icmpHeader.size + packet.header.length);
  const length = icmpHeader.size + packet.header.length + quotedData.length;
  writeChecksum(bytes, at, length);
  return length;
}

/** Whether an ICMP error about `packet` may be sent (RFC 1122 section 3.2.2). */
export function mayReportError(packet: Ipv4Packet): boolean {
  if (isGroupAddress(packet.destination) || packet.source === 0 || packet.fragmentOffset !== 0) return false;
  if (packet.protocol !== ipProtocols.icmp) return true;
  const type = packet.payload[0];
  return type === icmpTypes.echo || type === icmpTypes.echoReply;
}

function writeChecksum(bytes: Uint8Array, at: number, length: number): void {
  fields.checksum.set(bytes, at, 0);
  fields.checksum.set(bytes, at, checksum(addWords(0, bytes, at, at + length)));
}
