/**
 * What an idle process costs the host: its compartment, its kernel objects, its pipes.
 *
 * The program is compiled once; each process is an instance of its own, asleep for ever. The
 * garbage is collected before both looks at the host's heap, so that the difference is what
 * the processes keep.
 */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { assert } from "@std/assert";
import { buildSample } from "../compiler/sample_programs.ts";
import { Bench } from "../testing/bench.ts";

const processes = 200;
const bytesMax = 64 * 1024;

Deno.test("an idle process costs the host less than 64 KiB", () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const used = () => {
    for (let round = 0; round < 4; round++) collect();
    const { heapUsed, external } = Deno.memoryUsage();
    return heapUsed + external;
  };
  const { il } = buildSample("export default function* main(kernel) { for (;;) yield* kernel.sleep(1e15); }");
  const bench = new Bench({ keepsLog: false });
  const start = (count: number) => {
    for (let index = 0; index < count; index++) bench.startIl(il);
    bench.settle(0.01);
  };
  // What is made once, the image above all, is made here.
  start(10);
  const before = used();
  start(processes);
  const each = (used() - before) / processes;
  console.log(`an idle process: ${(each / 1024).toFixed(1)} KiB`);
  assert(each < bytesMax, `${each} bytes`);
  assert(bench.kernels[0]!.processes.running.length >= processes);
});
