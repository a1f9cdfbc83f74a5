/**
 * Transmit descriptors: legacy, context and data, decoded from their 16 bytes.
 *
 * Layouts: hardware-reference.md 3.3. The decoded forms say what to do, not where the bits were.
 * - A context sets up checksum insertion for the data descriptors after it, until the next context.
 * - Segmentation (TSE) is decoded, so that the transmit unit can refuse it by name.
 */

import { hasBit } from "../register/register_map.ts";
import { onesComplementSum } from "./checksum.ts";
import { descriptorBytes } from "./descriptor_ring.ts";

/** Sum from `start` to `end` (0 = to the end of the packet) inclusive, stored at `offset`. */
export interface ChecksumField {
  readonly start: number;
  readonly offset: number;
  readonly end: number;
}

export interface OffloadContext {
  readonly kind: "context";
  readonly ip: ChecksumField;
  readonly transport: ChecksumField;
  readonly isTcp: boolean;
}

export interface DataDescriptor {
  readonly kind: "legacy" | "data";
  readonly address: number;
  readonly length: number;
  readonly endOfPacket: boolean;
  readonly insertVlan: boolean;
  readonly vlanTag: number;
  /** Legacy: insert one checksum from here to the end of the packet. */
  readonly checksum: ChecksumField | undefined;
  /** Data: insert what the context describes. */
  readonly insertIp: boolean;
  readonly insertTransport: boolean;
}

export type TransmitDescriptor = (OffloadContext | DataDescriptor) & {
  readonly reportStatus: boolean;
  readonly delayInterrupt: boolean;
  readonly segmentation: boolean;
};

const command = { EOP: 0, IC: 2, RS: 3, RPS: 4, DEXT: 5, VLE: 6, IDE: 7 } as const;
const contextCommand = { TCP: 0, TSE: 2 } as const;
const dataType = { context: 0, data: 1 } as const;
const lengthMask = 0xfffff;
const udpZeroChecksum = 0xffff;

/** Decodes a descriptor, or names what makes it unusable. */
export function decodeTransmitDescriptor(
  bytes: Uint8Array,
): TransmitDescriptor | { readonly refused: string } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, descriptorBytes);
  const flags = view.getUint8(11);
  const extended = hasBit(flags, command.DEXT);
  const common = {
    reportStatus: hasBit(flags, command.RS) || hasBit(flags, command.RPS),
    delayInterrupt: hasBit(flags, command.IDE),
    segmentation: extended && hasBit(flags, contextCommand.TSE),
  };
  const second = view.getUint32(8, true);
  const type = second >>> 20 & 0xf;
  if (extended && type === dataType.context) {
    return {
      kind: "context",
      ip: { start: view.getUint8(0), offset: view.getUint8(1), end: view.getUint16(2, true) },
      transport: { start: view.getUint8(4), offset: view.getUint8(5), end: view.getUint16(6, true) },
      isTcp: hasBit(flags, contextCommand.TCP),
      ...common,
    };
  }
  if (extended && type !== dataType.data) return { refused: `descriptor type ${type} is unknown` };
  const options = view.getUint8(13);
  return {
    kind: extended ? "data" : "legacy",
    address: view.getUint32(4, true) * 2 ** 32 + view.getUint32(0, true),
    length: extended ? second & lengthMask : second & 0xffff,
    endOfPacket: hasBit(flags, command.EOP),
    insertVlan: hasBit(flags, command.VLE),
    vlanTag: view.getUint16(14, true),
    checksum: !extended && hasBit(flags, command.IC)
      ? { start: options, offset: view.getUint8(10), end: 0 }
      : undefined,
    insertIp: extended && hasBit(options, 0),
    insertTransport: extended && hasBit(options, 1),
    ...common,
  };
}

/** Inserts a checksum; a field that does not lie in the frame changes nothing. */
export function insertChecksum(frame: Uint8Array, field: ChecksumField, isUdp: boolean): void {
  const end = field.end === 0 ? frame.length : Math.min(field.end + 1, frame.length);
  if (field.start >= end || field.offset + 2 > frame.length) return;
  const sum = ~onesComplementSum(frame, field.start, end) & 0xffff;
  // In UDP a sum of zero would mean that there is none (RFC 768).
  const value = sum === 0 && isUdp ? udpZeroChecksum : sum;
  frame[field.offset] = value >> 8;
  frame[field.offset + 1] = value;
}
