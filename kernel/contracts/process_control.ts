/**
 * What can be asked about processes that run, wherever the answer comes from.
 *
 * The base of two contracts: that of each kernel's controller, which knows its own
 * kernel's, and that of the process manager, which knows all.
 * - A client of either may treat its endpoint as one of this contract.
 * - Tables travel as a block of JSON, an array of rows (see `SystemCalls` for their fields).
 */

import type { Contract } from "./contract.ts";

export const processControlContract = {
  name: "process-control/1",
  contractName: "ProcessControlContract",
  messages: {
    wait: { from: "client", doc: "Wants the end of a process", body: { pid: "u32" } },
    exited: {
      from: "server",
      doc: "It has ended; `fault` is empty after a normal end",
      body: { status: "i32", fault: "string" },
    },
    kill: { from: "client", doc: "Ends a process", body: { pid: "u32" } },
    killed: { from: "server", doc: "It has ended" },
    processes: { from: "client", doc: "Wants the processes that it knows (ProcessRow)" },
    channels: { from: "client", doc: "Wants the channels that it knows (ChannelRow)" },
    scheduler: { from: "client", doc: "Wants what the schedulers of its kernels counted (SchedulerRow)" },
    heap: { from: "client", doc: "Wants the use of the exchange heaps that it knows (HeapRow)" },
    transfers: { from: "client", doc: "Wants what has crossed between its kernels and others (TransferRow)" },
    rows: { from: "server", doc: "The table, as JSON", body: { json: "bytes" } },
    failed: { from: "server", doc: "It cannot be done", body: { reason: "string" } },
  },
  start: "ready",
  states: {
    ready: {
      wait: "waiting",
      kill: "killing",
      processes: "listing",
      channels: "listing",
      heap: "listing",
      scheduler: "listing",
      transfers: "listing",
    },
    waiting: { exited: "ready", failed: "ready" },
    killing: { killed: "ready", failed: "ready" },
    listing: { rows: "ready", failed: "ready" },
  },
} as const satisfies Contract;
