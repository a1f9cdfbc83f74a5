/**
 * Turns between two threads of SchedBench: one is told to go on, and answers.
 *
 * For its test with many threads, where one waits for whichever answers first: that takes
 * channels, since a thread can wait for one event only. The other tests have events, as the RDK's.
 */

import type { Contract } from "../../kernel/contracts/contract.ts";

export const turnContract = {
  name: "turn/1",
  contractName: "TurnContract",
  messages: {
    go: { from: "client", doc: "Go on" },
    done: { from: "server", doc: "It did, and waits again" },
  },
  start: "waiting",
  states: { waiting: { go: "running" }, running: { done: "waiting" } },
} as const satisfies Contract;
