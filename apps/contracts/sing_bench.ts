/**
 * What SingBench's processes say to each other: a word or a block, there and back.
 *
 * The benchmark serves the name; whoever binds to it is the echo. That way a child
 * process needs no name of its own, wherever its manifest puts it.
 * - `end` sends the echo home; closing the channel does as well.
 */

import type { Contract } from "../../kernel/contracts/contract.ts";

export const singBenchContract = {
  name: "sing-bench/1",
  contractName: "SingBenchContract",
  messages: {
    ping: { from: "server", doc: "A message without anything in it" },
    pong: { from: "client", doc: "The same back" },
    data: { from: "server", doc: "A block", body: { data: "bytes" } },
    invert: { from: "server", doc: "A block whose bits are all to be turned over", body: { data: "bytes" } },
    back: { from: "client", doc: "The block, or its copy, back", body: { data: "bytes" } },
    end: { from: "server", doc: "No more messages will come" },
  },
  start: "ready",
  states: {
    ready: { ping: "pinged", data: "holding", invert: "holding", end: "over" },
    pinged: { pong: "ready" },
    holding: { back: "ready" },
    over: {},
  },
} as const satisfies Contract;
