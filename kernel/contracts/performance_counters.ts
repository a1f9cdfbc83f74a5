/**
 * Performance counters: what each kernel counted for the programs that run, or ran, on it.
 *
 * Registered per kernel at `/performance/<name>` (paper, section 2.2: kernels export performance counters;
 * `/kernels/<name>` is a service itself, and only directories hold names), so that tools and policies read them without privilege.
 * - Rows are `CounterRow`s as JSON: the running processes, then those that have ended and are remembered.
 */

import type { Contract } from "./contract.ts";

export const performanceCountersContract = {
  name: "performance-counters/1",
  contractName: "PerformanceCountersContract",
  messages: {
    read: { from: "client", doc: "Wants the counters of this kernel's processes (CounterRow)" },
    rows: { from: "server", doc: "The counters, as JSON", body: { json: "bytes" } },
    failed: { from: "server", doc: "They cannot be had", body: { reason: "string" } },
  },
  start: "ready",
  states: {
    ready: { read: "reading" },
    reading: { rows: "ready", failed: "ready" },
  },
} as const satisfies Contract;
