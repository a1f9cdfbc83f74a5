/**
 * What bursts cost on one CPU, and the books of the processes that they are charged to.
 *
 * A burst is the program's own cycles, the call that ends it, and what the kernel did for the thread before it.
 * - Cycles are read before it is known whether the burst can end here; only `count` writes them down.
 * - Cache misses take the time of memory, which does not scale with the cost of instructions.
 */

import {
  type Charge,
  chargeOf,
  chargeOfRequest,
  cyclesOf,
  instructionCharge,
  workCharge,
} from "../calls/kernel_call.ts";
import type { Request } from "../calls/kernel_call.ts";
import type { Cpu, CpuCaches, KernelPrimitive } from "../hal/hardware.ts";
import type { Process } from "../process/process.ts";
import type { Thread } from "./thread.ts";

export class BurstMeter {
  readonly #cpu: Cpu;
  /** By the charge of a request, the entry into the kernel included where there is one. */
  readonly #charges = new Float64Array(workCharge + 1);
  /** What the CPU's caches had counted when the burst began. */
  #l1Misses = 0;
  #l2Misses = 0;
  #stallCycles = 0;

  constructor(cpu: Cpu, costs: Readonly<Record<KernelPrimitive, number>>) {
    this.#cpu = cpu;
    this.#charges[chargeOf(undefined)] = this.#charges[workCharge] = costs.kernelCall;
    for (const [name, cycles] of Object.entries(costs)) {
      const charge: Charge = chargeOf(name as KernelPrimitive);
      this.#charges[charge] = costs.kernelCall + cycles;
      this.#charges[charge + instructionCharge] = cpu.instructionCostScale * cycles;
    }
  }

  /** A burst of a process begins. */
  begin({ instance }: Process): void {
    const { caches } = this.#cpu;
    if (caches === undefined) return;
    instance?.runOn(caches);
    this.#noteMisses(caches);
  }

  /** Cycles of the program since its last burst. */
  programCycles(process: Process): number {
    const { caches, instructionCostScale } = this.#cpu;
    const spent = process.untakenCycles;
    if (caches === undefined) return spent * instructionCostScale;
    const stalled = caches.stallCycles - this.#stallCycles;
    return (spent - stalled) * instructionCostScale + stalled;
  }

  /** Cycles of the call that ends a burst. */
  callCycles(request: Request | undefined): number {
    if (request === undefined) return 0;
    const charge = chargeOfRequest(request);
    return charge === workCharge ? this.#charges[charge]! + cyclesOf(request) : this.#charges[charge]!;
  }

  /** The burst is over; the next one begins. */
  count(thread: Thread, programCycles: number): void {
    const { process } = thread;
    const { counters } = process;
    const { caches } = this.#cpu;
    thread.overheadCycles = 0;
    counters.cycles += programCycles;
    process.takeCycles();
    if (caches === undefined) return;
    counters.l1Misses += caches.l1Misses - this.#l1Misses;
    counters.l2Misses += caches.l2Misses - this.#l2Misses;
    this.#noteMisses(caches);
  }

  #noteMisses({ l1Misses, l2Misses, stallCycles }: CpuCaches): void {
    this.#l1Misses = l1Misses;
    this.#l2Misses = l2Misses;
    this.#stallCycles = stallCycles;
  }
}
