/**
 * Page allocator: ranges of physical pages of one kernel's memory.
 *
 * - A page is 4 KiB; a run is contiguous. First fit by rising address, so that
 *   addresses are the same in every run.
 * - Freed runs join their neighbours. Freeing what is not allocated throws.
 */

export const pageSize = 4096;

interface Run {
  base: number;
  pages: number;
}

export class PageAllocator {
  /** Free runs by rising base. */
  readonly #free: Run[] = [];
  readonly totalPages: number;
  readonly #base: number;
  #freePages: number;

  constructor(base: number, size: number) {
    const first = Math.ceil(base / pageSize);
    const pages = Math.max(0, Math.floor((base + size) / pageSize) - first);
    if (pages > 0) this.#free.push({ base: first * pageSize, pages });
    this.totalPages = pages;
    this.#base = first * pageSize;
    this.#freePages = pages;
  }

  get freePages(): number {
    return this.#freePages;
  }

  /** Physical address of `pages` contiguous pages, or undefined when there is no such run. */
  allocate(pages: number): number | undefined {
    const index = this.#free.findIndex((run) => run.pages >= pages);
    if (index < 0) return undefined;
    const run = this.#free[index]!;
    const base = run.base;
    run.base += pages * pageSize;
    run.pages -= pages;
    if (run.pages === 0) this.#free.splice(index, 1);
    this.#freePages -= pages;
    return base;
  }

  free(base: number, pages: number): void {
    let low = 0;
    let high = this.#free.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#free[middle]!.base < base) low = middle + 1;
      else high = middle;
    }
    const before = this.#free[low - 1];
    const after = this.#free[low];
    const end = base + pages * pageSize;
    if (base < this.#base || end > this.#base + this.totalPages * pageSize) {
      throw new Error(
        `Cannot free ${pages} pages at 0x${base.toString(16)}: they lie outside the allocator's range`,
      );
    }
    if (
      (before !== undefined && before.base + before.pages * pageSize > base) ||
      (after !== undefined && after.base < end)
    ) {
      throw new Error(`Cannot free ${pages} pages at 0x${base.toString(16)}: they are free already`);
    }
    this.#freePages += pages;
    const joinsBefore = before !== undefined && before.base + before.pages * pageSize === base;
    const joinsAfter = after !== undefined && after.base === end;
    if (joinsBefore) {
      before.pages += pages + (joinsAfter ? after.pages : 0);
      if (joinsAfter) this.#free.splice(low, 1);
    } else if (joinsAfter) {
      after.base = base;
      after.pages += pages;
    } else {
      this.#free.splice(low, 0, { base, pages });
    }
  }
}
