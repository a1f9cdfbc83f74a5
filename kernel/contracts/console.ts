/**
 * The console: who reads what is typed, and whose output is shown.
 *
 * The console driver owns the serial port. It writes what is typed to the input
 * pipe attached last, and shows what arrives on every output pipe that is attached.
 * - Bytes pass as they are: line editing is the reader's business.
 * - When the terminal hangs up, the input pipe is closed: end of input.
 */

import type { Contract } from "./contract.ts";
import { pipeContract } from "./pipe.ts";

export const consoleContract = {
  name: "console/1",
  contractName: "ConsoleContract",
  messages: {
    attachInput: {
      from: "client",
      doc: "Typed bytes go here from now on",
      body: { input: { endpoint: pipeContract, end: "client" } },
    },
    attachOutput: {
      from: "client",
      doc: "Bytes from here are shown",
      body: { output: { endpoint: pipeContract, end: "server" } },
    },
    attached: { from: "server", doc: "It is attached" },
    failed: { from: "server", doc: "Too many pipes are attached" },
  },
  start: "ready",
  states: {
    ready: { attachInput: "attaching", attachOutput: "attaching" },
    attaching: { attached: "ready", failed: "ready" },
  },
} as const satisfies Contract;
