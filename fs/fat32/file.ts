/**
 * An open file: its bytes, its size, and its directory entry.
 *
 * All who have a file open share one FatFile, so they see each other's writes at once.
 * - `ByteWindow.bytes` is taken anew after each kernel call, because it may be a block of
 *   the exchange heap, whose views do not outlive one.
 * - A request that fails for want of space has changed nothing.
 * - Space for a write is allocated before its first byte; the size changes after its last.
 */

import type { Call } from "../../kernel/abi/kernel.ts";
import { sectorBytes } from "./block_device.ts";
import { isCluster, sectorOf } from "./boot_sector.ts";
import type { EntryPlace } from "./directory.ts";
import { firstClusterOf, setFirstCluster } from "./directory.ts";
import { FileFailure } from "./failure.ts";
import { attribute, directoryEntry, number, setNumber } from "./layout.ts";
import type { Storage } from "./storage.ts";
import { fatTimestamp } from "./timestamp.ts";

/** Bytes to read into or to write from. */
export interface ByteWindow {
  readonly bytes: Uint8Array;
}

/** A file's size is a 32-bit field. */
export const largestFile = 0xffffffff;
/** Clusters allocated at once: each may dirty a FAT sector of its own. */
const allocationStep = 64;

export class FatFile {
  readonly place: EntryPlace;
  openCount = 0;
  readonly #storage: Storage;
  #firstCluster: number;
  #size: number;
  /** The place in the chain used last: walks start there when they can. */
  #position: { index: number; cluster: number } | undefined;

  constructor(storage: Storage, place: EntryPlace, entry: Uint8Array) {
    this.#storage = storage;
    this.place = place;
    this.#firstCluster = firstClusterOf(entry, place.offset);
    this.#size = number(directoryEntry, "FileSize", entry, place.offset);
  }

  get size(): number {
    return this.#size;
  }

  /** Fills the window from `offset` on; returns how many bytes there were. */
  *read(offset: number, into: ByteWindow): Call<number> {
    const end = Math.min(offset + into.bytes.length, this.#size);
    const { cache } = this.#storage;
    for (let at = offset; at < end;) {
      const run = yield* this.#run(at, end);
      yield* cache.loadRange(run.sector, run.count);
      for (let index = 0; index < run.count; index++) {
        const sector = run.sector + index;
        const buffer = cache.get(sector) ?? (yield* cache.load(sector));
        const from = at % sectorBytes;
        const length = Math.min(sectorBytes - from, end - at);
        into.bytes.set(buffer.bytes.subarray(from, from + length), at - offset);
        at += length;
      }
    }
    return Math.max(end - offset, 0);
  }

  /** Writes all of the window at `offset`; a gap before it becomes zeros. */
  *write(offset: number, from: ByteWindow): Call<void> {
    const { length } = from.bytes;
    if (length === 0) return;
    if (offset + length > largestFile) throw new FileFailure("TooLarge", `${offset + length} bytes`);
    const end = Math.max(this.#size, offset + length);
    yield* this.#reserve(end);
    if (offset > this.#size) yield* this.#put(this.#size, offset - this.#size, undefined);
    yield* this.#put(offset, length, from);
    this.#size = end;
    yield* this.#updateEntry();
  }

  /** Cuts the file, or lengthens it with zeros. */
  *truncate(size: number): Call<void> {
    if (size === this.#size) return;
    if (size > largestFile) throw new FileFailure("TooLarge", `${size} bytes`);
    if (size > this.#size) {
      yield* this.#reserve(size);
      yield* this.#put(this.#size, size - this.#size, undefined);
      this.#size = size;
      yield* this.#updateEntry();
    } else if (size === 0) {
      yield* this.#empty();
    } else {
      yield* this.#shorten(size);
    }
  }

  *#empty(): Call<void> {
    if (this.#firstCluster !== 0) yield* this.#storage.fat.release(this.#firstCluster);
    this.#firstCluster = 0;
    this.#position = undefined;
    this.#size = 0;
    yield* this.#updateEntry();
  }

  *#shorten(size: number): Call<void> {
    const { fat, geometry } = this.#storage;
    const last = yield* this.#clusterAt(Math.ceil(size / geometry.clusterBytes) - 1);
    const rest = yield* fat.next(last);
    if (rest !== undefined) yield* fat.walk(rest, () => {}); // sound, before anything changes
    this.#size = size;
    this.#position = undefined;
    yield* this.#updateEntry();
    if (rest === undefined) return;
    // The entry on the disk may count on the rest; it has to be shorter there before the rest is free.
    if (!fat.isFresh(rest)) yield* this.#storage.commit();
    yield* fat.cut(last);
  }

  /** The longest row of adjoining sectors that holds `at` and ends before `end`. */
  *#run(at: number, end: number): Call<{ readonly sector: number; readonly count: number }> {
    const { geometry, cache } = this.#storage;
    const { clusterBytes, sectorsPerCluster } = geometry;
    let index = Math.floor(at / clusterBytes);
    const cluster = yield* this.#clusterAt(index);
    const skipped = Math.floor(at % clusterBytes / sectorBytes);
    const wanted = Math.min(Math.ceil(end / sectorBytes) - Math.floor(at / sectorBytes), cache.runSectors);
    let count = sectorsPerCluster - skipped;
    for (let next = cluster + 1; count < wanted; next++, count += sectorsPerCluster) {
      if (yield* this.#isElsewhere(++index, next)) break;
    }
    return { sector: sectorOf(geometry, cluster) + skipped, count: Math.min(count, wanted) };
  }

  *#isElsewhere(index: number, cluster: number): Call<boolean> {
    return (yield* this.#clusterAt(index)) !== cluster;
  }

  /** The cluster number `index` of the file, which must have so many. */
  *#clusterAt(index: number): Call<number> {
    let position = this.#position;
    if (position === undefined || position.index > index) {
      if (!isCluster(this.#storage.geometry, this.#firstCluster)) {
        throw new FileFailure(
          "Corrupt",
          `a file of ${this.#size} bytes starts at cluster ${this.#firstCluster}`,
        );
      }
      position = { index: 0, cluster: this.#firstCluster };
      this.#position = position;
    }
    while (position.index < index) {
      const next = yield* this.#storage.fat.next(position.cluster);
      if (next === undefined) {
        throw new FileFailure(
          "Corrupt",
          `a file of ${this.#size} bytes ends after ${position.index + 1} clusters`,
        );
      }
      position.index++;
      position.cluster = next;
    }
    return position.cluster;
  }

  /** Sees to it that the chain holds `size` bytes. */
  *#reserve(size: number): Call<void> {
    const { fat, geometry } = this.#storage;
    let missing = Math.ceil(size / geometry.clusterBytes) - Math.ceil(this.#size / geometry.clusterBytes);
    if (missing <= 0) return;
    const oldTail = this.#size > 0
      ? yield* this.#clusterAt(Math.ceil(this.#size / geometry.clusterBytes) - 1)
      : undefined;
    // After a power cut a chain may be longer than its file; what is there is used.
    let tail = oldTail;
    if (tail === undefined && this.#firstCluster !== 0) {
      tail = yield* this.#clusterAt(0);
      missing--;
    }
    while (missing > 0 && tail !== undefined) {
      const next: number | undefined = yield* fat.next(tail);
      if (next === undefined) break;
      tail = next;
      missing--;
    }
    if (missing <= 0) return;
    if (missing > (yield* fat.freeClusters(missing))) throw new FileFailure("NoSpace", `${missing} clusters`);
    yield* this.#lengthen(missing, tail);
  }

  /** Hangs `count` clusters behind `tail`, in steps; a step that fails takes the others back. */
  *#lengthen(count: number, oldTail: number | undefined): Call<void> {
    let tail = oldTail;
    try {
      while (count > 0) {
        const step = Math.min(count, allocationStep);
        const clusters = yield* this.#storage.allocate(step, tail);
        if (this.#firstCluster === 0) this.#firstCluster = clusters[0]!;
        tail = clusters.at(-1);
        count -= step;
        yield* this.#storage.relieve();
      }
    } catch (failure) {
      if (oldTail !== undefined) yield* this.#storage.fat.cut(oldTail);
      else if (this.#firstCluster !== 0) yield* this.#storage.fat.release(this.#firstCluster);
      if (oldTail === undefined) this.#firstCluster = 0;
      this.#position = undefined;
      throw failure;
    }
  }

  /** Puts bytes, or zeros, into sectors that the chain already has. */
  *#put(offset: number, length: number, from: ByteWindow | undefined): Call<void> {
    const { cache } = this.#storage;
    const end = offset + length;
    for (let at = offset; at < end;) {
      const run = yield* this.#run(at, end);
      for (let index = 0; index < run.count; index++) {
        const sector = run.sector + index;
        const start = at % sectorBytes;
        const count = Math.min(sectorBytes - start, end - at);
        // Bytes beyond the end of the file mean nothing, so such a sector need not be read.
        const isNew = at - start >= this.#size;
        const buffer = count === sectorBytes || isNew && cache.get(sector) === undefined
          ? cache.blank(sector)
          : cache.get(sector) ?? (yield* cache.load(sector));
        if (from === undefined) buffer.bytes.fill(0, start, start + count);
        else buffer.bytes.set(from.bytes.subarray(at - offset, at - offset + count), start);
        cache.mark(buffer, "data");
        at += count;
      }
      yield* this.#storage.relieve();
    }
  }

  *#updateEntry(): Call<void> {
    const { sector, offset, cluster } = this.place;
    const stamp = fatTimestamp(yield* this.#storage.clock());
    const buffer = this.#storage.cache.get(sector) ?? (yield* this.#storage.cache.load(sector));
    const { bytes } = buffer;
    setFirstCluster(bytes, offset, this.#firstCluster);
    setNumber(directoryEntry, "FileSize", this.#size, bytes, offset);
    setNumber(directoryEntry, "WrtDate", stamp.date, bytes, offset);
    setNumber(directoryEntry, "WrtTime", stamp.time, bytes, offset);
    setNumber(directoryEntry, "LstAccDate", stamp.date, bytes, offset);
    setNumber(
      directoryEntry,
      "Attr",
      number(directoryEntry, "Attr", bytes, offset) | attribute.archive,
      bytes,
      offset,
    );
    this.#storage.cache.mark(buffer, this.#storage.directoryKind(cluster));
  }
}
