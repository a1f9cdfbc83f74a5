/**
 * The Internet checksum (RFC 1071): one's complement sum of 16-bit words.
 *
 * `addWords` adds up pieces, `checksum` folds and inverts. A piece that is not the
 * last must have an even length, because an odd last byte is padded with zero.
 * - Data that holds its own right checksum sums up to 0xffff, so `checksum` is 0.
 * - Sums stay far below 2^53: 65,535 bytes add up to less than 2^31.
 */

/** `sum` plus the 16-bit words of bytes [start, end). */
export function addWords(sum: number, bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  for (const last = end - 8; at <= last; at += 8) {
    sum += (bytes[at]! << 8 | bytes[at + 1]!) + (bytes[at + 2]! << 8 | bytes[at + 3]!) +
      (bytes[at + 4]! << 8 | bytes[at + 5]!) + (bytes[at + 6]! << 8 | bytes[at + 7]!);
  }
  for (; at + 1 < end; at += 2) sum += bytes[at]! << 8 | bytes[at + 1]!;
  return at < end ? sum + (bytes[at]! << 8) : sum;
}

/** The sum of the pseudo header that TCP and UDP cover (RFC 9293 section 3.1, RFC 768). */
export function pseudoHeaderSum(
  source: number,
  destination: number,
  protocol: number,
  length: number,
): number {
  return (source >>> 16) + (source & 0xffff) + (destination >>> 16) + (destination & 0xffff) + protocol +
    length;
}

/** Folds a sum to 16 bits and inverts it. */
export function checksum(sum: number): number {
  while (sum > 0xffff) sum = Math.floor(sum / 0x1_0000) + (sum & 0xffff);
  return ~sum & 0xffff;
}
