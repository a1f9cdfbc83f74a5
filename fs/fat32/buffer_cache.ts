/**
 * Buffer cache: the sectors used last, and those that wait to be written.
 *
 * All of the engine's reads and writes go through it. It never writes by itself:
 * its caller decides when and in which order (see storage.ts for the order and why).
 * - Look a sector up, change its bytes and `mark` it without a kernel call in
 *   between; a buffer held over one may have been given to another sector.
 * - Sectors are dirty as one kind of content; `writeBack` writes one kind, ascending,
 *   adjoining sectors together.
 * - The size is fixed. Dirty sectors are never evicted, so a caller keeps their number
 *   well below the capacity. Eviction is by second chance.
 */

import type { Call } from "../../kernel/abi/kernel.ts";
import { type BlockDevice, sectorBytes } from "./block_device.ts";

/** What a dirty sector holds; each is written at another point of a commit. */
export type SectorKind = "data" | "fat" | "directory" | "information";

export interface SectorBuffer {
  readonly sector: number;
  readonly bytes: Uint8Array;
}

interface Slot extends SectorBuffer {
  sector: number;
  dirty: SectorKind | undefined;
  used: boolean;
}

/** Smallest useful capacity: the largest cluster is 128 sectors and must fit beside its neighbours. */
const smallestCapacity = 512;

export class BufferCache {
  readonly capacity: number;
  /** Most sectors that callers should ask for in one `loadRange`. */
  readonly runSectors: number;
  readonly #device: BlockDevice;
  readonly #slots: Slot[] = [];
  readonly #bySector = new Map<number, Slot>();
  readonly #dirty: Readonly<Record<SectorKind, Set<Slot>>> = {
    data: new Set(),
    fat: new Set(),
    directory: new Set(),
    information: new Set(),
  };
  #hand = 0;
  #unflushed = false;

  constructor(device: BlockDevice, capacity: number) {
    if (capacity < smallestCapacity) {
      throw new Error(`a cache of ${capacity} sectors, must be ${smallestCapacity}`);
    }
    this.capacity = capacity;
    this.runSectors = Math.min(capacity >>> 4, device.maximumSectors);
    this.#device = device;
  }

  /** The sector, if it is here. */
  get(sector: number): SectorBuffer | undefined {
    const slot = this.#bySector.get(sector);
    if (slot !== undefined) slot.used = true;
    return slot;
  }

  /** Reads a sector in, and with it up to `ahead` sectors from there on. */
  *load(sector: number, ahead = 1): Call<SectorBuffer> {
    yield* this.loadRange(sector, ahead);
    const slot = this.#bySector.get(sector);
    if (slot !== undefined) return slot;
    // The range was wider than the clean part of the cache; the sector alone always fits.
    yield* this.loadRange(sector, 1);
    return this.#bySector.get(sector)!;
  }

  /** Reads in what is missing of a range, in as few requests as possible. */
  *loadRange(first: number, count: number): Call<void> {
    const end = first + count;
    for (let sector = first; sector < end;) {
      if (this.get(sector) !== undefined) {
        sector++;
        continue;
      }
      let stop = sector + 1;
      while (stop < end && !this.#bySector.has(stop) && stop - sector < this.#device.maximumSectors) stop++;
      const start = sector;
      yield* this.#device.read(start, stop - start, (bytes) => {
        for (let index = 0; index < stop - start; index++) {
          const from = index * sectorBytes;
          this.#claim(start + index).bytes.set(bytes.subarray(from, from + sectorBytes));
        }
      });
      sector = stop;
    }
  }

  /** A buffer for a sector whose old content does not matter: all zeros. */
  blank(sector: number): SectorBuffer {
    const slot = this.#bySector.get(sector) ?? this.#claim(sector);
    slot.used = true;
    slot.bytes.fill(0);
    return slot;
  }

  /** Says that the buffer was changed. */
  mark(buffer: SectorBuffer, kind: SectorKind): void {
    const slot = this.#bySector.get(buffer.sector);
    if (slot !== buffer) throw new Error(`sector ${buffer.sector} was changed after it left the cache`);
    if (slot.dirty === kind) return;
    if (slot.dirty !== undefined) this.#dirty[slot.dirty].delete(slot);
    slot.dirty = kind;
    this.#dirty[kind].add(slot);
  }

  /** Drops a sector that means nothing any more, written or not. */
  forget(sector: number): void {
    const slot = this.#bySector.get(sector);
    if (slot === undefined) return;
    this.#clean(slot);
    this.#bySector.delete(sector);
    slot.sector = -1;
    slot.used = false;
  }

  dirtyCount(kind: SectorKind): number {
    return this.#dirty[kind].size;
  }

  /** Writes all dirty sectors of a kind, at each of the given distances. */
  *writeBack(kind: SectorKind, distances: readonly number[] = [0]): Call<void> {
    const slots = [...this.#dirty[kind]].sort((a, b) => a.sector - b.sector);
    for (let start = 0; start < slots.length;) {
      const first = slots[start]!.sector;
      let end = start + 1;
      while (slots[end]?.sector === first + end - start && end - start < this.#device.maximumSectors) end++;
      const run = slots.slice(start, end);
      for (const distance of distances) {
        yield* this.#device.write(first + distance, run.length, (bytes) => {
          for (const [index, slot] of run.entries()) bytes.set(slot.bytes, index * sectorBytes);
        });
        this.#unflushed = true;
      }
      for (const slot of run) this.#clean(slot);
      start = end;
    }
  }

  /** Waits until all that was written back is durable. */
  *barrier(): Call<void> {
    if (!this.#unflushed) return;
    yield* this.#device.flush();
    this.#unflushed = false;
  }

  #clean(slot: Slot): void {
    if (slot.dirty !== undefined) this.#dirty[slot.dirty].delete(slot);
    slot.dirty = undefined;
  }

  /** A slot for a sector that is not here. */
  #claim(sector: number): Slot {
    const slot = this.#slots.length < this.capacity ? this.#newSlot() : this.#evict();
    slot.sector = sector;
    slot.used = true;
    this.#bySector.set(sector, slot);
    return slot;
  }

  #newSlot(): Slot {
    const slot = { sector: -1, bytes: new Uint8Array(sectorBytes), dirty: undefined, used: false };
    this.#slots.push(slot);
    return slot;
  }

  #evict(): Slot {
    for (let steps = 2 * this.capacity; steps > 0; steps--) {
      this.#hand = (this.#hand + 1) % this.capacity;
      const slot = this.#slots[this.#hand]!;
      if (slot.dirty !== undefined) continue;
      if (!slot.used) {
        this.#bySector.delete(slot.sector);
        return slot;
      }
      slot.used = false;
    }
    throw new Error(`all ${this.capacity} sectors of the cache are dirty`);
  }
}
