/**
 * The engine's block device over a medium of the host: an image file, while no machine runs on it.
 *
 * With it the engine itself writes to images, so what is installed from outside is as a running
 * system would have written it.
 * - The medium is handed in; this file knows nothing of the host.
 * - A medium that fails throws its own error, which passes through the engine.
 */

import type { Call } from "../../kernel/abi/kernel.ts";
import { type BlockDevice, sectorBytes } from "./block_device.ts";

/** What is asked of a medium; the disk media of `hw/disk` are such. */
export interface Medium {
  readonly sectorCount: number;
  read(firstSector: number, into: Uint8Array): void;
  write(firstSector: number, bytes: Uint8Array): void;
  flush(): void;
}

export class MediumDevice implements BlockDevice {
  readonly maximumSectors = 2048;
  readonly #medium: Medium;

  constructor(medium: Medium) {
    this.#medium = medium;
  }

  get sectorCount(): number {
    return this.#medium.sectorCount;
  }

  // deno-lint-ignore require-yield -- an image never makes a caller wait
  *read(firstSector: number, count: number, take: (bytes: Uint8Array) => void): Call<void> {
    const bytes = new Uint8Array(count * sectorBytes);
    this.#medium.read(firstSector, bytes);
    take(bytes);
  }

  // deno-lint-ignore require-yield -- an image never makes a caller wait
  *write(firstSector: number, count: number, fill: (bytes: Uint8Array) => void): Call<void> {
    const bytes = new Uint8Array(count * sectorBytes);
    fill(bytes);
    this.#medium.write(firstSector, bytes);
  }

  // deno-lint-ignore require-yield -- an image never makes a caller wait
  *flush(): Call<void> {
    this.#medium.flush();
  }
}
