/**
 * A block's bytes in memory, where the CPU's cache stands between them and programs.
 *
 * A card's DMA does not see what its CPU has cached (`Complex.dataCache`). A block's buffer is
 * what the CPU sees; this is what DMA sees. The worst case is taken: all lines are in the
 * cache, until they are invalidated, and stay there until the CPU needs them again.
 * - Between `invalidate` and the CPU's next look at the block, what DMA writes will be seen.
 */

export class BlockLines {
  /** The part that the cache does not hold. */
  #absentFrom = 0;
  #absentTo = 0;

  constructor(readonly memory: Uint8Array) {}

  /** Brings in what the cache does not hold, before the CPU looks at the block. */
  fill(buffer: ArrayBuffer): void {
    if (this.#absentFrom === this.#absentTo) return;
    new Uint8Array(buffer).set(this.memory.subarray(this.#absentFrom, this.#absentTo), this.#absentFrom);
    this.#absentFrom = this.#absentTo = 0;
  }

  /** Writes lines to memory. */
  clean(buffer: ArrayBuffer, from: number, to: number): void {
    // Lines that the cache does not hold are the same in memory, and must stay out.
    const [absentFrom, absentTo] = [this.#absentFrom, this.#absentTo];
    this.#store(buffer, from, Math.min(to, absentTo === 0 ? to : absentFrom));
    this.#store(buffer, Math.max(from, absentTo), absentTo === 0 ? from : to);
  }

  /** Drops lines; one part of a block at a time, others come in again. */
  invalidate(buffer: ArrayBuffer, from: number, to: number): void {
    if (from === to) return;
    if (from > this.#absentFrom || to < this.#absentTo) this.fill(buffer);
    this.#absentFrom = from;
    this.#absentTo = to;
  }

  #store(buffer: ArrayBuffer, from: number, to: number): void {
    if (from < to) this.memory.set(new Uint8Array(buffer, from, to - from), from);
  }
}
