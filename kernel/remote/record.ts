/**
 * Records: what kernels write into each other's rings, as bytes.
 *
 * A record is one slot of 512 bytes: a header, then the message's fields in the order
 * of the contract. Scalars and short strings stand in the record; blocks (and longer
 * strings, in blocks of their own) are named by physical address and copied once by
 * the receiver; an endpoint is the facts that let the receiver go on with it.
 * - All numbers are little-endian. u64 and f64 fields are IEEE doubles.
 * - A record that does not parse comes from a kernel that is broken; the reader throws PeerFault.
 */

import { PeerFault } from "./peer_fault.ts";

export const slotSize = 512;
/** Longer strings travel in a block. */
export const inlineStringMax = 96;

/** Record kinds, first byte of the slot. */
export const recordKind = {
  /** A message for an end. */
  message: 1,
  /** The peer of an end has closed. */
  close: 2,
  /** An end's peer now lives on another kernel. */
  moved: 3,
  /** Nothing more will come by the old way: forget the forwarding. */
  settled: 4,
  /** Asks the card to copy its memory into the host's. */
  copy: 5,
  /** The coordinator introduces a card. */
  meet: 6,
  /** Asks for the peer's CPU use. */
  askLoad: 7,
  /** The CPU use of the sender, in thousandths, where a message has its sequence. */
  load: 8,
  /** The sender has cut the receiver off: nothing of it is taken any more. */
  farewell: 9,
  /** A kernel is gone; its number stands where a message has its sequence. */
  gone: 10,
  /** How many messages were sent to an end, for the holder to check. */
  probe: 11,
  /** Messages between an end and its peer are lost: the channel is over. */
  broken: 12,
} as const;

/**
 * What a record carries, blocks and ends, is listed at its very end, so that a kernel that does not know the
 * contract can give it back: `flags` counts the entries of two bytes, the last one first. An entry is the place
 * in the record, times two, and 1 for an end. Each thing takes 16 bytes at least, so there cannot be more.
 */
const carriedMax = 27;
const carriedSize = 2;

/** Header: offsets of its fields, and where the body starts. */
export const headerField = { kind: 0, message: 1, end: 2, flags: 3, channel: 4, sequence: 8 } as const;
export const bodyOffset = 16;
/** What all fields of a message may take together. */
export const bodySizeMax = slotSize - bodyOffset - carriedMax * carriedSize;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** UTF-8 of a string that goes into a record or a block. */
export const encodeText = (text: string): Uint8Array => encoder.encode(text);
export function decodeText(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new PeerFault("a text is no UTF-8");
  }
}

/** A little-endian word; a DataView of each record would cost more than the record. */
export function word32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 | bytes[at + 3]! << 24) >>> 0;
}

export function setWord32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

/** For the bytes of a double, which may stand anywhere in a record; hosts are little-endian, as records are. */
const double = new Float64Array(1);
const doubleBytes = new Uint8Array(double.buffer);

export class RecordWriter {
  readonly #own = new Uint8Array(slotSize);
  #bytes: Uint8Array = this.#own;
  #position = bodyOffset;

  constructor(kind: number, channel: number, end: number, sequence: number, message = 0) {
    this.begin(kind, channel, end, sequence, message);
  }

  /** The record as far as it is written. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /**
   * Starts another record, in `bytes` or in the same as the one before, once that is copied; behind its fields stands
   * what stood there.
   */
  begin(
    kind: number,
    channel: number,
    end: number,
    sequence: number,
    message = 0,
    bytes: Uint8Array = this.#own,
  ): void {
    this.#bytes = bytes;
    bytes[headerField.kind] = kind;
    bytes[headerField.message] = message;
    bytes[headerField.end] = end;
    bytes[headerField.flags] = 0;
    setWord32(bytes, headerField.channel, channel);
    setWord32(bytes, headerField.sequence, sequence);
    this.#position = bodyOffset;
  }

  u8(value: number): void {
    this.#bytes[this.#advance(1)] = value;
  }

  u16(value: number): void {
    const at = this.#advance(2);
    this.#bytes[at] = value;
    this.#bytes[at + 1] = value >>> 8;
  }

  u32(value: number): void {
    setWord32(this.#bytes, this.#advance(4), value);
  }

  f64(value: number): void {
    const at = this.#advance(8);
    double[0] = value;
    for (let index = 0; index < 8; index++) this.#bytes[at + index] = doubleBytes[index]!;
  }

  raw(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#advance(bytes.length));
  }

  /** A short text: length, then UTF-8. */
  text(text: string): void {
    const bytes = encodeText(text);
    this.u16(bytes.length);
    this.raw(bytes);
  }

  /** A block or an end follows. */
  carries(kind: "block" | "end"): void {
    const count = ++this.#bytes[headerField.flags]!;
    if (count > carriedMax) throw new RangeError(`A record carries at most ${carriedMax} blocks and ends`);
    const entry = this.#position * 2 + (kind === "end" ? 1 : 0);
    const at = slotSize - count * carriedSize;
    this.#bytes[at] = entry;
    this.#bytes[at + 1] = entry >>> 8;
  }

  #advance(count: number): number {
    const at = this.#position;
    if (at + count > slotSize) throw new RangeError(`A record has no room for ${count} more bytes at ${at}`);
    this.#position = at + count;
    return at;
  }
}

export class RecordReader {
  readonly kind: number;
  readonly message: number;
  readonly end: number;
  readonly channel: number;
  readonly sequence: number;
  #view: DataView | undefined;
  #position = bodyOffset;

  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.kind = bytes[headerField.kind]!;
    this.message = bytes[headerField.message]!;
    this.end = bytes[headerField.end]!;
    this.channel = word32(bytes, headerField.channel);
    this.sequence = word32(bytes, headerField.sequence);
  }

  u8(): number {
    return this.bytes[this.#advance(1)]!;
  }

  u16(): number {
    return this.#u16At(this.#advance(2));
  }

  u32(): number {
    return word32(this.bytes, this.#advance(4));
  }

  f64(): number {
    const { buffer, byteOffset, byteLength } = this.bytes;
    this.#view ??= new DataView(buffer, byteOffset, byteLength);
    return this.#view.getFloat64(this.#advance(8), true);
  }

  raw(length: number): Uint8Array {
    const at = this.#advance(length);
    return this.bytes.slice(at, at + length);
  }

  text(): string {
    return decodeText(this.raw(this.u16()));
  }

  /** Visits what the record carries, whatever its contract; `read` goes on from there. */
  forEachCarried(read: (kind: "block" | "end") => void): void {
    for (let index = 1; index <= this.bytes[headerField.flags]!; index++) {
      const entry = this.#u16At(slotSize - index * carriedSize);
      this.#position = entry >>> 1;
      read((entry & 1) === 1 ? "end" : "block");
    }
  }

  #u16At(at: number): number {
    return this.bytes[at]! | this.bytes[at + 1]! << 8;
  }

  #advance(count: number): number {
    const at = this.#position;
    if (at + count > this.bytes.length) throw new PeerFault(`a record ends before byte ${at + count}`);
    this.#position = at + count;
    return at;
  }
}
