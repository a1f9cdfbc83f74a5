/**
 * SingBench: what each operation of the kernel costs, measured by a program in virtual time.
 *
 * `SingBench [--json]`; lines in the order of Singularity's benchmark. Message lines are half
 * round trips, to a thread of the process and to child processes (Figure 5 of the paper).
 * - `--json` prints one object `{"command": "SingBench", "rows": [...]}`, at the end.
 * - One SingBench runs at a time: its name in the namespace can be registered once.
 */

import { isKernelError } from "../../kernel/abi/errors.ts";
import type { Kernel, Program, Service } from "../../kernel/abi/kernel.ts";
import type { ProgramDeclaration } from "../../kernel/abi/program.ts";
import { writeText } from "../../kernel/abi/text.ts";
import { processManagerContract } from "../../kernel/contracts/process_manager.ts";
import { singBenchContract } from "../contracts/sing_bench.ts";
import { childProcesses } from "./children.ts";
import type { Row } from "./measure.ts";
import { sendWithin } from "./messages.ts";
import { ownOperations } from "./own_operations.ts";

export const program = {
  name: "SingBench",
  doc: "Measures what the kernel's operations and messages cost",
  endpoints: [processManagerContract],
  services: [{ contract: singBenchContract, path: "/service/singbench" }],
  parameters: [{ name: "--json", doc: "One object with all rows, at the end" }],
} as const satisfies ProgramDeclaration;

const usage = "usage: SingBench [--json]";

export default function* main(kernel: Kernel): Program {
  const unknown = kernel.arguments.find((word) => word !== "--json");
  if (unknown !== undefined) {
    yield* writeText(kernel, kernel.stdout, `Cannot measure: "${unknown}" is not an option; ${usage}\n`);
    return 1;
  }
  const isJson = kernel.arguments.length > 0;
  let service: Service<typeof singBenchContract>;
  try {
    service = yield* kernel.register(singBenchContract, "/service/singbench");
  } catch (error) {
    if (!isKernelError(error) || error.code !== "AlreadyRegistered") throw error;
    yield* writeText(kernel, kernel.stdout, "Cannot measure: another SingBench is at it\n");
    return 1;
  }
  if (!isJson) yield* writeText(kernel, kernel.stdout, line("OPERATION", "BYTES", "PEER", "KERNEL", "NS"));
  const rows: Row[] = [];
  for (const group of [ownOperations, sendWithin, childProcesses]) {
    const measured = yield* group(kernel, service);
    rows.push(...measured);
    if (!isJson) yield* writeText(kernel, kernel.stdout, measured.map(tableLine).join(""));
  }
  if (isJson) {
    yield* writeText(kernel, kernel.stdout, `${JSON.stringify({ command: "SingBench", rows })}\n`);
  }
  yield* service.deregister();
}

function tableLine({ operation, bytes, peer, kernel, nanoseconds }: Row): string {
  return line(operation, bytes === 0 ? "" : `${bytes}`, peer, kernel, `${Math.round(nanoseconds)}`);
}

function line(operation: string, bytes: string, peer: string, kernel: string, nanoseconds: string): string {
  const words = `${operation.padEnd(34)}${bytes.padStart(6)}  ${peer.padEnd(12)}${kernel.padEnd(13)}`;
  return `${words}${nanoseconds.padStart(8)}\n`;
}
