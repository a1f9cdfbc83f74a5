/**
 * Threads of one process in step: mutexes, conditions, semaphores and events, and what misuse gets.
 */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Call, Kernel, Program } from "../abi/kernel.ts";
import type { Mutex } from "../abi/synchronisation.ts";
import { Bench } from "../testing/bench.ts";

/** Runs a program that must end well, on two CPUs, and leaves nothing. */
function inStep(main: (kernel: Kernel) => Program): Bench {
  const bench = new Bench({ cpusPerDomain: 2 });
  bench.run(main);
  assertEquals(bench.leftovers(), { blocks: 0, ends: 0, lent: 0 });
  return bench;
}

/** The code and the words of a call that fails. */
function* refusalOf(call: () => Call<unknown>): Call<string> {
  try {
    yield* call();
    return "nothing was refused";
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    return `${code}: ${message}`;
  }
}

/** Starts threads one microsecond after the other, and waits for all. */
function* all(kernel: Kernel, bodies: readonly (() => Program)[]): Call<void> {
  const threads = [];
  for (const body of bodies) {
    threads.push(yield* kernel.createThread(body));
    yield* kernel.sleep(1e6);
  }
  for (const thread of threads) yield* thread.join();
}

function* hold(kernel: Kernel, mutex: Mutex, nanoseconds: number): Call<void> {
  yield* mutex.acquire();
  yield* kernel.sleep(nanoseconds);
  yield* mutex.release();
}

Deno.test("a mutex is held by one thread at a time and goes to who waits longest", () => {
  inStep(function* (kernel) {
    const mutex = yield* kernel.createMutex();
    const order: number[] = [];
    let inside = 0;
    const body = (number: number) =>
      function* (): Program {
        assertEquals(yield* mutex.acquire(), "acquired");
        assertEquals(++inside, 1);
        order.push(number);
        yield* kernel.sleep(10e6);
        inside--;
        yield* mutex.release();
        // At once again: behind those that wait already.
        yield* mutex.acquire();
        order.push(number);
        yield* mutex.release();
      };
    yield* all(kernel, [body(1), body(2), body(3)]);
    assertEquals(order, [1, 2, 3, 1, 2, 3]);
  });
});

Deno.test("an acquire with a time-out gives up in its time, and then stands in no line", () => {
  inStep(function* (kernel) {
    const mutex = yield* kernel.createMutex();
    yield* kernel.createThread(() => hold(kernel, mutex, 5e6));
    yield* kernel.sleep(1e6);
    const start = yield* kernel.now();
    assertEquals(
      yield* refusalOf(() => mutex.acquire(2e6)),
      "TimedOut: The mutex was not to be had within 2 ms",
    );
    const waited = (yield* kernel.now()) - start;
    assert(waited >= 2e6 && waited < 2.1e6, String(waited));
    assertEquals(
      yield* refusalOf(() => mutex.acquire(0)),
      "TimedOut: The mutex was not to be had within 0 ms",
    );
    yield* kernel.sleep(5e6);
    assertEquals(yield* mutex.acquire(0), "acquired");
    yield* mutex.release();
  });
});

Deno.test("misuse of a mutex or a condition is refused and changes nothing", () => {
  inStep(function* (kernel) {
    const mutex = yield* kernel.createMutex();
    const condition = yield* kernel.createCondition(mutex);
    const notHeld = (what: string) => `BadArgument: Cannot ${what} a mutex that this thread does not hold`;
    assertEquals(yield* refusalOf(() => mutex.release()), notHeld("release"));
    assertEquals(yield* refusalOf(() => condition.wait()), notHeld("wait with"));
    yield* kernel.createThread(() => hold(kernel, mutex, 2e6));
    yield* kernel.sleep(1e6);
    assertEquals(yield* refusalOf(() => mutex.release()), notHeld("release"));
    yield* mutex.acquire();
    assertEquals(
      yield* refusalOf(() => mutex.acquire()),
      "BadArgument: Cannot acquire a mutex that this thread holds already",
    );
    yield* mutex.release();
    assertEquals(
      yield* refusalOf(() => kernel.createCondition({} as Mutex)),
      "BadArgument: A condition needs a mutex of this process",
    );
  });
});

Deno.test("a thread that ends while it holds a mutex leaves it to the next, who is told once", () => {
  inStep(function* (kernel) {
    const mutex = yield* kernel.createMutex();
    const seen: string[] = [];
    const careless = yield* kernel.createThread(function* () {
      yield* mutex.acquire();
      yield* kernel.sleep(2e6);
    });
    yield* kernel.sleep(1e6);
    const waiting = yield* kernel.createThread(function* () {
      seen.push(yield* mutex.acquire());
      yield* mutex.release();
    });
    yield* careless.join();
    yield* waiting.join();
    seen.push(yield* mutex.acquire());
    assertEquals(seen, ["abandoned", "acquired"]);
  });
});

Deno.test("a condition lets go of the mutex while it waits and holds it again afterwards", () => {
  inStep(function* (kernel) {
    const mutex = yield* kernel.createMutex();
    const condition = yield* kernel.createCondition(mutex);
    const items: number[] = [];
    const taken: number[] = [];
    const taker = function* (): Program {
      yield* mutex.acquire();
      while (items.length === 0) assertEquals(yield* condition.wait(), "woken");
      taken.push(items.shift()!);
      yield* mutex.release();
    };
    const putter = function* (): Program {
      for (const item of [1, 2, 3]) {
        yield* mutex.acquire();
        items.push(item);
        yield* condition.wakeOne();
        yield* mutex.release();
        yield* kernel.sleep(1e6);
      }
    };
    yield* all(kernel, [taker, taker, taker, putter]);
    assertEquals(taken, [1, 2, 3]);
  });
});

Deno.test("all that wait for a condition are woken in their order, and stand in line for the mutex", () => {
  inStep(function* (kernel) {
    const mutex = yield* kernel.createMutex();
    const condition = yield* kernel.createCondition(mutex);
    const order: number[] = [];
    const waiter = (number: number) =>
      function* (): Program {
        yield* mutex.acquire();
        yield* condition.wait();
        order.push(number);
        yield* kernel.sleep(1e6);
        yield* mutex.release();
      };
    yield* all(kernel, [
      waiter(1),
      waiter(2),
      waiter(3),
      function* () {
        yield* mutex.acquire();
        yield* condition.wakeAll();
        yield* kernel.sleep(5e6);
        assertEquals(order, []);
        yield* mutex.release();
      },
    ]);
    assertEquals(order, [1, 2, 3]);
  });
});

Deno.test("a wait for a condition that nobody wakes ends in its time, with the mutex", () => {
  inStep(function* (kernel) {
    const mutex = yield* kernel.createMutex();
    const condition = yield* kernel.createCondition(mutex);
    yield* mutex.acquire();
    const other = yield* kernel.createThread(() => hold(kernel, mutex, 3e6));
    yield* condition.wakeOne();
    const start = yield* kernel.now();
    assertEquals(yield* condition.wait(1e6), "timeout");
    // The other thread had the mutex by then, and gave it back after 3 ms.
    const waited = (yield* kernel.now()) - start;
    assert(waited >= 3e6 && waited < 3.2e6, String(waited));
    yield* mutex.release();
    yield* other.join();
  });
});

Deno.test("a semaphore lets as many in as it counts, first come first served", () => {
  inStep(function* (kernel) {
    const semaphore = yield* kernel.createSemaphore(2, 5);
    const order: string[] = [];
    const guest = (name: string) =>
      function* (): Program {
        yield* semaphore.acquire();
        order.push(name);
      };
    yield* all(kernel, [guest("a"), guest("b")]);
    const late = [guest("c"), guest("d"), guest("e")];
    yield* kernel.createThread(function* () {
      yield* kernel.sleep(20e6);
      assertEquals(order, ["a", "b"]);
      yield* semaphore.release(2);
      yield* kernel.sleep(1e6);
      assertEquals(order, ["a", "b", "c", "d"]);
      yield* semaphore.release();
    });
    yield* all(kernel, late);
    assertEquals(order, ["a", "b", "c", "d", "e"]);
  });
});

Deno.test("a semaphore never counts beyond its maximum, nor what is no count", () => {
  inStep(function* (kernel) {
    const semaphore = yield* kernel.createSemaphore(1, 3);
    const room = (count: unknown, left: number) =>
      `BadArgument: Cannot add ${count} to a semaphore with room for ${left}`;
    for (const count of [3, 0, -1, 0.5, NaN, "1"]) {
      assertEquals(yield* refusalOf(() => semaphore.release(count as number)), room(count, 2));
    }
    yield* semaphore.release(2);
    assertEquals(yield* refusalOf(() => semaphore.release()), room(1, 0));
    for (let taken = 0; taken < 3; taken++) yield* semaphore.acquire();
    assertEquals(
      yield* refusalOf(() => semaphore.acquire(1e6)),
      "TimedOut: The semaphore was not to be had within 1 ms",
    );
    for (const [initial, maximum] of [[2, 1], [-1, 1], [0, 0], [0, 2 ** 31], [NaN, 1]]) {
      assert((yield* refusalOf(() => kernel.createSemaphore(initial!, maximum!))).startsWith("BadArgument"));
    }
  });
});

Deno.test("an event with automatic reset lets one thread through for each signal, and signals do not add up", () => {
  inStep(function* (kernel) {
    const event = yield* kernel.createEvent("auto");
    yield* event.set();
    yield* event.set();
    yield* event.wait();
    assertEquals(
      yield* refusalOf(() => event.wait(1e6)),
      "TimedOut: The event was not to be had within 1 ms",
    );
    const through: number[] = [];
    const waiter = (number: number) =>
      function* (): Program {
        yield* event.wait();
        through.push(number);
      };
    yield* all(kernel, [
      waiter(1),
      waiter(2),
      function* () {
        yield* event.set();
        yield* kernel.sleep(1e6);
        assertEquals(through, [1]);
        yield* event.set();
      },
    ]);
    assertEquals(through, [1, 2]);
    const ready = yield* kernel.createEvent("auto", true);
    yield* ready.wait(0);
  });
});

Deno.test("an event with manual reset lets all through until it is reset", () => {
  inStep(function* (kernel) {
    const event = yield* kernel.createEvent("manual");
    let through = 0;
    const waiter = function* (): Program {
      yield* event.wait();
      through++;
    };
    const setter = function* (): Program {
      yield* event.set();
    };
    yield* all(kernel, [waiter, waiter, setter, waiter]);
    assertEquals(through, 3);
    yield* event.reset();
    assertEquals(yield* refusalOf(() => event.wait(0)), "TimedOut: The event was not to be had within 0 ms");
    const kind = yield* refusalOf(() => kernel.createEvent("never" as "auto"));
    assertEquals(kind, `BadArgument: An event resets "auto" or "manual", not never`);
  });
});

Deno.test("a process that is killed takes its waiters out of every line, and the machine goes on", () => {
  const bench = new Bench({ cpusPerDomain: 2 });
  const process = bench.start(function* tangle(kernel) {
    const mutex = yield* kernel.createMutex();
    const condition = yield* kernel.createCondition(mutex);
    const semaphore = yield* kernel.createSemaphore(0, 1);
    const event = yield* kernel.createEvent("auto");
    const waits: (() => Call<unknown>)[] = [
      () => mutex.acquire(),
      () => mutex.acquire(50e6),
      () => semaphore.acquire(),
      () => event.wait(50e6),
      function* () {
        yield* mutex.acquire();
        yield* condition.wait();
      },
    ];
    for (const wait of waits.toReversed()) yield* kernel.createThread(wait as () => Program);
    yield* kernel.sleep(1e6);
    yield* mutex.acquire();
    yield* kernel.sleep(1e12);
  });
  bench.settle(0.01);
  bench.kernels[0]!.processes.end(process, 137, "");
  bench.settle();
  assertEquals([process.state, process.threads.size], ["ended", 0]);
  bench.run(function* next(kernel) {
    yield* (yield* kernel.createMutex()).acquire();
  });
});

Deno.test("however threads contend for a mutex, one is inside at a time, all come to the end, and twice the same way", () => {
  const plan = fc.array(
    fc.record({ wait: fc.nat(3), inside: fc.nat(3), times: fc.integer({ min: 1, max: 3 }) }),
    {
      minLength: 1,
      maxLength: 6,
    },
  );
  fc.assert(
    fc.property(plan, (threads) => {
      const runs = [1, 2].map(() => {
        const order: string[] = [];
        inStep(function* (kernel) {
          const mutex = yield* kernel.createMutex();
          let inside = 0;
          yield* all(
            kernel,
            threads.map(({ wait, inside: stay, times }, number) =>
              function* (): Program {
                for (let time = 0; time < times; time++) {
                  yield* kernel.sleep(wait * 500_000);
                  yield* mutex.acquire();
                  assertEquals(++inside, 1);
                  order.push(`${number}`);
                  yield* kernel.sleep(stay * 500_000);
                  inside--;
                  yield* mutex.release();
                }
              }
            ),
          );
        });
        return order;
      });
      assertEquals(runs[0]!.length, threads.reduce((sum, { times }) => sum + times, 0));
      assertEquals(runs[0], runs[1]);
    }),
    { numRuns: 15 },
  );
});
