/**
 * One directory: its slots on the disk and an index of its names in memory.
 *
 * A directory is read whole once; after that a name is found without a search, and a
 * free place for a new entry without reading. Sizes and first clusters stay on the
 * disk (in the cache), so that a growing file touches one sector and not this index.
 * - A slot is 32 bytes; an entry is its long-name slots and the short one that follows.
 * - At most 65,536 slots (specification: 2 MiB); a longer chain is "Corrupt".
 * - Who adds or removes an entry has checked the name, and cares for the clusters.
 */

import type { Call } from "../../kernel/abi/kernel.ts";
import { sectorBytes } from "./block_device.ts";
import { isCluster, sectorOf } from "./boot_sector.ts";
import type { SectorBuffer } from "./buffer_cache.ts";
import { FileFailure } from "./failure.ts";
import { attribute, bytesOf, directoryEntry, number, setNumber, slotMark } from "./layout.ts";
import { LongNameReader, longNameSlots } from "./long_name.ts";
import {
  exactShortName,
  fold,
  numberedShortName,
  shortBasis,
  type ShortName,
  shortNameText,
} from "./names.ts";
import type { Storage } from "./storage.ts";

const slotBytes = directoryEntry.size;
const slotsPerSector = sectorBytes / slotBytes;
const mostSlots = 65536;
const mostTailNumber = 999_999;

/** An entry of the index. */
export interface NamedSlots {
  readonly name: string;
  /** The short name without case, as text. */
  readonly shortName: string;
  /** Slot of the short entry; the long name's slots are before it. */
  readonly slot: number;
  readonly slotCount: number;
}

/** Where a short entry stands on the disk. */
export interface EntryPlace {
  readonly sector: number;
  readonly offset: number;
  /** The directory's cluster that holds it. */
  readonly cluster: number;
}

export class Directory {
  readonly firstCluster: number;
  readonly #storage: Storage;
  readonly #clusters: number[] = [];
  readonly #byName = new Map<string, NamedSlots>();
  readonly #bySlot = new Map<number, NamedSlots>();
  /** Highest numeric tail given to each basis, so that the next search starts there. */
  readonly #tailNumbers = new Map<string, number>();
  #occupied = new Uint8Array(0);
  /** The slot that marks the end, or the number of slots. */
  #end = 0;
  /** No slot below this one is free. */
  #firstFree = 0;
  label: string | undefined;

  private constructor(storage: Storage, firstCluster: number) {
    this.#storage = storage;
    this.firstCluster = firstCluster;
  }

  /** Reads a directory. */
  static *read(storage: Storage, firstCluster: number): Call<Directory> {
    const directory = new Directory(storage, firstCluster);
    const { geometry, fat } = storage;
    const mostClusters = Math.ceil(mostSlots / (geometry.sectorsPerCluster * slotsPerSector));
    yield* fat.walk(firstCluster, (cluster) => {
      if (directory.#clusters.push(cluster) > mostClusters) {
        throw new FileFailure("Corrupt", `the directory at cluster ${firstCluster} has too many clusters`);
      }
    });
    directory.#grow();
    yield* directory.#index();
    return directory;
  }

  /** Number of names. */
  get size(): number {
    return this.#bySlot.size;
  }

  /** Slots up to the end; entry numbers of a listing are below it. */
  get end(): number {
    return this.#end;
  }

  find(name: string): NamedSlots | undefined {
    return this.#byName.get(fold(name));
  }

  /** The entry whose short entry is in this slot. */
  at(slot: number): NamedSlots | undefined {
    return this.#bySlot.get(slot);
  }

  place(slot: number): EntryPlace {
    const { geometry } = this.#storage;
    const slotsPerCluster = geometry.sectorsPerCluster * slotsPerSector;
    const cluster = this.#clusters[Math.floor(slot / slotsPerCluster)];
    if (cluster === undefined) {
      throw new Error(`slot ${slot} of a directory with ${this.#clusters.length} clusters`);
    }
    const sector = sectorOf(geometry, cluster) + Math.floor(slot % slotsPerCluster / slotsPerSector);
    return { sector, offset: slot % slotsPerSector * slotBytes, cluster };
  }

  /** The sector of a place, in the cache. */
  *buffer(place: EntryPlace): Call<SectorBuffer> {
    return this.#storage.cache.get(place.sector) ?? (yield* this.#storage.cache.load(place.sector));
  }

  /** Adds an entry like `template`, under a name that is not there yet. */
  *add(name: string, template: Uint8Array): Call<NamedSlots> {
    const short = this.#shortNameFor(name);
    const entry = template.slice();
    bytesOf(directoryEntry, "Name", entry).set(short.bytes);
    setNumber(directoryEntry, "NTRes", short.caseFlags, entry);
    const isExact = shortNameText(short.bytes, short.caseFlags) === name;
    const slots = isExact ? [entry] : [...longNameSlots(name, short.bytes), entry];
    const first = yield* this.#makeRoom(slots.length);
    for (const [index, bytes] of slots.entries()) yield* this.#writeSlot(first + index, bytes);
    const last = first + slots.length - 1;
    if (last >= this.#end) yield* this.#moveEnd(last + 1);
    const named = { name, shortName: shortNameText(short.bytes, 0), slot: last, slotCount: slots.length };
    this.#remember(named);
    return named;
  }

  /** Removes an entry. */
  *remove(named: NamedSlots): Call<void> {
    for (let slot = named.slot - named.slotCount + 1; slot <= named.slot; slot++) {
      const place = this.place(slot);
      const buffer = yield* this.buffer(place);
      buffer.bytes[place.offset] = slotMark.free;
      this.#storage.cache.mark(buffer, this.#storage.directoryKind(place.cluster));
      this.#occupied[slot] = 0;
    }
    this.#firstFree = Math.min(this.#firstFree, named.slot - named.slotCount + 1);
    this.#bySlot.delete(named.slot);
    for (const key of [fold(named.name), fold(named.shortName)]) {
      if (this.#byName.get(key) === named) this.#byName.delete(key);
    }
  }

  /** Gives an entry the names that another held while it was added. */
  reindex(named: NamedSlots): void {
    this.#remember(named);
  }

  /** True when both entries stand in one sector, so that a change of both is all or nothing. */
  sharesSector(one: NamedSlots, other: NamedSlots): boolean {
    const sectors = [one.slot, one.slot - one.slotCount + 1, other.slot, other.slot - other.slotCount + 1]
      .map((slot) => this.place(slot).sector);
    return sectors.every((sector) => sector === sectors[0]);
  }

  *#index(): Call<void> {
    const { geometry, cache } = this.#storage;
    const reader = new LongNameReader();
    let slot = 0;
    for (const cluster of this.#clusters) {
      const first = sectorOf(geometry, cluster);
      yield* cache.loadRange(first, geometry.sectorsPerCluster);
      for (let index = 0; index < geometry.sectorsPerCluster; index++) {
        const { bytes } = cache.get(first + index) ?? (yield* cache.load(first + index));
        for (let at = 0; at < sectorBytes; at += slotBytes, slot++) {
          if (bytes[at] === slotMark.end) {
            this.#end = slot;
            return;
          }
          this.#indexSlot(slot, bytes, at, reader);
        }
      }
    }
    this.#end = slot;
  }

  #indexSlot(slot: number, bytes: Uint8Array, at: number, reader: LongNameReader): void {
    if (bytes[at] === slotMark.free) {
      reader.reset();
      return;
    }
    this.#occupied[slot] = 1;
    const attributes = number(directoryEntry, "Attr", bytes, at);
    if ((attributes & attribute.longName) === attribute.longName) {
      reader.add(bytes, at);
      return;
    }
    const shortBytes = bytesOf(directoryEntry, "Name", bytes, at);
    const longName = reader.take(shortBytes);
    const slotCount = longName === undefined ? 1 : reader.slots + 1;
    reader.reset();
    if ((attributes & attribute.volumeLabel) !== 0) {
      this.label ??= String.fromCharCode(...shortBytes).trimEnd();
      return;
    }
    if (bytes[at] === 0x2e) return; // "." and ".."
    const name = longName ?? shortNameText(shortBytes, number(directoryEntry, "NTRes", bytes, at));
    this.#remember({ name, shortName: shortNameText(shortBytes, 0), slot, slotCount });
  }

  /** On a damaged disk two entries may have one name; the first has it, the other is only listed. */
  #remember(named: NamedSlots): void {
    this.#bySlot.set(named.slot, named);
    for (const key of [fold(named.name), fold(named.shortName)]) {
      if (!this.#byName.has(key)) this.#byName.set(key, named);
    }
  }

  #shortNameFor(name: string): ShortName {
    const exact = exactShortName(name);
    if (exact !== undefined && !this.#byName.has(fold(shortNameText(exact.bytes, 0)))) return exact;
    const basis = shortBasis(name);
    const key = `${basis.base}.${basis.extension}`;
    for (let tail = (this.#tailNumbers.get(key) ?? 0) + 1; tail <= mostTailNumber; tail++) {
      const short = numberedShortName(basis, tail);
      if (this.#byName.has(shortNameText(short.bytes, 0))) continue;
      this.#tailNumbers.set(key, tail);
      return short;
    }
    throw new FileFailure("NoSpace", `no short name is left for "${name}"`);
  }

  /** The first of `count` free slots in a row; the directory grows when it has none. */
  *#makeRoom(count: number): Call<number> {
    const capacity = this.#occupied.length;
    let run = 0;
    let seenFree = false;
    for (let slot = this.#firstFree; slot < capacity; slot++) {
      run = this.#occupied[slot] === 0 ? run + 1 : 0;
      if (run > 0 && !seenFree) {
        seenFree = true;
        this.#firstFree = slot;
      }
      if (run === count) return slot - count + 1;
    }
    if (!seenFree) this.#firstFree = capacity;
    if (capacity + slotsPerSector * this.#storage.geometry.sectorsPerCluster > mostSlots) {
      throw new FileFailure("NoSpace", `the directory at cluster ${this.firstCluster} has ${capacity} slots`);
    }
    yield* this.#extend();
    return yield* this.#makeRoom(count);
  }

  *#extend(): Call<void> {
    const { geometry, cache } = this.#storage;
    const cluster = (yield* this.#storage.allocate(1, this.#clusters.at(-1)))[0]!;
    const first = sectorOf(geometry, cluster);
    for (let index = 0; index < geometry.sectorsPerCluster; index++) {
      cache.mark(cache.blank(first + index), "data");
    }
    this.#clusters.push(cluster);
    this.#grow();
  }

  #grow(): void {
    const slots = this.#clusters.length * this.#storage.geometry.sectorsPerCluster * slotsPerSector;
    const occupied = new Uint8Array(slots);
    occupied.set(this.#occupied);
    this.#occupied = occupied;
  }

  *#writeSlot(slot: number, bytes: Uint8Array): Call<void> {
    const place = this.place(slot);
    const buffer = yield* this.buffer(place);
    buffer.bytes.set(bytes, place.offset);
    this.#storage.cache.mark(buffer, this.#storage.directoryKind(place.cluster));
    this.#occupied[slot] = 1;
  }

  /** Behind the old end there may be anything; the new end is marked where there is a slot for it. */
  *#moveEnd(end: number): Call<void> {
    this.#end = end;
    if (end === this.#occupied.length) return;
    const place = this.place(end);
    const buffer = yield* this.buffer(place);
    if (buffer.bytes[place.offset] === slotMark.end) return;
    buffer.bytes[place.offset] = slotMark.end;
    this.#storage.cache.mark(buffer, this.#storage.directoryKind(place.cluster));
  }
}

/** First cluster in a directory entry; the high half's upper four bits are not part of it. */
export const firstClusterOf = (bytes: Uint8Array, at: number): number =>
  (number(directoryEntry, "FstClusHI", bytes, at) & 0x0fff) * 0x10000 +
  number(directoryEntry, "FstClusLO", bytes, at);

export function setFirstCluster(bytes: Uint8Array, at: number, cluster: number): void {
  setNumber(directoryEntry, "FstClusHI", cluster >>> 16, bytes, at);
  setNumber(directoryEntry, "FstClusLO", cluster & 0xffff, bytes, at);
}

/** The cluster that a subdirectory's entry names, if it can be one. */
export function subdirectoryCluster(storage: Storage, cluster: number, name: string): number {
  if (!isCluster(storage.geometry, cluster) || cluster === storage.geometry.rootCluster) {
    throw new FileFailure("Corrupt", `the directory "${name}" starts at cluster ${cluster}`);
  }
  return cluster;
}
