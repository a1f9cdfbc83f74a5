/**
 * A mounted FAT32 volume: what programs ask of a file system, by path.
 *
 * Paths are names separated by "/", with or without one before the first; names are
 * found without regard to case. Only one request may run at a time.
 * - A request that cannot be met throws FileFailure and has changed nothing, unless
 *   the code is "MediaFault".
 * - Nothing is durable before `sync`; storage.ts tells what a power cut can leave.
 *   A file that moves to another sector's entry is committed under its new name before the
 *   old one goes, so a power cut in between leaves both.
 * - A file that is open can be neither removed nor renamed ("InUse").
 * - Read-only and hidden attributes of other systems are kept and not enforced.
 */

import type { Call } from "../../kernel/abi/kernel.ts";
import { type BlockDevice, sectorBytes } from "./block_device.ts";
import { findVolume, type Geometry, parseBootSector, type Refusable, sectorOf } from "./boot_sector.ts";
import {
  Directory,
  firstClusterOf,
  type NamedSlots,
  setFirstCluster,
  subdirectoryCluster,
} from "./directory.ts";
import { FileFailure } from "./failure.ts";
import { FatFile } from "./file.ts";
import { attribute, bytesOf, directoryEntry, number, setNumber } from "./layout.ts";
import { isAllowed } from "./names.ts";
import { type Clock, Storage } from "./storage.ts";
import { fatTimestamp } from "./timestamp.ts";

export type OpenMode = "read" | "write" | "create" | "replace";

export interface Status {
  readonly kind: "file" | "directory";
  readonly size: number;
}

export interface ListedEntry extends Status {
  readonly name: string;
}

/** Names kept in the indexes of directories; beyond that the directory used longest ago is dropped. */
const mostIndexedNames = 16384;

interface Found {
  readonly parent: Directory;
  readonly named: NamedSlots;
  readonly isDirectory: boolean;
  readonly firstCluster: number;
  readonly size: number;
}

export class Volume {
  readonly #storage: Storage;
  /** In the order of their last use. */
  readonly #directories = new Map<number, Directory>();
  /** By the place of their entries, in units of slots. */
  readonly #openFiles = new Map<number, FatFile>();

  private constructor(storage: Storage) {
    this.#storage = storage;
  }

  /** Mounts what is on the device, or tells why not. */
  static *mount(device: BlockDevice, clock: Clock, cacheSectors?: number): Call<Refusable<Volume>> {
    let sector = yield* copyOfSector(device, 0);
    const found = findVolume(sector);
    if ("refused" in found) return found;
    const start = found.accepted;
    if (start >= device.sectorCount) {
      return {
        refused: `the FAT32 partition starts at sector ${start}, but the device has ${device.sectorCount}`,
      };
    }
    if (start > 0) sector = yield* copyOfSector(device, start);
    const geometry = parseBootSector(sector, start, device.sectorCount);
    if ("refused" in geometry) return geometry;
    const volume = new Volume(new Storage(device, geometry.accepted, clock, cacheSectors));
    try {
      yield* volume.#storage.fat.readInformation();
      yield* volume.#directory(geometry.accepted.rootCluster);
    } catch (failure) {
      if (!(failure instanceof FileFailure)) throw failure;
      return { refused: `its root directory cannot be read (${failure.message})` };
    }
    return { accepted: volume };
  }

  get geometry(): Geometry {
    return this.#storage.geometry;
  }

  /** Opens a file; close it as often as it was opened. */
  *open(path: string, mode: OpenMode): Call<FatFile> {
    yield* this.#begin();
    const { parent, name } = yield* this.#parentOf(path);
    let found = name === undefined ? undefined : yield* this.#entry(parent, name);
    if (name === undefined || found?.isDirectory === true) throw new FileFailure("IsADirectory", path);
    if (found !== undefined && mode === "create") throw new FileFailure("AlreadyExists", path);
    if (found === undefined) {
      if (mode === "read" || mode === "write") throw new FileFailure("NotFound", path);
      checkName(name);
      yield* parent.add(name, yield* this.#newEntry(attribute.archive, 0));
      found = (yield* this.#entry(parent, name))!;
    }
    const place = parent.place(found.named.slot);
    const key = keyOf(place);
    const file = this.#openFiles.get(key) ??
      new FatFile(this.#storage, place, (yield* parent.buffer(place)).bytes);
    if (mode === "replace") yield* file.truncate(0);
    this.#openFiles.set(key, file);
    file.openCount++;
    return file;
  }

  close(file: FatFile): void {
    if (--file.openCount === 0) this.#openFiles.delete(keyOf(file.place));
  }

  *stat(path: string): Call<Status> {
    yield* this.#begin();
    const { parent, name } = yield* this.#parentOf(path);
    if (name === undefined) return { kind: "directory", size: 0 };
    const found = yield* this.#existing(parent, name, path);
    return statusOf(found);
  }

  /** Up to `most` entries from number `start` on; `next` is the number to go on from, if there are more. */
  *list(
    path: string,
    start: number,
    most: number,
  ): Call<{ entries: ListedEntry[]; next: number | undefined }> {
    yield* this.#begin();
    const directory = yield* this.#directoryAt(path);
    const entries: ListedEntry[] = [];
    for (let slot = start; slot < directory.end; slot++) {
      const named = directory.at(slot);
      if (named === undefined) continue;
      if (entries.length === most) return { entries, next: slot };
      entries.push({ name: named.name, ...statusOf(yield* this.#read(directory, named)) });
    }
    return { entries, next: undefined };
  }

  /** Whether a file was made, written or renamed since its archive attribute was last cleared. */
  *isArchived(path: string): Call<boolean> {
    yield* this.#begin();
    const { bytes, offset } = yield* this.#fileEntry(path);
    return (number(directoryEntry, "Attr", bytes, offset) & attribute.archive) !== 0;
  }

  *clearArchive(path: string): Call<void> {
    yield* this.#begin();
    const { buffer, bytes, offset, cluster } = yield* this.#fileEntry(path);
    const attributes = number(directoryEntry, "Attr", bytes, offset);
    setNumber(directoryEntry, "Attr", attributes & ~attribute.archive, bytes, offset);
    this.#storage.cache.mark(buffer, this.#storage.directoryKind(cluster));
  }

  *makeDirectory(path: string): Call<void> {
    yield* this.#begin();
    const { parent, name } = yield* this.#parentOf(path);
    if (name === undefined || parent.find(name) !== undefined) throw new FileFailure("AlreadyExists", path);
    checkName(name);
    const { cache, fat, geometry } = this.#storage;
    const cluster = (yield* this.#storage.allocate(1, undefined))[0]!;
    const entry = yield* this.#newEntry(attribute.directory, cluster);
    const first = sectorOf(geometry, cluster);
    for (let index = geometry.sectorsPerCluster - 1; index >= 0; index--) {
      const buffer = cache.blank(first + index);
      if (index === 0) {
        buffer.bytes.set(dotEntry(entry, ".", cluster), 0);
        buffer.bytes.set(dotEntry(entry, "..", this.#dotDotCluster(parent)), directoryEntry.size);
      }
      cache.mark(buffer, "data");
    }
    try {
      yield* parent.add(name, entry);
    } catch (failure) {
      yield* fat.release(cluster);
      throw failure;
    }
  }

  /** Removes a file or an empty directory. */
  *remove(path: string): Call<void> {
    yield* this.#begin();
    const { parent, name } = yield* this.#parentOf(path);
    if (name === undefined) throw new FileFailure("InUse", path);
    const found = yield* this.#existing(parent, name, path);
    if (found.isDirectory) {
      const cluster = subdirectoryCluster(this.#storage, found.firstCluster, name);
      if ((yield* this.#directory(cluster)).size > 0) throw new FileFailure("NotEmpty", path);
      yield* this.#storage.fat.release(cluster);
      this.#directories.delete(cluster);
    } else {
      this.#refuseOpen(found, path);
      if (found.firstCluster !== 0) yield* this.#storage.fat.release(found.firstCluster);
    }
    yield* parent.remove(found.named);
  }

  /** Gives a file or directory another name, perhaps in another directory. */
  *rename(from: string, to: string): Call<void> {
    yield* this.#begin();
    const source = yield* this.#parentOf(from);
    if (source.name === undefined) throw new FileFailure("InUse", from);
    const found = yield* this.#existing(source.parent, source.name, from);
    if (!found.isDirectory) this.#refuseOpen(found, from);
    const target = yield* this.#parentOf(to);
    if (target.name === undefined) throw new FileFailure("AlreadyExists", to);
    const { parent, name } = target;
    if (found.isDirectory && target.passed.includes(found.firstCluster)) {
      throw new FileFailure("BadName", `"${to}" is inside "${from}"`);
    }
    const there = parent.find(name);
    if (there !== undefined && there !== found.named) throw new FileFailure("AlreadyExists", to);
    checkName(name);
    if (there !== undefined && there.name === name) return;
    yield* this.#move(found, parent, name);
  }

  *sync(): Call<void> {
    yield* this.#storage.sync();
  }

  /** Like sync, but the freed clusters and FSInfo may still be in the drive's cache. */
  *commit(): Call<void> {
    yield* this.#storage.commit();
  }

  *space(): Call<{ label: string; bytes: number; freeBytes: number; clusterBytes: number }> {
    const { clusterBytes, clusterCount, label, rootCluster } = this.geometry;
    const root = yield* this.#directory(rootCluster);
    return {
      label: root.label ?? label,
      bytes: clusterCount * clusterBytes,
      freeBytes: (yield* this.#storage.fat.freeClusters(0)) * clusterBytes,
      clusterBytes,
    };
  }

  /** The new entry first, and durable, before the old one goes: a power cut must not lose the file. */
  *#move(found: Found, parent: Directory, name: string): Call<void> {
    const place = found.parent.place(found.named.slot);
    const entry = (yield* found.parent.buffer(place)).bytes.slice(
      place.offset,
      place.offset + directoryEntry.size,
    );
    if (!found.isDirectory) {
      // Specification: the attribute is set when a file is renamed, too.
      const attributes = number(directoryEntry, "Attr", entry) | attribute.archive;
      setNumber(directoryEntry, "Attr", attributes, entry);
    }
    const added = yield* parent.add(name, entry);
    const moves = parent !== found.parent;
    if (moves || !parent.sharesSector(added, found.named)) yield* this.#storage.commit();
    if (found.isDirectory && moves) yield* this.#setDotDot(found, parent);
    yield* found.parent.remove(found.named);
    // The old entry answered to both keys; now the new one does.
    parent.reindex(added);
  }

  *#setDotDot(found: Found, parent: Directory): Call<void> {
    const { cache, geometry } = this.#storage;
    const cluster = subdirectoryCluster(this.#storage, found.firstCluster, found.named.name);
    const sector = sectorOf(geometry, cluster);
    const buffer = cache.get(sector) ?? (yield* cache.load(sector));
    setFirstCluster(buffer.bytes, directoryEntry.size, this.#dotDotCluster(parent));
    cache.mark(buffer, this.#storage.directoryKind(cluster));
  }

  /** Specification: ".." of a directory in the root directory names cluster 0. */
  #dotDotCluster(parent: Directory): number {
    return parent.firstCluster === this.geometry.rootCluster ? 0 : parent.firstCluster;
  }

  #refuseOpen(found: Found, path: string): void {
    if (this.#openFiles.has(keyOf(found.parent.place(found.named.slot)))) {
      throw new FileFailure("InUse", path);
    }
  }

  *#newEntry(attributes: number, cluster: number): Call<Uint8Array> {
    const stamp = fatTimestamp(yield* this.#storage.clock());
    const entry = new Uint8Array(directoryEntry.size);
    setNumber(directoryEntry, "Attr", attributes, entry);
    setNumber(directoryEntry, "CrtTimeTenth", stamp.hundredths, entry);
    setNumber(directoryEntry, "CrtTime", stamp.time, entry);
    setNumber(directoryEntry, "CrtDate", stamp.date, entry);
    setNumber(directoryEntry, "LstAccDate", stamp.date, entry);
    setNumber(directoryEntry, "WrtTime", stamp.time, entry);
    setNumber(directoryEntry, "WrtDate", stamp.date, entry);
    setFirstCluster(entry, 0, cluster);
    return entry;
  }

  /** The directory that holds a path's last name, that name, and the clusters of all directories passed. */
  *#parentOf(path: string): Call<{ parent: Directory; name: string | undefined; passed: number[] }> {
    const names = path.split("/").filter((name) => name !== "");
    let parent = yield* this.#directory(this.geometry.rootCluster);
    const passed = [parent.firstCluster];
    for (const name of names.slice(0, -1)) {
      const found = yield* this.#existing(parent, name, path);
      if (!found.isDirectory) throw new FileFailure("NotADirectory", path);
      parent = yield* this.#directory(subdirectoryCluster(this.#storage, found.firstCluster, name));
      passed.push(parent.firstCluster);
    }
    return { parent, name: names.at(-1), passed };
  }

  *#directoryAt(path: string): Call<Directory> {
    const { parent, name } = yield* this.#parentOf(path);
    if (name === undefined) return parent;
    const found = yield* this.#existing(parent, name, path);
    if (!found.isDirectory) throw new FileFailure("NotADirectory", path);
    return yield* this.#directory(subdirectoryCluster(this.#storage, found.firstCluster, name));
  }

  *#existing(parent: Directory, name: string, path: string): Call<Found> {
    const found = yield* this.#entry(parent, name);
    if (found === undefined) throw new FileFailure(isAllowed(name) ? "NotFound" : "BadName", path);
    return found;
  }

  *#fileEntry(path: string) {
    const { parent, name } = yield* this.#parentOf(path);
    const found = name === undefined ? undefined : yield* this.#existing(parent, name, path);
    if (found === undefined || found.isDirectory) throw new FileFailure("IsADirectory", path);
    const place = parent.place(found.named.slot);
    const buffer = yield* parent.buffer(place);
    return { ...place, buffer, bytes: buffer.bytes };
  }

  *#entry(parent: Directory, name: string): Call<Found | undefined> {
    const named = parent.find(name);
    return named === undefined ? undefined : yield* this.#read(parent, named);
  }

  *#read(parent: Directory, named: NamedSlots): Call<Found> {
    const place = parent.place(named.slot);
    const { bytes } = yield* parent.buffer(place);
    return {
      parent,
      named,
      isDirectory: (number(directoryEntry, "Attr", bytes, place.offset) & attribute.directory) !== 0,
      firstCluster: firstClusterOf(bytes, place.offset),
      size: number(directoryEntry, "FileSize", bytes, place.offset),
    };
  }

  /** A directory by its first cluster. */
  *#directory(cluster: number): Call<Directory> {
    const directory = this.#directories.get(cluster) ?? (yield* Directory.read(this.#storage, cluster));
    this.#directories.delete(cluster);
    this.#directories.set(cluster, directory);
    return directory;
  }

  /** Before a request: room in the cache and among the indexes; during one, none may be dropped. */
  *#begin(): Call<void> {
    yield* this.#storage.relieve();
    let names = 0;
    for (const directory of this.#directories.values()) names += directory.size + 1;
    for (const [cluster, directory] of this.#directories) {
      if (names <= mostIndexedNames) break;
      names -= directory.size + 1;
      this.#directories.delete(cluster);
    }
  }
}

function* copyOfSector(device: BlockDevice, sector: number): Call<Uint8Array> {
  const copy = new Uint8Array(sectorBytes);
  yield* device.read(sector, 1, (bytes) => copy.set(bytes));
  return copy;
}

function checkName(name: string): void {
  if (!isAllowed(name)) throw new FileFailure("BadName", name);
}

const keyOf = (place: { readonly sector: number; readonly offset: number }): number =>
  place.sector * (sectorBytes / directoryEntry.size) + place.offset / directoryEntry.size;

const statusOf = (found: Found): Status => ({
  kind: found.isDirectory ? "directory" : "file",
  size: found.isDirectory ? 0 : found.size,
});

/** An entry named "." or "..", with the times of the directory's own. */
function dotEntry(own: Uint8Array, name: string, cluster: number): Uint8Array {
  const entry = own.slice();
  bytesOf(directoryEntry, "Name", entry).set(new Uint8Array(11).fill(0x20).fill(0x2e, 0, name.length));
  setFirstCluster(entry, 0, cluster);
  return entry;
}
