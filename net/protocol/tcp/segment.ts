/**
 * TCP segments: the header and the options we speak (RFC 9293 section 3.1, RFC 7323 section 2).
 *
 * - A parsed segment has an honest length and a right checksum over the pseudo header.
 * - Payloads are written first, at `headerSizeOf` bytes behind the segment's start;
 *   `writeSegment` puts the header before them and computes the checksum.
 * - Options other than MSS and window scale are skipped; none else is ever sent.
 */

import { addWords, checksum, pseudoHeaderSum } from "../checksum.ts";
import { ipProtocols } from "../ipv4.ts";
import { codec, readU16, type WireFormat, writeU16 } from "../wire_format.ts";

export const tcpHeader = {
  title: "TCP header, RFC 9293 section 3.1",
  order: "big",
  size: 20,
  fields: {
    sourcePort: [0, "u16"],
    destinationPort: [2, "u16"],
    sequenceNumber: [4, "u32"],
    acknowledgmentNumber: [8, "u32"],
    dataOffset: [12, "u8", 7, 4], // in 32-bit words
    reserved: [12, "u8", 3, 0],
    controlBits: [13, "u8"],
    window: [14, "u16"],
    checksum: [16, "u16"],
    urgentPointer: [18, "u16"],
  },
} as const satisfies WireFormat;

const fields = codec(tcpHeader);

/** Control bits, as values. */
export const FIN = 1 << 0;
export const SYN = 1 << 1;
export const RST = 1 << 2;
export const PSH = 1 << 3;
export const ACK = 1 << 4;

/** Option kinds (RFC 9293 section 3.2, RFC 7323 section 2.2). */
const optionKinds = { end: 0, noOperation: 1, maximumSegmentSize: 2, windowScale: 3 } as const;
const synOptionsSize = 8;
/** RFC 7323 section 2.3: larger shifts count as 14. */
const windowShiftMax = 14;

/** The header of a segment to send. */
export interface TcpHeader {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly sequenceNumber: number;
  /** Meant only with the ACK bit; else 0. */
  readonly acknowledgmentNumber: number;
  readonly controlBits: number;
  /** As it stands in the header: not scaled. */
  readonly window: number;
  /** Options of a SYN; undefined when the segment has none. */
  readonly maximumSegmentSize: number | undefined;
  readonly windowShift: number | undefined;
}

/** A segment as it came. */
export interface TcpSegment extends TcpHeader {
  /** A view. */
  readonly payload: Uint8Array;
}

export type TcpMalformation =
  | "TCP segment is shorter than its header"
  | "TCP data offset is not honest"
  | "TCP checksum is wrong"
  | "TCP option is not honest about its length"
  | "TCP control bits contradict each other";

/** Sequence numbers that a segment takes: data, SYN and FIN (SEG.LEN). */
export function segmentLength(segment: TcpSegment): number {
  const bits = segment.controlBits;
  return segment.payload.length + ((bits & SYN) === 0 ? 0 : 1) + ((bits & FIN) === 0 ? 0 : 1);
}

export function parseSegment(
  source: number,
  destination: number,
  bytes: Uint8Array,
): TcpSegment | TcpMalformation {
  if (bytes.length < tcpHeader.size) return "TCP segment is shorter than its header";
  const headerSize = fields.dataOffset.get(bytes, 0) * 4;
  if (headerSize < tcpHeader.size || headerSize > bytes.length) return "TCP data offset is not honest";
  const pseudo = pseudoHeaderSum(source, destination, ipProtocols.tcp, bytes.length);
  if (checksum(addWords(pseudo, bytes, 0, bytes.length)) !== 0) return "TCP checksum is wrong";
  const controlBits = fields.controlBits.get(bytes, 0);
  if ((controlBits & SYN) !== 0 && (controlBits & (FIN | RST)) !== 0) {
    return "TCP control bits contradict each other";
  }
  let maximumSegmentSize: number | undefined;
  let windowShift: number | undefined;
  for (let at: number = tcpHeader.size; at < headerSize;) {
    const kind = bytes[at]!;
    if (kind === optionKinds.end) break;
    if (kind === optionKinds.noOperation) {
      at++;
      continue;
    }
    const length = at + 1 < headerSize ? bytes[at + 1]! : 0;
    if (length < 2 || at + length > headerSize) return "TCP option is not honest about its length";
    if (kind === optionKinds.maximumSegmentSize && length === 4) maximumSegmentSize = readU16(bytes, at + 2);
    if (kind === optionKinds.windowScale && length === 3) {
      windowShift = Math.min(bytes[at + 2]!, windowShiftMax);
    }
    at += length;
  }
  return {
    sourcePort: fields.sourcePort.get(bytes, 0),
    destinationPort: fields.destinationPort.get(bytes, 0),
    sequenceNumber: fields.sequenceNumber.get(bytes, 0),
    acknowledgmentNumber: fields.acknowledgmentNumber.get(bytes, 0),
    controlBits,
    window: fields.window.get(bytes, 0),
    maximumSegmentSize,
    windowShift,
    payload: bytes.subarray(headerSize),
  };
}

/** Bytes that the header of a segment takes, options included. */
export function headerSizeOf(controlBits: number): number {
  return (controlBits & SYN) === 0 ? tcpHeader.size : tcpHeader.size + synOptionsSize;
}

/** Writes the header at `at`, for `payloadLength` bytes behind it; returns the segment's size. */
export function writeSegment(
  bytes: Uint8Array,
  at: number,
  source: number,
  destination: number,
  header: TcpHeader,
  payloadLength: number,
): number {
  const headerSize = headerSizeOf(header.controlBits);
  const size = headerSize + payloadLength;
  fields.sourcePort.set(bytes, at, header.sourcePort);
  fields.destinationPort.set(bytes, at, header.destinationPort);
  fields.sequenceNumber.set(bytes, at, header.sequenceNumber);
  fields.acknowledgmentNumber.set(bytes, at, header.acknowledgmentNumber);
  fields.dataOffset.set(bytes, at, headerSize / 4);
  fields.reserved.set(bytes, at, 0);
  fields.controlBits.set(bytes, at, header.controlBits);
  fields.window.set(bytes, at, header.window);
  fields.checksum.set(bytes, at, 0);
  fields.urgentPointer.set(bytes, at, 0);
  if (headerSize > tcpHeader.size) writeSynOptions(bytes, at + tcpHeader.size, header);
  const pseudo = pseudoHeaderSum(source, destination, ipProtocols.tcp, size);
  fields.checksum.set(bytes, at, checksum(addWords(pseudo, bytes, at, at + size)));
  return size;
}

/** Options of a SYN, padded to 8 bytes with no-operations. */
function writeSynOptions(bytes: Uint8Array, at: number, header: TcpHeader): void {
  bytes.fill(optionKinds.noOperation, at, at + synOptionsSize);
  if (header.maximumSegmentSize !== undefined) {
    bytes[at] = optionKinds.maximumSegmentSize;
    bytes[at + 1] = 4;
    writeU16(bytes, at + 2, header.maximumSegmentSize);
  }
  if (header.windowShift !== undefined) {
    bytes[at + 5] = optionKinds.windowScale;
    bytes[at + 6] = 3;
    bytes[at + 7] = header.windowShift;
  }
}
