/**
 * A set of interrupt vectors: 256 bits in eight words, as in the local APIC.
 *
 * The class of a vector is its upper four bits; the highest vector goes first.
 */

export class VectorSet {
  readonly #words = new Uint32Array(8);

  has(vector: number): boolean {
    return (this.#words[vector >> 5]! >>> (vector & 31) & 1) === 1;
  }

  add(vector: number): void {
    this.#words[vector >> 5]! |= 1 << (vector & 31);
  }

  remove(vector: number): void {
    this.#words[vector >> 5]! &= ~(1 << (vector & 31));
  }

  clear(): void {
    this.#words.fill(0);
  }

  /** The highest vector in the set, or undefined. */
  highest(): number | undefined {
    for (let word = 7; word >= 0; word--) {
      const bits = this.#words[word]!;
      if (bits !== 0) return 32 * word + 31 - Math.clz32(bits);
    }
    return undefined;
  }

  word(index: number): number {
    return this.#words[index]!;
  }
}
