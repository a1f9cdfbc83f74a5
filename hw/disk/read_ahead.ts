/**
 * The part of a drive's buffer that holds what was read, and what came by the head afterwards.
 *
 * After a read the drive reads on into its buffer until the segment is full or the head is needed
 * elsewhere; a later read that falls into a segment costs no seek and no rotation.
 * - Only ranges and times are kept: the bytes themselves are always fetched from the medium.
 * - At most one segment grows; up to `segmentCountMax` finished ones are kept, the oldest go first.
 */

import { elapsed, type Instant, later, nanoseconds } from "../time/time.ts";
import type { DriveGeometry } from "./geometry.ts";

/** [U] hardware-reference.md 4.7: read-ahead of at least one track (0.65 MB outside). */
const readAheadSectorsMax = 2048;
const segmentCountMax = 4;

interface Growing {
  readonly first: number;
  /** At instant `at`, everything before `next` had been read. */
  readonly next: number;
  readonly at: Instant;
  /** Where the drive stops reading on. */
  readonly limit: number;
}

export class ReadAhead {
  readonly #geometry: DriveGeometry;
  readonly #aheadSectors: number;
  readonly #finished: { readonly first: number; readonly end: number }[] = [];
  #growing: Growing | undefined;

  constructor(geometry: DriveGeometry, bufferSectors: number) {
    this.#geometry = geometry;
    this.#aheadSectors = Math.min(readAheadSectorsMax, Math.floor(bufferSectors / segmentCountMax));
  }

  /** A read of `count` sectors from the platters ends at `end`; the drive reads on. */
  begin(first: number, count: number, end: Instant): void {
    const next = first + count;
    this.#growing = { first, next, at: end, limit: next + this.#aheadSectors };
  }

  /** When all of [first, first + count) has been read, or undefined when the head must go there. */
  lookup(now: Instant, first: number, count: number): Instant | undefined {
    const end = first + count;
    if (this.#finished.some((segment) => segment.first <= first && end <= segment.end)) return now;
    const growing = this.#growing;
    if (growing === undefined || first < growing.first || first > growing.limit) return undefined;
    const readAt = (sector: number) =>
      sector <= growing.next
        ? growing.at
        : later(growing.at, nanoseconds(this.#geometry.transferNs(growing.next, sector - growing.next)));
    // Past the limit the head has stopped reading: the rest must come round again.
    if (end > growing.limit && readAt(growing.limit) < now) return undefined;
    return Math.max(now, readAt(end)) as Instant;
  }

  /** The host read up to `sector`, which frees buffer: the drive may read on that much further. */
  extend(now: Instant, sector: number): void {
    const growing = this.#growing;
    if (growing === undefined || sector + this.#aheadSectors <= growing.limit) return;
    let { next, at } = growing;
    const full = later(at, nanoseconds(this.#geometry.transferNs(next, growing.limit - next)));
    if (full < now) {
      // The head had stopped at the limit: the sector there must come round again.
      next = growing.limit;
      at = later(now, nanoseconds(this.#geometry.rotationNs(now, next)));
    }
    const limit = sector + this.#aheadSectors;
    const first = Math.max(growing.first, limit - 2 * this.#aheadSectors);
    this.#growing = { first, next, at, limit };
  }

  /** The head is needed elsewhere from `instant` on; answers where it stands then, if it was reading on. */
  stop(instant: Instant): number | undefined {
    const growing = this.#growing;
    if (growing === undefined) return undefined;
    this.#growing = undefined;
    const passed = this.#geometry.sectorsWithin(growing.next, elapsed(growing.at, instant));
    const end = Math.min(growing.limit, growing.next + passed);
    this.#finished.push({ first: growing.first, end });
    if (this.#finished.length > segmentCountMax - 1) this.#finished.shift();
    return end;
  }

  clear(): void {
    this.#growing = undefined;
    this.#finished.length = 0;
  }
}
