/**
 * Send buffer: bytes that were written and are not yet acknowledged, in a ring.
 *
 * The first byte is the one at SND.UNA. Retransmission copies from here again, so a
 * byte leaves only when the peer acknowledged it.
 * - Bounded: `append` takes what fits and says how much that was.
 * - The ring is allocated with the first byte, so that a half-open connection costs little.
 */

const noBytes = new Uint8Array(0);

export class SendBuffer {
  readonly capacity: number;
  #ring = noBytes;
  #start = 0;
  #length = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get length(): number {
    return this.#length;
  }

  get space(): number {
    return this.capacity - this.#length;
  }

  /** Takes as many of `bytes` as fit; returns how many. */
  append(bytes: Uint8Array): number {
    const count = Math.min(bytes.length, this.space);
    if (count === 0) return 0;
    if (this.#ring.length === 0) this.#ring = new Uint8Array(this.capacity);
    const at = (this.#start + this.#length) % this.capacity;
    const first = Math.min(count, this.capacity - at);
    this.#ring.set(bytes.subarray(0, first), at);
    this.#ring.set(bytes.subarray(first, count), 0);
    this.#length += count;
    return count;
  }

  /** Copies `count` bytes from `offset` on to `into` at `at`. */
  copy(offset: number, count: number, into: Uint8Array, at: number): void {
    const start = (this.#start + offset) % this.capacity;
    const first = Math.min(count, this.capacity - start);
    into.set(this.#ring.subarray(start, start + first), at);
    into.set(this.#ring.subarray(0, count - first), at + first);
  }

  /** Forgets the first `count` bytes. */
  drop(count: number): void {
    this.#start = (this.#start + count) % this.capacity;
    this.#length -= count;
  }

  /** Forgets everything, the ring included. */
  clear(): void {
    this.#ring = noBytes;
    this.#start = 0;
    this.#length = 0;
  }
}
