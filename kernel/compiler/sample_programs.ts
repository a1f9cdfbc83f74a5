/**
 * Compiles and runs programs given as text, for the tests and benchmarks of the compiler.
 *
 * - Sources are a record from path to text; the entry is "apps/sample/main.ts". A main module that
 *   declares no program is given the declaration of one, behind its last line.
 * - `runSample` answers each kernel call with what its request's `answer` says, and collects the
 *   requests; a sample makes requests with the `ask` of the kernel it is given.
 */

import type { CompilationTarget } from "./costs.ts";
import type { Image } from "./image.ts";
import { instantiate, type ProgramInstance } from "./instantiate.ts";
import { harden } from "./lockdown.ts";
import { buildIl, type Il } from "./phase_one.ts";
import { compileIl } from "./phase_two.ts";

export const sampleEntry = "apps/sample/main.ts";

/** A machine on which each operation costs one cycle, and a byte a hundredth. */
export const plainTarget: CompilationTarget = {
  isa: "plain",
  costs: {
    ...{ integer: 1, multiply: 1, divide: 1, load: 1, store: 1, branch: 1, call: 1, allocation: 1 },
    ...{ floatingPoint: 1, floatingDivide: 1, kernelCall: 1, bulkByte: 0.01, collectedByte: 0 },
  },
  instructions: {
    ...{ integer: 1, multiply: 1, divide: 1, load: 1, store: 1, branch: 1, call: 1, allocation: 1 },
    ...{ floatingPoint: 1, floatingDivide: 1, kernelCall: 1, bulkByte: 0.25, collectedByte: 0 },
  },
  isSampled: false,
};

/** The same with its loads and stores of typed arrays sampled. */
export const sampledTarget: CompilationTarget = { ...plainTarget, isSampled: true };

export type Sources = Readonly<Record<string, string>>;

export function sampleIl(sources: string | Sources): string {
  return buildSample(sources).il;
}

/** Phase one of a sample; `readOther` gives the files that are not among the sources. */
export function buildSample(
  sources: string | Sources,
  entry = sampleEntry,
  readOther: (path: string) => string | undefined = () => undefined,
): Il {
  const files: Sources = typeof sources === "string" ? { [entry]: sources } : sources;
  return buildIl(entry, (path) => path === entry ? declared(files[path]) : files[path] ?? readOther(path));
}

function declared(text: string | undefined): string | undefined {
  if (text === undefined || /\bexport\b[^;]*\bprogram\b/.test(text)) return text;
  return `${text}\nexport const program = { name: "Sample", doc: "A sample" };`;
}

export function sampleImage(sources: string | Sources, target: CompilationTarget = plainTarget): Image {
  return compileIl(sampleIl(sources), target);
}

/** The kernel that samples see: `yield* kernel.ask(answer)` gives `answer` back. */
export function sampleKernel(): object {
  return harden({
    *ask(answer: unknown): Generator<unknown, unknown, unknown> {
      return yield harden({ answer });
    },
  });
}

export interface SampleRun {
  readonly instance: ProgramInstance;
  readonly result: unknown;
  readonly requests: readonly unknown[];
  readonly cycles: number;
}

/** Runs a sample's main function to its end. */
export function runSample(
  sources: string | Sources,
  target: CompilationTarget = plainTarget,
  cyclesMax?: number,
): SampleRun {
  const instance = instantiate(sampleImage(sources, target));
  if (cyclesMax !== undefined) instance.setLimit(cyclesMax);
  return { instance, ...finish(instance) };
}

export function finish(
  instance: ProgramInstance,
): { readonly result: unknown; readonly requests: readonly unknown[]; readonly cycles: number } {
  const start = instance.readCycles();
  const thread = instance.start(sampleKernel());
  const requests: unknown[] = [];
  let step = thread.next();
  while (!step.done) {
    const { answer } = step.value as { readonly answer: unknown };
    requests.push(answer);
    step = thread.next(answer);
  }
  return { result: step.value, requests, cycles: instance.readCycles() - start };
}
