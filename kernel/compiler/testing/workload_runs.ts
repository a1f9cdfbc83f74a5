/**
 * Workloads ready to run: with their accounting and as plain JavaScript, in compartments and outside.
 *
 * - All forms are given the library's names as constants and the same kernel, so they differ in nothing
 *   but what they are compared for. The metering of the library is there in all of them; plain code is
 *   not charged.
 * - Each form runs the program's main function once and gives what it returns, which is the same for all.
 */

import { unitsOf } from "../costs.ts";
import { runInThisContext } from "node:vm";
import { readSource } from "../../../hw/host/program_files.ts";
import { allowedNames } from "../allowed_names.ts";
import { CompartmentScript } from "../compartment_script.ts";
import type { Image } from "../image.ts";
import { instantiate } from "../instantiate.ts";
import { surroundings } from "../lockdown.ts";
import { setRunning } from "../payer.ts";
import { buildIl } from "../phase_one.ts";
import { compileIl } from "../phase_two.ts";
import type { ImageControl, ImageSurroundings } from "../prelude.ts";
import type { MemorySurroundings } from "../prelude_memory.ts";
import { CpuCaches } from "../../../hw/cpu/cache.ts";
import type { KernelMemory } from "../../memory/layout.ts";
import { ProgramMemory } from "../../memory/program_memory.ts";
import { ProcessLimits } from "../process_limits.ts";
import { plainTarget, sampleEntry, sampleIl } from "../sample_programs.ts";
import type { Workload } from "./workloads.ts";

const burstCyclesMax = 1e12;

export interface WorkloadRun {
  readonly name: string;
  readonly accounted: () => unknown;
  /** The same, with loads and stores of typed arrays sampled into the caches of a K8. */
  readonly sampled: () => unknown;
  readonly plain: () => unknown;
  /** The accounted code, evaluated by the host as its own. */
  readonly outside: () => unknown;
}

type Main = (kernel: object) => Iterator<unknown, unknown>;

/** Loads a workload afresh; its memory, where it is sampled, begins behind so many lines. */
export function workloadRun(workload: Workload, lines = 0): WorkloadRun {
  const { name, size, source } = workload;
  const input = workload.makeInput?.(size);
  const il = source === undefined ? buildIl("apps/antivirus/main.ts", readSource).il : sampleIl({
    "apps/sample/workload.ts": source,
    [sampleEntry]: `
      import { run } from "./workload.ts";
      export default function* main(kernel) {
        return run(kernel.size, kernel.input);
      }`,
  });
  const kernel = input !== undefined && source === undefined ? oneMailKernel(input) : { size, input };
  const image = compileIl(il, { ...plainTarget, instructions: undefined });
  const instance = instantiate(image);
  instance.setLimit(burstCyclesMax);
  const main = plainMain(il);
  return {
    name,
    accounted: () => instance.start(kernel).next().value,
    sampled: sampledRun(il, kernel, lines),
    plain: () => main(kernel).next().value,
    outside: outsideRun(image, kernel),
  };
}

/** A K8's L1 and L2, with 60 ns of local memory behind them. */
const caches = {
  l1: { sizeKiB: 64, ways: 2, lineBytes: 64, hitCycles: 3 },
  l2: { sizeKiB: 1024, ways: 16, lineBytes: 64, hitCycles: 12 },
  missesAtOnce: 1,
};
const memoryBytes = 64 << 20;

function sampledRun(il: string, kernel: object, lines: number): () => unknown {
  const cpu = new CpuCaches(caches, { frequencyHz: 2e9, memoryLatencyNs: () => 60 });
  const programs = { base: (1 << 28) + lines * caches.l1.lineBytes, size: memoryBytes };
  const layout = { heap: { base: 1 << 28, size: 0 }, programs } as KernelMemory;
  const image = compileIl(il, { ...plainTarget, isSampled: true });
  const instance = instantiate(image, new ProgramMemory(layout, 0, cpu));
  instance.setLimit(burstCyclesMax);
  instance.runOn(cpu);
  return () => instance.start(kernel).next().value;
}

/** The program's main function without accounting. */
function plainMain(il: string): Main {
  const body = il.replace("export default", "return");
  const make = new CompartmentScript(
    `(($e)=>{const{${[...allowedNames].join()}}=$e.library;${body}})`,
    "sample",
  ).evaluate() as (
    given: ImageSurroundings,
  ) => Main;
  return make(surroundings({ stop: () => new Error("never"), memory: memory() }));
}

function memory(): MemorySurroundings {
  return new ProcessLimits("workload").surroundings();
}

function outsideRun(image: Image, kernel: object): () => unknown {
  const make = runInThisContext(image.body) as (given: ImageSurroundings) => ImageControl;
  const control = make(surroundings({ stop: () => new Error("the budget is spent"), memory: memory() }));
  control.begin(unitsOf(burstCyclesMax));
  const main = control.load() as Main;
  return () => {
    control.begin(unitsOf(burstCyclesMax));
    const before = setRunning(control);
    try {
      return main(kernel).next().value;
    } finally {
      setRunning(before);
    }
  };
}

/** A kernel call that is answered at once. */
function* answer<T>(value: T): Generator<unknown, T> {
  yield* [];
  return value;
}

/** A kernel with one client for the antivirus, which has one mail; the main function gives the verdict. */
function oneMailKernel(mail: Uint8Array): object {
  let verdict = "none";
  let left = 1;
  const client = {
    receiveOrClosed: () => answer(left-- > 0 ? { data: { bytes: mail } } : undefined),
    send: (message: string) => answer(void (verdict = message)),
    close: () => answer(undefined),
  };
  const service = {
    *accept(): Generator<unknown, unknown> {
      // The second client never comes: what the thread yields ends the run.
      if (left < 1) yield verdict;
      return client;
    },
  };
  return {
    register: () => {
      left = 1;
      return answer(service);
    },
    createThread: (body: () => Generator<unknown, void>) => body(),
    yieldCpu: () => answer(undefined),
    free: () => answer(undefined),
  };
}
