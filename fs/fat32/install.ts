/**
 * Installing files on a volume from outside, before a machine boots from it.
 *
 * The archive attribute (20h) tells whose a file is. Everybody who writes a file sets it: this engine,
 * Linux, mtools, Windows. Only an installation clears it, on what it has put there itself.
 * - A file with the attribute clear is *as installed*, and follows what is to be installed.
 * - One with the attribute set belongs to a person: `bringUpToDate` leaves it alone, `putFiles` makes such.
 * - All changes of a call reach the disk in one commit (storage.ts): files whole, or as they were.
 */

import type { Call } from "../../kernel/abi/kernel.ts";
import { type BlockDevice, runToEnd } from "./block_device.ts";
import type { Refusable } from "./boot_sector.ts";
import { FileFailure } from "./failure.ts";
import { Volume } from "./volume.ts";

/** Contents by absolute path. */
export type Files = ReadonlyMap<string, Uint8Array>;

/** What came of bringing a volume up to date. */
export interface Update {
  /** Paths that were written. */
  readonly written: readonly string[];
  /** The first path that could not be, and why; nothing after it was tried. */
  readonly failed: { readonly path: string; readonly reason: string } | undefined;
}

/** So large that no change reaches the disk before the commit: 32 MiB. */
const cacheSectors = 65_536;
/** A file's last cluster, a new directory's, and one that a directory may grow by; the root as well. */
const spareClusters = 4;

/** Writes files that are missing, or are as installed and differ; the others stay. */
export function bringUpToDate(device: BlockDevice, files: Files): Refusable<Update> {
  return onVolume(device, (volume) => update(volume, files));
}

/** Writes files, whatever was there; they belong to the person who asked. */
export function putFiles(device: BlockDevice, files: Files): Refusable<Update> {
  return onVolume(device, function* (volume) {
    return yield* each(files, function* (path, bytes) {
      yield* write(volume, path, bytes);
      return true;
    });
  });
}

/** Brings a mounted volume up to date; the caller syncs. */
export function update(volume: Volume, files: Files): Call<Update> {
  return each(files, function* (path, bytes) {
    const found = yield* contentOf(volume, path);
    if (found !== undefined && ((yield* volume.isArchived(path)) || isEqual(found, bytes))) return false;
    yield* write(volume, path, bytes);
    yield* volume.clearArchive(path);
    return true;
  });
}

function onVolume(device: BlockDevice, change: (volume: Volume) => Call<Update>): Refusable<Update> {
  try {
    return runToEnd(changed(device, change));
  } catch (failure) {
    if (failure instanceof FileFailure) return { refused: failure.message };
    throw failure;
  }
}

function* changed(
  device: BlockDevice,
  change: (volume: Volume) => Call<Update>,
): Call<Refusable<Update>> {
  const mounted = yield* Volume.mount(device, powerOn, cacheSectors);
  if ("refused" in mounted) return mounted;
  const accepted = yield* change(mounted.accepted);
  if (accepted.written.length > 0) yield* mounted.accepted.sync();
  return { accepted };
}

function* each(files: Files, visit: (path: string, bytes: Uint8Array) => Call<boolean>): Call<Update> {
  const written: string[] = [];
  for (const [path, bytes] of files) {
    try {
      if (yield* visit(path, bytes)) written.push(path);
    } catch (failure) {
      if (!(failure instanceof FileFailure)) throw failure;
      return { written, failed: { path, reason: failure.message } };
    }
  }
  return { written, failed: undefined };
}

/** Undefined when there is no such file. */
function* contentOf(volume: Volume, path: string): Call<Uint8Array | undefined> {
  try {
    const file = yield* volume.open(path, "read");
    const bytes = new Uint8Array(file.size);
    yield* file.read(0, { bytes });
    volume.close(file);
    return bytes;
  } catch (failure) {
    if (failure instanceof FileFailure && failure.code === "NotFound") return undefined;
    throw failure;
  }
}

/** Writes a whole file, in a directory that is made if it is not there. */
function* write(volume: Volume, path: string, bytes: Uint8Array): Call<void> {
  const { freeBytes, clusterBytes } = yield* volume.space();
  const needed = bytes.length + spareClusters * clusterBytes;
  // Looked at first, because a file that is replaced has lost its old content when its new one does not fit.
  if (needed > freeBytes) {
    throw new FileFailure("NoSpace", `${needed} bytes are needed, ${freeBytes} are free`);
  }
  const directory = path.slice(0, path.lastIndexOf("/"));
  try {
    yield* volume.stat(directory);
  } catch (failure) {
    if (!(failure instanceof FileFailure) || failure.code !== "NotFound") throw failure;
    yield* volume.makeDirectory(directory);
  }
  const file = yield* volume.open(path, "replace");
  try {
    yield* file.write(0, { bytes });
  } finally {
    volume.close(file);
  }
}

const isEqual = (one: Uint8Array, other: Uint8Array): boolean =>
  one.length === other.length && one.every((byte, index) => byte === other[index]);

/** The clock of a machine that is off: times are the epoch of timestamp.ts. */
// deno-lint-ignore require-yield -- a clock that stands still
export function* powerOn(): Call<number> {
  return 0;
}
