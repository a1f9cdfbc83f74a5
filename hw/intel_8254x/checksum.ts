/**
 * Checksums that the NIC computes in its data path: Internet checksums and the Ethernet FCS.
 *
 * - Internet checksum: one's-complement sum of big-endian 16-bit words (RFC 1071); an odd last byte
 *   counts as the upper half of a word.
 * - `inspectReceived` tells what the receive offload says of a frame; it never fails, a frame that it
 *   does not understand is simply not checked.
 */

/** One's-complement sum of bytes [start, end), not complemented. */
export function onesComplementSum(bytes: Uint8Array, start: number, end: number, initial = 0): number {
  let sum = initial;
  const even = end - ((end - start) & 1);
  for (let index = start; index < even; index += 2) sum += bytes[index]! << 8 | bytes[index + 1]!;
  if (even !== end && start < end) sum += bytes[even]! << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return sum;
}

const etherTypeIpv4 = 0x0800;
const ethernetHeader = 14;
const protocolTcp = 6;
const protocolUdp = 17;

/** What the receive checksum offload found: undefined means that it did not check. */
export interface ChecksumVerdict {
  readonly ip: boolean | undefined;
  readonly transport: boolean | undefined;
  readonly isUdp: boolean;
}

const unchecked: ChecksumVerdict = { ip: undefined, transport: undefined, isUdp: false };

/** Checks an IPv4 frame without VLAN tag; `bytes` may end in padding. */
export function inspectReceived(frame: Uint8Array): ChecksumVerdict {
  if (frame.length < ethernetHeader + 20) return unchecked;
  if ((frame[12]! << 8 | frame[13]!) !== etherTypeIpv4 || frame[14]! >> 4 !== 4) return unchecked;
  const headerSize = (frame[14]! & 0xf) * 4;
  const totalSize = frame[16]! << 8 | frame[17]!;
  const end = ethernetHeader + totalSize;
  const payload = ethernetHeader + headerSize;
  if (headerSize < 20 || totalSize < headerSize || end > frame.length) return unchecked;
  const ip = onesComplementSum(frame, ethernetHeader, payload) === 0xffff;
  const isFragment = ((frame[20]! << 8 | frame[21]!) & 0x3fff) !== 0;
  const protocol = frame[23]!;
  const isUdp = protocol === protocolUdp;
  const minimum = isUdp ? 8 : 20;
  if (isFragment || (!isUdp && protocol !== protocolTcp) || totalSize - headerSize < minimum) {
    return { ip, transport: undefined, isUdp: false };
  }
  // A UDP checksum of zero means that the sender made none.
  if (isUdp && frame[payload + 6] === 0 && frame[payload + 7] === 0) {
    return { ip, transport: undefined, isUdp };
  }
  const pseudoHeader = onesComplementSum(frame, 26, 34, protocol + totalSize - headerSize);
  return { ip, transport: onesComplementSum(frame, payload, end, pseudoHeader) === 0xffff, isUdp };
}

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? value >>> 1 ^ 0xedb88320 : value >>> 1;
  return value;
});

/** The Ethernet frame check sequence, as the four bytes that follow the frame. */
export function frameCheckSequence(frame: Uint8Array): Uint8Array {
  let crc = 0xffff_ffff;
  for (const byte of frame) crc = crc >>> 8 ^ crcTable[(crc ^ byte) & 0xff]!;
  crc = ~crc;
  return Uint8Array.of(crc, crc >>> 8, crc >>> 16, crc >>> 24);
}
