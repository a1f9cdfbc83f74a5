/**
 * Turns between two threads of SchedBench: one is told to go on, and answers.
 *
 * It stands for the pairs of events of the RDK's benchmark: what is measured is how
 * long a waiting thread takes to run after another has woken it.
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
