/**
 * The tests of SchedBench that are about waking: a yield, a pair of threads in turn, and
 * one that waits for any of many.
 *
 * - Workers start together: each waits on a channel of its own until main says go.
 */

import type { Call, Endpoint, Kernel, Thread } from "../../kernel/abi/kernel.ts";
import { turnContract } from "../contracts/sched_bench.ts";
import type { Request } from "./command_line.ts";
import type { Span } from "./statistics.ts";

type Signal = Endpoint<typeof turnContract, "client">;
type Waiting = Endpoint<typeof turnContract, "server">;

/** A thread that waits for its signal, then runs `body`. */
function* worker(
  kernel: Kernel,
  body: (start: Waiting) => Call<void>,
): Call<{ start: Signal; thread: Thread }> {
  const { client, server } = yield* kernel.createChannel(turnContract);
  const thread = yield* kernel.createThread(function* () {
    yield* server.receive();
    yield* body(server);
    yield* server.close();
  });
  return { start: client, thread };
}

/** Lets `count` workers go at once; from the first signal to the end of the last. */
export function* together(
  kernel: Kernel,
  count: number,
  body: (index: number) => Call<void>,
): Call<Span> {
  const workers = [];
  for (let index = 0; index < count; index++) workers.push(yield* worker(kernel, () => body(index)));
  // They block one after the other; nothing of that is to be measured.
  yield* kernel.sleep(settleNs);
  const beganNs = yield* kernel.now();
  for (const { start } of workers) yield* start.send("go");
  for (const { thread } of workers) yield* thread.join();
  const endedNs = yield* kernel.now();
  for (const { start } of workers) yield* start.close();
  return { beganNs, endedNs };
}

const settleNs = 1e6;

export function* yieldTest(kernel: Kernel, { threads, iterations }: Request): Call<Span> {
  return yield* together(kernel, threads, function* () {
    for (let count = 0; count < iterations; count++) yield* kernel.yieldCpu();
  });
}

/** Half as many pairs as threads: one wakes the other and waits for it. */
export function* waitTest(kernel: Kernel, { threads, iterations }: Request): Call<Span> {
  const pairs: { client: Signal; server: Waiting }[] = [];
  for (let pair = 0; pair < threads >> 1; pair++) pairs.push(yield* kernel.createChannel(turnContract));
  return yield* together(kernel, 2 * pairs.length, function* (index) {
    const { client, server } = pairs[index >> 1]!;
    for (let count = 0; count < iterations; count++) {
      if (index % 2 === 0) {
        yield* client.send("go");
        yield* client.receive();
      } else {
        yield* server.receive();
        yield* server.send("done");
      }
    }
    yield* (index % 2 === 0 ? client : server).close();
  });
}

/** Main wakes a random half of the workers and waits for the first; how long that took, in all. */
export function* waitAnyTest(kernel: Kernel, { threads, iterations }: Request): Call<number> {
  const workers = [];
  for (let index = 0; index < threads; index++) {
    workers.push(
      yield* worker(kernel, function* (start) {
        do yield* start.send("done"); while ((yield* start.receiveOrClosed()) !== undefined);
      }),
    );
  }
  const answers = kernel.endpointSet<typeof turnContract, "client", number>(turnContract, "client");
  workers.forEach(({ start }, index) => answers.add(start, index));
  let waitedNs = 0;
  for (let count = 0; count < iterations; count++) {
    const picked = yield* pick(kernel, threads);
    for (const index of picked) yield* workers[index]!.start.send("go");
    const beganNs = yield* kernel.now();
    yield* kernel.select({ answers });
    waitedNs += (yield* kernel.now()) - beganNs;
    for (let answered = 1; answered < picked.length; answered++) yield* kernel.select({ answers });
  }
  for (const { start, thread } of workers) {
    answers.remove(start);
    yield* start.close();
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
