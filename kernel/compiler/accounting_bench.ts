/**
 * What accounting costs: each workload with it and without, side by side.
 *
 * Run with `deno bench -A kernel/compiler/`. The aim is at most 1.15 times plain JavaScript, as the
 * geometric mean over all workloads.
 */

import { workloadRuns } from "./workload_runs.ts";

for (const { name, accounted, plain } of workloadRuns()) {
  Deno.bench({ name: `${name}, plain`, group: name, baseline: true }, () => {
    plain();
  });
  Deno.bench({ name: `${name}, accounted`, group: name }, () => {
    accounted();
  });
}
