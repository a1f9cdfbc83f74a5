/**
 * Process manager: boots everything above the kernels, then starts programs by name.
 *
 * The coordinator kernel starts it as the first process. It brings up Controllers,
 * drivers and services, serves `/service/processes`, runs the Shell, and ends it all.
 * - Arguments: `--headless` serves until the power button is pressed; `--shell LINES`
 *   starts the Shell with these arguments, separated by line feeds ("" means none).
 * - With a Shell the machine ends when the Shell does, with its exit status.
 * - Nothing that fails during the boot stops it: the log says what and why.
 *
 * Paper, sections 3.3 to 3.5 and 3.7.
 */

import { fileSystemContract } from "../../../fs/contracts/file_system.ts";
import type { Call, Kernel, Program } from "../../abi/kernel.ts";
import type { ProgramDeclaration } from "../../abi/program.ts";
import { writeText } from "../../abi/text.ts";
import { consoleContract } from "../../contracts/console.ts";
import { kernelControlContract } from "../../contracts/kernel_control.ts";
import { processManagerContract } from "../../contracts/process_manager.ts";
import { bootDrivers } from "./boot_drivers.ts";
import { bootServices } from "./boot_services.ts";
import { ConsolePipes } from "./console_pipes.ts";
import { serveClients } from "./requests.ts";
import { shutDown } from "./shutdown.ts";
import { Starter } from "./starter.ts";

export const program = {
  name: "ProcessManager",
  doc: "Boots everything above the kernels, then starts programs by name",
  endpoints: [kernelControlContract, consoleContract, fileSystemContract],
  services: [{ contract: processManagerContract, path: "/service/processes" }],
  privileges: ["system"],
  parameters: [
    { name: "--headless", doc: "Serves until the power button is pressed" },
    { name: "--shell LINES", doc: "Starts the Shell with these arguments, separated by line feeds" },
  ],
} as const satisfies ProgramDeclaration;

export default function* main(kernel: Kernel): Program {
  const [mode, shellArguments] = kernel.arguments;
  const system = kernel.system;
  if (system === undefined) {
    yield* writeText(kernel, kernel.stdout, "ProcessManager: cannot boot without system privilege\n");
    return 1;
  }
  const starter = new Starter(kernel, system, yield* system.thisKernel());
  const service = yield* kernel.register(processManagerContract, "/service/processes");
  const pipes = new ConsolePipes(kernel, system);
  const server = yield* kernel.createThread(() => serveClients(starter, pipes, service));
  yield* kernel.createThread(function* (): Program {
    yield* system.powerButton();
    yield* shutDown(starter, 0);
  });
  yield* bootDrivers(starter, pipes);
  yield* bootServices(starter, pipes);
  yield* system.log("ready");
  if (mode === "--shell") yield* shutDown(starter, yield* runShell(starter, pipes, shellArguments ?? ""));
  yield* server.join();
  return 0;
}

/** Runs the Shell to its end; its exit status, or 1 when it could not run or died. */
function* runShell(starter: Starter, pipes: ConsolePipes, argumentLines: string): Call<number> {
  const program = yield* starter.find("Shell");
  const placement = typeof program === "string" ? program : yield* starter.place(program);
  let reason: string;
  if (typeof program === "string" || typeof placement === "string") {
    reason = String(placement);
  } else {
    const place = { name: placement.kernel, path: placement.path };
    const how = { ...yield* pipes.forShell("Shell"), arguments: argumentLines, device: "" };
    const started = yield* starter.launch(program, place, "program", how);
    if (typeof started !== "string") {
      const { status, fault } = yield* starter.processes.outcomeOf(started);
      if (fault === "") return status;
      if (!starter.isStopping) yield* starter.log(`Shell died: ${fault}`);
      return status === 0 ? 1 : status;
    }
    reason = started;
  }
  if (!starter.isStopping) yield* starter.log(`Cannot start Shell: ${reason}`);
  return 1;
}
