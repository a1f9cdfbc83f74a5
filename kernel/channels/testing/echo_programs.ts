/**
 * A contract that sends a number to and fro, and two programs that do so, for whatever measures messages.
 *
 * - `echo` serves until it is killed; `asking` makes a client that ends after its round trips.
 * - Where blocks are to be passed as well, there is `kernel/testing/block_echo.ts`.
 */

import type { Endpoint, Kernel, Program } from "../../abi/kernel.ts";
import type { Contract } from "../../contracts/contract.ts";

export const echoContract = {
  name: "echo/1",
  contractName: "EchoContract",
  messages: {
    ask: { from: "client", doc: "A number", body: { value: "u32" } },
    answer: { from: "server", doc: "The same number", body: { value: "u32" } },
  },
  start: "ready",
  states: { ready: { ask: "asked" }, asked: { answer: "ready" } },
} as const satisfies Contract;

/** Serves `/test/echo`: gives back each number. */
export function* echo(kernel: Kernel): Program {
  const service = yield* kernel.register(echoContract, "/test/echo");
  for (;;) {
    const client: Endpoint<typeof echoContract, "server"> = yield* service.accept();
    for (;;) {
      const message = yield* client.receiveOrClosed();
      if (message === undefined) break;
      yield* client.send("answer", { value: message.value });
    }
    yield* client.close();
  }
}

/** A program that asks so many times, and waits for each answer. */
export const asking = (roundTrips: number) =>
  function* ask(kernel: Kernel): Program {
    const server = yield* kernel.bind(echoContract, "/test/echo");
    for (let value = 0; value < roundTrips; value++) {
      yield* server.send("ask", { value });
      yield* server.receive();
    }
    yield* server.close();
  };
