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

const roundTrips = 20_000;
const runsPerTurn = 6;
const turns = 8;

const ask = asking(roundTrips);
const compiledAsk = askingIl(roundTrips);

/** The same in Erlang: the expression prints nanoseconds per round trip, after a warm-up. */
const erlang = `
  Echo = fun Loop() -> receive {From, ask, Value} -> From ! {answer, Value}, Loop(); stop -> ok end end,
  Peer = spawn(Echo),
  Ask = fun Loop(0) -> ok; Loop(N) -> Peer ! {self(), ask, N}, receive {answer, _} -> ok end, Loop(N - 1) end,
  Ask(1000), Start = erlang:monotonic_time(nanosecond), Ask(${roundTrips}),
  io:format("~p~n", [(erlang:monotonic_time(nanosecond) - Start) / ${roundTrips}]), halt().`;

/** A module, because the shell interprets funs. */
const module = `-module(peer_echo).
-export([main/0]).
main() -> ${erlang.trim()}
`;

function erlangNs(folder: string): number {
  const { stdout } = new Deno.Command("erl", {
    args: ["+S", "1", "-noshell", "-pa", folder, "-s", "peer_echo", "main"],
  }).outputSync();
  return Number(new TextDecoder().decode(stdout));
}

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

function isErlangHere(folder: string): boolean {
  Deno.writeTextFileSync(`${folder}/peer_echo.erl`, module);
  try {
    return new Deno.Command("erlc", { args: ["-o", folder, `${folder}/peer_echo.erl`] }).outputSync().success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

const folder = Deno.makeTempDirSync();
try {
  if (!isErlangHere(folder)) {
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
    Erlang: () => erlangNs(folder),
    local: () => fastestNs(() => local.run(ask)),
    remote: () => fastestNs(() => remote.run(ask)),
    bare: () => fastestNs(() => bareRoundTrips(roundTrips)),
    "local, compiled": () => fastestNs(() => compiled.runIl(compiledAsk)),
  };
  const best = new Map(Object.keys(runs).map((name) => [name, Infinity]));
  for (let turn = 0; turn < turns; turn++) {
    for (const [name, run] of Object.entries(runs)) best.set(name, Math.min(best.get(name)!, run()));
  }
  for (const [name, ns] of best) {
    const rate = (best.get("Erlang")! / ns).toFixed(2);
    console.log(`${name.padEnd(16)}${ns.toFixed(0).padStart(6)} ns, ${rate} of Erlang's rate`);
  }
} finally {
  Deno.removeSync(folder, { recursive: true });
}
