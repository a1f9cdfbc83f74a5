/**
 * The process manager: programs by name, wherever they are to run.
 *
 * It lives beside the coordinator kernel, knows every manifest, asks the kernel
 * for a placement (Figure 3) and has the chosen kernel's controller start the process.
 * - One channel serves one request at a time; `wait` is answered when the process
 *   ends, so use a channel of its own for each process that is waited for.
 * - Arguments are one string, separated by line feeds.
 * - Tables travel as a block of JSON, an array of rows (see `SystemCalls` for their fields).
 */

import type { Contract } from "./contract.ts";
import { pipeContract } from "./pipe.ts";

export const processManagerContract = {
  name: "process-manager/1",
  contractName: "ProcessManagerContract",
  messages: {
    run: {
      from: "client",
      doc: "Starts a program where its manifest wants it",
      body: {
        program: "string",
        arguments: "string",
        stdin: { endpoint: pipeContract, end: "server" },
        stdout: { endpoint: pipeContract, end: "client" },
      },
    },
    started: { from: "server", doc: "It runs there", body: { pid: "u32", kernel: "string" } },
    wait: { from: "client", doc: "Wants the end of a process", body: { pid: "u32" } },
    exited: {
      from: "server",
      doc: "It has ended; `fault` is empty after a normal end",
      body: { status: "i32", fault: "string" },
    },
    kill: { from: "client", doc: "Ends a process", body: { pid: "u32" } },
    killed: { from: "server", doc: "It has ended" },
    processes: { from: "client", doc: "Wants all processes of all kernels (ProcessRow)" },
    channels: { from: "client", doc: "Wants all channels (ChannelRow)" },
    kernels: { from: "client", doc: "Wants all kernels (KernelRow)" },
    rows: { from: "server", doc: "The table, as JSON", body: { json: "bytes" } },
    manifest: { from: "client", doc: "Wants a program's manifest", body: { program: "string" } },
    text: { from: "server", doc: "The manifest, as XML", body: { text: "bytes" } },
    explain: {
      from: "client",
      doc: "Wants the placement of a program and how it was found (PlacementRow)",
      body: { program: "string" },
    },
    placement: {
      from: "server",
      doc: "The kernel chosen, and the passes as JSON",
      body: { kernel: "string", json: "bytes" },
    },
    shutdown: {
      from: "client",
      doc: "Ends everything in order, then halts the machine",
      body: { status: "i32" },
    },
    failed: { from: "server", doc: "It cannot be done", body: { reason: "string" } },
  },
  start: "ready",
  states: {
    ready: {
      run: "starting",
      wait: "waiting",
      kill: "killing",
      processes: "listing",
      channels: "listing",
      kernels: "listing",
      manifest: "reading",
      explain: "placing",
      shutdown: "ending",
    },
    starting: { started: "ready", failed: "ready" },
    waiting: { exited: "ready", failed: "ready" },
    killing: { killed: "ready", failed: "ready" },
    listing: { rows: "ready", failed: "ready" },
    reading: { text: "ready", failed: "ready" },
    placing: { placement: "ready", failed: "ready" },
    ending: { failed: "ready" },
  },
} as const satisfies Contract;
