/**
 * Placement: on which kernel a process starts. Figure 3 of the paper, exactly.
 *
 * Three passes over the kernels, each keeping some; the search stops as soon as one is
 * left: (1) the preferred platform that is present, (2) the largest sum of positive
 * affinities to services that run there, (3) the sum of negative affinities nearest to
 * zero, (4) the lowest CPU use. What still ties ends at the lowest kernel number.
 * - Every instance of a service counts, on the kernel where it runs: "summing the affinity
 *   values for each service, specified by the manifest, which is executing on that
 *   satellite kernel" (section 3.7.3).
 * - A platform stands for the control services of its kernels, one on each. Wanting it is
 *   the first pass's business; not wanting it counts in the third.
 * - It explains itself: each pass reports every kernel it looked at, its sum, and
 *   whether it was kept.
 */

import type { PlacementRow } from "../abi/kernel.ts";
import type { Manifest } from "./manifest.ts";

/** A kernel that may be chosen. */
export interface Candidate {
  readonly index: number;
  readonly name: string;
  readonly platform: string;
  /** Share of its CPUs' time that was busy, 0 to 1. */
  readonly cpuUse: number;
}

/** Kernels that run a service of the contract, once for each instance. */
export type ServiceKernels = (contractName: string) => readonly number[];

export interface Placement {
  readonly kernel: Candidate;
  readonly steps: readonly PlacementRow[];
}

/** Thrown when platforms are preferred and none of them is present (section 3.7.3), and for drivers. */
export class PlacementError extends Error {
  override readonly name = "PlacementError";

  constructor(program: string, readonly reason: string) {
    super(`Cannot place ${program}: ${reason}`);
  }
}

export function place(
  manifest: Manifest,
  kernels: readonly Candidate[],
  servicesOf: ServiceKernels,
): Placement {
  if (manifest.devices.length > 0) {
    throw new PlacementError(
      manifest.name,
      "it is a driver, and runs on the kernel whose bus its device is on",
    );
  }
  const steps: PlacementRow[] = [];
  let left = platformPass(manifest, kernels, steps);
  if (left.length > 1) left = affinityPass("positive", manifest, left, servicesOf, steps);
  if (left.length > 1) left = affinityPass("negative", manifest, left, servicesOf, steps);
  if (left.length > 1) left = keepBest("cpu", left, (kernel) => -kernel.cpuUse, steps);
  const chosen = left.reduce((best, kernel) => kernel.index < best.index ? kernel : best);
  return { kernel: chosen, steps };
}

/** The platforms of the highest affinity that any kernel has. */
function platformPass(
  manifest: Manifest,
  kernels: readonly Candidate[],
  steps: PlacementRow[],
): readonly Candidate[] {
  const preferences = manifest.endpoints.filter(({ platform, affinity }) =>
    platform !== undefined && affinity > 0
  );
  if (preferences.length === 0) return kernels;
  const affinityTo = (kernel: Candidate): number =>
    preferences.reduce(
      (best, { platform, affinity }) => platform === kernel.platform ? Math.max(best, affinity) : best,
      0,
    );
  if (kernels.some((kernel) => affinityTo(kernel) > 0)) {
    return keepBest("platform", kernels, affinityTo, steps);
  }
  const wanted = preferences.map(({ platform }) => platform).join(", ");
  throw new PlacementError(manifest.name, `no kernel of platform ${wanted} is present`);
}

function affinityPass(
  pass: "positive" | "negative",
  manifest: Manifest,
  kernels: readonly Candidate[],
  servicesOf: ServiceKernels,
  steps: PlacementRow[],
): readonly Candidate[] {
  const relevant = manifest.endpoints.filter(({ affinity, platform }) =>
    pass === "positive" ? affinity > 0 && platform === undefined : affinity < 0
  );
  if (relevant.length === 0) return kernels;
  const sumOn = (kernel: Candidate): number =>
    relevant.reduce((sum, { contractName, affinity, platform }) => {
      const instances = platform === undefined
        ? servicesOf(contractName).filter((index) => index === kernel.index).length
        : Number(platform === kernel.platform);
      return sum + instances * affinity;
    }, 0);
  return keepBest(pass, kernels, sumOn, steps);
}

/** Keeps the kernels with the largest value. */
function keepBest(
  pass: PlacementRow["pass"],
  kernels: readonly Candidate[],
  valueOf: (kernel: Candidate) => number,
  steps: PlacementRow[],
): readonly Candidate[] {
  const values = kernels.map(valueOf);
  const best = Math.max(...values);
  kernels.forEach((kernel, index) => {
    // CPU use counts against a kernel, but is shown as it is.
    const sum = pass === "cpu" ? kernel.cpuUse : values[index]!;
    steps.push({ pass, kernel: kernel.name, sum, kept: values[index] === best });
  });
  return kernels.filter((_, index) => values[index] === best);
}
