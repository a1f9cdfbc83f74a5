/**
 * Prints what accounting costs, as a table of ratios: `deno task ratios`.
 *
 * The forms of a workload take turns, so that what else the machine does hits them alike, and of each the
 * fastest run counts; only ratios within one run of this program mean anything.
 * - Aims: over the six judged workloads a geometric mean of 1.15 and none over 1.5, and in a compartment
 *   at most 1.10 times as long as outside.
 */

import { type WorkloadRun, workloadRuns } from "./workload_runs.ts";

/** Runs before the clock counts, and for how long it does: the host compiles hot code in steps. */
const warmMs = 400;
const measuredMs = 1500;

interface Times {
  readonly plain: number;
  readonly accounted: number;
  readonly outside: number;
}

function measure({ plain, accounted, outside }: WorkloadRun): Times {
  const forms = [plain, accounted, outside];
  const best = forms.map(() => Infinity);
  const start = performance.now();
  for (let now = start; now - start < warmMs + measuredMs;) {
    forms.forEach((form, index) => {
      const before = now;
      form();
      now = performance.now();
      if (before - start >= warmMs) best[index] = Math.min(best[index] ?? Infinity, now - before);
    });
  }
  const [plainMs = NaN, accountedMs = NaN, outsideMs = NaN] = best;
  return { plain: plainMs, accounted: accountedMs, outside: outsideMs };
}

function geometricMean(numbers: readonly number[]): number {
  return Math.exp(numbers.reduce((sum, number) => sum + Math.log(number), 0) / numbers.length);
}

function line(name: string, ...cells: readonly string[]): void {
  console.log(name.padEnd(20) + cells.map((cell) => cell.padStart(14)).join(""));
}

line("workload", "plain ms", "accounted ms", "ratio", "in/outside");
const judged: Times[] = [];
for (const run of workloadRuns()) {
  const times = measure(run);
  if (run.isJudged) judged.push(times);
  const { plain, accounted, outside } = times;
  const ratios = [accounted / plain, accounted / outside].map((ratio) => ratio.toFixed(2));
  line(run.isJudged ? run.name : `(${run.name})`, plain.toFixed(2), accounted.toFixed(2), ...ratios);
}
const mean = geometricMean(judged.map(({ plain, accounted }) => accounted / plain));
const inside = geometricMean(judged.map(({ accounted, outside }) => accounted / outside));
line("geometric mean", "", "", mean.toFixed(2), inside.toFixed(2));
