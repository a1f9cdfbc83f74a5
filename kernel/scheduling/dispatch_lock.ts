/**
 * The dispatch lock: one per kernel, around the queues of its scheduler, in virtual time.
 *
 * Who comes while it is held spins, first come first served, and the cycles are lost.
 * - What is done under it is part of the primitives' measured costs. Its own cost (`dispatchLock`) is that of
 *   fetching its cache line from the CPU that had it last, so it is charged when that was another one; a
 *   kernel with one CPU never pays it.
 */

import { elapsed, type Instant, later } from "../hal/hardware.ts";
import type { Dispatcher } from "./dispatcher.ts";

export class DispatchLock {
  #holder: Dispatcher | undefined;
  #freeAt = 0 as Instant;
  /** How often it was taken. */
  acquisitions = 0;
  /** How often from another CPU than the last holder: each cost one `dispatchLock`. */
  transfers = 0;
  /** Cycles that CPUs waited for it. */
  spinCycles = 0;

  /** Takes it for the CPU that had it last, which costs nothing; false and nothing done for another one. */
  takeAgain(dispatcher: Dispatcher): boolean {
    if (this.#holder !== dispatcher) return false;
    this.acquisitions++;
    return true;
  }

  /** Takes it for a CPU that comes at `arrival`: cycles to spin and to fetch it. */
  take(dispatcher: Dispatcher, arrival: Instant): number {
    if (this.takeAgain(dispatcher)) return 0;
    this.acquisitions++;
    this.#holder = dispatcher;
    this.transfers++;
    const { cpu } = dispatcher;
    const hold = dispatcher.costs.dispatchLock;
    const spun = Math.max(0, elapsed(arrival, this.#freeAt)) * cpu.frequencyHz / 1e9;
    this.spinCycles += spun;
    this.#freeAt = later(arrival, cpu.duration(spun + hold));
    return spun + hold;
  }
}
