/**
 * The greeter: a name in, a greeting out.
 *
 * The smallest contract of a service; docs/write-a-program.md explains it line by line.
 * - One request is outstanding at a time on each channel.
 * - The greeting tells on which kernel the greeter runs.
 */

import type { Contract } from "../../kernel/contracts/contract.ts";

export const helloPath = "/service/hello";

export const helloContract = {
  name: "hello/1",
  contractName: "HelloContract",
  messages: {
    greet: {
      from: "client",
      doc: "Wants a greeting; of a long name the first 100 characters count",
      body: { name: "string" },
    },
    greeting: { from: "server", doc: "Here it is", body: { text: "string" } },
  },
  start: "ready",
  states: {
    ready: { greet: "greeted" },
    greeted: { greeting: "ready" },
  },
} as const satisfies Contract;
