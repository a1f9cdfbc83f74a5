/**
 * What a disk keeps its sectors on: memory, or an image file of the host.
 *
 * - Sectors are 512 bytes and are numbered from 0; a medium never grows.
 * - `write` may be cached by the medium; after `flush` it must survive the end of
 *   the emulator. Both are synchronous and take no virtual time: the disk model
 *   accounts for that.
 * - A medium whose store fails (host disk full, I/O error) throws MediumError; the
 *   drive shows it to its controller as a bad sector or a drive fault.
 */

export const sectorSize = 512;

export interface DiskMedium {
  readonly sectorCount: number;
  /** Fills `into`, a whole number of sectors. */
  read(firstSector: number, into: Uint8Array): void;
  write(firstSector: number, bytes: Uint8Array): void;
  flush(): void;
}

/** The store under a medium failed; the message says what was attempted and why it failed. */
export class MediumError extends Error {
  override readonly name = "MediumError";
}
