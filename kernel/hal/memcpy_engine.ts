/**
 * The paper's first way between a card and the host: the card's CPU copies (section 3.6).
 *
 * Host memory stands in the card's address space behind the ATU's outbound window. A load from
 * there stalls the CPU for a trip across the link and back; a store is posted.
 * - A load brings eight words at most, as LDM does: a line of the cache.
 * - What is copied goes through the CPU, so nothing has to be cleaned or invalidated for it; here
 *   the bytes go by memory, and the lines are brought in step without a charge.
 */

import type { Call } from "../abi/kernel.ts";
import { work } from "../scheduling/kernel_event.ts";
import { type AddressSpace, BusFault, type Cpu, type DataCache } from "./hardware.ts";
import { type Transfer, type TransferEngine, TransferFault } from "./transfer_engine.ts";

/** Where the card's CPU sees the host's memory (hardware-reference.md section 10). */
const pcieWindow = 0x2_0000_0000;

export class MemcpyEngine implements TransferEngine {
  readonly name = "memcpy";
  cpuCycles = 0;
  readonly #space: AddressSpace;
  readonly #cache: DataCache;
  readonly #cpu: Cpu;

  constructor(space: AddressSpace, cache: DataCache, cpu: Cpu) {
    this.#space = space;
    this.#cache = cache;
    this.#cpu = cpu;
  }

  *run(transfers: readonly Transfer[]): Call<void> {
    for (const transfer of transfers) {
      const cycles = this.#cyclesOf(transfer);
      this.cpuCycles += cycles;
      yield* work(cycles);
      try {
        this.#copy(transfer);
      } catch (fault) {
        if (!(fault instanceof BusFault)) throw fault;
        throw new TransferFault(fault.message);
      }
    }
  }

  #cyclesOf({ direction, destination, length }: Transfer): number {
    const lines = Math.ceil(length / this.#cache.lineSize);
    const ns = direction === "host to local"
      ? this.#space.latencyNs(pcieWindow, "read")
      : this.#space.latencyNs(direction === "local to host" ? pcieWindow : destination, "write");
    return lines * ns * this.#cpu.frequencyHz / 1e9;
  }

  #copy({ direction, source, destination, length }: Transfer): void {
    if (length === 0) return;
    if (direction === "host to local") {
      this.#cache.invalidate(destination, length);
      this.#space.write(destination, this.#space.read(pcieWindow + source, length));
      return;
    }
    this.#cache.clean(source, length);
    const to = direction === "local to host" ? pcieWindow + destination : destination;
    this.#space.write(to, this.#space.read(source, length));
  }
}
