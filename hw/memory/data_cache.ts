/**
 * A write-back data cache that DMA does not see: the CPU's view of a card's memory.
 *
 * Functional, not for timing: it keeps the bytes that loads and stores of the CPU work on, so
 * that software which forgets to clean a line before DMA reads it, or to invalidate one that
 * DMA has written, gets stale bytes as on the real core (hardware-reference.md 2.6, cache note).
 * - A line comes in at its first access; the oldest one goes out when all are taken.
 * - Memory whose lines somebody else keeps is covered: `clean` and `invalidate` pass it on.
 * - Registers are not cacheable; software reaches them through the address space.
 */

import type { AddressSpace } from "./address_space.ts";

/** Memory with cached lines of its own, such as the exchange heap's blocks. */
export interface CachedRange {
  /** Writes what the CPU has changed to memory. */
  clean(address: number, length: number): void;
  /** Forgets what the CPU holds, changed or not. */
  invalidate(address: number, length: number): void;
}

interface Line {
  readonly bytes: Uint8Array;
  dirty: boolean;
}

export class DataCache {
  readonly #space: AddressSpace;
  readonly #capacity: number;
  /** By address; a Map keeps them in the order in which they came. */
  readonly #lines = new Map<number, Line>();
  readonly #covered: { readonly base: number; readonly end: number; readonly range: CachedRange }[] = [];

  /** `lines`: how many it holds. */
  constructor(space: AddressSpace, readonly lineSize: number, lines: number) {
    this.#space = space;
    this.#capacity = lines;
  }

  /** The core is reset: all lines are forgotten, changed or not, and nothing is covered. */
  reset(): void {
    this.#lines.clear();
    this.#covered.length = 0;
  }

  /** How many lines an access touches. */
  linesOf(address: number, length: number): number {
    if (length === 0) return 0;
    const { lineSize } = this;
    return Math.floor((address + length - 1) / lineSize) - Math.floor(address / lineSize) + 1;
  }

  cover(base: number, size: number, range: CachedRange): void {
    this.#covered.push({ base, end: base + size, range });
  }

  read(address: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    this.#forEachPart(address, length, (line, within, at, count) => {
      bytes.set(line.bytes.subarray(within, within + count), at);
    });
    return bytes;
  }

  read32(address: number): number {
    const line = this.#lineAt(address - address % this.lineSize);
    return new DataView(line.bytes.buffer).getUint32(address % this.lineSize, true);
  }

  write(address: number, bytes: Uint8Array): void {
    this.#forEachPart(address, bytes.length, (line, within, at, count) => {
      line.bytes.set(bytes.subarray(at, at + count), within);
      line.dirty = true;
    });
  }

  clean(address: number, length: number): void {
    const covered = this.#coveredAt(address);
    if (covered !== undefined) return covered.clean(address, length);
    this.#forEachHeld(address, length, (line, at) => this.#writeBack(line, at));
  }

  invalidate(address: number, length: number): void {
    const covered = this.#coveredAt(address);
    if (covered !== undefined) return covered.invalidate(address, length);
    this.#forEachHeld(address, length, (_, at) => this.#lines.delete(at));
  }

  #coveredAt(address: number): CachedRange | undefined {
    return this.#covered.find(({ base, end }) => address >= base && address < end)?.range;
  }

  #forEachHeld(address: number, length: number, visit: (line: Line, at: number) => void): void {
    for (let at = address - address % this.lineSize; at < address + length; at += this.lineSize) {
      const line = this.#lines.get(at);
      if (line !== undefined) visit(line, at);
    }
  }

  #forEachPart(
    address: number,
    length: number,
    visit: (line: Line, within: number, at: number, count: number) => void,
  ): void {
    for (let at = 0; at < length;) {
      const within = (address + at) % this.lineSize;
      const count = Math.min(this.lineSize - within, length - at);
      visit(this.#lineAt(address + at - within), within, at, count);
      at += count;
    }
  }

  #lineAt(at: number): Line {
    const held = this.#lines.get(at);
    if (held !== undefined) return held;
    if (this.#lines.size >= this.#capacity) this.#evict();
    const line = { bytes: this.#space.read(at, this.lineSize), dirty: false };
    this.#lines.set(at, line);
    return line;
  }

  #evict(): void {
    for (const [at, line] of this.#lines) {
      this.#writeBack(line, at);
      this.#lines.delete(at);
      return;
    }
  }

  #writeBack(line: Line, at: number): void {
    if (!line.dirty) return;
    this.#space.write(at, line.bytes);
    line.dirty = false;
  }
}
