/**
 * Host speed of message passing: round trips between two processes, contract checks on.
 *
 * The baseline is a bare trampoline: two generators that hand a value to and fro, which
 * is the least that two programs written as generators can cost.
 * - Run with `deno bench -A kernel/channels/`. Each iteration is `roundTrips` round trips.
 */

import type { Endpoint, Kernel, Program } from "../abi/kernel.ts";
import type { Contract } from "../contracts/contract.ts";
import { Bench } from "../testing/bench.ts";

const roundTrips = 10_000;

const echoContract = {
  name: "bench-echo/1",
  contractName: "BenchEchoContract",
  messages: {
    ask: { from: "client", doc: "A number", body: { value: "u32" } },
    answer: { from: "server", doc: "The same number", body: { value: "u32" } },
  },
  start: "ready",
  states: { ready: { ask: "asked" }, asked: { answer: "ready" } },
} as const satisfies Contract;

function* echo(kernel: Kernel): Program {
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

function* ask(kernel: Kernel): Program {
  const server = yield* kernel.bind(echoContract, "/test/echo");
  for (let value = 0; value < roundTrips; value++) {
    yield* server.send("ask", { value });
    yield* server.receive();
  }
  yield* server.close();
}

const local = new Bench({ cpusPerDomain: 2 });
local.start(echo);
Deno.bench({ name: "local round trips", group: "messages" }, () => local.run(ask));

const remote = new Bench({ domains: 2 });
remote.start(echo, { on: 1 });
Deno.bench({ name: "remote round trips (memcpy)", group: "messages" }, () => remote.run(ask));

Deno.bench({ name: "bare generators", group: "messages", baseline: true }, () => {
  function* party(): Generator<number, void, number> {
    for (let value = 0;;) value = yield value + 1;
  }
  const [client, server] = [party(), party()];
  let value = Number(client.next().value) + Number(server.next().value);
  for (let turn = 0; turn < roundTrips; turn++) {
    value = Number(client.next(value).value);
    value = Number(server.next(value).value);
  }
});
