/**
 * The satellite kernel image that the coordinator puts into a card's memory.
 *
 * A 64-byte little-endian header and a payload. The card's boot loader checks both
 * and refuses what is damaged, too large or for another ISA, before it jumps.
 * - The payload is opaque to the boot loader; the kernel that starts knows it.
 * - A parse gives the value or the reason why the bytes are no image; it never throws.
 * - `buildSatelliteImage` throws on a payload that no header can describe: a bug of ours.
 */

export type SatelliteIsa = "x86-core2" | "x86-k8" | "armv5te";

export interface SatelliteImage {
  readonly isa: SatelliteIsa;
  /** Where in the card's memory the image, header first, is to lie. */
  readonly loadAddress: number;
  readonly payload: Uint8Array;
}

export type SatelliteImageResult =
  | { readonly ok: true; readonly image: SatelliteImage }
  | { readonly ok: false; readonly reason: string };

/** "HELI", read as a little-endian word. */
export const satelliteImageMagic = 0x494c4548;
export const satelliteHeaderSize = 64;

/** Offsets of the header's 32-bit fields; what follows up to 64 is 0. */
const headerField = {
  magic: 0,
  headerSize: 4,
  isa: 8,
  payloadLength: 12,
  payloadChecksum: 16,
  entryOffset: 20,
  loadAddress: 24,
  /** Over the header with this field as 0. */
  headerChecksum: 28,
  /** The upper half of the address, which only a domain of the host with memory above 4 GiB needs. */
  loadAddressHigh: 32,
} as const;

/** 40 bits, as much as K8 and Core 2 have lines for. */
const addressEnd = 2 ** 40;

const isaCodes = { "x86-core2": 1, "x86-k8": 2, armv5te: 3 } as const satisfies Record<SatelliteIsa, number>;

export function buildSatelliteImage({ isa, loadAddress, payload }: SatelliteImage): Uint8Array {
  const end = loadAddress + satelliteHeaderSize + payload.length;
  if (payload.length === 0 || !Number.isInteger(loadAddress) || loadAddress < 0 || end > addressEnd) {
    throw new Error(`Cannot build a satellite image of ${payload.length} bytes for address ${loadAddress}`);
  }
  const bytes = new Uint8Array(satelliteHeaderSize + payload.length);
  const view = new DataView(bytes.buffer);
  const put = (offset: number, value: number) => view.setUint32(offset, value, true);
  put(headerField.magic, satelliteImageMagic);
  put(headerField.headerSize, satelliteHeaderSize);
  put(headerField.isa, isaCodes[isa]);
  put(headerField.payloadLength, payload.length);
  put(headerField.payloadChecksum, crc32(payload));
  put(headerField.entryOffset, satelliteHeaderSize);
  put(headerField.loadAddress, loadAddress % 2 ** 32);
  put(headerField.loadAddressHigh, Math.floor(loadAddress / 2 ** 32));
  put(headerField.headerChecksum, crc32(bytes.subarray(0, satelliteHeaderSize)));
  bytes.set(payload, satelliteHeaderSize);
  return bytes;
}

/** Reads an image from bytes that may run on behind it. */
export function parseSatelliteImage(bytes: Uint8Array): SatelliteImageResult {
  const refuse = (reason: string): SatelliteImageResult => ({ ok: false, reason });
  if (bytes.length < satelliteHeaderSize) return refuse(`${bytes.length} bytes are shorter than a header`);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const word = (offset: number) => view.getUint32(offset, true);
  const hex = (value: number) => `0x${value.toString(16)}`;
  if (word(headerField.magic) !== satelliteImageMagic) {
    return refuse(`magic is ${hex(word(headerField.magic))}`);
  }
  const header = bytes.slice(0, satelliteHeaderSize);
  header.fill(0, headerField.headerChecksum, headerField.headerChecksum + 4);
  if (crc32(header) !== word(headerField.headerChecksum)) return refuse("header checksum is wrong");
  const headerSize = word(headerField.headerSize);
  if (headerSize !== satelliteHeaderSize) return refuse(`header size is ${headerSize}, must be 64`);
  const isaCode = word(headerField.isa);
  const isa = (Object.keys(isaCodes) as SatelliteIsa[]).find((name) => isaCodes[name] === isaCode);
  if (isa === undefined) return refuse(`ISA ${isaCode} is unknown`);
  const length = word(headerField.payloadLength);
  if (satelliteHeaderSize + length > bytes.length) {
    return refuse(
      `payload length is ${length}, but ${bytes.length - satelliteHeaderSize} bytes follow the header`,
    );
  }
  const entry = word(headerField.entryOffset);
  if (entry < satelliteHeaderSize || entry >= satelliteHeaderSize + length) {
    return refuse(`entry offset ${entry} is outside the payload`);
  }
  const payload = bytes.slice(satelliteHeaderSize, satelliteHeaderSize + length);
  if (crc32(payload) !== word(headerField.payloadChecksum)) return refuse("payload checksum is wrong");
  const loadAddress = word(headerField.loadAddressHigh) * 2 ** 32 + word(headerField.loadAddress);
  return { ok: true, image: { isa, loadAddress, payload } };
}

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = remainder >>> 1 ^ (remainder & 1) * 0xedb88320;
  return remainder;
});

/** CRC-32 of IEEE 802.3: reflected polynomial EDB88320h, all ones before and after. */
function crc32(bytes: Uint8Array): number {
  let remainder = 0xffffffff;
  for (let index = 0; index < bytes.length; index++) {
    remainder = remainder >>> 8 ^ crcTable[(remainder ^ bytes[index]!) & 0xff]!;
  }
  return ~remainder >>> 0;
}
