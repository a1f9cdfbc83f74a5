/**
 * Host speed of message passing: round trips between two processes, contract checks on.
 *
 * The baseline is Erlang on one scheduler, where Debian's `erlang-base` is installed. The bare ones have generators,
 * requests, messages and a queue of threads, and nothing of a kernel.
 * - Run with `deno bench -A kernel/channels/`. Each iteration is `roundTrips` round trips; `deno task messages` compares
 *   the fastest runs of each.
 */

import { Bench } from "../testing/bench.ts";
import { bareRoundTrips } from "./testing/bare_messages.ts";
import { asking, askingIl, echo, echoIl } from "./testing/echo_programs.ts";
import { Erlang } from "./testing/erlang.ts";

const roundTrips = 10_000;
const group = "messages";

const erlang = await Erlang.start();
if (erlang !== undefined) {
  Deno.bench({ name: "Erlang", group, baseline: true }, async () => void await erlang.roundTrips(roundTrips));
}

const ask = asking(roundTrips);
const local = new Bench({ keepsLog: false });
local.start(echo);
Deno.bench({ name: "local round trips", group }, () => local.run(ask));

const remote = new Bench({ domains: 2, keepsLog: false });
remote.start(echo, { on: 1 });
Deno.bench({ name: "remote round trips (memcpy)", group }, () => remote.run(ask));

const compiledAsk = askingIl(roundTrips);
const compiled = new Bench({ keepsLog: false });
compiled.startIl(echoIl);
Deno.bench({ name: "local round trips of compiled programs", group }, () => compiled.runIl(compiledAsk));

Deno.bench(
  { name: "bare generators and requests", group, baseline: erlang === undefined },
  () => bareRoundTrips(roundTrips),
);
