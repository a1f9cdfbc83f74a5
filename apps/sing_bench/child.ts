/**
 * SingBench's child process: an echo, on the kernel that its manifest asks for.
 *
 * Three programs are it, with a manifest each: near.ts, far.ts and card.ts.
 * - Exit status 1 when no benchmark waits for it.
 */

import { isKernelError } from "../../kernel/abi/errors.ts";
import type { Kernel, Program } from "../../kernel/abi/kernel.ts";
import { writeText } from "../../kernel/abi/text.ts";
import { singBenchContract } from "../contracts/sing_bench.ts";
import { echo } from "./echo.ts";

const bindTimeoutNs = 1e9;

export function* child(kernel: Kernel): Program {
  try {
    yield* echo(yield* kernel.bind(singBenchContract, "/service/singbench", bindTimeoutNs));
  } catch (error) {
    if (!isKernelError(error) || error.code !== "TimedOut") throw error;
    yield* writeText(kernel, kernel.stdout, "Cannot echo: no SingBench waits; start SingBench instead\n");
    return 1;
  }
}
