/**
 * Figure 9: the ratio that the paper prints, and that costs in the machine file move it as counted.
 *
 * Each run is a whole machine with SchedBench on it; fewer yields than `bench fig9` has are enough, since
 * time is proportional to them.
 * - What a change of a cost does to the time is foretold from the counters of the run without it: all
 *   CPUs are busy all the time, so cycles that each operation takes more are shared among them.
 */

import { assert, assertEquals, fail } from "@std/assert";
import type { SchedulerRow } from "../../kernel/abi/kernel.ts";
import { benchFigure, formatResult } from "./bench.ts";
import { elapsedNs, fig9, oneKernel, twoKernels } from "./fig9.ts";
import type { Figure } from "./figure.ts";
import { figures } from "./figures.ts";
import { type MachineFile, runScenario, type Scenario } from "./scenario.ts";

const yields = 3000;
const cyclesPerNs = 2;
const cpus = 4;

Deno.test("two kernels on 2 CPUs each need 0.32 of the time of one kernel on 4, within 10 %", () => {
  // As many yields as `bench fig9` has: starting the second program takes the coordinator's CPUs meanwhile.
  const one = runScenario(oneKernel(5000), 1);
  const two = runScenario(twoKernels(5000), 1);
  assertEquals([one.counters.length, two.counters.length], [1, 2]);
  assertEquals(two.counters.map(({ cpus }) => cpus), [2, 2]);
  const ratio = elapsedNs(two) / elapsedNs(one);
  assert(ratio > 0.9 * 0.32 && ratio < 1.1 * 0.32, `${ratio}`);
});

Deno.test("without announcements, as in the RDK, the lock alone leaves a gain of less than two, and a yield interrupts nobody", () => {
  const quiet = (scenario: Scenario) => runScenario({ ...scenario, balancer: "wake-last" }, 1);
  const [one, two] = [quiet(oneKernel(yields)), quiet(twoKernels(yields))];
  const ratio = elapsedNs(two) / elapsedNs(one);
  assert(ratio > 0.5 && ratio < 0.65, `${ratio}`);
  assert(one.counters[0]!.ipisSent < 100, `${one.counters[0]!.ipisSent}`);
});

/** What the operations that a scheduler counts cost on the machine as it ships. */
const shippedCosts = {
  dispatchLock: 223,
  ipiSend: 80,
  interruptEntry: 300,
  interruptExit: 120,
  contextSwitch: 274,
};
type Costs = typeof shippedCosts;

/** Cycles of all CPUs that went into scheduling, by the kernel's own counters. */
function countedCycles(row: SchedulerRow, costs: Costs): number {
  return row.contextSwitches * costs.contextSwitch + row.lockTransfers * costs.dispatchLock +
    row.lockSpinCycles + row.handOverCycles + row.ipisSent * costs.ipiSend + row.ipiWaitCycles +
    row.ipisTaken * (costs.interruptEntry + costs.interruptExit);
}

/** Runs with one cost changed, under `announce`; checks what became of the time against the counters. */
function checkChange(
  change: (machine: MachineFile) => void,
  costs: Partial<Costs>,
  extraCycles: (counters: SchedulerRow) => number,
): void {
  const base = runScenario(oneKernel(yields), 1);
  const changed = runScenario(oneKernel(yields, change), 1);
  const [before, after] = [elapsedNs(base), elapsedNs(changed)];
  const [rowBefore, rowAfter] = [base.counters[0]!, changed.counters[0]!];
  // To first order: longer ways make more waits, and longer interrupts fewer spins.
  assertForetold({ before, after, expected: before + extraCycles(rowBefore) / cpus / cyclesPerNs }, 0.35);
  // And once it has run, the counters of both account for the difference, but for what the order of dispatches moves.
  const counted = countedCycles(rowAfter, { ...shippedCosts, ...costs }) -
    countedCycles(rowBefore, shippedCosts);
  const share = (after - before) / (counted / cpus / cyclesPerNs);
  assert(Math.abs(share - 1) < 0.1, `${after - before} ns more, the counters account for ${share} of them`);
}

/** The change is large enough to see, and as large as foretold, within `tolerance` of it. */
function assertForetold(
  { before, after, expected }: { before: number; after: number; expected: number },
  tolerance: number,
): void {
  assert(expected > 1.05 * before, `${before} ns would only become ${expected} ns`);
  const share = (after - before) / (expected - before);
  assert(Math.abs(share - 1) < tolerance, `${before} ns became ${after} ns, foretold were ${expected} ns`);
}

const primitive = (name: keyof Costs, value: number) => ({ host }: MachineFile): void => {
  host.primitives = { ...host.primitives, [name]: { value, source: "test" } };
};

Deno.test("a slower way for IPIs lengthens the run by their waits, as the kernel counted them", () => {
  const slower = ({ host }: MachineFile) => host.interrupts.ipiSameDomainNs = 617 + 200;
  checkChange(slower, {}, ({ ipiWaits }) => ipiWaits * 200 * cyclesPerNs);
});

Deno.test("a dearer interrupt entry lengthens the run by the IPIs taken, as the kernel counted them", () => {
  const change = primitive("interruptEntry", 700);
  checkChange(change, { interruptEntry: 700 }, ({ ipisTaken }) => ipisTaken * 400);
});

Deno.test("a dearer ICR write lengthens the run by the IPIs that no wait hides, as the kernel counted them", () => {
  const change = primitive("ipiSend", 680);
  checkChange(change, { ipiSend: 680 }, ({ ipisSent, ipiWaits }) => (ipisSent - ipiWaits) * 600);
});

Deno.test("a dearer dispatch lock lengthens the run by its fetches, as the kernel counted them", () => {
  const lockOf = (value: number) => ({ host }: MachineFile) => {
    host.primitives = { dispatchLock: { value, source: "test" } };
  };
  const scenario = { ...oneKernel(yields), balancer: "wake-last", change: lockOf(20) };
  const base = runScenario(scenario, 1);
  const changed = runScenario({ ...scenario, change: lockOf(60) }, 1);
  const { lockTransfers } = base.counters[0]!;
  const before = elapsedNs(base);
  const expected = before + lockTransfers * 40 / cpus / cyclesPerNs;
  assertForetold({ before, after: elapsedNs(changed), expected }, 0.15);
});

Deno.test("a saturated dispatch lock serialises the yields: the run takes as long as all holds of it", () => {
  const change = ({ host }: MachineFile) => {
    host.primitives = { dispatchLock: { value: 1000, source: "test" } };
  };
  const run = runScenario({ ...oneKernel(yields), balancer: "wake-last", change }, 1);
  const { lockTransfers, lockSpinCycles } = run.counters[0]!;
  const held = lockTransfers * 1000 / cyclesPerNs;
  const share = elapsedNs(run) / held;
  assert(share > 0.95 && share < 1.15, `${elapsedNs(run)} ns, and the lock was held for ${held} ns`);
  assert(lockSpinCycles > lockTransfers * 1000, `${lockSpinCycles} cycles spun`);
});

Deno.test("a run with the same seed gives the same event log each time", () => {
  const hashOf = (seed: number) => runScenario(twoKernels(20), seed).eventLogHash;
  assertEquals(hashOf(1), hashOf(1));
});

// ---------------------------------------------------------------- the runner

Deno.test("a figure's result has the paper's number beside ours, the deviation, and what a run is told by", () => {
  const figure: Figure = {
    name: "fig0",
    title: "A test",
    runs: new Map([["a run", twoKernels(10)]]),
    rows: (measured) => [
      { label: "kernels", unit: "kernels", paper: 4, ours: measured("a run").counters.length },
      { label: "CPUs", unit: "CPUs", paper: null, ours: 4 },
    ],
    plot: () => fail("no picture was asked for"),
  };
  const told: string[] = [];
  const { hostSeconds, virtualSeconds, eventLogHash, ...result } = benchFigure(figure, 7, (progress) => {
    told.push(`${progress.runsDone}/${progress.runs} ${progress.virtualSeconds}`);
  });
  assertEquals(result, {
    command: "bench",
    figure: "fig0",
    title: "A test",
    rows: [
      { label: "kernels", unit: "kernels", paper: 4, ours: 2, deviation: -0.5 },
      { label: "CPUs", unit: "CPUs", paper: null, ours: 4, deviation: null },
    ],
    seed: 7,
  });
  assertEquals(told, ["0/1 0"]);
  assert(hostSeconds > 0 && virtualSeconds > 0 && /^[0-9a-f]{64}$/.test(eventLogHash));
  const text = formatResult({ ...result, hostSeconds, virtualSeconds, eventLogHash });
  assert(text.includes("kernels  kernels      4  2.000    -50.0 %"), text);
});

Deno.test("every figure has a name of its own and rows only of runs that it has", () => {
  assertEquals(new Set(figures.map(({ name }) => name)).size, figures.length);
  const line = "yield: 16 threads x 1: 1.0 ns each, from 0 to 16 ns";
  const rows = fig9.rows((run) => {
    assert(fig9.runs.has(run), run);
    return { lines: [line], counters: [], virtualSeconds: 1, eventLogHash: "" };
  });
  assertEquals(rows.filter(({ paper }) => paper !== null).map(({ paper }) => paper), [0.32]);
  for (const cpus of [1, 2, 8, 16]) assert(rows.some(({ label }) => label === `one kernel, ${cpus} CPUs`));
});
