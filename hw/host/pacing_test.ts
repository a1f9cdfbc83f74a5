/**
 * Pacing: virtual time against a wall clock that the tests turn by hand, and once against the real one.
 */

import { assert, assertEquals, assertGreater, assertLess, assertRejects } from "@std/assert";
import { EventQueue } from "../time/event_queue.ts";
import { type Instant, later, microseconds, milliseconds, seconds } from "../time/time.ts";
import { type HostClock, runFree, runPaced } from "./pacing.ts";

/** A host whose clock stands still unless the test, or work done on it, moves it. */
class BenchHost implements HostClock {
  nowMs = 0;
  yields = 0;
  #timers: { at: number; action: () => void }[] = [];
  #soon: (() => void)[] = [];

  now(): number {
    return this.nowMs;
  }

  after(delayMs: number, action: () => void): () => void {
    const timer = { at: this.nowMs + delayMs, action };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  soon(action: () => void): void {
    this.yields++;
    this.#soon.push(action);
  }

  get nextTimerMs(): number | undefined {
    return this.#timers.map(({ at }) => at).sort((a, b) => a - b)[0];
  }

  /** Runs what the host would run up to `ms`. */
  runTo(ms: number): void {
    while (this.nowMs <= ms) {
      const ready = this.#soon.shift();
      if (ready !== undefined) {
        ready();
        continue;
      }
      const due = this.#timers.sort((a, b) => a.at - b.at)[0];
      if (due === undefined || due.at > ms) break;
      this.#timers.shift();
      this.nowMs = Math.max(this.nowMs, due.at);
      due.action();
    }
    this.nowMs = Math.max(this.nowMs, ms);
  }
}

const never = () => false;
const ms = (count: number) => later(0 as Instant, milliseconds(count));

Deno.test("paced, an event runs when the wall clock has reached it, and not before", () => {
  const [queue, host] = [new EventQueue(), new BenchHost()];
  const ran: number[] = [];
  for (const at of [1, 5, 5.5, 400]) queue.at(ms(at), () => ran.push(host.nowMs));
  runPaced(queue, { until: never, hostClock: host });
  host.runTo(1000);
  assertEquals(ran, [1, 5, 6, 400]);
});

Deno.test("with nothing due the run sleeps until the next event, or until it is woken", () => {
  const [queue, host] = [new EventQueue(), new BenchHost()];
  queue.at(ms(300), () => {});
  const run = runPaced(queue, { until: never, hostClock: host });
  host.runTo(0);
  assertEquals(host.nextTimerMs, 300);
  const yields = host.yields;
  host.runTo(200);
  assertEquals(host.yields, yields, "asleep, it does not run");
  run.wake();
  assertEquals(queue.now, ms(200), "input is stamped with the present");
  let heard: number | undefined;
  queue.after(milliseconds(0), () => heard = queue.now);
  host.runTo(200);
  assertEquals(heard, ms(200));
});

Deno.test("with an empty queue the run waits for input and goes on with it", () => {
  const [queue, host] = [new EventQueue(), new BenchHost()];
  const run = runPaced(queue, { until: never, hostClock: host });
  host.runTo(1234);
  run.wake();
  let heard = 0;
  queue.after(milliseconds(2), () => heard = host.nowMs);
  host.runTo(2000);
  assertEquals(heard, 1236);
});

Deno.test("work is done in slices, between which the host is served", () => {
  const [queue, host] = [new EventQueue(), new BenchHost()];
  // Each event takes the host 1 ms, and 10 are due per virtual ms: ten times too slow.
  const work = () => {
    host.nowMs += 1;
    queue.after(microseconds(100), work);
  };
  queue.after(milliseconds(0), work);
  runPaced(queue, { until: never, hostClock: host });
  host.runTo(1000);
  assertGreater(host.yields, 100);
  assertLess(queue.now, ms(150));
});

Deno.test("on a host that was too slow for long, the lag is forgiven instead of made up for", () => {
  const [queue, host] = [new EventQueue(), new BenchHost()];
  let ticks = 0;
  const tick = () => {
    ticks++;
    queue.after(milliseconds(1), tick);
  };
  queue.at(ms(1), tick);
  runPaced(queue, { until: never, hostClock: host });
  host.runTo(50);
  assertEquals(ticks, 50);
  // The host is suspended for ten seconds.
  host.nowMs = 10_050;
  host.runTo(10_060);
  assertLess(ticks, 50 + 115);
  const before = ticks;
  host.runTo(10_160);
  assertEquals(ticks - before, 100);
});

Deno.test("a long sleep is not taken for lag", () => {
  const [queue, host] = [new EventQueue(), new BenchHost()];
  let ran = 0;
  queue.at(ms(200_000), () => ran = host.nowMs);
  runPaced(queue, { until: never, hostClock: host });
  host.runTo(300_000);
  assertEquals(ran, 200_000);
});

Deno.test("a run ends at the event that makes `until` true, or at its horizon", async () => {
  for (const paced of [false, true]) {
    const [queue, host] = [new EventQueue(), new BenchHost()];
    let count = 0;
    const tick = () => {
      count++;
      queue.after(milliseconds(1), tick);
    };
    queue.at(ms(1), tick);
    const until = () => count === 3;
    if (paced) {
      const { finished } = runPaced(queue, { until, hostClock: host });
      host.runTo(100);
      await finished;
    } else runFree(queue, until);
    assertEquals([count, queue.now], [3, ms(3)]);
    if (paced) {
      const { finished } = runPaced(queue, { until: never, horizon: ms(5.5), hostClock: host });
      host.runTo(200);
      await finished;
    } else runFree(queue, never, ms(5.5));
    assertEquals([count, queue.now], [5, ms(5.5)]);
  }
});

Deno.test("a free run ends when no event is left", () => {
  const queue = new EventQueue();
  queue.at(ms(7), () => {});
  runFree(queue, never);
  assertEquals(queue.now, ms(7));
});

Deno.test("the order of events, and their instants, are the same free and paced", () => {
  const logOf = (run: (queue: EventQueue, host: BenchHost) => void) => {
    const [queue, host] = [new EventQueue(), new BenchHost()];
    const log: string[] = [];
    let state = 7;
    const random = (limit: number) => (state = state * 48271 % 2147483647) % limit;
    // Like a CPU: runs on without the queue when nothing else is due first.
    const burst = (name: string, left: number) => {
      for (; left > 0; left--) {
        log.push(`${queue.now} ${name}`);
        host.nowMs += random(3) / 10;
        const end = later(queue.now, microseconds(random(400)));
        if (!queue.tryAdvance(end)) return void queue.at(end, () => burst(name, left - 1));
      }
      if (log.length < 5000) queue.after(microseconds(random(3000)), () => burst(name, 1 + random(20)));
    };
    for (const name of ["a", "b", "c"]) queue.after(microseconds(random(100)), () => burst(name, 10));
    run(queue, host);
    return log;
  };
  const free = logOf((queue) => runFree(queue, never));
  const paced = logOf((queue, host) => {
    runPaced(queue, { until: never, hostClock: host });
    host.runTo(1e6);
  });
  assertGreater(free.length, 4999);
  const difference = free.findIndex((line, index) => line !== paced[index]);
  assertEquals([difference, paced.length], [-1, free.length]);
});

Deno.test("what an event throws ends the run with it", async () => {
  const queue = new EventQueue();
  queue.at(ms(1), () => {
    throw new Error("a bug of ours");
  });
  await assertRejects(() => runPaced(queue, { until: never }).finished, Error, "a bug of ours");
});

Deno.test("on the real clock a paced run takes as long as its virtual time, and serves timers meanwhile", async () => {
  const queue = new EventQueue();
  let done = false;
  const tick = () => {
    if (queue.now >= 0.1e9) done = true;
    else queue.after(microseconds(500), tick);
  };
  queue.after(seconds(0), tick);
  let served = 0;
  const timer = setInterval(() => served++, 5);
  const start = performance.now();
  await runPaced(queue, { until: () => done }).finished;
  clearInterval(timer);
  assertGreater(performance.now() - start, 99);
  assert(served > 2);
});
