/**
 * What the board's ROM checks before it starts a satellite kernel image.
 *
 * A 64-byte little-endian header, then a payload that the ROM does not look into.
 * The ROM keeps its own copy of the layout, as firmware does; `kernel/boot` builds images.
 * - Checked in this order: magic, header checksum, header fields, ISA, fit, payload checksum.
 * - A refusal is one of the answers that the host reads from OMR0.
 */

import type { IsaName } from "../cpu/isa.ts";

/** What the ROM writes to OMR0. */
export const firmwareAnswer = {
  started: 1,
  badMagic: 2,
  wrongIsa: 3,
  badHeaderChecksum: 4,
  badPayloadChecksum: 5,
  doesNotFit: 6,
} as const;
export type Refusal = Exclude<keyof typeof firmwareAnswer, "started">;

export const imageHeaderSize = 64;

/** Offsets of the header's 32-bit fields. */
const field = {
  magic: 0,
  headerSize: 4,
  isa: 8,
  payloadLength: 12,
  payloadChecksum: 16,
  entryOffset: 20,
  loadAddress: 24,
  headerChecksum: 28,
} as const;

/** "HELI" */
const magic = 0x494c4548;
const isaCodes: Readonly<Record<IsaName, number>> = { "x86-core2": 1, "x86-k8": 2, armv5te: 3 };

export interface ImageHeader {
  readonly payloadLength: number;
  readonly payloadChecksum: number;
  readonly loadAddress: number;
}

export type HeaderCheck =
  | { readonly ok: true; readonly header: ImageHeader }
  | { readonly ok: false; readonly refusal: Refusal };

/** Checks the header of an image that lies at `address` in `memorySize` bytes of DRAM. */
export function checkHeader(
  bytes: Uint8Array,
  isa: IsaName,
  address: number,
  memorySize: number,
): HeaderCheck {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const word = (offset: number) => view.getUint32(offset, true);
  const refuse = (refusal: Refusal): HeaderCheck => ({ ok: false, refusal });
  if (word(field.magic) !== magic) return refuse("badMagic");
  const unsummed = bytes.slice(0, imageHeaderSize);
  unsummed.fill(0, field.headerChecksum, field.headerChecksum + 4);
  if (crc32(unsummed) !== word(field.headerChecksum)) return refuse("badHeaderChecksum");
  const payloadLength = word(field.payloadLength);
  const size = imageHeaderSize + payloadLength;
  const entry = word(field.entryOffset);
  // A sum that is right over fields that make no sense is a wrong header all the same.
  if (word(field.headerSize) !== imageHeaderSize || entry < imageHeaderSize || entry >= size) {
    return refuse("badHeaderChecksum");
  }
  if (word(field.isa) !== isaCodes[isa]) return refuse("wrongIsa");
  const loadAddress = word(field.loadAddress);
  if (address + size > memorySize || loadAddress + size > memorySize) return refuse("doesNotFit");
  return { ok: true, header: { payloadLength, payloadChecksum: word(field.payloadChecksum), loadAddress } };
}

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = remainder >>> 1 ^ (remainder & 1) * 0xedb88320;
  return remainder;
});

/** CRC-32 of IEEE 802.3: reflected polynomial EDB88320h, all ones before and after. */
export function crc32(bytes: Uint8Array): number {
  let remainder = 0xffffffff;
  for (let index = 0; index < bytes.length; index++) {
    remainder = remainder >>> 8 ^ crcTable[(remainder ^ bytes[index]!) & 0xff]!;
  }
  return ~remainder >>> 0;
}
