/**
 * Compares round trips between two processes with those of Erlang: `deno task messages`.
 *
 * Both send a number there and back, Erlang on one scheduler, Helios local on one CPU and remote between two
 * domains, contract checks on; in turn, and of each the fastest turn counts.
 * - Needs `apt-get install erlang-base`; says so and ends with status 3 where it is missing.
 */

import { Bench } from "../../testing/bench.ts";
import { asking, echo } from "./echo_programs.ts";

const roundTrips = 20_000;
/** Short runs, as long as one of Erlang's: on a machine that others use the fastest of them was not disturbed. */
const ourRoundTrips = 4000;
const runsPerTurn = 6;
const turns = 8;

const ask = asking(ourRoundTrips);

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

function ourNs(bench: Bench): number {
  let best = Infinity;
  for (let run = 0; run < runsPerTurn; run++) {
    const start = performance.now();
    bench.run(ask);
    best = Math.min(best, (performance.now() - start) * 1e6 / ourRoundTrips);
  }
  return best;
}

function compiled(folder: string): boolean {
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
  if (!compiled(folder)) {
    console.log("skipped: there is no Erlang here (apt-get install erlang-base)");
    Deno.exit(3);
  }
  const local = new Bench({ keepsLog: false });
  local.start(echo);
  const remote = new Bench({ domains: 2, keepsLog: false });
  remote.start(echo, { on: 1 });
  const best = { erlang: Infinity, local: Infinity, remote: Infinity };
  for (let turn = 0; turn < turns; turn++) {
    best.erlang = Math.min(best.erlang, erlangNs(folder));
    best.local = Math.min(best.local, ourNs(local));
    best.remote = Math.min(best.remote, ourNs(remote));
  }
  const rate = (ns: number) =>
    `${ns.toFixed(0).padStart(7)} ns, ${(best.erlang / ns).toFixed(2)} of Erlang's rate`;
  console.log(`Erlang${rate(best.erlang)}\nlocal ${rate(best.local)}\nremote${rate(best.remote)}`);
} finally {
  Deno.removeSync(folder, { recursive: true });
}
