/**
 * A disk medium in memory: for tests, benches, and machines booted without `--disk`.
 *
 * Sparse, so that a 200 GB disk costs what was written to it and no more.
 * - Memory comes in chunks of 64 KiB; a chunk never written reads as zeros.
 * - Nothing survives the emulator; `flush` has nothing to do and only counts.
 * - An access beyond the end is a bug of ours (the controller has checked) and throws.
 */

import { type DiskMedium, sectorSize } from "./medium.ts";

const sectorsPerChunk = 128;

export class MemoryMedium implements DiskMedium {
  readonly sectorCount: number;
  /** How often `flush` was called. */
  flushCount = 0;
  readonly #chunks = new Map<number, Uint8Array>();

  constructor(sectorCount: number) {
    if (!Number.isSafeInteger(sectorCount) || sectorCount < 1) {
      throw new Error(`Cannot make a medium of ${sectorCount} sectors: must be a positive whole number`);
    }
    this.sectorCount = sectorCount;
  }

  read(firstSector: number, into: Uint8Array): void {
    this.#eachChunk(firstSector, into.length, (index, offset, start, size) => {
      const chunk = this.#chunks.get(index);
      if (chunk === undefined) into.fill(0, start, start + size);
      else into.set(chunk.subarray(offset, offset + size), start);
    });
  }

  write(firstSector: number, bytes: Uint8Array): void {
    this.#eachChunk(firstSector, bytes.length, (index, offset, start, size) => {
      let chunk = this.#chunks.get(index);
      if (chunk === undefined) {
        chunk = new Uint8Array(sectorsPerChunk * sectorSize);
        this.#chunks.set(index, chunk);
      }
      chunk.set(bytes.subarray(start, start + size), offset);
    });
  }

  flush(): void {
    this.flushCount++;
  }

  /** Calls `visit(chunk, offset in it, position in the transfer, size)` for each chunk touched. */
  #eachChunk(
    firstSector: number,
    length: number,
    visit: (index: number, offset: number, start: number, size: number) => void,
  ): void {
    if (
      length % sectorSize !== 0 || firstSector < 0 || firstSector + length / sectorSize > this.sectorCount
    ) {
      throw new Error(
        `Cannot access ${length} bytes at sector ${firstSector}: the medium has ${this.sectorCount} sectors`,
      );
    }
    let sector = firstSector;
    let position = 0;
    while (position < length) {
      const offset = sector % sectorsPerChunk;
      const size = Math.min(length - position, (sectorsPerChunk - offset) * sectorSize);
      visit(Math.floor(sector / sectorsPerChunk), offset * sectorSize, position, size);
      position += size;
      sector += size / sectorSize;
    }
  }
}
