/**
 * The pipe: bytes in one direction, as standard input and output.
 *
 * The client writes, the server reads. A write is answered when the reader took
 * it, so a writer never runs more than one block ahead.
 * Closing the client's end is end of input; closing the server's tells the
 * writer that nobody reads any more.
 */

import type { Contract } from "./contract.ts";

export const pipeContract = {
  name: "pipe/1",
  contractName: "PipeContract",
  messages: {
    write: { from: "client", doc: "Bytes for the reader", body: { data: "bytes" } },
    written: { from: "server", doc: "The reader took all of them" },
  },
  start: "ready",
  states: {
    ready: { write: "writing" },
    writing: { written: "ready" },
  },
} as const satisfies Contract;
