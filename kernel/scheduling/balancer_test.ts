/**
 * Several CPUs of one kernel: which of them are interrupted, and what the dispatch lock costs.
 *
 * The machine runs at 2 GHz: `ms` of work are 2,000,000 cycles each.
 */

import { assert, assertEquals } from "@std/assert";
import type { Endpoint, Kernel, Program } from "../abi/kernel.ts";
import type { Contract } from "../contracts/contract.ts";
import type { Instant } from "../hal/hardware.ts";
import { Bench } from "../testing/bench.ts";
import { DispatchLock } from "./dispatch_lock.ts";

const cyclesPerMs = 2e6;

const tickContract = {
  name: "tick/1",
  contractName: "TickContract",
  messages: { tick: { from: "client", doc: "Go on", uses: "sent" } },
  credits: { sent: { doc: "What is under way", user: "client", limit: 64, initial: 64 } },
  start: "open",
  states: { open: { tick: "open" } },
} as const satisfies Contract;

/** Two threads, one whose CPU is 0 and one whose CPU is 1, wait for ticks from main, which runs on CPU 0. */
interface Pair {
  readonly kernel: Kernel;
  readonly tick: readonly Endpoint<typeof tickContract, "client">[];
  /** How long after its tick each thread ran, in ms. */
  readonly delays: number[][];
  sent(cpu: number): Generator<never, void, unknown>;
}

/** Runs `body` with such a pair on a kernel of two CPUs; what the scheduler counted during it. */
function withPair(balancer: string, body: (pair: Pair, bench: Bench) => Program) {
  const bench = new Bench({ cpusPerDomain: 2, balancer });
  const { scheduler, dispatchers } = bench.kernels[0]!;
  let counted = { ipis: 0 };
  const process = bench.start(function* main(kernel) {
    const tick: Endpoint<typeof tickContract, "client">[] = [];
    const delays: number[][] = [[], []];
    const sentAt = [0, 0];
    for (let made = 0; made < 2; made++) {
      const { client, server } = yield* kernel.createChannel(tickContract);
      yield* kernel.createThread(function* () {
        // While one thread works here, the other cannot come to this CPU.
        bench.work(cyclesPerMs);
        yield* kernel.now();
        for (;;) {
          yield* server.receive();
          const cpu = tick.indexOf(client);
          delays[cpu]!.push((yield* kernel.now()) / 1e6 - sentAt[cpu]!);
        }
      });
      tick[[...process.threads].at(-1)!.lastDispatcher!.cpu.index] = client;
    }
    yield* kernel.sleep(3e6);
    assertEquals(
      [...process.threads].slice(1).map(({ lastDispatcher }) => lastDispatcher!.cpu.index).sort(),
      [0, 1],
    );
    assert(dispatchers[1]!.idle);
    const before = scheduler.row.ipisSent;
    const sent = function* (cpu: number): Generator<never, void, unknown> {
      sentAt[cpu] = (yield* kernel.now() as Generator<never, number, unknown>) / 1e6;
      yield* tick[cpu]!.send("tick") as Generator<never, void, unknown>;
    };
    yield* body({ kernel, tick, delays, sent }, bench);
    counted = { ipis: scheduler.row.ipisSent - before };
    yield* kernel.exit(0);
  });
  bench.settle();
  assertEquals(process.fault, "");
  return counted;
}

Deno.test("waking a thread whose CPU is idle sends that CPU one interrupt, and the thread runs there at once", () => {
  const { ipis } = withPair("wake-last", function* ({ kernel, delays, sent }, bench) {
    for (let count = 0; count < 5; count++) {
      yield* sent(1);
      bench.work(cyclesPerMs / 2);
      yield* kernel.now();
    }
    assertEquals(delays[1]!.length, 5);
    for (const delay of delays[1]!) assert(delay < 0.01, `${delay} ms`);
  });
  assertEquals(ipis, 5);
});

Deno.test("wake-last leaves an idle CPU alone when the woken thread's own CPU is busy; announce assigns the thread to it", () => {
  const results = ["wake-last", "announce"].map((balancer) =>
    withPair(balancer, function* ({ kernel, delays, sent }, bench) {
      yield* sent(0);
      bench.work(2 * cyclesPerMs);
      yield* kernel.now();
      yield* kernel.sleep(1e6);
      const [delay] = delays[0]!;
      if (balancer === "announce") assert(delay! < 0.01, `${delay} ms`);
      else assert(delay! >= 2, `${delay} ms`);
    })
  );
  assertEquals(results.map(({ ipis }) => ipis), [0, 1]);
});

Deno.test("a thread that nobody else is told of waits no longer than for the quantum of its own CPU", () => {
  withPair("wake-last", function* ({ kernel, delays, sent }, bench) {
    yield* sent(0);
    // Main's quantum ends before CPU 1 looks by itself, and the thread runs between two bursts of main.
    for (let slice = 0; slice < 30; slice++) {
      bench.work(5 * cyclesPerMs);
      yield* kernel.now();
    }
    const [delay] = delays[0]!;
    assert(delay! > 1 && delay! < 10.1, `${delay} ms`);
  });
});

/** What the scheduler of a kernel counts while `threads` threads yield `yields` times each. */
function countedFor(balancer: string, cpus: number, threads: number, yields: number) {
  const bench = new Bench({ cpusPerDomain: cpus, balancer });
  const { scheduler } = bench.kernels[0]!;
  const { row: before } = scheduler;
  bench.run(function* main(kernel) {
    const started = [];
    for (let index = 0; index < threads; index++) {
      started.push(
        yield* kernel.createThread(function* () {
          for (let count = 0; count < yields; count++) yield* kernel.yieldCpu();
        }),
      );
    }
    for (const thread of started) yield* thread.join();
  });
  const { row: after } = scheduler;
  const since = (name: "ipisSent" | "ipisTaken" | "lockAcquisitions" | "lockTransfers" | "ipiWaits") =>
    after[name] - before[name];
  return { since, after };
}

Deno.test("a yield interrupts nobody under wake-last; under announce every third one interrupts all other CPUs", () => {
  const quiet = countedFor("wake-last", 4, 16, 60);
  // Starting and joining threads wakes idle CPUs; yielding does not.
  assert(quiet.since("ipisSent") < 60, `${quiet.since("ipisSent")} IPIs`);
  const loud = countedFor("announce", 4, 16, 60);
  const expected = 16 * 60 / 3 * 3;
  assert(Math.abs(loud.since("ipisSent") - expected) < 80, `${loud.since("ipisSent")} IPIs`);
  assert(loud.since("ipisTaken") <= loud.since("ipisSent"));
  // The two behind the first have to wait until the one before is delivered.
  assert(loud.since("ipiWaits") > 500, `${loud.since("ipiWaits")} waits`);
});

Deno.test("every yield takes the dispatch lock once; on one CPU it never has to be fetched", () => {
  const one = countedFor("wake-last", 1, 4, 100);
  assert(one.since("lockAcquisitions") >= 400, `${one.since("lockAcquisitions")}`);
  // Nobody else ever held it, so the first of all fetches, at boot, is the only one.
  assertEquals(one.after.lockTransfers, 1);
  assertEquals(one.after.lockSpinCycles, 0);
  const four = countedFor("wake-last", 4, 16, 100);
  assert(four.since("lockAcquisitions") >= 1600, `${four.since("lockAcquisitions")}`);
  assert(four.since("lockTransfers") > 400, `${four.since("lockTransfers")}`);
  assert(four.after.lockSpinCycles > 0);
});

Deno.test("the dispatch lock: who comes while it is held spins until it is free, first come first served", () => {
  const [first, second, third] = new Bench({ cpusPerDomain: 3 }).kernels[0]!.dispatchers;
  const lock = new DispatchLock();
  const hold = first!.costs.dispatchLock;
  const at = (cycles: number) => cycles / 2 as Instant;
  assertEquals(lock.take(first!, at(0)), hold);
  assertEquals(lock.take(second!, at(20)), hold - 20 + hold);
  assertEquals(lock.take(third!, at(30)), 2 * hold - 30 + hold);
  assertEquals(lock.spinCycles, hold - 20 + 2 * hold - 30);
  // It is free again, and where it was.
  assertEquals(lock.take(third!, at(10 * hold)), 0);
  assertEquals(lock.take(first!, at(10 * hold)), hold);
  assertEquals([lock.acquisitions, lock.transfers], [5, 4]);
});
