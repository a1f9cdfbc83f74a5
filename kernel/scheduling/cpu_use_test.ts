/**
 * CPU use: over the last second of virtual time, told to the coordinator when it places a program.
 */

import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import type { Kernel, PlacementRow, Program } from "../abi/kernel.ts";
import { kernelControlContract } from "../contracts/kernel_control.ts";
import { Bench } from "../testing/bench.ts";

const cyclesPerMs = 2e6;

/** Works `busyMs` of every `periodMs`, for so long. */
function worker(bench: Bench, busyMs: number, periodMs: number, forMs: number) {
  return function* works(kernel: Kernel): Program {
    for (let passed = 0; passed < forMs; passed += periodMs) {
      bench.work(busyMs * cyclesPerMs);
      yield* kernel.sleep((periodMs - busyMs) * 1e6);
    }
  };
}

const useOf = (bench: Bench, kernel = 0) => bench.kernels[kernel]!.cpuUse;

Deno.test("a kernel that is idle has no CPU use, and one that was busy long ago has none either", () => {
  const bench = new Bench();
  assert(useOf(bench) < 0.01);
  bench.start(worker(bench, 300, 301, 301));
  bench.settle(0.3);
  assertAlmostEquals(useOf(bench), 0.3, 0.01);
  bench.settle(0.5);
  assertAlmostEquals(useOf(bench), 0.3, 0.01);
  bench.settle(0.35);
  assertAlmostEquals(useOf(bench), 0.15, 0.012);
  bench.settle(5);
  assertEquals(useOf(bench), 0);
});

for (const [busyMs, periodMs] of [[1, 4], [5, 10], [30, 40], [350, 400]] as const) {
  Deno.test(`${busyMs} ms of work in every ${periodMs} ms are ${busyMs / periodMs} of the CPU`, () => {
    const bench = new Bench();
    bench.start(worker(bench, busyMs, periodMs, 4000));
    bench.settle(2);
    assertAlmostEquals(useOf(bench), busyMs / periodMs, 0.04);
  });
}

Deno.test("one of two busy CPUs is half of the kernel, and both are all of it", () => {
  const bench = new Bench({ cpusPerDomain: 2 });
  bench.start(worker(bench, 3000, 3001, 3001), { name: "First" });
  bench.settle(1.5);
  assertAlmostEquals(useOf(bench), 0.5, 0.01);
  bench.start(worker(bench, 3000, 3001, 3001), { name: "Second" });
  bench.settle(1.2);
  assertAlmostEquals(useOf(bench), 1, 0.01);
});

Deno.test("a burst that is still running counts for what has passed of it", () => {
  const bench = new Bench();
  bench.settle(2);
  bench.start(worker(bench, 5000, 5001, 5001));
  bench.settle(0.25);
  assertAlmostEquals(useOf(bench), 0.25, 0.01);
  bench.settle(3);
  assertEquals(useOf(bench), 1);
});

Deno.test("the use is in whole thousandths", () => {
  const bench = new Bench();
  bench.start(worker(bench, 1, 7, 4000));
  bench.settle(1.234);
  const use = useOf(bench);
  assertEquals(use, Math.round(use * 1000) / 1000);
});

Deno.test("placement asks each kernel for its use at that moment, also one that has long been silent", () => {
  const bench = new Bench({ domains: 3 });
  for (const [on, { row }] of bench.kernels.entries()) {
    bench.start(function* control(kernel) {
      yield* kernel.register(kernelControlContract, row.path);
      yield* kernel.sleep(60e9);
    }, { on });
  }
  const placements: { kernel: string; sums: number[] }[] = [];
  bench.start(function* places(kernel) {
    for (let count = 0; count < 3; count++) {
      yield* kernel.sleep(3e9);
      const { kernel: chosen, steps } = yield* kernel.system!.place(`<application name="A" source="a.ts"/>`);
      placements.push({ kernel: chosen, sums: steps.map(({ sum }: PlacementRow) => sum) });
    }
  }, { privileged: true });
  // Busy at the first placement, and at the second another one.
  bench.start(worker(bench, 2900, 2901, 2901), { on: 0 });
  bench.start(worker(bench, 2000, 2001, 2001), { on: 1 });
  bench.settle(3.1);
  bench.start(worker(bench, 4000, 4001, 4001), { on: 1 });
  bench.start(worker(bench, 1500, 3000, 3000), { on: 2 });
  bench.settle(20);
  const [first, second, third] = placements;
  assertEquals(first!.kernel, "numa1");
  assertAlmostEquals(first!.sums[0]!, 0.9, 0.02);
  assertEquals(first!.sums.slice(1), [0, 0]);
  assertEquals([second!.kernel, second!.sums[1]], ["coordinator", 1]);
  assertEquals(third, { kernel: "coordinator", sums: [0, 0, 0] });
});
