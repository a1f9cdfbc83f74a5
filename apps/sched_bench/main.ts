/**
 * SchedBench: how long scheduling takes, after the RDK's benchmark of that name.
 *
 * `yield` is the one of the paper's Figure 9: threads that call yield in a loop, time
 * divided by threads and iterations. `wait` has pairs of threads wake each other,
 * `waitany` one that waits for any of many, `context` shares CPUs among computing
 * threads, `latency` computes among sleepers (a tenth of the iterations, as it is slow).
 * - Times are virtual, as the kernel's clock tells them. It measures the kernel that it runs on.
 */

import type { Call, Kernel, Program } from "../../kernel/abi/kernel.ts";
import type { ProgramDeclaration } from "../../kernel/abi/program.ts";
import { writeText } from "../../kernel/abi/text.ts";
import { processManagerContract } from "../../kernel/contracts/process_manager.ts";
import { parseArguments, type Request, type TestName } from "./command_line.ts";
import { contextTest, latencyTest } from "./computing.ts";
import { describeSpan, describeTimes } from "./statistics.ts";
import { waitAnyTest, waitTest, yieldTest } from "./turns.ts";

export const program = {
  name: "SchedBench",
  doc: "Measures how long yields, wake-ups and shared CPUs take on its kernel",
  // It asks nothing of it: an affinity to the process manager is one to the coordinator.
  endpoints: [processManagerContract],
  parameters: [
    { name: "TEST", doc: "yield, wait, waitany, context or latency; all without it" },
    { name: "-t THREADS", doc: "How many threads, 2 to 128; 16 without it" },
    { name: "-i ITERATIONS", doc: "What each thread does, 1 to 1000000 times; 1000 without it" },
  ],
} as const satisfies ProgramDeclaration;

export default function* main(kernel: Kernel): Program {
  const request = parseArguments(kernel.arguments);
  if (typeof request === "string") {
    yield* writeText(kernel, kernel.stdout, `${request}\n`);
    return 1;
  }
  for (const test of request.tests) {
    if (!(yield* writeText(kernel, kernel.stdout, yield* run(kernel, test, request)))) return 1;
  }
  return 0;
}

/** Runs a test; what it found, in lines. */
function* run(kernel: Kernel, test: TestName, request: Request): Call<string> {
  const { threads, iterations } = request;
  switch (test) {
    case "yield":
      return describeSpan(test, request, yield* yieldTest(kernel, request), threads * iterations);
    case "wait":
      return describeSpan(test, request, yield* waitTest(kernel, request), (threads >> 1) * 2 * iterations);
    case "waitany": {
      const waitedNs = yield* waitAnyTest(kernel, request);
      const each = (waitedNs / iterations).toFixed(1);
      return `${test}: ${threads} threads x ${iterations}: ${each} ns until the first\n`;
    }
    case "context": {
      const { span, timesNs, aloneNs } = yield* contextTest(kernel, request);
      const alone = `  alone: ${aloneNs.toFixed(1)} ns\n`;
      return describeSpan(test, request, span, threads * iterations) + alone + describeTimes(timesNs);
    }
    case "latency": {
      const fewer = Math.max(1, Math.floor(iterations / 10));
      const timesNs = yield* latencyTest(kernel, { ...request, iterations: fewer });
      return `${test}: ${threads} threads x ${fewer}\n${describeTimes(timesNs)}`;
    }
  }
}
