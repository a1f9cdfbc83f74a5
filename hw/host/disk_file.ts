/**
 * A disk medium over an image file of the host, and how such a file comes to be.
 *
 * The file is the disk, sector by sector, with no header: Linux mounts it with a loop device.
 * - `openDiskFile` takes an exclusive lock, so that two emulators never write one image; it creates
 *   nothing. `createDiskFile` never overwrites a file.
 * - `flush` returns when the host says that the bytes are on its disk.
 * - An I/O error later on (host disk full) is a MediumError, which the drive shows to the guest.
 */

import { type DiskMedium, MediumError, sectorSize } from "../disk/medium.ts";
import { HostFileError, reasonOf } from "./host_file_error.ts";

/** Smaller images hold no file system that the guest has, and are nearly always a wrong file. */
const imageBytesMin = 1 << 20;

export interface DiskFile extends DiskMedium {
  /** Flushes, unlocks and closes; the medium is dead afterwards. */
  close(): void;
}

/** A run of bytes of a new image; what no run covers is zero. */
export interface ImagePart {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

const attemptToOpen = "open disk image";
const attemptToCreate = "create disk image";

export function openDiskFile(path: string): DiskFile {
  const file = attempt(attemptToOpen, path, () => Deno.openSync(path, { read: true, write: true }));
  try {
    const { size, isFile } = attempt(attemptToOpen, path, () => file.statSync());
    if (!isFile) throw new HostFileError(attemptToOpen, path, "it is not a regular file");
    if (size % sectorSize !== 0) {
      throw new HostFileError(
        attemptToOpen,
        path,
        `its size is ${size} bytes, must be a multiple of ${sectorSize}`,
      );
    }
    if (size < imageBytesMin) {
      throw new HostFileError(
        attemptToOpen,
        path,
        `its size is ${size} bytes, must be at least ${imageBytesMin}`,
      );
    }
    if (!attempt("lock disk image", path, () => file.tryLockSync(true))) {
      throw new HostFileError(attemptToOpen, path, "it is in use by another process");
    }
    return new FileMedium(path, file, size / sectorSize);
  } catch (error) {
    file.close();
    throw error;
  }
}

/** Writes a new image of `totalBytes`: sparse, with `parts` in it. A failed attempt leaves no file. */
export function createDiskFile(path: string, totalBytes: number, parts: Iterable<ImagePart>): void {
  if (!Number.isSafeInteger(totalBytes) || totalBytes % sectorSize !== 0 || totalBytes < imageBytesMin) {
    throw new HostFileError(
      attemptToCreate,
      path,
      `its size would be ${totalBytes} bytes, must be a multiple of ${sectorSize}, at least ${imageBytesMin}`,
    );
  }
  const file = attempt(attemptToCreate, path, () => Deno.openSync(path, { write: true, createNew: true }));
  try {
    attempt(attemptToCreate, path, () => {
      file.truncateSync(totalBytes);
      for (const { offset, bytes } of parts) {
        if (offset < 0 || offset + bytes.length > totalBytes) {
          throw new Error(
            `${bytes.length} bytes at ${offset} lie outside of the image of ${totalBytes} bytes`,
          );
        }
        writeAt(file, offset, bytes);
      }
      file.syncDataSync();
    });
    file.close();
  } catch (error) {
    file.close();
    Deno.removeSync(path);
    throw error;
  }
}

class FileMedium implements DiskFile {
  readonly sectorCount: number;
  readonly #path: string;
  readonly #file: Deno.FsFile;
  #open = true;

  constructor(path: string, file: Deno.FsFile, sectorCount: number) {
    this.#path = path;
    this.#file = file;
    this.sectorCount = sectorCount;
  }

  read(firstSector: number, into: Uint8Array): void {
    this.#check(firstSector, into.length);
    this.#attempt("read", () => {
      this.#file.seekSync(firstSector * sectorSize, Deno.SeekMode.Start);
      let position = 0;
      while (position < into.length) {
        const count = this.#file.readSync(into.subarray(position));
        if (count === null) throw new Error("the file has become shorter");
        position += count;
      }
    });
  }

  write(firstSector: number, bytes: Uint8Array): void {
    this.#check(firstSector, bytes.length);
    this.#attempt("write", () => writeAt(this.#file, firstSector * sectorSize, bytes));
  }

  flush(): void {
    this.#attempt("flush", () => this.#file.syncDataSync());
  }

  close(): void {
    if (!this.#open) return;
    this.flush();
    this.#open = false;
    this.#file.close();
  }

  #check(firstSector: number, length: number): void {
    if (!this.#open) throw new Error(`Disk image "${this.#path}" was used after it was closed`);
    if (
      length % sectorSize !== 0 || firstSector < 0 || firstSector + length / sectorSize > this.sectorCount
    ) {
      throw new Error(
        `Cannot access ${length} bytes at sector ${firstSector}: the image has ${this.sectorCount} sectors`,
      );
    }
  }

  #attempt(verb: string, access: () => void): void {
    try {
      access();
    } catch (error) {
      throw new MediumError(`cannot ${verb} disk image "${this.#path}": ${reasonOf(error)}`);
    }
  }
}

function writeAt(file: Deno.FsFile, offset: number, bytes: Uint8Array): void {
  file.seekSync(offset, Deno.SeekMode.Start);
  for (let position = 0; position < bytes.length;) position += file.writeSync(bytes.subarray(position));
}

/** Runs a file operation; its failure becomes one line for a person. */
function attempt<T>(what: string, path: string, operation: () => T): T {
  try {
    return operation();
  } catch (error) {
    throw new HostFileError(what, path, reasonOf(error));
  }
}
