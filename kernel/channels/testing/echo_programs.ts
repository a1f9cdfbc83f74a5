/**
 * A contract that sends a number to and fro, and two programs that do so, for whatever measures messages.
 *
 * - `echo` serves until it is killed; `asking` makes a client that ends after its round trips.
 * - Where blocks are to be passed as well, there is `kernel/testing/block_echo.ts`.
 * - `echoIl` and `askingIl` are the same as intermediate language.
 */

import type { Endpoint, Kernel, Program } from "../../abi/kernel.ts";
import { sampleIl } from "../../compiler/sample_programs.ts";
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

export const echoIl = sampleIl(`
  const contract = ${JSON.stringify(echoContract)};
  export default function* main(kernel) {
    const service = yield* kernel.register(contract, "/test/echo");
    for (;;) {
      const client = yield* service.accept();
      for (;;) {
        const message = yield* client.receiveOrClosed();
        if (message === undefined) break;
        yield* client.send("answer", { value: message.value });
      }
      yield* client.close();
    }
  }`);

export const askingIl = (roundTrips: number) =>
  sampleIl(`
    const contract = ${JSON.stringify(echoContract)};
    export default function* main(kernel) {
      const server = yield* kernel.bind(contract, "/test/echo");
      for (let value = 0; value < ${roundTrips}; value++) {
        yield* server.send("ask", { value });
        yield* server.receive();
      }
      yield* server.close();
    }`);

/** The same with every other question asked by a generator that main waits for. */
export const nestedAskingIl = (roundTrips: number) =>
  sampleIl(`
    const contract = ${JSON.stringify(echoContract)};
    function* ask(server, value) {
      yield* server.send("ask", { value });
      return (yield* server.receive()).value;
    }
    export default function* main(kernel) {
      const server = yield* kernel.bind(contract, "/test/echo");
      for (let value = 0; value < ${roundTrips}; value += 2) {
        if ((yield* ask(server, value)) !== value) throw new Error("another answer");
        yield* server.send("ask", { value });
        if ((yield* server.receive()).value !== value) throw new Error("another answer");
      }
      yield* server.close();
    }`);
