/**
 * A set of sectors, kept as sorted ranges that neither touch nor overlap.
 *
 * The drive's write cache uses it to know which sectors wait for the platters.
 * - Its size is bounded by the sectors in it, and those by the drive's buffer.
 * - A range is half-open: from `first` up to but not including `end`.
 */

export interface SectorRange {
  readonly first: number;
  readonly end: number;
}

export class SectorRanges {
  readonly #ranges: SectorRange[] = [];
  #sectorCount = 0;

  /** How many sectors are in the set. */
  get sectorCount(): number {
    return this.#sectorCount;
  }

  add(first: number, end: number): void {
    const start = this.#firstEndingAt(first);
    let stop = start;
    let low = first;
    let high = end;
    while (stop < this.#ranges.length && this.#ranges[stop]!.first <= end) {
      const range = this.#ranges[stop++]!;
      low = Math.min(low, range.first);
      high = Math.max(high, range.end);
      this.#sectorCount -= range.end - range.first;
    }
    this.#ranges.splice(start, stop - start, { first: low, end: high });
    this.#sectorCount += high - low;
  }

  contains(first: number, end: number): boolean {
    const range = this.#ranges[this.#firstEndingAt(first + 1)];
    return range !== undefined && range.first <= first && end <= range.end;
  }

  /** Takes up to `countMax` sectors away: from the range at or after `sector`, else from the lowest one. */
  takeFrom(sector: number, countMax: number): SectorRange | undefined {
    const found = this.#firstEndingAt(sector + 1);
    const index = found < this.#ranges.length ? found : 0;
    const range = this.#ranges[index];
    if (range === undefined) return undefined;
    const end = Math.min(range.end, range.first + countMax);
    if (end === range.end) this.#ranges.splice(index, 1);
    else this.#ranges[index] = { first: end, end: range.end };
    this.#sectorCount -= end - range.first;
    return { first: range.first, end };
  }

  /** Index of the first range whose end is at or after `sector`. */
  #firstEndingAt(sector: number): number {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#ranges[middle]!.end < sector) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
