/**
 * Whether a disk holds a FAT32 volume, told before a machine boots from it.
 *
 * The same rules as mounting, so a disk that passes here is not refused by the file
 * system for its boot sector.
 */

import { findVolume, parseBootSector } from "./boot_sector.ts";

const sectorBytes = 512;

/** Why the disk cannot be mounted, or undefined when it can. */
export function checkVolume(
  read: (sector: number, into: Uint8Array) => void,
  sectorCount: number,
): string | undefined {
  const first = new Uint8Array(sectorBytes);
  read(0, first);
  const start = findVolume(first);
  if ("refused" in start) return start.refused;
  if (start.accepted >= sectorCount) return `its partition starts at sector ${start.accepted}, past the end`;
  const boot = new Uint8Array(sectorBytes);
  read(start.accepted, boot);
  const volume = parseBootSector(boot, start.accepted, sectorCount);
  return "refused" in volume ? volume.refused : undefined;
}
