/**
 * Ethernet II frames: destination, source, type, payload (IEEE 802.3 clause 3, RFC 894).
 *
 * A frame here is destination to payload, as NICs and `hw/ethernet/link.ts` carry it:
 * no preamble, no FCS, and padding after the payload is the upper layer's to ignore.
 * - Payloads are written first, at `ethernetHeader.size`; `writeEthernet` puts the header before them.
 */

import { codec, type WireFormat } from "./wire_format.ts";

export const ethernetHeader = {
  title: "Ethernet II header, RFC 894",
  order: "big",
  size: 14,
  fields: {
    destination: [0, "u48"],
    source: [6, "u48"],
    etherType: [12, "u16"],
  },
} as const satisfies WireFormat;

const fields = codec(ethernetHeader);

/** EtherType numbers (IANA IEEE 802 Numbers). */
export const etherTypes = { ipv4: 0x0800, arp: 0x0806 } as const;

/** The largest payload of a frame (IEEE 802.3, 3.2.7). */
export const ethernetMtu = 1500;
export const frameSizeMax = ethernetHeader.size + ethernetMtu;

export interface EthernetFrame {
  readonly destination: number;
  readonly source: number;
  readonly etherType: number;
  /** A view; may be longer than the upper layer's packet (padding). */
  readonly payload: Uint8Array;
}

export type EthernetMalformation = "frame is shorter than its header";

export function parseEthernet(frame: Uint8Array): EthernetFrame | EthernetMalformation {
  if (frame.length < ethernetHeader.size) return "frame is shorter than its header";
  return {
    destination: fields.destination.get(frame, 0),
    source: fields.source.get(frame, 0),
    etherType: fields.etherType.get(frame, 0),
    payload: frame.subarray(ethernetHeader.size),
  };
}

/** Writes the header at `at`. */
export function writeEthernet(
  bytes: Uint8Array,
  at: number,
  destination: number,
  source: number,
  etherType: number,
): void {
  fields.destination.set(bytes, at, destination);
  fields.source.set(bytes, at, source);
  fields.etherType.set(bytes, at, etherType);
}
