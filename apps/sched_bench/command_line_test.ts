/**
 * SchedBench's command line and its lines of results; what it measures is tested on whole machines.
 *
 * - The tests themselves run in tests/figures and, all of them once, in tests/bench_test.ts.
 */

import { assertEquals } from "@std/assert";
import { parseArguments, tests } from "./command_line.ts";
import { describeSpan, describeTimes } from "./statistics.ts";

Deno.test("SchedBench runs all tests with 16 threads unless it is told otherwise", () => {
  assertEquals(parseArguments([]), { tests, threads: 16, iterations: 1000 });
  assertEquals(parseArguments(["all"]), parseArguments([]));
  assertEquals(parseArguments(["-i", "5", "wait", "-t", "8"]), {
    tests: ["wait"],
    threads: 8,
    iterations: 5,
  });
});

Deno.test("SchedBench refuses what it cannot do, in one line with the value", () => {
  const refused: [string[], string][] = [
    [["-t", "1"], `threads is "1", must be 2 to 128`],
    [["-t"], `threads is "", must be 2 to 128`],
    [["-i", "1.5"], `iterations is "1.5", must be 1 to 1000000`],
    [["sleep"], `"sleep" is not expected; usage: SchedBench [yield|wait|waitany|context|latency|all] `],
    [["yield", "wait"], `"wait" is not expected; usage: `],
  ];
  for (const [words, reason] of refused) {
    const line = parseArguments(words);
    assertEquals(String(line).startsWith(`Cannot run SchedBench: ${reason}`), true, String(line));
  }
});

Deno.test("a result gives the time of each operation, and when all began and ended", () => {
  const request = { tests, threads: 4, iterations: 100 };
  assertEquals(
    describeSpan("yield", request, { beganNs: 1000, endedNs: 101_000 }, 400),
    "yield: 4 threads x 100: 250.0 ns each, from 1000 to 101000 ns\n",
  );
  assertEquals(
    describeTimes([1, 2, 3]),
    "  per thread: min 1.0, max 3.0, mean 2.0, standard deviation 1.0 ns\n",
  );
});
