/**
 * A piece of the exchange heap's memory: what lies under a block, or under several when it is shared.
 *
 * It is an ArrayBuffer of its own, so that its views can be killed, and knows its physical address. Where the
 * CPU's cache is not coherent with DMA, it keeps what DMA sees beside what the CPU sees.
 * - Parts of one that was split are buffers of their own: copied on the host, not by the guest.
 */

import { BlockLines } from "./block_lines.ts";

export class Extent {
  /** What the CPU's cache holds; `buffer` is what the CPU sees. */
  cached: ArrayBuffer;
  /** Blocks that hold it. */
  holders = 1;
  /** Set when it is shared, for as long as it lives: a holder cannot know whether it is the only one again. */
  isReadOnly = false;
  /** What DMA sees, once there was any, on a kernel whose cache is not coherent with DMA. */
  #lines: BlockLines | undefined;

  constructor(readonly address: number, public capacity: number, cached = new ArrayBuffer(capacity)) {
    this.cached = cached;
  }

  get end(): number {
    return this.address + this.capacity;
  }

  /** The CPU looks at it: lines that its cache does not hold come in. */
  fill(): void {
    this.#lines?.fill(this.cached);
  }

  get buffer(): ArrayBuffer {
    this.fill();
    return this.cached;
  }

  get dmaLines(): BlockLines {
    return this.#lines ??= new BlockLines(new Uint8Array(this.capacity));
  }

  /** Kills every view. */
  detach(): void {
    this.cached = this.cached.transfer();
  }

  /** Keeps the first `offset` bytes and gives the rest; views of the whole are dead. */
  split(offset: number): Extent {
    const { buffer } = this;
    const tail = new Extent(this.address + offset, this.capacity - offset, buffer.slice(offset));
    this.cached = buffer.transfer(offset);
    this.capacity = offset;
    if (this.#lines !== undefined) {
      const { memory } = this.#lines;
      tail.#lines = new BlockLines(memory.slice(offset));
      this.#lines = new BlockLines(memory.slice(0, offset));
    }
    return tail;
  }
}
