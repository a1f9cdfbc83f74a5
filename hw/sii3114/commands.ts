/**
 * The ATA commands that a drive understands, as a table, and the data of IDENTIFY DEVICE.
 *
 * The port looks a command byte up here and runs the protocol that the entry names.
 * - `wide` commands take 48-bit addresses (each task-file register holds two bytes, written high first).
 * - A byte that is not in the table is answered with ABRT.
 *
 * Codes and IDENTIFY words: hardware-reference.md 4.4.
 */

import type { DiskDrive } from "../disk/drive.ts";

export interface AtaCommand {
  readonly name: string;
  readonly protocol: "dma-in" | "dma-out" | "pio-in" | "pio-out" | "none";
  /** Addresses sectors; then the range is checked. */
  readonly sectors: boolean;
  readonly wide: boolean;
  /** Writes past the cache. */
  readonly through: boolean;
}

const transfer = (
  name: string,
  protocol: AtaCommand["protocol"],
  size: "narrow" | "wide",
  cache: "cached" | "through" = "cached",
): AtaCommand => ({ name, protocol, sectors: true, wide: size === "wide", through: cache === "through" });

const other = (name: string, protocol: "none" | "pio-in" = "none"): AtaCommand => ({
  name,
  protocol,
  sectors: false,
  wide: false,
  through: false,
});

export const commandCodes = {
  readSectors: 0x20,
  readSectorsExt: 0x24,
  readDmaExt: 0x25,
  writeSectors: 0x30,
  writeSectorsExt: 0x34,
  writeDmaExt: 0x35,
  writeDmaFuaExt: 0x3d,
  deviceDiagnostic: 0x90,
  readDma: 0xc8,
  writeDma: 0xca,
  standbyImmediate: 0xe0,
  idleImmediate: 0xe1,
  checkPower: 0xe5,
  flushCache: 0xe7,
  flushCacheExt: 0xea,
  identify: 0xec,
  setFeatures: 0xef,
} as const;

export const commands: ReadonlyMap<number, AtaCommand> = new Map([
  [commandCodes.readSectors, transfer("READ SECTORS", "pio-in", "narrow")],
  [commandCodes.readSectorsExt, transfer("READ SECTORS EXT", "pio-in", "wide")],
  [commandCodes.readDmaExt, transfer("READ DMA EXT", "dma-in", "wide")],
  [commandCodes.writeSectors, transfer("WRITE SECTORS", "pio-out", "narrow")],
  [commandCodes.writeSectorsExt, transfer("WRITE SECTORS EXT", "pio-out", "wide")],
  [commandCodes.writeDmaExt, transfer("WRITE DMA EXT", "dma-out", "wide")],
  [commandCodes.writeDmaFuaExt, transfer("WRITE DMA FUA EXT", "dma-out", "wide", "through")],
  [commandCodes.deviceDiagnostic, other("EXECUTE DEVICE DIAGNOSTIC")],
  [commandCodes.readDma, transfer("READ DMA", "dma-in", "narrow")],
  [commandCodes.writeDma, transfer("WRITE DMA", "dma-out", "narrow")],
  [commandCodes.standbyImmediate, other("STANDBY IMMEDIATE")],
  [commandCodes.idleImmediate, other("IDLE IMMEDIATE")],
  [commandCodes.checkPower, other("CHECK POWER MODE")],
  [commandCodes.flushCache, other("FLUSH CACHE")],
  [commandCodes.flushCacheExt, other("FLUSH CACHE EXT")],
  [commandCodes.identify, other("IDENTIFY DEVICE", "pio-in")],
  [commandCodes.setFeatures, other("SET FEATURES")],
]);

/** SET FEATURES sub-commands. */
export const features = {
  writeCacheOn: 0x02,
  transferMode: 0x03,
  readAheadOff: 0x55,
  writeCacheOff: 0x82,
  readAheadOn: 0xaa,
} as const;

const udmaHighest = 5;
const mdmaHighest = 2;
const pioHighest = 4;

/** Whether SET FEATURES may select this mode: kind in bits 7:3, number in bits 2:0. */
export function isTransferMode(mode: number): boolean {
  const number = mode & 7;
  switch (mode >> 3) {
    case 0:
      return number <= 1;
    case 1:
      return number <= pioHighest;
    case 4:
      return number <= mdmaHighest;
    case 8:
      return number <= udmaHighest;
    default:
      return false;
  }
}

/** How many sectors 28-bit commands reach, as IDENTIFY reports it. */
const narrowSectorsMax = 0x0fff_ffff;

/** The 512 bytes of IDENTIFY DEVICE. */
export function identifyData(drive: DiskDrive, transferMode: number): Uint8Array {
  const bytes = new Uint8Array(512);
  const view = new DataView(bytes.buffer);
  const word = (index: number, value: number) => view.setUint16(2 * index, value, true);
  const text = (index: number, words: number, value: string) => {
    for (let at = 0; at < 2 * words; at++) {
      // The bytes of each word are swapped: the first character is the high byte.
      bytes[2 * index + (at ^ 1)] = at < value.length ? value.charCodeAt(at) & 0x7f : 0x20;
    }
  };
  const modesUpTo = (highest: number) => (2 << highest) - 1;
  const active = (kind: number) => transferMode >> 3 === kind ? 1 << (transferMode & 7) : 0;
  const { sectorCount } = drive;
  const narrow = Math.min(sectorCount, narrowSectorsMax);
  word(0, 0x0040); // fixed drive
  text(10, 10, drive.parameters.serial);
  text(23, 4, "1.00");
  text(27, 20, drive.parameters.model);
  word(49, 1 << 9 | 1 << 8); // LBA, DMA
  word(53, 0x0006); // words 64-70 and 88 are valid
  word(60, narrow & 0xffff);
  word(61, narrow >>> 16);
  word(63, modesUpTo(mdmaHighest) | active(4) << 8);
  word(64, 0x0003); // PIO 3 and 4
  word(80, 0x007e); // ATA-1 to ATA-6
  word(82, 1 << 6 | 1 << 5);
  word(83, 1 << 14 | 1 << 13 | 1 << 12 | 1 << 10);
  word(84, 1 << 14 | 1 << 6); // WRITE DMA FUA EXT
  word(85, (drive.writeCacheEnabled ? 1 << 5 : 0) | (drive.readAheadEnabled ? 1 << 6 : 0));
  word(86, 1 << 13 | 1 << 12 | 1 << 10);
  word(87, 1 << 14 | 1 << 6);
  word(88, modesUpTo(udmaHighest) | active(8) << 8);
  word(100, sectorCount & 0xffff);
  word(101, Math.floor(sectorCount / 2 ** 16) & 0xffff);
  word(102, Math.floor(sectorCount / 2 ** 32) & 0xffff);
  bytes[510] = 0xa5;
  bytes[511] = -bytes.reduce((sum, byte) => sum + byte, 0);
  return bytes;
}
