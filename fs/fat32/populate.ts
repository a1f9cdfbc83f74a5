/**
 * A disk as it leaves the factory: formatted, with its first directories and files.
 *
 * The engine itself makes them, on a device in memory, so a fresh disk is one that a
 * running system could have written. Who calls it writes the runs to an image file.
 * - Paths are made in the order given; parents come first.
 * - All times are the epoch of timestamp.ts, so equal arguments give equal bytes.
 * - Its files are as installed; see install.ts.
 */

import type { Call } from "../../kernel/abi/kernel.ts";
import { runToEnd } from "./block_device.ts";
import { formatFat32, type FormatParameters } from "./format.ts";
import { type Files, powerOn, update } from "./install.ts";
import { MemoryDevice, type SectorRun } from "./memory_device.ts";
import { Volume } from "./volume.ts";

export interface FreshDisk extends FormatParameters {
  /** Absolute paths, such as "/email/alice". */
  readonly directories: readonly string[];
  readonly files?: Files;
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
  const { failed } = yield* update(volume, disk.files ?? new Map());
  if (failed !== undefined) throw new Error(`"${failed.path}" cannot go on a fresh disk: ${failed.reason}`);
  yield* volume.sync();
}
