/**
 * Mounting, first step: from sector 0 to the geometry of a FAT32 volume.
 *
 * Sector 0 is the volume's boot sector, or a master boot record whose first FAT32
 * partition is taken. Everything later trusts the geometry, so each field is checked.
 * - The bytes come from outside: what is wrong with them is a reason, never an exception.
 * - A reason completes "Cannot mount X: ...", and names field, value and what it must be.
 *
 * Follows Microsoft's FAT32 specification 1.03; FAT type by number of clusters, as it asks.
 */

import { bootSector, bytesOf, number, partitionEntry } from "./layout.ts";
import { sectorBytes } from "./block_device.ts";

/** Where things are, in sectors of the device. */
export interface Geometry {
  readonly volumeStart: number;
  readonly fatStart: number;
  readonly fatSectors: number;
  /** Distances from `fatStart` at which each FAT sector is to be written. */
  readonly fatCopies: readonly number[];
  readonly dataStart: number;
  readonly sectorsPerCluster: number;
  readonly clusterBytes: number;
  /** Clusters are numbered from 2 to clusterCount + 1. */
  readonly clusterCount: number;
  readonly rootCluster: number;
  /** Sector of the FSInfo structure; undefined where there is none. */
  readonly informationSector: number | undefined;
  readonly label: string;
}

export type Refusable<T> = { readonly refused: string } | { readonly accepted: T };

const refused = (reason: string): { refused: string } => ({ refused: reason });

/** Partition types FAT32 with CHS and with LBA addressing, and the guard of a GUID partition table. */
const fat32PartitionTypes = [0x0b, 0x0c];
const guidPartitionType = 0xee;

/** Fewer clusters than this make a volume FAT12 or FAT16 (specification, "FAT Type Determination"). */
export const fewestClusters = 65525;
const mostClusters = 0x0ffffff5;

const ascii = (bytes: Uint8Array): string => String.fromCharCode(...bytes);

/** Finds the volume: 0 when the device holds nothing else, or where its partition starts. */
export function findVolume(sector: Uint8Array): Refusable<number> {
  if (number(bootSector, "Signature", sector) !== 0xaa55) {
    return refused("sector 0 has no boot signature, must end in 55 AA");
  }
  const jump = sector[0];
  const hasParameters = number(bootSector, "BytsPerSec", sector) !== 0 ||
    number(bootSector, "NumFATs", sector) !== 0;
  if ((jump === 0xeb || jump === 0xe9) && (hasParameters || foreignName(sector) !== undefined)) {
    return { accepted: 0 };
  }
  for (let index = 0; index < 4; index++) {
    const at = 446 + index * partitionEntry.size;
    const type = number(partitionEntry, "Type", sector, at);
    if (type === guidPartitionType) {
      return refused("it has a GUID partition table, must have an MBR one or none");
    }
    const start = number(partitionEntry, "FirstLBA", sector, at);
    if (fat32PartitionTypes.includes(type) && start > 0) return { accepted: start };
  }
  return refused("sector 0 holds neither a FAT volume nor a partition table with a FAT32 partition");
}

function foreignName(sector: Uint8Array): string | undefined {
  const name = ascii(bytesOf(bootSector, "OEMName", sector));
  if (name === "EXFAT   ") return "exFAT";
  return name === "NTFS    " ? "NTFS" : undefined;
}

/** Checks the boot sector of the volume at `volumeStart`. */
export function parseBootSector(
  sector: Uint8Array,
  volumeStart: number,
  deviceSectors: number,
): Refusable<Geometry> {
  if (number(bootSector, "Signature", sector) !== 0xaa55) {
    return refused(`sector ${volumeStart} has no boot signature, must end in 55 AA`);
  }
  const foreign = foreignName(sector);
  if (foreign !== undefined) return refused(`it is an ${foreign} volume, must be FAT32`);
  const problem = damage(sector);
  if (problem !== undefined) return refused(problem);
  const totalSectors = number(bootSector, "TotSec32", sector) || number(bootSector, "TotSec16", sector);
  if (volumeStart + totalSectors > deviceSectors) {
    return refused(
      `the volume ends at sector ${volumeStart + totalSectors}, but the device has ${deviceSectors}`,
    );
  }
  return layOut(sector, volumeStart, totalSectors);
}

/** The first field that no FAT volume can have. */
function damage(sector: Uint8Array): string | undefined {
  const sectorSize = number(bootSector, "BytsPerSec", sector);
  if (sectorSize !== sectorBytes) return `sector size is ${sectorSize}, must be ${sectorBytes}`;
  const perCluster = number(bootSector, "SecPerClus", sector);
  if (perCluster === 0 || (perCluster & (perCluster - 1)) !== 0) {
    return `sectors per cluster are ${perCluster}, must be a power of two up to 128`;
  }
  if (number(bootSector, "RsvdSecCnt", sector) === 0) return "reserved sectors are 0, must be at least 1";
  const fats = number(bootSector, "NumFATs", sector);
  if (fats < 1 || fats > 4) return `number of FATs is ${fats}, must be 1 to 4`;
  if (number(bootSector, "FATSz16", sector) !== 0 || number(bootSector, "RootEntCnt", sector) !== 0) {
    return "it is a FAT12 or FAT16 volume, must be FAT32";
  }
  if (number(bootSector, "FATSz32", sector) === 0) return "size of the FAT is 0 sectors";
  const version = number(bootSector, "FSVer", sector);
  return version === 0 ? undefined : `version is ${version}, must be 0`;
}

function layOut(sector: Uint8Array, volumeStart: number, totalSectors: number): Refusable<Geometry> {
  const sectorsPerCluster = number(bootSector, "SecPerClus", sector);
  const reserved = number(bootSector, "RsvdSecCnt", sector);
  const fats = number(bootSector, "NumFATs", sector);
  const fatSectors = number(bootSector, "FATSz32", sector);
  const dataOffset = reserved + fats * fatSectors;
  const clusterCount = Math.floor((totalSectors - dataOffset) / sectorsPerCluster);
  if (clusterCount < 1) {
    return refused(`the volume has ${totalSectors} sectors, but its data starts at ${dataOffset}`);
  }
  if (clusterCount < fewestClusters) {
    return refused(
      `it has ${clusterCount} clusters and so is FAT12 or FAT16, must have at least ${fewestClusters}`,
    );
  }
  if (clusterCount > mostClusters) {
    return refused(`it has ${clusterCount} clusters, must have at most ${mostClusters}`);
  }
  if (fatSectors * 128 < clusterCount + 2) {
    return refused(`the FAT has ${fatSectors} sectors, too few for ${clusterCount} clusters`);
  }
  const rootCluster = number(bootSector, "RootClus", sector);
  if (rootCluster < 2 || rootCluster > clusterCount + 1) {
    return refused(`the root directory is at cluster ${rootCluster}, must be 2 to ${clusterCount + 1}`);
  }
  const flags = number(bootSector, "ExtFlags", sector);
  const only = (flags & 0x80) === 0 ? undefined : flags & 0x0f;
  if (only !== undefined && only >= fats) return refused(`the live FAT is number ${only} of ${fats}`);
  const information = number(bootSector, "FSInfo", sector);
  return {
    accepted: {
      volumeStart,
      fatStart: volumeStart + reserved + (only ?? 0) * fatSectors,
      fatSectors,
      fatCopies: Array.from({ length: only === undefined ? fats : 1 }, (_, index) => index * fatSectors),
      dataStart: volumeStart + dataOffset,
      sectorsPerCluster,
      clusterBytes: sectorsPerCluster * sectorBytes,
      clusterCount,
      rootCluster,
      informationSector: information > 0 && information < reserved ? volumeStart + information : undefined,
      label: ascii(bytesOf(bootSector, "VolLab", sector)).trimEnd(),
    },
  };
}

/** First sector of a cluster. */
export const sectorOf = (geometry: Geometry, cluster: number): number =>
  geometry.dataStart + (cluster - 2) * geometry.sectorsPerCluster;

/** True for the numbers that clusters can have. */
export const isCluster = (geometry: Geometry, cluster: number): boolean =>
  cluster >= 2 && cluster <= geometry.clusterCount + 1;
