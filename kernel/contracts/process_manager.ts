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
import { processControlContract } from "./process_control.ts";

export const processManagerContract = {
  name: "process-manager/1",
  contractName: "ProcessManagerContract",
  base: processControlContract,
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
    kernels: { from: "client", doc: "Wants all kernels (KernelRow)" },
    restart: { from: "client", doc: "Starts a satellite kernel again", body: { kernel: "string" } },
    restarted: { from: "server", doc: "It is up, and its drivers run" },
    manifest: { from: "client", doc: "Wants a program's manifest", body: { program: "string" } },
    text: { from: "server", doc: "The manifest, as XML", body: { text: "bytes" } },
    explain: {
      from: "client",
      doc: "Wants the placement of a program and how it was found (PlacementRow)",
      body: { program: "string" },
    },
    placement: {
      from: "server",
      doc: "The kernel chosen, the passes as JSON, and contracts of affinities that nobody serves, by line",
      body: { kernel: "string", json: "bytes", unserved: "string" },
    },
    shutdown: {
      from: "client",
      doc: "Ends everything in order, then halts the machine",
      body: { status: "i32" },
    },
  },
  start: "ready",
  states: {
    ready: {
      run: "starting",
      kernels: "listing",
      restart: "restarting",
      manifest: "reading",
      explain: "placing",
      shutdown: "ending",
    },
    starting: { started: "ready", failed: "ready" },
    restarting: { restarted: "ready", failed: "ready" },
    reading: { text: "ready", failed: "ready" },
    placing: { placement: "ready", failed: "ready" },
    ending: { failed: "ready" },
  },
} as const satisfies Contract;
