/**
 * Compares round trips between two processes with those of Erlang: `deno task messages`.
 *
 * Both send a number there and back, Erlang on one scheduler, Helios local on one CPU and remote between two
 * domains, contract checks on; in turn, and of each the fastest turn counts. The kernel is measured with programs
 * that are plain functions; one line shows what their accounting adds when they are compiled, and one what
 * generators and requests take without a kernel.
 * - Needs `apt-get install erlang-base`; says so and ends with status 3 where it is missing.
 */

import { Bench } from "../../testing/bench.ts";
import { bareRoundTrips } from "./bare_messages.ts";
import { asking, askingIl, echo, echoIl } from "./echo_programs.ts";
import { Erlang } from "./erlang.ts";

const roundTrips = 20_000;
const runsPerTurn = 6;
const turns = 8;

const ask = asking(roundTrips);
const compiledAsk = askingIl(roundTrips);

/** Of the fastest run: on a machine that others use, it was not disturbed. */
function fastestNs(run: () => void): number {
  let best = Infinity;
  for (let count = 0; count < runsPerTurn; count++) {
    const start = performance.now();
    run();
    best = Math.min(best, (performance.now() - start) * 1e6 / roundTrips);
  }
  return best;
}

async function fastestOfErlang(erlang: Erlang): Promise<number> {
  let best = Infinity;
  for (let count = 0; count < runsPerTurn; count++) {
    best = Math.min(best, await erlang.roundTrips(roundTrips));
  }
  return best;
}

const erlang = await Erlang.start();
if (erlang === undefined) {
  console.log("skipped: there is no Erlang here (apt-get install erlang-base)");
  Deno.exit(3);
}
const local = new Bench({ keepsLog: false });
local.start(echo);
const remote = new Bench({ domains: 2, keepsLog: false });
remote.start(echo, { on: 1 });
const compiled = new Bench({ keepsLog: false });
compiled.startIl(echoIl);
const runs = {
  Erlang: () => fastestOfErlang(erlang),
  local: () => fastestNs(() => local.run(ask)),
  remote: () => fastestNs(() => remote.run(ask)),
  bare: () => fastestNs(() => bareRoundTrips(roundTrips)),
  "local, compiled": () => fastestNs(() => compiled.runIl(compiledAsk)),
};
const best = new Map(Object.keys(runs).map((name) => [name, Infinity]));
for (let turn = 0; turn < turns; turn++) {
  for (const [name, run] of Object.entries(runs)) best.set(name, Math.min(best.get(name)!, await run()));
}
await erlang.stop();
for (const [name, ns] of best) {
  const rate = (best.get("Erlang")! / ns).toFixed(2);
  console.log(`${name.padEnd(16)}${ns.toFixed(0).padStart(6)} ns, ${rate} of Erlang's rate`);
}
