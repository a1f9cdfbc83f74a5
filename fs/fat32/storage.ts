/**
 * One volume's cache, FAT and clock, and the order in which changes reach the disk.
 *
 * `commit` writes in steps; the drive's cache is flushed between them, because a drive
 * may reorder what it holds:
 * 1. data, new directory clusters and the FAT entries of fresh clusters: nothing durable
 *    leads to fresh clusters yet, and overwritten data was in place before;
 * 2. the links from old chains to fresh ones: chains are now longer than their files;
 * 3. directory sectors: files appear, grow, shrink and vanish;
 * 4. the FAT entries of clusters that were given up, and FSInfo.
 * A power cut in between leaves lost clusters, chains longer than their files, a stale
 * count in FSInfo, or a long name cut short where its slots cross a sector; never a file
 * that was committed damaged. Steps 1 and 4 may run early and out of turn.
 */

import type { Call } from "../../kernel/abi/kernel.ts";
import type { BlockDevice } from "./block_device.ts";
import type { Geometry } from "./boot_sector.ts";
import { BufferCache, type SectorKind } from "./buffer_cache.ts";
import { FileFailure } from "./failure.ts";
import { FileAllocationTable } from "./fat.ts";

/** Virtual time since power-on, in nanoseconds. */
export type Clock = () => Call<number>;

/** Sectors that the cache holds: 2 MiB. */
const cacheSectors = 4096;

export class Storage {
  readonly cache: BufferCache;
  readonly fat: FileAllocationTable;
  readonly geometry: Geometry;
  readonly clock: Clock;

  constructor(device: BlockDevice, geometry: Geometry, clock: Clock, capacity = cacheSectors) {
    this.cache = new BufferCache(device, capacity);
    this.fat = new FileAllocationTable(this.cache, geometry);
    this.geometry = geometry;
    this.clock = clock;
  }

  /** As what a changed directory sector of this cluster is to be marked. */
  directoryKind(cluster: number): SectorKind {
    return this.fat.isFresh(cluster) ? "data" : "directory";
  }

  /** Writes everything in order; it is durable on return, save step 4. */
  *commit(): Call<void> {
    yield* this.#writeUnordered();
    yield* this.cache.barrier();
    if (yield* this.fat.applyLinks()) {
      yield* this.fat.writeBack();
      yield* this.cache.barrier();
    }
    yield* this.cache.writeBack("directory");
    yield* this.cache.barrier();
    yield* this.fat.committed();
    yield* this.fat.writeBack();
    yield* this.cache.writeBack("information");
  }

  /** Writes everything; all of it is durable on return. */
  *sync(): Call<void> {
    yield* this.commit();
    yield* this.cache.barrier();
  }

  /** Bounds the number of dirty sectors; called before each request and between the parts of a long one. */
  *relieve(): Call<void> {
    const { cache } = this;
    if (cache.dirtyCount("data") + cache.dirtyCount("fat") > cache.capacity >>> 1) {
      yield* this.#writeUnordered();
    }
    if (cache.dirtyCount("directory") > cache.capacity >>> 3 || this.fat.pressing) yield* this.commit();
  }

  /** Allocates; where space is short, clusters of removed files are made free first. */
  *allocate(count: number, tail: number | undefined): Call<number[]> {
    try {
      return yield* this.fat.allocate(count, tail);
    } catch (failure) {
      if (!(failure instanceof FileFailure) || failure.code !== "NoSpace" || !this.fat.hasDoomed) {
        throw failure;
      }
    }
    yield* this.commit();
    return yield* this.fat.allocate(count, tail);
  }

  *#writeUnordered(): Call<void> {
    yield* this.cache.writeBack("data");
    yield* this.fat.writeBack();
  }
}
