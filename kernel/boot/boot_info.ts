/**
 * The boot-info block: how a card's kernel learns its place in the machine.
 *
 * It lies in the card's memory. The card fills in what it is, the coordinator answers
 * in the same block with the card's number and one entry for each kernel of the host:
 * where the pair area lies on the PCI Express bus.
 * - Little-endian; texts are 32 bytes of UTF-8, zero-padded.
 */

import { decodeText, encodeText } from "../remote/record.ts";

const magicOfCard = 0x4f464e49;
const magicOfHost = 0x54534f48;
const textSize = 32;
const headerSize = 64;
const entrySize = 48;
const pairsMax = 64;
export const bootInfoSize = headerSize + pairsMax * entrySize;

const field = {
  magic: 0,
  index: 4,
  count: 8,
  memoryMiB: 12,
  station: 12,
  name: 16,
  platform: 16,
  isa: 48,
} as const;
/** The card's block is longer than the header: its ISA stands behind the platform. */
const factsSize = field.isa + textSize;

export interface CardFacts {
  readonly isa: string;
  readonly platform: string;
  readonly cpus: number;
  readonly memoryMiB: number;
}

export interface BootInfo {
  readonly index: number;
  readonly name: string;
  readonly station: number;
  readonly pairs: readonly HostPair[];
}

/** A kernel of the host: its number and its place's, and where the pair area lies on the bus. */
export interface HostPair {
  readonly kernel: number;
  readonly station: number;
  readonly area: number;
  readonly name: string;
}

export function encodeCardFacts(facts: CardFacts): Uint8Array {
  const bytes = new Uint8Array(factsSize);
  const view = new DataView(bytes.buffer);
  view.setUint32(field.magic, magicOfCard, true);
  view.setUint32(field.count, facts.cpus, true);
  view.setUint32(field.memoryMiB, facts.memoryMiB, true);
  writeText(bytes, field.platform, facts.platform);
  writeText(bytes, field.isa, facts.isa);
  return bytes;
}

export function readCardFacts(read: (length: number) => Uint8Array): CardFacts | undefined {
  const bytes = read(factsSize);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  if (view.getUint32(field.magic, true) !== magicOfCard) return undefined;
  return {
    cpus: view.getUint32(field.count, true),
    memoryMiB: view.getUint32(field.memoryMiB, true),
    platform: readText(bytes, field.platform),
    isa: readText(bytes, field.isa),
  };
}

export function encodeBootInfo(info: BootInfo): Uint8Array {
  if (info.pairs.length > pairsMax) {
    throw new Error(`A card can meet ${pairsMax} kernels, there are ${info.pairs.length}`);
  }
  const bytes = new Uint8Array(bootInfoSize);
  const view = new DataView(bytes.buffer);
  view.setUint32(field.magic, magicOfHost, true);
  view.setUint32(field.index, info.index, true);
  view.setUint32(field.count, info.pairs.length, true);
  view.setUint32(field.station, info.station, true);
  writeText(bytes, field.name, info.name);
  info.pairs.forEach((pair, index) => {
    const at = headerSize + index * entrySize;
    view.setUint32(at, pair.kernel, true);
    view.setUint32(at + 4, pair.station, true);
    view.setFloat64(at + 8, pair.area, true);
    writeText(bytes, at + 16, pair.name);
  });
  return bytes;
}

/** The coordinator's answer, or undefined while it is not there. */
export function decodeBootInfo(bytes: Uint8Array): BootInfo | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  if (view.getUint32(field.magic, true) !== magicOfHost) return undefined;
  const pairs = Array.from({ length: view.getUint32(field.count, true) }, (_, index) => {
    const at = headerSize + index * entrySize;
    return {
      kernel: view.getUint32(at, true),
      station: view.getUint32(at + 4, true),
      area: view.getFloat64(at + 8, true),
      name: readText(bytes, at + 16),
    };
  });
  return {
    index: view.getUint32(field.index, true),
    station: view.getUint32(field.station, true),
    name: readText(bytes, field.name),
    pairs,
  };
}

function writeText(bytes: Uint8Array, offset: number, text: string): void {
  const encoded = encodeText(text);
  if (encoded.length > textSize) throw new Error(`"${text}" is longer than ${textSize} bytes`);
  bytes.set(encoded, offset);
}

function readText(bytes: Uint8Array, offset: number): string {
  const field = bytes.subarray(offset, offset + textSize);
  const end = field.indexOf(0);
  return decodeText(field.subarray(0, end < 0 ? textSize : end));
}
