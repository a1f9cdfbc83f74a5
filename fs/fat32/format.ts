/**
 * A fresh FAT32 volume: the sectors that a disk must hold for one.
 *
 * Pure code; who calls it writes the runs to a medium that reads as zeros elsewhere.
 * - The volume is the whole disk, without a partition table, so that `mdir -i disk.img ::`
 *   and a loop mount work without an offset.
 * - FAT32 needs 65,525 clusters, so the smallest disk is of about 33 MiB.
 * - Layout: 32 reserved sectors (boot 0 and 6, FSInfo 1 and 7), two FATs, root at cluster 2.
 *
 * Follows the FAT32 specification 1.03; cluster sizes are those of its table for FAT32.
 */

import { sectorBytes } from "./block_device.ts";
import { fewestClusters, parseBootSector } from "./boot_sector.ts";
import {
  attribute,
  bootSector,
  bytesOf,
  directoryEntry,
  informationSector,
  informationSignatures,
  setNumber,
  setU32At,
} from "./layout.ts";
import type { SectorRun } from "./memory_device.ts";
import { fatTimestamp } from "./timestamp.ts";

export interface FormatParameters {
  readonly sectorCount: number;
  /** 1 to 11 capital letters, digits, spaces or "-_". */
  readonly label: string;
  readonly volumeId: number;
}

/** 64 MiB in clusters of one sector. */
export const defaultSectorCount = 131_072;

const reservedSectors = 32;
const fatCount = 2;
const backupBootSector = 6;
const mediaDescriptor = 0xf8; // not removable
const rootCluster = 2;
const labelCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -_";

/** Most sectors of a disk for each cluster size: 260 MiB, 8 GiB, 16 GiB, 32 GiB. */
const clusterSizes: readonly (readonly [sectorCount: number, sectorsPerCluster: number])[] = [
  [532_480, 1],
  [16_777_216, 8],
  [33_554_432, 16],
  [67_108_864, 32],
  [0xffffffff, 64],
];

/** The sectors of a fresh volume, in ascending order; throws RangeError for what cannot be formatted. */
export function formatFat32(parameters: FormatParameters): SectorRun[] {
  const { sectorCount, label } = parameters;
  checkLabel(label);
  const sectorsPerCluster = clusterSizes.find(([most]) => sectorCount <= most)?.[1];
  if (sectorsPerCluster === undefined) {
    throw new RangeError(`Cannot format ${sectorCount} sectors: FAT32 has at most 4294967295`);
  }
  const fatSectors = sectorsOfFat(sectorCount, sectorsPerCluster);
  const boot = bootSectorBytes(parameters, sectorsPerCluster, fatSectors);
  const geometry = parseBootSector(boot, 0, sectorCount);
  if ("refused" in geometry) {
    throw new RangeError(
      `Cannot format ${sectorCount} sectors as FAT32, which needs ${fewestClusters} clusters: ${geometry.refused}`,
    );
  }
  const { clusterCount, fatStart, dataStart } = geometry.accepted;
  const reserved = new Uint8Array(reservedSectors * sectorBytes);
  const information = informationBytes(clusterCount);
  for (const first of [0, backupBootSector]) {
    reserved.set(boot, first * sectorBytes);
    reserved.set(information, (first + 1) * sectorBytes);
    // The third boot sector: it could hold more code for a PC, and holds none.
    setNumber(bootSector, "Signature", 0xaa55, reserved, (first + 2) * sectorBytes);
  }
  const fat = new Uint8Array(sectorBytes);
  setU32At(fat, 0, 0x0fffff00 | mediaDescriptor);
  setU32At(fat, 4, 0x0fffffff); // unmounted cleanly, no disk errors
  setU32At(fat, rootCluster * 4, 0x0fffffff);
  return [
    { firstSector: 0, bytes: reserved },
    { firstSector: fatStart, bytes: fat },
    { firstSector: fatStart + fatSectors, bytes: fat },
    { firstSector: dataStart, bytes: rootBytes(label, sectorsPerCluster) },
  ];
}

function checkLabel(label: string): void {
  const allowed = label.length >= 1 && label.length <= 11 && label.trim() === label &&
    label.split("").every((character) => labelCharacters.includes(character));
  if (!allowed) {
    throw new RangeError(`Cannot label a volume "${label}": a label has 1 to 11 of A-Z, 0-9, space, - and _`);
  }
}

/** Sectors of one FAT: each of them describes 128 clusters, and takes its own place from them. */
function sectorsOfFat(sectorCount: number, sectorsPerCluster: number): number {
  const entriesPerSector = sectorBytes / 4;
  const available = sectorCount - reservedSectors + 2 * sectorsPerCluster; // two entries belong to no cluster
  return Math.ceil(available / (entriesPerSector * sectorsPerCluster + fatCount));
}

function bootSectorBytes(
  parameters: FormatParameters,
  sectorsPerCluster: number,
  fatSectors: number,
): Uint8Array {
  const bytes = new Uint8Array(sectorBytes);
  const set = (name: Parameters<typeof setNumber<typeof bootSector>>[1], value: number): void =>
    setNumber(bootSector, name, value, bytes);
  bytesOf(bootSector, "jmpBoot", bytes).set([0xeb, 0x58, 0x90]); // over the parameters, to the loop below
  putText(bytesOf(bootSector, "OEMName", bytes), "HELIOS");
  set("BytsPerSec", sectorBytes);
  set("SecPerClus", sectorsPerCluster);
  set("RsvdSecCnt", reservedSectors);
  set("NumFATs", fatCount);
  set("Media", mediaDescriptor);
  set("SecPerTrk", 63);
  set("NumHeads", 255);
  set("TotSec32", parameters.sectorCount);
  set("FATSz32", fatSectors);
  set("RootClus", rootCluster);
  set("FSInfo", 1);
  set("BkBootSec", backupBootSector);
  set("DrvNum", 0x80);
  set("BootSig", 0x29);
  set("VolID", parameters.volumeId);
  putText(bytesOf(bootSector, "VolLab", bytes), parameters.label);
  putText(bytesOf(bootSector, "FilSysType", bytes), "FAT32");
  bytes.set([0xeb, 0xfe], 0x5a); // x86: a jump to itself, for a PC that boots from this disk
  set("Signature", 0xaa55);
  return bytes;
}

function informationBytes(clusterCount: number): Uint8Array {
  const bytes = new Uint8Array(sectorBytes);
  setNumber(informationSector, "LeadSig", informationSignatures.LeadSig, bytes);
  setNumber(informationSector, "StrucSig", informationSignatures.StrucSig, bytes);
  setNumber(informationSector, "TrailSig", informationSignatures.TrailSig, bytes);
  setNumber(informationSector, "Free_Count", clusterCount - 1, bytes); // the root directory has one
  setNumber(informationSector, "Nxt_Free", rootCluster, bytes);
  return bytes;
}

/** The root directory's first cluster: the volume's label and nothing else. */
function rootBytes(label: string, sectorsPerCluster: number): Uint8Array {
  const bytes = new Uint8Array(sectorsPerCluster * sectorBytes);
  const stamp = fatTimestamp(0);
  putText(bytesOf(directoryEntry, "Name", bytes), label);
  setNumber(directoryEntry, "Attr", attribute.volumeLabel, bytes);
  setNumber(directoryEntry, "WrtDate", stamp.date, bytes);
  setNumber(directoryEntry, "WrtTime", stamp.time, bytes);
  return bytes;
}

/** ASCII, filled up with spaces. */
function putText(field: Uint8Array, text: string): void {
  for (let index = 0; index < field.length; index++) field[index] = text.charCodeAt(index) || 0x20;
}
