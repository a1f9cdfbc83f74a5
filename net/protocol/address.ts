/**
 * Addresses: IPv4 as a u32, Ethernet (MAC) as a 48-bit number, and their text forms.
 *
 * Plain numbers compare, serve as keys and need no allocation; text is for people.
 * - The most significant byte is the first on the wire and in the text.
 * - Parsers take exactly the dotted or coloned form and return undefined for all else.
 */

export const unspecifiedAddress = 0;
export const broadcastAddress = 0xffff_ffff;
export const broadcastMac = 0xffff_ffff_ffff;

/** "10.0.2.15" to 0x0a00020f; undefined unless it is four decimal bytes without leading zeros. */
export function parseIpv4Address(text: string): number | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let address = 0;
  for (const part of parts) {
    if (part.length < 1 || part.length > 3 || (part.length > 1 && part[0] === "0")) return undefined;
    for (let index = 0; index < part.length; index++) {
      if (part[index]! < "0" || part[index]! > "9") return undefined;
    }
    if (Number(part) > 255) return undefined;
    address = address * 256 + Number(part);
  }
  return address;
}

export function formatIpv4Address(address: number): string {
  return `${address >>> 24}.${address >>> 16 & 255}.${address >>> 8 & 255}.${address & 255}`;
}

/** "52:55:0a:00:02:02" to a number; undefined unless it is six pairs of hexadecimal digits. */
export function parseMac(text: string): number | undefined {
  if (text.length !== 17) return undefined;
  let mac = 0;
  for (let index = 0; index < 17; index++) {
    if (index % 3 === 2) {
      if (text[index] !== ":") return undefined;
      continue;
    }
    const digit = "0123456789abcdef".indexOf(text[index]!.toLowerCase());
    if (digit < 0) return undefined;
    mac = mac * 16 + digit;
  }
  return mac;
}

export function formatMac(mac: number): string {
  let text = "";
  for (let unit = 2 ** 40; unit >= 1; unit /= 256) {
    const byte = Math.floor(mac / unit) % 256;
    text += (text === "" ? "" : ":") + (byte < 16 ? "0" : "") + byte.toString(16);
  }
  return text;
}

/** True for a multicast or broadcast MAC: the lowest bit of the first byte is set (IEEE 802.3, 3.2.3). */
export const isGroupMac = (mac: number): boolean => Math.floor(mac / 2 ** 40) % 2 === 1;

/** True for 224.0.0.0/4 (RFC 1112) and for the limited broadcast. */
export const isGroupAddress = (address: number): boolean =>
  address >>> 28 === 0xe || address === broadcastAddress;

/** The netmask of a prefix of `length` bits. */
export const netmask = (length: number): number => length === 0 ? 0 : (0xffff_ffff << 32 - length) >>> 0;

export const isSameSubnet = (a: number, b: number, mask: number): boolean => ((a ^ b) & mask) === 0;
