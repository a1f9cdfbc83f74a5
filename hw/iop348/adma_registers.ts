/**
 * Register map of a DMA channel, and its descriptors as they lie in card DRAM.
 *
 * Offsets and bits are of hardware-reference.md 2.6, where the access rights and the
 * names of the error bits are unverified. Three channels stand 200h apart.
 * - `decodeDescriptor` gives a descriptor or the reason why the channel refuses it.
 * - Refused, with ACSR bit 4: more than one source (XOR), zero-result check, CRC,
 *   P+Q and endian swap. Relaxed ordering and no-snoop change nothing here.
 */

import { hasBit, type RegisterMap } from "../register/register_map.ts";

export const admaChannelSpacing = 0x200;

/** ACSR. Everything but `active` is cleared by writing 1. */
export const admaStatusBits = {
  hostTargetAbort: 1,
  hostMasterAbort: 2,
  internalMasterAbort: 3,
  internalTargetAbort: 4,
  memoryControllerAbort: 5,
  parity: 9,
  endOfChain: 11,
  endOfTransfer: 12,
  active: 13,
} as const;

/** RedBoot's error mask: bits 1 to 5 and 9. */
export const admaErrorMask = 0x23e;

export const admaRegisters = {
  ACCR: {
    offset: 0x00,
    access: "read-write",
    doc: "Channel control",
    bits: { enable: 0, chainResume: 1, hostInterfacePcie: 29 },
  },
  ACSR: { offset: 0x04, access: "read-write", doc: "Channel status", bits: admaStatusBits },
  ADAR: { offset: 0x08, access: "read-only", doc: "Address of the current descriptor" },
  ANDAR: {
    offset: 0x24,
    access: "read-write",
    doc: "Address of the next descriptor, 0 = end; RW while idle",
  },
  ADCR: { offset: 0x28, access: "read-only", doc: "Control word of the current descriptor" },
  CARMDQ: { offset: 0x2c, access: "read-only", doc: "Fill value of the current descriptor" },
  ABCR: { offset: 0x30, access: "read-only", doc: "Bytes left" },
  DLADR: { offset: 0x34, access: "read-only", doc: "Destination of the current descriptor, low" },
  DUADR: { offset: 0x38, access: "read-only", doc: "Destination, upper" },
  SLAR0: { offset: 0x3c, access: "read-only", doc: "Source of the current descriptor, low" },
  SUAR0: { offset: 0x40, access: "read-only", doc: "Source, upper" },
} as const satisfies RegisterMap;

/** Bits of the control word (DC). */
export const descriptorControl = {
  interruptEnable: 0,
  zeroResultCheck: 7,
  blockFill: 8,
  crcGenerate: 9,
  crcWithoutTransfer: 10,
  crcNoSeedFetch: 11,
  statusWriteBack: 12,
  endianSwap: 13,
  pqUpdate: 16,
  dualXor: 17,
  pq: 18,
  pDisable: 19,
} as const;

/** DC bits 2:1. */
export const directions = [
  "host to local",
  "local to host",
  "internal to local",
  "local to internal",
] as const;
export type Direction = typeof directions[number];

export const descriptorSize = 32;
/** Word 3 of a finished descriptor with status write-back. */
export const transferComplete = 0x80000000;
export const byteCountOffset = 12;

export interface Descriptor {
  readonly next: number;
  readonly control: number;
  readonly direction: Direction;
  readonly fill: number | undefined;
  readonly byteCountWord: number;
  readonly byteCount: number;
  readonly destination: number;
  readonly source: number;
}

/** The eight words that describe a transfer with one source. */
export function encodeDescriptor(descriptor: {
  readonly next: number;
  readonly control: number;
  readonly fill?: number;
  readonly byteCount: number;
  readonly destination: number;
  readonly source: number;
}): Uint8Array {
  const bytes = new Uint8Array(descriptorSize);
  const view = new DataView(bytes.buffer);
  const { next, control, fill, byteCount, destination, source } = descriptor;
  const words = [next, control, fill ?? 0, byteCount, ...halves(destination), ...halves(source)];
  for (const [index, word] of words.entries()) view.setUint32(4 * index, word, true);
  return bytes;
}

/** DC for a transfer in one direction. */
export const controlWord = (direction: Direction, ...bits: (keyof typeof descriptorControl)[]): number =>
  bits.reduce((word, bit) => word | 1 << descriptorControl[bit], directions.indexOf(direction) << 1) >>> 0;

const refused = [
  "zeroResultCheck",
  "crcGenerate",
  "crcWithoutTransfer",
  "pqUpdate",
  "dualXor",
  "pq",
  "endianSwap",
] as const;

export function decodeDescriptor(bytes: Uint8Array): Descriptor {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const word = (index: number) => view.getUint32(4 * index, true);
  const control = word(1);
  return {
    next: word(0),
    control,
    direction: directions[control >>> 1 & 3]!,
    fill: hasBit(control, descriptorControl.blockFill) ? word(2) : undefined,
    byteCountWord: word(3),
    byteCount: word(3) & 0xffffff,
    destination: word(5) * 2 ** 32 + word(4),
    source: word(7) * 2 ** 32 + word(6),
  };
}

/** Why a channel cannot do what the control word asks for, or undefined. */
export function refusal(control: number): string | undefined {
  if ((control >>> 3 & 0xf) !== 0) return "XOR of several sources is not emulated";
  const operation = refused.find((name) => hasBit(control, descriptorControl[name]));
  return operation === undefined ? undefined : `${operation} is not emulated`;
}

/** A 64-bit address as low and upper word. */
export const halves = (address: number): [low: number, upper: number] => [
  address % 2 ** 32,
  Math.floor(address / 2 ** 32),
];
