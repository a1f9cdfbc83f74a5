/**
 * Loading programs: from intermediate language to an instance, through the image cache.
 *
 * Phase two runs when a kernel first loads a program for its ISA; the image is kept by
 * the hash of the IL (DESIGN section 5).
 */

import type { CompilationTarget } from "../compiler/costs.ts";
import { ImageCache } from "../compiler/image_cache.ts";
import { instantiate } from "../compiler/instantiate.ts";
import { type HostMemory, MemoryAccounts } from "../compiler/private_heap.ts";
import type { Isa } from "../hal/hardware.ts";
import { memoryQuotaDefault } from "../placement/manifest.ts";
import type { ProgramLoader } from "../process/process.ts";

/**
 * Cycles that a program may spend without calling the kernel: one second at 2 GHz. A program that loops
 * for ever ends then, before the person at the console gives up on the emulator.
 */
const burstCyclesMax = 2e9;

/**
 * A loader with a cache of its own; throws CompileError for a program that is refused. Without the host's
 * memory, a program is ended only for what counting alone makes certain: one allocation beyond its quota.
 */
export function createProgramLoader(host?: HostMemory): ProgramLoader {
  const cache = new ImageCache();
  const accounts = new MemoryAccounts(host);
  const targets = new Map<string, CompilationTarget>();
  return (il, isa, memory, quota = memoryQuotaDefault) => {
    const isSampled = memory !== undefined;
    const key = `${isa.name} ${isSampled}`;
    const target = targets.get(key) ?? targetOf(isa, isSampled);
    targets.set(key, target);
    const instance = instantiate(cache.image(il, target), memory, accounts.open(quota));
    instance.setLimit(burstCyclesMax);
    return instance;
  };
}

/** What phase two needs to know of an ISA. */
export function targetOf(isa: Isa, isSampled = false): CompilationTarget {
  const cycles = Object.entries(isa.operations).map(([operation, cost]) => [operation, cost.cycles] as const);
  const counts = Object.entries(isa.instructions).map(([operation, { count }]) =>
    [operation, count] as const
  );
  const costs = Object.fromEntries(cycles);
  const instructions = isSampled ? Object.fromEntries(counts) : undefined;
  return { isa: isa.name, costs, instructions, isSampled } as CompilationTarget;
}
