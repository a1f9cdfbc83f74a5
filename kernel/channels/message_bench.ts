/**
 * Host speed of message passing: round trips between two processes, contract checks on.
 *
 * The baseline has generators, requests, messages and a queue of threads, and nothing of a kernel.
 * - Run with `deno bench -A kernel/channels/`. Each iteration is `roundTrips` round trips.
 */

import { Bench } from "../testing/bench.ts";
import { bareRoundTrips } from "./testing/bare_messages.ts";
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

Deno.bench(
  { name: "bare generators and requests", group: "messages", baseline: true },
  () => bareRoundTrips(roundTrips),
);
