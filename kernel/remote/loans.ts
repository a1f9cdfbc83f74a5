/**
 * Blocks that another kernel was lent: it copies what is in them, then it releases them.
 *
 * A block that is under way counts against its sender until then, so its owner stays.
 * - Found by physical address, which is how the other kernel names them. Of shared memory there is one
 *   block for each message that carries it.
 */

import type { Block, ExchangeHeap } from "../memory/exchange_heap.ts";

export class Loans {
  readonly #heap: ExchangeHeap;
  readonly #lent = new Map<number, Block[]>();

  constructor(heap: ExchangeHeap) {
    this.#heap = heap;
  }

  get blocks(): readonly Block[] {
    return [...this.#lent.values()].flat();
  }

  lend(block: Block): void {
    const others = this.#lent.get(block.address);
    if (others === undefined) this.#lent.set(block.address, [block]);
    else others.push(block);
  }

  /** Frees a block that came back; false when none at that address was lent. */
  release(address: number): boolean {
    const blocks = this.#lent.get(address);
    const block = blocks?.shift();
    if (block === undefined) return false;
    this.#heap.free(block);
    if (blocks!.length === 0) this.#lent.delete(address);
    return true;
  }

  /** Frees all, when the other kernel copies nothing any more. */
  takeBack(): void {
    for (const block of this.blocks) this.#heap.free(block);
    this.#lent.clear();
  }
}
