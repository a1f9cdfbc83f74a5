/**
 * Orderly shutdown: programs first, then the file systems, then the power.
 *
 * Programs and services end in the reverse order of their start; those that serve
 * files come last, after everything written is on the disk.
 * - Whoever asks first decides the exit status; later requests wait for the end.
 * - A file system that does not answer within 30 s is named in the log and given up.
 */

import { isKernelError, unlessClosed } from "../../abi/errors.ts";
import type { Call, Kernel } from "../../abi/kernel.ts";
import { pipeContract } from "../../contracts/pipe.ts";
import { fileSystemContract } from "../../../fs/contracts/file_system.ts";
import type { StartedProcess } from "./process_table.ts";
import type { Starter } from "./starter.ts";

const bindTimeoutNs = 1e8;
const syncTimeoutNs = 30e9;
/** What the UART's FIFO may still hold: 16 characters of 10 bits take 1.4 ms at a PC's 115,200 baud. */
const consoleDrainNs = 2e6;

export function* shutDown(starter: Starter, status: number): Call<never> {
  if (starter.isStopping) return yield* waitForEver(starter.kernel);
  starter.isStopping = true;
  const programs = starter.processes.live.filter(({ role }) => role !== "driver");
  const servesFiles = ({ serves }: StartedProcess) => serves.includes(fileSystemContract.contractName);
  yield* end(starter, programs.filter((program) => !servesFiles(program)));
  yield* syncFileSystems(starter);
  yield* end(starter, programs.filter(servesFiles));
  yield* starter.kernel.sleep(consoleDrainNs);
  return yield* starter.system.powerOff(status);
}

function* waitForEver(kernel: Kernel): Call<never> {
  const { client } = yield* kernel.createChannel(pipeContract);
  for (;;) yield* client.receive();
}

function* end(starter: Starter, programs: readonly StartedProcess[]): Call<void> {
  for (const program of programs) {
    if (program.outcome !== undefined) continue;
    const reason = yield* starter.processes.kill(program);
    // One that ended by itself meanwhile is what was wanted.
    if (reason === undefined || program.outcome !== undefined) continue;
    yield* starter.log(`Cannot end ${program.program} on ${program.place.name}: ${reason}`);
  }
}

function* syncFileSystems(starter: Starter): Call<void> {
  const { kernel } = starter;
  for (const { path, contract } of yield* kernel.enumerate("/")) {
    if (contract !== fileSystemContract.contractName && contract !== fileSystemContract.name) continue;
    const reason = yield* sync(kernel, path);
    if (reason !== undefined) yield* starter.log(`Cannot sync the file system at ${path}: ${reason}`);
  }
}

function* sync(kernel: Kernel, path: string): Call<string | undefined> {
  try {
    const files = yield* kernel.bind(fileSystemContract, path, bindTimeoutNs);
    if (!(yield* unlessClosed(files.send("sync")))) return "it is gone";
    const event = yield* kernel.select({ files }, syncTimeoutNs);
    if (event.on === "timeout") return `it has not answered within ${syncTimeoutNs / 1e9} s`;
    if (event.on === "unsatisfiable" || event.kind === "closed") return "it is gone";
    return event.message.tag === "failed" ? event.message.code : undefined;
  } catch (error) {
    if (!isKernelError(error)) throw error;
    return error.message;
  }
}
