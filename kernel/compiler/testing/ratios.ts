/**
 * Prints what accounting costs, as a table of ratios: `deno task ratios`.
 *
 * The forms of a workload take turns, so that what else the machine does hits them alike, and of each the
 * fastest run counts; only ratios within one run of this program mean anything. Each workload is loaded
 * five times, as now and then the host compiles one form badly for good.
 * - Sampling costs more when a program's busiest lines are among the sampled ones, so each load puts the program's
 *   memory elsewhere, and the mean of the five counts, bad luck with the host's compiler included. Each is compared
 *   with the plain form of its own load: a neighbour that slows one of the loads slows both.
 * - Aims: over the six judged workloads a geometric mean of 1.15 and none over 1.5, and in a compartment
 *   at most 1.10 times as long as outside; with cache sampling a mean of 1.8.
 */

import { type WorkloadRun, workloadRun } from "./workload_runs.ts";
import { otherWorkloads } from "./other_workloads.ts";
import { workloads } from "./workloads.ts";

/** Runs before the clock counts, and for how long it does: the host compiles hot code in steps. */
const warmMs = 400;
const measuredMs = 600;
const loads = 5;
/** How far apart the loads' memories begin; one line in 32 is sampled. */
const linesBetweenLoads = 13;

interface Times {
  readonly plain: number;
  readonly accounted: number;
  readonly outside: number;
  readonly sampled: number;
}

interface Measured {
  readonly plain: number;
  readonly accounted: number;
  readonly outside: number;
  /** Times the plain form, the mean over where the memory is. */
  readonly samplingRatio: number;
}

/** The fastest run of each form. */
function measure(load: (lines: number) => WorkloadRun): Measured {
  const runs = Array.from({ length: loads }, (_, count) => fastest(load(count * linesBetweenLoads)));
  const least = (form: keyof Times) => Math.min(...runs.map((times) => times[form]));
  return {
    ...{ plain: least("plain"), accounted: least("accounted"), outside: least("outside") },
    samplingRatio: geometricMean(runs.map(({ sampled, plain }) => sampled / plain)),
  };
}

function fastest({ plain, accounted, outside, sampled }: WorkloadRun): Times {
  const best = { plain: Infinity, accounted: Infinity, outside: Infinity, sampled: Infinity };
  const forms = Object.entries({ plain, accounted, outside, sampled }) as [keyof Times, () => unknown][];
  const start = performance.now();
  for (let now = start; now - start < warmMs + measuredMs;) {
    for (const [form, run] of forms) {
      const before = now;
      run();
      now = performance.now();
      if (before - start >= warmMs) best[form] = Math.min(best[form], now - before);
    }
  }
  return best;
}

function geometricMean(numbers: readonly number[]): number {
  return Math.exp(numbers.reduce((sum, number) => sum + Math.log(number), 0) / numbers.length);
}

function line(name: string, ...cells: readonly string[]): void {
  console.log(name.padEnd(20) + cells.map((cell) => cell.padStart(14)).join(""));
}

line("workload", "plain ms", "accounted ms", "ratio", "in/outside", "sampled");
const judged: Measured[] = [];
for (const workload of [...workloads, ...otherWorkloads]) {
  const times = measure((lines) => workloadRun(workload, lines));
  const isJudged = workloads.includes(workload);
  if (isJudged) judged.push(times);
  const { plain, accounted, outside, samplingRatio } = times;
  const ratios = [accounted / plain, accounted / outside, samplingRatio].map((ratio) => ratio.toFixed(2));
  line(isJudged ? workload.name : `(${workload.name})`, plain.toFixed(2), accounted.toFixed(2), ...ratios);
}
const mean = geometricMean(judged.map(({ plain, accounted }) => accounted / plain));
const inside = geometricMean(judged.map(({ accounted, outside }) => accounted / outside));
const withSampling = geometricMean(judged.map(({ samplingRatio }) => samplingRatio));
line("geometric mean", "", "", mean.toFixed(2), inside.toFixed(2), withSampling.toFixed(2));
