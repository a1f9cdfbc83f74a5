/**
 * A transfer engine as one pair of kernels uses it, with counts of what it carried for that pair.
 *
 * Pairs share a card's engines; who looks at one pair wants its own figures.
 * - A chain, its descriptors and the write of the doorbell at its end are DMA's; memcpy has bytes only.
 * - Everything is counted when it is handed over, before it is done.
 */

import type { Call } from "../abi/kernel.ts";
import type { Transfer, TransferEngine, TransferEngineName } from "./transfer_engine.ts";

export class CountedEngine implements TransferEngine {
  readonly counters = { chains: 0, descriptors: 0, chainedWrites: 0, bytes: 0 };
  readonly #engine: TransferEngine;

  constructor(engine: TransferEngine) {
    this.#engine = engine;
  }

  get name(): TransferEngineName {
    return this.#engine.name;
  }

  /** Of all pairs that share the engine. */
  get cpuCycles(): number {
    return this.#engine.cpuCycles;
  }

  run(transfers: readonly Transfer[]): Call<void> {
    const { counters } = this;
    for (const { length } of transfers) counters.bytes += length;
    if (this.name === "adma" && transfers.length > 0) {
      counters.chains++;
      counters.descriptors += transfers.length;
      for (const { direction } of transfers) if (direction === "local to internal") counters.chainedWrites++;
    }
    return this.#engine.run(transfers);
  }
}
