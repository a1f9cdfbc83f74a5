/**
 * A block device in memory that holds only the sectors ever written.
 *
 * Fresh disk images are made on it (see populate.ts), and the engine's tests run on it.
 * - Sectors that nobody wrote read as zeros, as in a new image file.
 * - A read or write beyond the end fails as a disk would.
 */

import type { Call } from "../../kernel/abi/kernel.ts";
import { type BlockDevice, sectorBytes } from "./block_device.ts";
import { FileFailure } from "./failure.ts";

/** Sectors that follow each other. */
export interface SectorRun {
  readonly firstSector: number;
  readonly bytes: Uint8Array;
}

export class MemoryDevice implements BlockDevice {
  readonly sectorCount: number;
  readonly maximumSectors = 256;
  readonly #sectors = new Map<number, Uint8Array>();

  constructor(sectorCount: number) {
    this.sectorCount = sectorCount;
  }

  // deno-lint-ignore require-yield -- memory never makes a caller wait
  *read(firstSector: number, count: number, take: (bytes: Uint8Array) => void): Call<void> {
    this.#check(firstSector, count);
    const bytes = new Uint8Array(count * sectorBytes);
    for (let index = 0; index < count; index++) {
      const sector = this.#sectors.get(firstSector + index);
      if (sector !== undefined) bytes.set(sector, index * sectorBytes);
    }
    take(bytes);
  }

  // deno-lint-ignore require-yield -- memory never makes a caller wait
  *write(firstSector: number, count: number, fill: (bytes: Uint8Array) => void): Call<void> {
    this.#check(firstSector, count);
    const bytes = new Uint8Array(count * sectorBytes);
    fill(bytes);
    this.store({ firstSector, bytes });
  }

  *flush(): Call<void> {}

  /** Puts sectors in place without any call. */
  store(run: SectorRun): void {
    for (let offset = 0; offset < run.bytes.length; offset += sectorBytes) {
      this.#sectors.set(
        run.firstSector + offset / sectorBytes,
        run.bytes.slice(offset, offset + sectorBytes),
      );
    }
  }

  /** All sectors that were written, in ascending order and joined into runs. */
  runs(): SectorRun[] {
    const numbers = [...this.#sectors.keys()].sort((a, b) => a - b);
    const runs: SectorRun[] = [];
    for (let start = 0; start < numbers.length;) {
      const firstSector = numbers[start]!;
      let end = start + 1;
      while (numbers[end] === firstSector + end - start) end++;
      const bytes = new Uint8Array((end - start) * sectorBytes);
      for (let index = start; index < end; index++) {
        bytes.set(this.#sectors.get(numbers[index]!)!, (index - start) * sectorBytes);
      }
      runs.push({ firstSector, bytes });
      start = end;
    }
    return runs;
  }

  #check(firstSector: number, count: number): void {
    if (
      count < 1 || count > this.maximumSectors || firstSector < 0 || firstSector + count > this.sectorCount
    ) {
      throw new FileFailure(
        "MediaFault",
        `sectors ${firstSector} to ${firstSector + count} of ${this.sectorCount}`,
      );
    }
  }
}
