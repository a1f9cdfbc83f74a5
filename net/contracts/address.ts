/**
 * The text of the IPv4 addresses that these contracts carry as numbers.
 *
 * Programs outside `net` see contracts and nothing else of the network, yet people
 * type and read dotted addresses; so these two stand here.
 * - The most significant byte is the first in the text.
 */

/** "10.0.2.15" to 0x0a00020f; undefined unless it is four decimal bytes without leading zeros. */
export function parseIpv4Address(text: string): number | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let address = 0;
  for (const part of parts) {
    const byte = Number(part);
    // The way back is the same text only for a plain decimal number: no sign, space, zero in front or exponent.
    if (!Number.isInteger(byte) || byte < 0 || byte > 255 || String(byte) !== part) return undefined;
    address = address * 256 + byte;
  }
  return address;
}

export function formatIpv4Address(address: number): string {
  return `${address >>> 24}.${address >>> 16 & 255}.${address >>> 8 & 255}.${address & 255}`;
}
