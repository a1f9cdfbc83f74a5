/**
 * Random numbers between kernel calls: a generator seeded from the kernel's.
 *
 * Protocol machines want randomness in the middle of a computation, where no kernel
 * call can be made. Spreading retransmissions and choosing numbers is all it is for.
 * - Xorshift with shifts 13, 17, 5 (Marsaglia, 2003): period 2^32 - 1, never 0.
 */

export class RandomNumbers {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0 || 1;
  }

  /** The next u32. */
  next(): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state >>> 0;
    return this.#state;
  }
}
