/**
 * What accounting costs: each workload with it and without, in its compartment and outside.
 *
 * Run with `deno bench -A kernel/compiler/accounting_bench.ts`. The aims, the table of ratios and their
 * geometric mean are `deno task ratios`'.
 */

import { otherWorkloads } from "./testing/other_workloads.ts";
import { workloadRun } from "./testing/workload_runs.ts";
import { workloads } from "./testing/workloads.ts";

for (const workload of [...workloads, ...otherWorkloads]) {
  const { name, accounted, plain, outside } = workloadRun(workload);
  Deno.bench({ name: `${name}, plain`, group: name, baseline: true }, () => {
    plain();
  });
  Deno.bench({ name: `${name}, accounted`, group: name }, () => {
    accounted();
  });
  Deno.bench({ name: `${name}, accounted, outside of a compartment`, group: name }, () => {
    outside();
  });
}
