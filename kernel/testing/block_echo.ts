/**
 * A service that gives blocks back, for tests in which its clients, its kernel or itself may die.
 *
 * - What a client asks carries a block and a string, so there is something to leak on both ways.
 * - `serveSome` gives its name up by itself, so that a load registers and deregisters all the time.
 */

import type { Call, Endpoint, Kernel } from "../abi/kernel.ts";
import type { Contract } from "../contracts/contract.ts";

export const echoContract = {
  name: "echo/1",
  contractName: "EchoContract",
  messages: {
    ask: { from: "client", doc: "Some bytes", body: { bytes: "bytes", text: "string" } },
    answer: { from: "server", doc: "The same", body: { bytes: "bytes" } },
  },
  start: "open",
  states: { open: { ask: "asked" }, asked: { answer: "open" } },
} as const satisfies Contract;

const clientsMax = 4;
const clientTimeoutNs = 4e5;

/** Answers one client until it closes. */
export function* answerAll(client: Endpoint<typeof echoContract, "server">): Call<void> {
  for (;;) {
    const request = yield* client.receiveOrClosed();
    if (request === undefined) break;
    yield* client.send("answer", { bytes: request.bytes });
  }
  yield* client.close();
}

/** Serves a name until four clients are gone, or none comes for 0.4 ms. */
export function* serveSome(
  kernel: Kernel,
  path: string,
  attributes?: Readonly<Record<string, string>>,
): Call<void> {
  const service = yield* kernel.register(echoContract, path, attributes);
  for (let count = 0; count < clientsMax; count++) {
    const event = yield* kernel.select({ service }, clientTimeoutNs);
    if (event.on !== "service") break;
    yield* answerAll(event.endpoint);
  }
  yield* service.deregister();
}
