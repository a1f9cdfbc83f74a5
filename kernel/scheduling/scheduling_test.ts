/**
 * Threads in time: queues, the quantum, interrupts between CPUs, sleeps.
 *
 * The machine runs at 2 GHz: `ms` of work are 2,000,000 cycles each. Figures are held
 * against what must follow, with room for the kernel's own microseconds.
 */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Kernel, Program } from "../abi/kernel.ts";
import type { Contract } from "../contracts/contract.ts";
import { Bench } from "../testing/bench.ts";

const cyclesPerMs = 2e6;
const slackMs = 0.1;

const tickContract = {
  name: "tick/1",
  contractName: "TickContract",
  messages: { tick: { from: "client", doc: "Go on", uses: "sent" } },
  credits: { sent: { doc: "What is under way", user: "client", limit: 4096, initial: 4096 } },
  start: "open",
  states: { open: { tick: "open" } },
} as const satisfies Contract;

function* ms(kernel: Kernel): Generator<never, number, unknown> {
  return (yield* kernel.now() as Generator<never, number, unknown>) / 1e6;
}

function assertAbout(actual: number, expected: number, what: string): void {
  assert(actual >= expected - 1e-6 && actual < expected + slackMs, `${what}: ${actual} ms, not ${expected}`);
}

/** Starts programs that each work for so many ms in one burst; gives when each was through. */
function finishTimes(works: readonly number[], cpusPerDomain = 1): number[] {
  const bench = new Bench({ cpusPerDomain });
  const start = bench.queue.now / 1e6;
  const ends: number[] = [];
  works.forEach((work, index) => {
    bench.start(function* worker(kernel) {
      bench.work(work * cyclesPerMs);
      ends[index] = (yield* ms(kernel)) - start;
    });
  });
  bench.settle();
  return ends;
}

Deno.test("a burst takes its cycles at the CPU's clock", () => {
  const [end] = finishTimes([30]);
  assertAbout(end!, 30, "30 ms of work");
});

Deno.test("two bursts on one CPU share it in slices of 10 ms, not one after the other", () => {
  const [first, second] = finishTimes([25, 25]);
  // 10 + 10, 10 + 10, 5 + 5.
  assertAbout(first!, 45, "the first");
  assertAbout(second!, 50, "the second");
});

Deno.test("a short burst does not wait for a long one to end, but for its quantum", () => {
  const [long, short] = finishTimes([100, 1]);
  assertAbout(short!, 11, "the short one");
  assertAbout(long!, 101, "the long one");
});

Deno.test("a thread alone keeps its CPU beyond the quantum, without a switch", () => {
  const bench = new Bench();
  const { switches } = bench.kernels[0]!.dispatchers[0]!.counts;
  bench.run(function* worker(kernel) {
    bench.work(100 * cyclesPerMs);
    yield* kernel.now();
  });
  assertEquals(bench.kernels[0]!.dispatchers[0]!.counts.switches - switches, 1);
});

Deno.test("on two CPUs two bursts run at the same time, and a third takes the CPU that is free first", () => {
  const [a, b, c] = finishTimes([8, 3, 4], 2);
  assertAbout(a!, 8, "the first");
  assertAbout(b!, 3, "the second");
  assertAbout(c!, 7, "the third");
});

Deno.test("a thread that was unblocked goes before those that are merely runnable", () => {
  const bench = new Bench();
  const order: string[] = [];
  bench.run(function* main(kernel) {
    const { client, server } = yield* kernel.createChannel(tickContract);
    yield* kernel.createThread(function* () {
      yield* server.receive();
      order.push("unblocked");
    });
    yield* kernel.sleep(1e6);
    for (const name of ["one", "two"]) {
      yield* kernel.createThread(function* () {
        order.push(name);
        yield* kernel.now();
      });
    }
    yield* client.send("tick");
    yield* kernel.yieldCpu();
    order.push("main");
    yield* kernel.sleep(1e6);
  });
  assertEquals(order, ["unblocked", "one", "two", "main"]);
});

Deno.test("a thread that was unblocked inherits what is left of the quantum, a runnable one gets a whole one", () => {
  const bench = new Bench();
  const begins: Record<string, number> = {};
  bench.run(function* main(kernel) {
    const { client, server } = yield* kernel.createChannel(tickContract);
    const begin = (name: string, work: number) =>
      function* (): Program {
        if (name === "unblocked") yield* server.receive();
        begins[name] = yield* ms(kernel);
        bench.work(work * cyclesPerMs);
        yield* kernel.now();
      };
    yield* kernel.createThread(begin("unblocked", 20));
    yield* kernel.sleep(1e6);
    const start = yield* ms(kernel);
    const waiting = [
      yield* kernel.createThread(begin("next", 20)),
      yield* kernel.createThread(begin("last", 1)),
    ];
    bench.work(6 * cyclesPerMs);
    yield* kernel.now();
    yield* client.send("tick");
    for (const thread of waiting) yield* thread.join();
    // 6 ms of main, the 4 that are left for the unblocked thread, then 10 of the next.
    assertAbout(begins.unblocked! - start, 6, "the unblocked thread");
    assertAbout(begins.next! - start, 10, "the next thread");
    assertAbout(begins.last! - start, 20, "the last thread");
  });
  assert(bench.kernels[0]!.scheduler.row.quantumEnds >= 2);
});

Deno.test("the end of a quantum puts the threads that were unblocked during it behind the runnable ones, in their order", () => {
  const bench = new Bench();
  const orderAfter = (workMs: number) => {
    const order: string[] = [];
    bench.run(function* main(kernel) {
      const ticks = [];
      const threads = [];
      for (const name of ["unblocked 1", "unblocked 2"]) {
        const { client, server } = yield* kernel.createChannel(tickContract);
        ticks.push(client);
        threads.push(
          yield* kernel.createThread(function* () {
            yield* server.receive();
            order.push(name);
          }),
        );
      }
      yield* kernel.sleep(1e6);
      for (const name of ["runnable 1", "runnable 2"]) {
        threads.push(
          yield* kernel.createThread(function* () {
            order.push(name);
            yield* kernel.now();
          }),
        );
      }
      for (const client of ticks) yield* client.send("tick");
      bench.work(workMs * cyclesPerMs);
      yield* kernel.now();
      order.push("main");
      for (const thread of threads) yield* thread.join();
    });
    return order;
  };
  // Within the quantum main goes on, and who was unblocked is first when it blocks.
  assertEquals(orderAfter(2), ["main", "unblocked 1", "unblocked 2", "runnable 1", "runnable 2"]);
  assertEquals(orderAfter(15), ["runnable 1", "runnable 2", "unblocked 1", "unblocked 2", "main"]);
});

Deno.test("yieldCpu with nobody waiting goes on at once; with others waiting it goes to the tail", () => {
  const bench = new Bench();
  const order: string[] = [];
  const { switches } = bench.kernels[0]!.dispatchers[0]!.counts;
  bench.run(function* alone(kernel) {
    for (let index = 0; index < 10; index++) yield* kernel.yieldCpu();
  });
  assertEquals(bench.kernels[0]!.dispatchers[0]!.counts.switches - switches, 1);
  bench.run(function* main(kernel) {
    const turns = (name: string) =>
      function* (): Program {
        for (let index = 0; index < 3; index++) {
          order.push(name);
          yield* kernel.yieldCpu();
        }
      };
    const threads = [yield* kernel.createThread(turns("a")), yield* kernel.createThread(turns("b"))];
    for (const thread of threads) yield* thread.join();
  });
  assertEquals(order.join(""), "ababab");
});

// ---------------------------------------------------------------- sleeps and timers

Deno.test("sleeps end in the order of their instants, then of their beginning, never early and little late", () => {
  const sleeps = fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(sleeps, (durationsUs) => {
      const bench = new Bench();
      const order: number[] = [];
      const woken: { due: number; at: number }[] = [];
      bench.run(function* main(kernel) {
        const threads = [];
        // All begin within some µs, so a grid of 100 µs keeps their ends apart.
        for (const [index, duration] of durationsUs.entries()) {
          threads.push(
            yield* kernel.createThread(function* () {
              const due = (yield* kernel.now()) + duration * 1e5;
              yield* kernel.sleep(duration * 1e5);
              // Before the next call: an interrupt may let another thread overtake this one after it.
              order.push(index);
              woken.push({ due, at: yield* kernel.now() });
            }),
          );
        }
        for (const thread of threads) yield* thread.join();
      });
      const expected = durationsUs.map((duration, index) => ({ duration, index }))
        .sort((a, b) => a.duration - b.duration || a.index - b.index).map(({ index }) => index);
      assertEquals(order, expected);
      for (const { due, at } of woken) {
        assert(at >= due && at < due + slackMs * 1e6, `due ${due}, woken ${at}`);
      }
    }),
    { numRuns: 30 },
  );
});

Deno.test("a sleep that is none (0, negative, no number) ends at once; one without end is no error", () => {
  const bench = new Bench();
  bench.run(function* sleeper(kernel) {
    const start = yield* ms(kernel);
    for (const duration of [0, -1, NaN, "x" as unknown as number]) yield* kernel.sleep(duration);
    assertAbout(yield* ms(kernel), start, "after sleeps that are none");
    yield* kernel.createThread(function* () {
      yield* kernel.sleep(Infinity);
    });
    yield* kernel.sleep(1000);
  });
});

Deno.test("a sleeping thread does not hold the CPU, and wakes through a burst that runs meanwhile", () => {
  const bench = new Bench();
  let wokenAt = 0;
  bench.start(function* sleeper(kernel) {
    const start = yield* ms(kernel);
    yield* kernel.sleep(3e6);
    wokenAt = (yield* ms(kernel)) - start;
  });
  const worker = bench.start(function* worker(kernel) {
    bench.work(8 * cyclesPerMs);
    yield* kernel.now();
  });
  bench.settle();
  assertEquals(worker.state, "ended");
  // The timer's interrupt puts the unblocked thread before the one that it interrupted.
  assertAbout(wokenAt, 3, "the sleeper");
});

Deno.test("a select that ends by a message takes its time-out back", () => {
  const bench = new Bench();
  bench.run(function* main(kernel) {
    const { client, server } = yield* kernel.createChannel(tickContract);
    yield* client.send("tick");
    assertEquals((yield* kernel.select({ server }, 1e6)).on, "server");
    yield* kernel.createThread(function* () {
      yield* kernel.sleep(1e5);
      yield* client.send("tick");
    });
    assertEquals((yield* kernel.select({ server }, 1e6)).on, "server");
    const start = yield* ms(kernel);
    yield* kernel.sleep(5e6);
    assertAbout((yield* ms(kernel)) - start, 5, "the sleep after it");
  });
  assertEquals(bench.kernels[0]!.timers.next, undefined);
});
