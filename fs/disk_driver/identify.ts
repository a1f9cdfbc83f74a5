/**
 * What IDENTIFY DEVICE tells about a drive.
 *
 * 256 words of 16 bits; texts have the first character in the upper byte.
 * - The words come from outside: a drive that this driver cannot run is refused with
 *   a reason that completes "Cannot use the drive on port 0: ...".
 *
 * Word numbers: hardware-reference.md 4.4; logical sector size: ATA-8, words 106 and 117.
 */

export interface DriveIdentity {
  readonly model: string;
  readonly sectorCount: number;
  readonly sectorBytes: number;
}

export function parseIdentity(words: readonly number[]): DriveIdentity | { readonly refused: string } {
  const word = (index: number): number => words[index] ?? 0;
  if ((word(49) & 1 << 8) === 0) return { refused: "it has no DMA" };
  if ((word(83) & 1 << 10) === 0) return { refused: "it has no 48-bit addresses" };
  const sectorCount = word(100) + word(101) * 2 ** 16 + word(102) * 2 ** 32;
  if (sectorCount === 0 || word(103) !== 0) return { refused: `its number of sectors is ${sectorCount}` };
  // Word 106: bits 15:14 = 01 when it is valid, bit 12 when sectors are longer than 256 words.
  const hasLength = (word(106) & 0xd000) === 0x5000;
  const sectorBytes = hasLength ? (word(117) + word(118) * 2 ** 16) * 2 : 512;
  return { model: text(words.slice(27, 47)), sectorCount, sectorBytes };
}

function text(words: readonly number[]): string {
  let characters = "";
  for (const word of words) characters += String.fromCharCode(word >>> 8, word & 0xff);
  return characters.trim();
}
