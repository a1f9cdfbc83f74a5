/**
 * Kernel control: what each kernel's controller process offers in the namespace.
 *
 * A satellite registers at `/kernels/<name>` when it has booted; launching a
 * process on it is a message to this service (paper, section 3.3).
 * - The name of the service's platform is what platform affinities are matched to.
 * - The image of a program travels with the launch, as blocks: a satellite needs no
 *   file system to start its first process.
 */

import type { Contract } from "./contract.ts";
import { pipeContract } from "./pipe.ts";
import { processControlContract } from "./process_control.ts";

export const kernelControlContract = {
  name: "kernel-control/1",
  contractName: "KernelControlContract",
  base: processControlContract,
  messages: {
    launch: {
      from: "client",
      doc: "Starts a process on this kernel; `device` is empty unless it is a driver",
      body: {
        manifest: "bytes",
        il: "bytes",
        arguments: "string",
        device: "string",
        stdin: { endpoint: pipeContract, end: "server" },
        stdout: { endpoint: pipeContract, end: "client" },
      },
    },
    launched: { from: "server", doc: "It runs", body: { pid: "u32" } },
    devices: { from: "client", doc: "Wants the PCI functions that this kernel found" },
  },
  start: "ready",
  states: {
    ready: { launch: "launching", devices: "listing" },
    launching: { launched: "ready", failed: "ready" },
  },
} as const satisfies Contract;
