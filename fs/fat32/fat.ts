/**
 * The file allocation table: which cluster follows which, and which are free.
 *
 * It keeps what the disk holds safe against a power cut (order: see storage.ts). A
 * cluster allocated since the last commit is *fresh*: nothing durable leads to it.
 * - The FAT in the cache may be written at any time: links from durable chains to fresh
 *   ones wait in `#links`, and durable chains that were given up wait in `#doomed`.
 * - So a cluster that is free here is one that no durable directory entry reaches.
 * - Chains come from outside: a link to a free, bad or impossible cluster, or a cycle,
 *   is FileFailure "Corrupt"; no walk is longer than twice the number of clusters.
 * - The upper four bits of an entry are kept as they are (specification, "FAT Data Structure").
 */

import type { Call } from "../../kernel/abi/kernel.ts";
import { type Geometry, isCluster, sectorOf } from "./boot_sector.ts";
import type { BufferCache } from "./buffer_cache.ts";
import { FileFailure } from "./failure.ts";
import { informationSector, informationSignatures, number, setNumber, setU32At, u32At } from "./layout.ts";

const entryMask = 0x0fffffff;
const firstEndMark = 0x0ffffff8;
const endMark = 0x0fffffff;
const entriesPerSector = 128;
/** FAT sectors read in at once: 8 KiB. */
const readAhead = 16;
const unknownCount = 0xffffffff;

/** Bounds on what may wait for a commit. */
const mostFresh = 65536;
const mostLinks = 4096;
const mostDoomed = 1024;

/** Notices when a walk goes round in a circle (Brent's algorithm). */
class CycleGuard {
  #seen: number;
  #steps = 0;
  #limit = 1;

  constructor(first: number) {
    this.#seen = first;
  }

  step(cluster: number): void {
    if (cluster === this.#seen) throw new FileFailure("Corrupt", `cluster ${cluster} is in a circle`);
    if (++this.#steps === this.#limit) {
      this.#seen = cluster;
      this.#steps = 0;
      this.#limit *= 2;
    }
  }
}

export class FileAllocationTable {
  readonly #cache: BufferCache;
  readonly #geometry: Geometry;
  readonly #fresh = new Set<number>();
  readonly #links = new Map<number, number>();
  readonly #doomed: number[] = [];
  #doomedClusters = 0;
  #freeCount: number | undefined;
  /** True when the count is our own, not a hint from the disk. */
  #counted = false;
  #hint = 2;
  #informationStale = false;

  constructor(cache: BufferCache, geometry: Geometry) {
    this.#cache = cache;
    this.#geometry = geometry;
  }

  /** Takes the hints of the FSInfo sector, where they can be true. */
  *readInformation(): Call<void> {
    const sector = this.#geometry.informationSector;
    if (sector === undefined) return;
    const { bytes } = this.#cache.get(sector) ?? (yield* this.#cache.load(sector));
    if (!hasSignatures(bytes)) return;
    const free = number(informationSector, "Free_Count", bytes);
    if (free <= this.#geometry.clusterCount) this.#freeCount = free;
    const next = number(informationSector, "Nxt_Free", bytes);
    if (isCluster(this.#geometry, next)) this.#hint = next;
  }

  /** Clusters that files may still take. A hint of the disk that is below `needed` is not believed: we count. */
  *freeClusters(needed: number): Call<number> {
    if (!this.#counted && (this.#freeCount ?? 0) + this.#doomedClusters <= needed) {
      let count = 0;
      yield* this.#scanFree(() => ++count > 0);
      if (count !== this.#freeCount) this.#informationStale = true;
      this.#freeCount = count;
      this.#counted = true;
    }
    return (this.#freeCount ?? 0) + this.#doomedClusters;
  }

  /** True when so much waits for a commit that one is due. */
  get pressing(): boolean {
    return this.#fresh.size > mostFresh || this.#links.size > mostLinks || this.#doomed.length > mostDoomed;
  }

  /** True when a commit would make clusters free. */
  get hasDoomed(): boolean {
    return this.#doomed.length > 0;
  }

  isFresh(cluster: number): boolean {
    return this.#fresh.has(cluster);
  }

  /** The cluster after this one, or undefined at the end of the chain. */
  *next(cluster: number): Call<number | undefined> {
    const link = this.#links.get(cluster);
    if (link !== undefined) return link;
    const entry = yield* this.#read(cluster);
    if (entry >= firstEndMark) return undefined;
    if (!isCluster(this.#geometry, entry)) {
      throw new FileFailure("Corrupt", `cluster ${cluster} is followed by ${entry}`);
    }
    return entry;
  }

  /** Calls `visit` for each cluster of a chain; the whole chain was seen to be sound when it returns. */
  *walk(first: number, visit: (cluster: number) => void): Call<void> {
    if (!isCluster(this.#geometry, first)) {
      throw new FileFailure("Corrupt", `a chain starts at cluster ${first}`);
    }
    const guard = new CycleGuard(first);
    for (let cluster: number | undefined = first; cluster !== undefined;) {
      visit(cluster);
      cluster = yield* this.next(cluster);
      if (cluster !== undefined) guard.step(cluster);
    }
  }

  /** Makes a chain of free clusters and hangs it behind `tail`; all of them or FileFailure "NoSpace". */
  *allocate(count: number, tail: number | undefined): Call<number[]> {
    if (this.#counted && this.#freeCount! < count) throw new FileFailure("NoSpace", `${count} clusters`);
    const found = yield* this.#findFree(count);
    if (found.length < count) {
      this.#freeCount = found.length;
      this.#counted = true;
      throw new FileFailure("NoSpace", `${count} clusters, of which ${found.length} are free`);
    }
    for (const [index, cluster] of found.entries()) {
      yield* this.#write(cluster, found[index + 1] ?? endMark);
      this.#fresh.add(cluster);
    }
    const first = found[0]!;
    if (tail !== undefined && this.#fresh.has(tail)) yield* this.#write(tail, first);
    else if (tail !== undefined) this.#links.set(tail, first);
    this.#hint = found.at(-1)!;
    this.#changeFree(-count);
    return found;
  }

  /** Gives a whole chain up, whose directory entry is being removed or emptied. */
  *release(first: number): Call<void> {
    let count = 0;
    let allFresh = true;
    yield* this.walk(first, (cluster) => {
      count++;
      if (!this.#fresh.has(cluster)) allFresh = false;
    });
    yield* this.walk(first, (cluster) => this.#forgetContent(cluster));
    if (allFresh) {
      yield* this.#free(first);
    } else {
      this.#doomed.push(first);
      this.#doomedClusters += count;
    }
  }

  /** Ends a chain at `last`. No durable directory entry may count on what is behind it. */
  *cut(last: number): Call<void> {
    const rest = yield* this.next(last);
    if (rest === undefined) return;
    yield* this.walk(rest, (cluster) => this.#forgetContent(cluster));
    if (this.#links.has(last)) this.#links.delete(last);
    else yield* this.#write(last, endMark);
    yield* this.#free(rest);
  }

  /** Second step of a commit: durable chains now lead to fresh ones. False when there was none. */
  *applyLinks(): Call<boolean> {
    if (this.#links.size === 0) return false;
    for (const [tail, first] of [...this.#links]) {
      yield* this.#write(tail, first);
      this.#links.delete(tail);
    }
    return true;
  }

  /** Last step of a commit, when all directory entries are durable. */
  *committed(): Call<void> {
    this.#fresh.clear();
    for (let first = this.#doomed.pop(); first !== undefined; first = this.#doomed.pop()) {
      yield* this.#free(first);
    }
    this.#doomedClusters = 0;
    const sector = this.#geometry.informationSector;
    if (!this.#informationStale || sector === undefined) return;
    const buffer = this.#cache.get(sector) ?? (yield* this.#cache.load(sector));
    this.#informationStale = false;
    if (!hasSignatures(buffer.bytes)) return;
    setNumber(informationSector, "Free_Count", this.#freeCount ?? unknownCount, buffer.bytes);
    setNumber(informationSector, "Nxt_Free", this.#hint, buffer.bytes);
    this.#cache.mark(buffer, "information");
  }

  *writeBack(): Call<void> {
    yield* this.#cache.writeBack("fat", this.#geometry.fatCopies);
  }

  *#free(first: number): Call<void> {
    for (let cluster: number | undefined = first; cluster !== undefined;) {
      const next: number | undefined = yield* this.next(cluster);
      yield* this.#write(cluster, 0);
      this.#links.delete(cluster);
      this.#fresh.delete(cluster);
      this.#changeFree(1);
      cluster = next;
    }
  }

  #forgetContent(cluster: number): void {
    const first = sectorOf(this.#geometry, cluster);
    for (let index = 0; index < this.#geometry.sectorsPerCluster; index++) this.#cache.forget(first + index);
  }

  #changeFree(by: number): void {
    this.#informationStale = true;
    if (this.#freeCount === undefined) return;
    this.#freeCount = Math.min(Math.max(this.#freeCount + by, 0), this.#geometry.clusterCount);
  }

  /** Up to `count` free clusters, searched from the hint once round the volume. */
  *#findFree(count: number): Call<number[]> {
    const found: number[] = [];
    yield* this.#scanFree((cluster) => found.push(cluster) < count);
    return found;
  }

  /** Shows the free clusters to `wantsMore`, until it has enough. */
  *#scanFree(wantsMore: (cluster: number) => boolean): Call<void> {
    const { clusterCount } = this.#geometry;
    let cluster = this.#hint;
    for (let looked = 0; looked < clusterCount;) {
      const { bytes } = yield* this.#sectorOfEntry(cluster);
      const end = Math.min(clusterCount + 2, (Math.floor(cluster / entriesPerSector) + 1) * entriesPerSector);
      for (; cluster < end && looked < clusterCount; cluster++, looked++) {
        const free = (u32At(bytes, cluster % entriesPerSector * 4) & entryMask) === 0;
        if (free && !wantsMore(cluster)) return;
      }
      if (cluster > clusterCount + 1) cluster = 2;
    }
  }

  *#sectorOfEntry(cluster: number): Call<{ readonly sector: number; readonly bytes: Uint8Array }> {
    const index = Math.floor(cluster / entriesPerSector);
    const sector = this.#geometry.fatStart + index;
    const ahead = Math.min(readAhead, this.#geometry.fatSectors - index);
    return this.#cache.get(sector) ?? (yield* this.#cache.load(sector, ahead));
  }

  *#read(cluster: number): Call<number> {
    const { bytes } = yield* this.#sectorOfEntry(cluster);
    return u32At(bytes, cluster % entriesPerSector * 4) & entryMask;
  }

  *#write(cluster: number, value: number): Call<void> {
    if (this.#cache.dirtyCount("fat") > this.#cache.capacity >>> 3) yield* this.writeBack();
    const buffer = yield* this.#sectorOfEntry(cluster);
    const at = cluster % entriesPerSector * 4;
    setU32At(buffer.bytes, at, (u32At(buffer.bytes, at) & ~entryMask) | value);
    this.#cache.mark(buffer, "fat");
  }
}

const hasSignatures = (bytes: Uint8Array): boolean =>
  number(informationSector, "LeadSig", bytes) === informationSignatures.LeadSig &&
  number(informationSector, "StrucSig", bytes) === informationSignatures.StrucSig &&
  number(informationSector, "TrailSig", bytes) === informationSignatures.TrailSig;
