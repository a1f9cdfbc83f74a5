/**
 * All instruction sets by name: the cost tables that machine files refer to.
 *
 * The compiler and the kernels reach a table through the CPU that they work for; this
 * list serves what knows an ISA only by its name, such as the machine's assembly.
 */

import type { Cost, Isa, IsaName, KernelPrimitive } from "./isa.ts";
import { armv5te } from "./isa_armv5te.ts";
import { x86Core2 } from "./isa_x86_core2.ts";
import { x86K8 } from "./isa_x86_k8.ts";

export const isaTables: Readonly<Record<IsaName, Isa>> = {
  "x86-core2": x86Core2,
  "x86-k8": x86K8,
  armv5te,
};

/** Cycles of some kernel primitives, by name. */
export type PrimitiveCycles = { readonly [P in KernelPrimitive]?: number | undefined };

export const kernelPrimitives = Object.keys(x86K8.primitives) as readonly KernelPrimitive[];

/** The ISA of that name on a machine whose file gives some kernel primitives another cost. */
export function isaWith(name: IsaName, primitives: PrimitiveCycles): Isa {
  const isa = isaTables[name];
  const changed: Record<KernelPrimitive, Cost> = { ...isa.primitives };
  for (const primitive of kernelPrimitives) {
    const cycles = primitives[primitive];
    if (cycles !== undefined) changed[primitive] = { cycles, source: "machine file" };
  }
  return { ...isa, primitives: changed };
}
