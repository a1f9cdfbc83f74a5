/**
 * SingBenchFar: SingBench's child process on the host, away from the benchmark if there is another kernel.
 *
 * What puts it there are the affinities in its manifest, which a person can edit.
 * - SingBench starts it; alone it ends with status 1.
 */

import type { Kernel, Program } from "../../kernel/abi/kernel.ts";
import type { ProgramDeclaration } from "../../kernel/abi/program.ts";
import { singBenchContract } from "../contracts/sing_bench.ts";
import { child } from "./child.ts";

export const program = {
  name: "SingBenchFar",
  doc: "SingBench's child on another kernel of the host",
  endpoints: [singBenchContract],
} as const satisfies ProgramDeclaration;

export default function* main(kernel: Kernel): Program {
  return yield* child(kernel);
}
