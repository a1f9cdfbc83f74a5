/**
 * What SchedBench is asked on its command line.
 *
 * `SchedBench [TEST] [-t THREADS] [-i ITERATIONS]`; all tests with the paper's 16
 * threads unless told. Plain functions, so that the wording is tested without a kernel.
 */

export const tests = ["yield", "wait", "waitany", "context", "latency"] as const;
export type TestName = typeof tests[number];

export interface Request {
  readonly tests: readonly TestName[];
  readonly threads: number;
  readonly iterations: number;
}

const usage = `usage: SchedBench [${tests.join("|")}|all] [-t THREADS] [-i ITERATIONS]`;
/** Pairs need two; a process has at most 256 threads, and main is one. */
const threadRange = { lowest: 2, highest: 128 };
const iterationRange = { lowest: 1, highest: 1_000_000 };

/** The request, or a line that says what is wrong with it. */
export function parseArguments(words: readonly string[]): Request | string {
  let names: readonly TestName[] | undefined;
  let threads = 16;
  let iterations = 1000;
  for (let index = 0; index < words.length; index++) {
    const word = words[index]!;
    if (word === "-t" || word === "-i") {
      const { lowest, highest } = word === "-t" ? threadRange : iterationRange;
      const text = words[++index] ?? "";
      const value = Number(text);
      if (text.trim() === "" || !Number.isInteger(value) || value < lowest || value > highest) {
        const what = word === "-t" ? "threads" : "iterations";
        return `Cannot run SchedBench: ${what} is "${text}", must be ${lowest} to ${highest}`;
      }
      if (word === "-t") threads = value;
      else iterations = value;
      continue;
    }
    const name = tests.find((known) => known === word);
    if (names !== undefined || (name === undefined && word !== "all")) {
      return `Cannot run SchedBench: "${word}" is not expected; ${usage}`;
    }
    names = name === undefined ? tests : [name];
  }
  return { tests: names ?? tests, threads, iterations };
}
