/**
 * DHCP messages: the BOOTP frame and the options we speak (RFC 2131, RFC 2132).
 *
 * One message type for both directions; client (`dhcp_client.ts`) and server build
 * and read the same values.
 * - A parsed message is Ethernet, has the magic cookie and a known message type.
 * - Unknown options are skipped.
 *
 * Left out: option overload (52), since neither side of ours runs out of room.
 */

import { codec, readU32, type WireFormat, writeU32 } from "./wire_format.ts";

export const dhcpFixedPart = {
  title: "DHCP message up to its options, RFC 2131 section 2",
  order: "big",
  size: 240,
  fields: {
    op: [0, "u8"],
    htype: [1, "u8"],
    hlen: [2, "u8"],
    hops: [3, "u8"],
    xid: [4, "u32"],
    secs: [8, "u16"],
    broadcast: [10, "u16", 15, 15],
    flags: [10, "u16", 14, 0], // must be zero
    ciaddr: [12, "u32"],
    yiaddr: [16, "u32"],
    siaddr: [20, "u32"],
    giaddr: [24, "u32"],
    chaddr: [28, "u48"],
    chaddrPadding: [34, "bytes", 10],
    sname: [44, "bytes", 64],
    file: [108, "bytes", 128],
    magicCookie: [236, "u32"],
  },
} as const satisfies WireFormat;

const fields = codec(dhcpFixedPart);

export const dhcpPorts = { server: 67, client: 68 } as const;

/** DHCP message type, option 53. */
const messageTypes = ["DISCOVER", "OFFER", "REQUEST", "DECLINE", "ACK", "NAK", "RELEASE", "INFORM"] as const;
export type DhcpMessageType = typeof messageTypes[number];

/** Option codes of RFC 2132. */
const options = {
  pad: 0,
  subnetMask: 1,
  router: 3,
  requestedAddress: 50,
  leaseTime: 51,
  messageType: 53,
  serverIdentifier: 54,
  parameterRequestList: 55,
  renewalTime: 58,
  rebindingTime: 59,
  end: 255,
} as const;

const bootRequest = 1;
const bootReply = 2;
const ethernetHardware = 1;
const magicCookie = 0x63825363;
/** BOOTP's smallest message (RFC 1542 section 2.1); some servers drop less. */
const messageSizeMin = 300;
const noBytes = new Uint8Array(0);

export interface DhcpMessage {
  readonly type: DhcpMessageType;
  readonly xid: number;
  readonly secs: number;
  readonly broadcast: boolean;
  readonly clientAddress: number;
  readonly yourAddress: number;
  readonly relayAddress: number;
  readonly clientMac: number;
  /** Options; absent ones are undefined. Times are in seconds. */
  readonly subnetMask?: number | undefined;
  readonly router?: number | undefined;
  readonly requestedAddress?: number | undefined;
  readonly leaseTime?: number | undefined;
  readonly serverIdentifier?: number | undefined;
  readonly renewalTime?: number | undefined;
  readonly rebindingTime?: number | undefined;
}

/** Options with a u32 as value, in the order in which they are written. */
const wordOptions = [
  ["requestedAddress", options.requestedAddress],
  ["serverIdentifier", options.serverIdentifier],
  ["leaseTime", options.leaseTime],
  ["renewalTime", options.renewalTime],
  ["rebindingTime", options.rebindingTime],
  ["subnetMask", options.subnetMask],
  ["router", options.router],
] as const;

type WordOption = typeof wordOptions[number][0];

export type DhcpMalformation =
  | "DHCP message is too short"
  | "DHCP message is not about Ethernet"
  | "DHCP magic cookie is missing"
  | "DHCP option runs over the end"
  | "DHCP message type is missing or unknown"
  | "DHCP operation does not fit the message type";

export function parseDhcp(bytes: Uint8Array): DhcpMessage | DhcpMalformation {
  if (bytes.length < dhcpFixedPart.size) return "DHCP message is too short";
  if (fields.htype.get(bytes, 0) !== ethernetHardware || fields.hlen.get(bytes, 0) !== 6) {
    return "DHCP message is not about Ethernet";
  }
  if (fields.magicCookie.get(bytes, 0) !== magicCookie) return "DHCP magic cookie is missing";
  let type: DhcpMessageType | undefined;
  const words: { [K in WordOption]?: number } = {};
  for (let at: number = dhcpFixedPart.size; at < bytes.length;) {
    const code = bytes[at++]!;
    if (code === options.end) break;
    if (code === options.pad) continue;
    const length = bytes[at++] ?? 0;
    if (at + length > bytes.length) return "DHCP option runs over the end";
    if (code === options.messageType && length === 1) type = messageTypes[bytes[at]! - 1];
    for (const [name, known] of wordOptions) {
      // A list of routers starts with the preferred one (RFC 2132 section 3.5).
      if (code === known && length >= 4) words[name] = readU32(bytes, at);
    }
    at += length;
  }
  if (type === undefined) return "DHCP message type is missing or unknown";
  if (fields.op.get(bytes, 0) !== operationOf(type)) return "DHCP operation does not fit the message type";
  return {
    ...words,
    type,
    xid: fields.xid.get(bytes, 0),
    secs: fields.secs.get(bytes, 0),
    broadcast: fields.broadcast.get(bytes, 0) === 1,
    clientAddress: fields.ciaddr.get(bytes, 0),
    yourAddress: fields.yiaddr.get(bytes, 0),
    relayAddress: fields.giaddr.get(bytes, 0),
    clientMac: fields.chaddr.get(bytes, 0),
  };
}

/** The bytes of a message, padded to BOOTP's smallest size. */
export function buildDhcp(message: DhcpMessage): Uint8Array {
  const bytes = new Uint8Array(messageSizeMin);
  fields.op.set(bytes, 0, operationOf(message.type));
  fields.htype.set(bytes, 0, ethernetHardware);
  fields.hlen.set(bytes, 0, 6);
  fields.hops.set(bytes, 0, 0);
  fields.xid.set(bytes, 0, message.xid);
  fields.secs.set(bytes, 0, message.secs);
  fields.broadcast.set(bytes, 0, message.broadcast ? 1 : 0);
  fields.flags.set(bytes, 0, 0);
  fields.ciaddr.set(bytes, 0, message.clientAddress);
  fields.yiaddr.set(bytes, 0, message.yourAddress);
  fields.siaddr.set(bytes, 0, 0);
  fields.giaddr.set(bytes, 0, message.relayAddress);
  fields.chaddr.set(bytes, 0, message.clientMac);
  fields.chaddrPadding.set(bytes, 0, noBytes);
  fields.sname.set(bytes, 0, noBytes);
  fields.file.set(bytes, 0, noBytes);
  fields.magicCookie.set(bytes, 0, magicCookie);
  writeOptions(bytes, message);
  return bytes;
}

function writeOptions(bytes: Uint8Array, message: DhcpMessage): void {
  let at: number = dhcpFixedPart.size;
  bytes[at++] = options.messageType;
  bytes[at++] = 1;
  bytes[at++] = messageTypes.indexOf(message.type) + 1;
  for (const [name, code] of wordOptions) {
    const value = message[name];
    if (value === undefined) continue;
    bytes[at++] = code;
    bytes[at++] = 4;
    writeU32(bytes, at, value);
    at += 4;
  }
  if (message.type === "DISCOVER" || message.type === "REQUEST") {
    bytes.set([options.parameterRequestList, 2, options.subnetMask, options.router], at);
    at += 4;
  }
  bytes[at] = options.end;
}

/** OFFER, ACK and NAK come from servers, all else from clients. */
function operationOf(type: DhcpMessageType): number {
  return type === "OFFER" || type === "ACK" || type === "NAK" ? bootReply : bootRequest;
}
