/**
 * ARP messages for IPv4 over Ethernet (RFC 826): who has this address, and here it is.
 *
 * Only the wire side; which address belongs to whom is kept by `arp_table.ts`.
 * - A parsed message is about IPv4 over Ethernet and is a request or a reply; the
 *   rest is refused with its reason.
 */

import { codec, type WireFormat } from "./wire_format.ts";

export const arpMessage = {
  title: "ARP message for IPv4 over Ethernet, RFC 826",
  order: "big",
  size: 28,
  fields: {
    hardwareType: [0, "u16"],
    protocolType: [2, "u16"],
    hardwareLength: [4, "u8"],
    protocolLength: [5, "u8"],
    operation: [6, "u16"],
    senderHardware: [8, "u48"],
    senderProtocol: [14, "u32"],
    targetHardware: [18, "u48"],
    targetProtocol: [24, "u32"],
  },
} as const satisfies WireFormat;

const fields = codec(arpMessage);

const hardwareEthernet = 1;
const protocolIpv4 = 0x0800;
const operations = { request: 1, reply: 2 } as const;

export interface ArpMessage {
  readonly operation: "request" | "reply";
  readonly senderMac: number;
  readonly senderAddress: number;
  readonly targetMac: number;
  readonly targetAddress: number;
}

export type ArpMalformation =
  | "ARP message is too short"
  | "ARP message is not about IPv4 over Ethernet"
  | "ARP operation is neither request nor reply";

export function parseArp(bytes: Uint8Array): ArpMessage | ArpMalformation {
  if (bytes.length < arpMessage.size) return "ARP message is too short";
  const isIpv4OverEthernet = fields.hardwareType.get(bytes, 0) === hardwareEthernet &&
    fields.protocolType.get(bytes, 0) === protocolIpv4 &&
    fields.hardwareLength.get(bytes, 0) === 6 && fields.protocolLength.get(bytes, 0) === 4;
  if (!isIpv4OverEthernet) return "ARP message is not about IPv4 over Ethernet";
  const operation = fields.operation.get(bytes, 0);
  if (operation !== operations.request && operation !== operations.reply) {
    return "ARP operation is neither request nor reply";
  }
  return {
    operation: operation === operations.request ? "request" : "reply",
    senderMac: fields.senderHardware.get(bytes, 0),
    senderAddress: fields.senderProtocol.get(bytes, 0),
    targetMac: fields.targetHardware.get(bytes, 0),
    targetAddress: fields.targetProtocol.get(bytes, 0),
  };
}

/** Writes a message at `at`; it takes `arpMessage.size` bytes. */
export function writeArp(bytes: Uint8Array, at: number, message: ArpMessage): void {
  fields.hardwareType.set(bytes, at, hardwareEthernet);
  fields.protocolType.set(bytes, at, protocolIpv4);
  fields.hardwareLength.set(bytes, at, 6);
  fields.protocolLength.set(bytes, at, 4);
  fields.operation.set(bytes, at, operations[message.operation]);
  fields.senderHardware.set(bytes, at, message.senderMac);
  fields.senderProtocol.set(bytes, at, message.senderAddress);
  fields.targetHardware.set(bytes, at, message.targetMac);
  fields.targetProtocol.set(bytes, at, message.targetAddress);
}
