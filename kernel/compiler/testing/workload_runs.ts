/**
 * Workloads ready to run: with their accounting and as plain JavaScript, in compartments and outside.
 *
 * - All forms are given the library's names as constants and the same kernel, so they differ in nothing
 *   but what they are compared for. The metering of the library is there in all of them; plain code is
 *   not charged.
 * - Each form runs the program's main function once and gives what it returns, which is the same for all.
 */

import { runInThisContext } from "node:vm";
import { readSource } from "../../../hw/host/program_files.ts";
import { allowedNames } from "../allowed_names.ts";
import type { Image } from "../image.ts";
import { instantiate } from "../instantiate.ts";
import { evaluateAlone, surroundings } from "../lockdown.ts";
import { setRunning } from "../payer.ts";
import { buildIl } from "../phase_one.ts";
import { compileIl } from "../phase_two.ts";
import type { ImageControl, ImageSurroundings } from "../prelude.ts";
import type { MemorySurroundings } from "../prelude_memory.ts";
import { ProcessLimits } from "../process_limits.ts";
import { plainTarget, sampleEntry, sampleIl } from "../sample_programs.ts";
import type { Workload } from "./workloads.ts";

const burstCyclesMax = 1e12;

export interface WorkloadRun {
  readonly name: string;
  readonly accounted: () => unknown;
  readonly plain: () => unknown;
  /** The accounted code, evaluated by the host as its own. */
  readonly outside: () => unknown;
}

type Main = (kernel: object) => Iterator<unknown, unknown>;

/** Loads a workload afresh. */
export function workloadRun(workload: Workload): WorkloadRun {
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
    plain: () => main(kernel).next().value,
    outside: outsideRun(image, kernel),
  };
}

/** The program's main function without accounting. */
function plainMain(il: string): Main {
  const body = il.replace("export default", "return");
  const make = evaluateAlone(`(($e)=>{const{${[...allowedNames].join()}}=$e.library;${body}})`) as (
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
  control.begin(burstCyclesMax);
  const main = control.load() as Main;
  return () => {
    control.begin(burstCyclesMax);
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
  };
}
