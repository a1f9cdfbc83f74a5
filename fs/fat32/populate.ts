/**
 * A disk as it leaves the factory: formatted, with its first directories.
 *
 * The engine itself makes them, on a device in memory, so a fresh disk is one that a
 * running system could have written. Who calls it writes the runs to an image file.
 * - Paths are made in the order given; parents come first.
 * - All times are the epoch of timestamp.ts, so equal arguments give equal bytes.
 */

import type { Call } from "../../kernel/abi/kernel.ts";
import { runToEnd } from "./block_device.ts";
import { formatFat32, type FormatParameters } from "./format.ts";
import { MemoryDevice, type SectorRun } from "./memory_device.ts";
import { Volume } from "./volume.ts";

export interface FreshDisk extends FormatParameters {
  /** Absolute paths, such as "/email/alice". */
  readonly directories: readonly string[];
}

/** All sectors of the disk that are not zero, in ascending order. */
export function freshDisk(disk: FreshDisk): SectorRun[] {
  const device = new MemoryDevice(disk.sectorCount);
  for (const run of formatFat32(disk)) device.store(run);
  runToEnd(populate(device, disk));
  return device.runs();
}

function* populate(device: MemoryDevice, disk: FreshDisk): Call<void> {
  const mounted = yield* Volume.mount(device, powerOn);
  if ("refused" in mounted) throw new Error(`a volume formatted here is refused: ${mounted.refused}`);
  const volume = mounted.accepted;
  for (const path of disk.directories) yield* volume.makeDirectory(path);
  yield* volume.sync();
}

// deno-lint-ignore require-yield -- a clock that stands still
function* powerOn(): Call<number> {
  return 0;
}
