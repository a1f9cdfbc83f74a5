/**
 * Receive buffer: bytes in order for the reader, and those that came too early.
 *
 * One ring holds both: early bytes are put where they will be read, and a short list
 * remembers which ranges beyond the first gap are filled.
 * - Positions are counted from the stream's start and never wrap (2^53 bytes).
 * - Bounded: by the capacity, and by 32 ranges; an early piece that would make a 33rd is refused.
 * - The ring is allocated with the first byte, so that a half-open connection costs little.
 */

interface Range {
  start: number;
  end: number;
}

const rangeCountMax = 32;
const noBytes = new Uint8Array(0);

export class ReceiveBuffer {
  readonly capacity: number;
  #ring = noBytes;
  /** Position of the next byte to read. */
  #readAt = 0;
  /** Position of the first byte that is missing. */
  #end = 0;
  /** Filled ranges beyond the first gap, in order, neither overlapping nor touching. */
  readonly #ranges: Range[] = [];

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  /** Bytes that can be read. */
  get available(): number {
    return this.#end - this.#readAt;
  }

  /** Room behind the bytes in order. */
  get space(): number {
    return this.capacity - this.available;
  }

  /** True while bytes wait for earlier ones. */
  get hasGap(): boolean {
    return this.#ranges.length > 0;
  }

  /**
   * Puts `bytes` in, `offset` bytes behind the first missing one. They must lie within `space`.
   * Returns by how much the bytes in order grew, or undefined when there are too many gaps.
   */
  insert(offset: number, bytes: Uint8Array): number | undefined {
    const start = this.#end + offset;
    if (offset > 0 || this.#ranges.length > 0) {
      if (!this.#addRange(start, start + bytes.length)) return undefined;
    }
    this.#store(start, bytes);
    const before = this.#end;
    if (this.#ranges.length === 0) {
      this.#end += bytes.length;
    } else if (this.#ranges[0]!.start === this.#end) {
      this.#end = this.#ranges.shift()!.end;
    }
    return this.#end - before;
  }

  /** Moves bytes in order to `into`; returns how many. */
  read(into: Uint8Array): number {
    const count = Math.min(into.length, this.available);
    if (count === 0) return 0;
    const at = this.#readAt % this.capacity;
    const first = Math.min(count, this.capacity - at);
    into.set(this.#ring.subarray(at, at + first), 0);
    into.set(this.#ring.subarray(0, count - first), first);
    this.#readAt += count;
    return count;
  }

  /** Throws the bytes in order away. */
  discard(): void {
    this.#readAt = this.#end;
  }

  /** Throws everything away, the ring included. */
  clear(): void {
    this.discard();
    this.#ranges.length = 0;
    this.#ring = noBytes;
  }

  #store(position: number, bytes: Uint8Array): void {
    if (this.#ring.length === 0) this.#ring = new Uint8Array(this.capacity);
    const at = position % this.capacity;
    const first = Math.min(bytes.length, this.capacity - at);
    this.#ring.set(bytes.subarray(0, first), at);
    this.#ring.set(bytes.subarray(first), 0);
  }

  /** Adds [start, end) to the ranges, merging what overlaps or touches; false when there are too many. */
  #addRange(start: number, end: number): boolean {
    const ranges = this.#ranges;
    let first = 0;
    while (first < ranges.length && ranges[first]!.end < start) first++;
    let behind = first;
    while (behind < ranges.length && ranges[behind]!.start <= end) behind++;
    if (behind === first) {
      // A range at the first missing byte is consumed at once, so it does not count.
      if (ranges.length >= rangeCountMax && start > this.#end) return false;
      ranges.splice(first, 0, { start, end });
      return true;
    }
    const merged = ranges[first]!;
    const last = ranges[behind - 1]!;
    merged.end = Math.max(end, last.end);
    merged.start = Math.min(start, merged.start);
    ranges.splice(first + 1, behind - first - 1);
    return true;
  }
}
