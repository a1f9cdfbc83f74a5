/**
 * The tests of SchedBench that are about waking: a yield, a pair of threads in turn, and
 * one that waits for any of many.
 *
 * As in the RDK, threads start together and wake each other by events. `waitany` does it by
 * messages: a thread of Helios can wait for any of many channels, but for one event only.
 */

import type { Call, Endpoint, Kernel, Thread } from "../../kernel/abi/kernel.ts";
import type { ThreadEvent } from "../../kernel/abi/synchronisation.ts";
import { turnContract } from "../contracts/sched_bench.ts";
import type { Request } from "./command_line.ts";
import type { Span } from "./statistics.ts";

const settleNs = 1e6;

/** Lets `count` threads go at once; from the signal to the end of the last. */
export function* together(
  kernel: Kernel,
  count: number,
  body: (index: number) => Call<void>,
): Call<Span> {
  const start = yield* kernel.createEvent("manual");
  const threads: Thread[] = [];
  for (let index = 0; index < count; index++) {
    threads.push(
      yield* kernel.createThread(function* () {
        yield* start.wait();
        yield* body(index);
      }),
    );
  }
  // They block one after the other; nothing of that is to be measured.
  yield* kernel.sleep(settleNs);
  const beganNs = yield* kernel.now();
  yield* start.set();
  for (const thread of threads) yield* thread.join();
  return { beganNs, endedNs: yield* kernel.now() };
}

export function* yieldTest(kernel: Kernel, { threads, iterations }: Request): Call<Span> {
  return yield* together(kernel, threads, function* () {
    for (let count = 0; count < iterations; count++) yield* kernel.yieldCpu();
  });
}

/** Half as many pairs as threads: one wakes the other and waits for it. */
export function* waitTest(kernel: Kernel, { threads, iterations }: Request): Call<Span> {
  const pairs: { readonly ping: ThreadEvent; readonly pong: ThreadEvent }[] = [];
  for (let pair = 0; pair < threads >> 1; pair++) {
    pairs.push({ ping: yield* kernel.createEvent("auto"), pong: yield* kernel.createEvent("auto") });
  }
  return yield* together(kernel, 2 * pairs.length, function* (index) {
    const { ping, pong } = pairs[index >> 1]!;
    for (let count = 0; count < iterations; count++) {
      if (index % 2 === 0) {
        yield* ping.set();
        yield* pong.wait();
      } else {
        yield* ping.wait();
        yield* pong.set();
      }
    }
  });
}

/** A thread that answers whenever it is woken, until its channel is closed. */
function* answering(
  kernel: Kernel,
): Call<{ readonly signal: Endpoint<typeof turnContract, "client">; readonly thread: Thread }> {
  const { client, server } = yield* kernel.createChannel(turnContract);
  const thread = yield* kernel.createThread(function* () {
    while ((yield* server.receiveOrClosed()) !== undefined) yield* server.send("done");
    yield* server.close();
  });
  return { signal: client, thread };
}

/** Main wakes a random half of the workers and waits for the first; how long that took, in all. */
export function* waitAnyTest(kernel: Kernel, { threads, iterations }: Request): Call<number> {
  const workers = [];
  for (let index = 0; index < threads; index++) workers.push(yield* answering(kernel));
  const answers = kernel.endpointSet<typeof turnContract, "client", number>(turnContract, "client");
  workers.forEach(({ signal }, index) => answers.add(signal, index));
  let waitedNs = 0;
  for (let count = 0; count < iterations; count++) {
    const picked = yield* pick(kernel, threads);
    for (const index of picked) yield* workers[index]!.signal.send("go");
    const beganNs = yield* kernel.now();
    yield* kernel.select({ answers });
    waitedNs += (yield* kernel.now()) - beganNs;
    for (let answered = 1; answered < picked.length; answered++) yield* kernel.select({ answers });
  }
  for (const { signal, thread } of workers) {
    answers.remove(signal);
    yield* signal.close();
    yield* thread.join();
  }
  return waitedNs;
}

/** Each with an even chance, but one at least. */
function* pick(kernel: Kernel, threads: number): Call<number[]> {
  const picked: number[] = [];
  let bits = 0;
  for (let index = 0; index < threads; index++) {
    if (index % 32 === 0) bits = yield* kernel.random();
    if ((bits >>> (index % 32) & 1) === 1) picked.push(index);
  }
  return picked.length > 0 ? picked : [bits % threads];
}
