/**
 * Runs the workloads of the accounting's price, each with its accounting and as plain JavaScript.
 *
 * Both are evaluated in compartments, with the library's names as constants, so that they differ in
 * nothing but the accounting.
 */

import { workloads } from "./bench_programs.ts";
import { allowedNames } from "./allowed_names.ts";
import { instantiate, type ProgramInstance } from "./instantiate.ts";
import { evaluateAlone, surroundings } from "./lockdown.ts";
import { plainTarget, sampleEntry, sampleIl, sampleImage } from "./sample_programs.ts";

const workloadPath = "apps/sample/workload.ts";

/** One workload in both forms; both give the same number. */
export interface WorkloadRun {
  readonly name: string;
  readonly accounted: () => unknown;
  readonly plain: () => unknown;
  readonly instance: ProgramInstance;
}

export function workloadRuns(): WorkloadRun[] {
  return Object.entries(workloads).map(([name, { size, source }]) => {
    const sources = {
      [workloadPath]: source,
      [sampleEntry]: `
        import { run } from "./workload.ts";
        export default function* main(kernel) {
          for (;;) yield* kernel.answer(run(kernel.size));
        }`,
    };
    const instance = instantiate(sampleImage(sources, plainTarget));
    instance.setLimit(1e12);
    const thread = instance.start({
      size,
      *answer(value: unknown): Generator<unknown, void, unknown> {
        yield value;
      },
    });
    const body = sampleIl(sources).replace(
      /export default \$m(\d+)\.default;/,
      (_, last) => `return $m${Number(last) - 1}.run;`,
    );
    const names = [...allowedNames].join();
    const make = evaluateAlone(`(($e)=>{const{${names}}=$e.library;${body}})`) as (
      given: object,
    ) => (size: number) => unknown;
    const run = make(surroundings(() => new Error("never")));
    return { name, instance, accounted: () => thread.next().value, plain: () => run(size) };
  });
}
