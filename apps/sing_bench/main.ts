/**
 * SingBench: what each operation of the kernel costs, measured by a program in virtual time.
 *
 * `SingBench [--json]`; lines in the order of Singularity's benchmark. Message lines are half
 * round trips, to a thread of the process and to child processes (Figure 5 of the paper).
 * - All is measured before anything is printed: the console's interrupts would be measured, too.
 * - `--json` prints one object `{"command": "SingBench", "rows": [...]}`.
 * - One SingBench runs at a time: its name in the namespace can be registered once.
 */

import { isKernelError } from "../../kernel/abi/errors.ts";
import type { Kernel, Program, Service } from "../../kernel/abi/kernel.ts";
import type { ProgramDeclaration } from "../../kernel/abi/program.ts";
import { writeText } from "../../kernel/abi/text.ts";
import { processManagerContract } from "../../kernel/contracts/process_manager.ts";
import { singBenchContract } from "../contracts/sing_bench.ts";
import { childMessages, processCreate } from "./children.ts";
import type { Row } from "./measure.ts";
import { sendWithin, switchReceive } from "./messages.ts";
import { kernelObjects, processorOperations } from "./own_operations.ts";

export const program = {
  name: "SingBench",
  doc: "Measures what the kernel's operations and messages cost",
  endpoints: [processManagerContract],
  services: [{ contract: singBenchContract, path: "/service/singbench" }],
  parameters: [{ name: "--json", doc: "One object with all rows" }],
} as const satisfies ProgramDeclaration;

const usage = "usage: SingBench [--json]";
/** What the shell has printed about the start has left the serial line by then, at a tenth of a ms for each byte. */
const settleNs = 20e6;
const groups = [
  processorOperations,
  sendWithin,
  childMessages,
  switchReceive,
  kernelObjects,
  processCreate,
] as const;

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
  yield* kernel.sleep(settleNs);
  const rows: Row[] = [];
  for (const group of groups) rows.push(...(yield* group(kernel, service, rows)));
  yield* service.deregister();
  const text = isJson ? `${JSON.stringify({ command: "SingBench", rows })}\n` : table(rows);
  yield* writeText(kernel, kernel.stdout, text);
}

function table(rows: readonly Row[]): string {
  const lines = rows.map(({ operation, bytes, peer, kernel, cycles, nanoseconds }) =>
    line(operation, bytes === 0 ? "" : `${bytes}`, peer, kernel, [cycles, nanoseconds].map(rounded))
  );
  return [line("OPERATION", "BYTES", "PEER", "KERNEL", ["CYCLES", "NS"]), ...lines].join("");
}

const rounded = (value: number): string => `${Math.round(value)}`;

function line(
  operation: string,
  bytes: string,
  peer: string,
  kernel: string,
  figures: readonly string[],
): string {
  const words = `${operation.padEnd(30)}${bytes.padStart(6)}  ${peer.padEnd(11)}${kernel.padEnd(12)}`;
  return `${words}${figures.map((figure) => figure.padStart(9)).join("")}\n`;
}
