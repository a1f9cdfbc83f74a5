/**
 * Host speed of message passing: round trips between two processes, contract checks on.
 *
 * The baseline is a bare trampoline: two generators that hand a value to and fro, which
 * is the least that two programs written as generators can cost.
 * - Run with `deno bench -A kernel/channels/`. Each iteration is `roundTrips` round trips.
 */

import { Bench } from "../testing/bench.ts";
import { asking, askingIl, echo, echoIl } from "./testing/echo_programs.ts";

const roundTrips = 10_000;

const ask = asking(roundTrips);
const local = new Bench({ cpusPerDomain: 2 });
local.start(echo);
Deno.bench({ name: "local round trips", group: "messages" }, () => local.run(ask));

const compiledAsk = askingIl(roundTrips);
const compiled = new Bench({ keepsLog: false });
compiled.startIl(echoIl);
Deno.bench(
  { name: "local round trips of compiled programs", group: "messages" },
  () => compiled.runIl(compiledAsk),
);

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
