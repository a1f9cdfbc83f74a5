/**
 * Figure 9: 16 threads that yield, on one kernel with 4 CPUs and on two kernels with 2 CPUs each.
 *
 * The program is SchedBench, the balancer the one that the paper's text describes; docs/scheduling.md tells
 * what is fitted and what follows.
 * - The paper's threads yield a million times. Time is proportional to the number after some hundred yields,
 *   so fewer are run, and times are given for each yield.
 * - The predictions go from 1 to 16 CPUs in two sockets, on one kernel and on two.
 */

import type { Figure, FigureRow } from "./figure.ts";
import { plotYields } from "./fig9_plot.ts";
import type { MachineFile, Measured, Scenario } from "./scenario.ts";

const threads = 16;
const yieldsOfPaper = 5000;
const yieldsOfPredictions = 3000;
const cpusMax = 16;
/** What two CPUs cost each other: in one socket, and in two (hardware-reference.md 6.5; `opteron-numa`). */
const near = { ipiNs: 350, lockCycles: 120 };
const far = { ipiNs: 750, lockCycles: 275 };

const common = { balancer: "announce", services: false, awaited: "yield:", virtualSecondsMax: 60 } as const;
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

/** All threads on one kernel that spans both sockets. */
export function oneKernel(yields: number, change?: (machine: MachineFile) => void): Scenario {
  return {
    ...common,
    machine: "opteron-interleaved",
    ...(change === undefined ? {} : { change }),
    programs: [schedBench("SchedBench", threads, yields, 0)],
  };
}

/** Half of the threads on the kernel of each domain. */
export function twoKernels(yields: number, change?: (machine: MachineFile) => void): Scenario {
  return {
    ...common,
    machine: "opteron-numa",
    ...(change === undefined ? {} : { change }),
    programs: [
      schedBench("SchedBench", threads / 2, yields, 1),
      schedBench("SchedBenchAway", threads / 2, yields, -1),
    ],
  };
}

/** An affinity of 1 to the process manager is to the coordinator, one of -1 to the other kernel. */
function schedBench(name: string, threads: number, yields: number, affinity: number) {
  return {
    name,
    manifest: "SchedBench",
    arguments: `yield -t ${threads} -i ${yields}`,
    affinities: { ProcessManagerContract: affinity },
  };
}

/** So many CPUs in two sockets under one kernel: a CPU's IPIs and lock fetches cost the mean over the others. */
function withCpus(count: number): (machine: MachineFile) => void {
  const inSocket = Math.ceil(count / 2) - 1;
  const others = Math.max(1, count - 1);
  const mean = (figure: keyof typeof near) =>
    (inSocket * near[figure] + (others - inSocket) * far[figure]) / others;
  return ({ host }) => {
    host.cpus = range(0, count - 1).map((apicId) => ({ apicId, domain: 0 }));
    host.interrupts.ipiSameDomainNs = mean("ipiNs");
    host.primitives = { dispatchLock: mean("lockCycles") };
  };
}

const withCpusInDomains = (count: number) => ({ host }: MachineFile): void => {
  host.cpus = range(0, count - 1).map((apicId) => ({ apicId, domain: apicId < count / 2 ? 0 : 1 }));
};

const onOne = (cpus: number) => `one kernel, ${cpus} CPUs`;
const onTwo = (cpus: number) => `two kernels, ${cpus / 2} CPUs each`;
const paperOne = "one kernel on 4 CPUs";
const paperTwo = "two kernels on 2 CPUs each";
const ratioLabel = "time on two kernels over time on one";
const [seriesOne, seriesTwo] = ["one kernel", "two kernels"] as const;

function runs(): Map<string, Scenario> {
  const all = new Map([[paperOne, oneKernel(yieldsOfPaper)], [paperTwo, twoKernels(yieldsOfPaper)]]);
  for (const cpus of range(1, cpusMax)) {
    all.set(onOne(cpus), oneKernel(yieldsOfPredictions, withCpus(cpus)));
    if (cpus % 2 === 0) all.set(onTwo(cpus), twoKernels(yieldsOfPredictions, withCpusInDomains(cpus)));
  }
  return all;
}

/** Virtual time from the first signal to the last thread's end, on the kernel that took longer. */
export function elapsedNs({ lines }: Measured): number {
  return Math.max(...lines.map((line) => {
    const [, from, to] = /from (\d+) to (\d+) ns/.exec(line) ?? [];
    if (to === undefined) throw new Error(`SchedBench printed "${line}"`);
    return Number(to) - Number(from);
  }));
}

/** How a run's yields went: the time for each, and what the schedulers counted for each. */
function rowsOf(label: string, measured: Measured): FigureRow[] {
  const yields = threads * yieldsOfPaper;
  const sum = (counter: "ipisSent" | "ipiWaitCycles" | "lockTransfers" | "lockSpinCycles") =>
    measured.counters.reduce((total, row) => total + row[counter], 0) / yields;
  const explained = [["IPIs sent", sum("ipisSent")], [
    "cycles waited to send",
    sum("ipiWaitCycles"),
  ]] as const;
  const locked = [["lock fetches", sum("lockTransfers")], ["cycles spun", sum("lockSpinCycles")]] as const;
  return [
    { label, unit: "ns per yield", paper: null, ours: elapsedNs(measured) / yields },
    ...[...explained, ...locked].map(([what, ours]) => ({
      label: `${label}: ${what}`,
      unit: "per yield",
      paper: null,
      ours,
    })),
  ];
}

export const fig9: Figure = {
  name: "fig9",
  title: "Scheduling: 16 threads that yield, on one kernel and on two",
  runs: runs(),
  rows(measured) {
    const perYield = (run: string) => elapsedNs(measured(run)) / (threads * yieldsOfPredictions);
    const ratio = elapsedNs(measured(paperTwo)) / elapsedNs(measured(paperOne));
    return [
      ...rowsOf(paperOne, measured(paperOne)),
      ...rowsOf(paperTwo, measured(paperTwo)),
      // "68 % faster", and "greater than 2x": a time reduction (helios-reference.md section 1).
      { label: ratioLabel, unit: "ratio", paper: 0.32, ours: ratio },
      ...range(1, cpusMax).flatMap((cpus): FigureRow[] => {
        const row = (label: string, series: string) => {
          return { label, unit: "ns per yield", paper: null, ours: perYield(label), series, x: cpus };
        };
        const one = row(onOne(cpus), seriesOne);
        if (cpus % 2 === 1) return [one];
        const two = row(onTwo(cpus), seriesTwo);
        return [one, two, {
          label: `${cpus} CPUs: two kernels over one`,
          unit: "ratio",
          paper: null,
          ours: two.ours / one.ours,
        }];
      }),
    ];
  },
  plot(rows) {
    const { ours, paper } = rows.find(({ label }) => label === ratioLabel)!;
    return plotYields(rows, [seriesOne, seriesTwo], [
      { kernels: paperOne, share: 1, paper: null },
      { kernels: paperTwo, share: ours, paper },
    ]);
  },
};
