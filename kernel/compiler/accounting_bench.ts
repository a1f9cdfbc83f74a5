/**
 * What accounting costs: each workload with it and without, in its compartment and outside.
 *
 * Run with `deno bench -A kernel/compiler/accounting_bench.ts`. The aims, the table of ratios and their
 * geometric mean are `accounting_ratios.ts`'s.
 */

import { workloadRuns } from "./testing/workload_runs.ts";

for (const { name, accounted, plain, outside } of workloadRuns()) {
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
