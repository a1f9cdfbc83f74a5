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

export const kernelControlContract = {
  name: "kernel-control/1",
  contractName: "KernelControlContract",
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
    wait: { from: "client", doc: "Wants the end of a process of this kernel", body: { pid: "u32" } },
    exited: {
      from: "server",
      doc: "It has ended; `fault` is empty after a normal end",
      body: { status: "i32", fault: "string" },
    },
    kill: { from: "client", doc: "Ends a process", body: { pid: "u32" } },
    killed: { from: "server", doc: "It has ended" },
    processes: { from: "client", doc: "Wants this kernel's processes (ProcessRow)" },
    channels: { from: "client", doc: "Wants the channels with an end on this kernel (ChannelRow)" },
    devices: { from: "client", doc: "Wants the PCI functions that this kernel found" },
    rows: { from: "server", doc: "The table, as JSON", body: { json: "bytes" } },
    failed: { from: "server", doc: "It cannot be done", body: { reason: "string" } },
  },
  start: "ready",
  states: {
    ready: {
      launch: "launching",
      wait: "waiting",
      kill: "killing",
      processes: "listing",
      channels: "listing",
      devices: "listing",
    },
    launching: { launched: "ready", failed: "ready" },
    waiting: { exited: "ready", failed: "ready" },
    killing: { killed: "ready", failed: "ready" },
    listing: { rows: "ready", failed: "ready" },
  },
} as const satisfies Contract;
