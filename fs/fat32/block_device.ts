/**
 * What the engine needs of a disk: whole sectors of 512 bytes.
 *
 * Calls are generators, so that the guest program can wait in them for the driver's
 * answer while tests and the disk formatter run the same engine on memory.
 * - Data is handed over in place, in a function that must neither keep the bytes nor
 *   wait: behind it are blocks of the exchange heap, whose views die.
 * - A failed call throws FileFailure "MediaFault".
 * - `write` may be answered from the drive's cache; `flush` makes all earlier writes durable.
 */

import type { Call } from "../../kernel/abi/kernel.ts";

export const sectorBytes = 512;

export interface BlockDevice {
  readonly sectorCount: number;
  /** Most sectors that one read or write may move. */
  readonly maximumSectors: number;
  read(firstSector: number, count: number, take: (bytes: Uint8Array) => void): Call<void>;
  write(firstSector: number, count: number, fill: (bytes: Uint8Array) => void): Call<void>;
  flush(): Call<void>;
}

/** Runs a generator that never has to wait, as those over a MemoryDevice do. */
export function runToEnd<T>(call: Call<T>): T {
  const step = call.next();
  if (step.done !== true) throw new Error(`a kernel call, ${step.value.operation}, where there is no kernel`);
  return step.value;
}
