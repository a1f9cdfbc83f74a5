/**
 * SingBench's lines that need no second process: what the kernel's own operations cost.
 *
 * In the order of Singularity's benchmark. Left out of it: the cycle counter, which
 * programs can't read, and cells of the exchange heap (TRef).
 * - The ABI call is a sleep of no time: the kernel is entered and does nothing.
 */

import { Interlocked } from "../../kernel/abi/interlocked.ts";
import type { Call, Kernel, Program, Service } from "../../kernel/abi/kernel.ts";
import { singBenchContract } from "../contracts/sing_bench.ts";
import { meanNs, type Row } from "./measure.ts";

const pageSize = 4096;

/** One line: what it is called, and what is done once. */
type Line = readonly [operation: string, once: () => Call<unknown>];

export function* ownOperations(
  kernel: Kernel,
  service: Service<typeof singBenchContract>,
): Call<Row[]> {
  const rows = [yield* eventPingPong(kernel)];
  for (const [operation, once] of yield* linesOf(kernel, service)) {
    rows.push({ operation, bytes: 0, peer: "", kernel: "", nanoseconds: yield* meanNs(kernel, once) });
  }
  return rows;
}

function* linesOf(kernel: Kernel, service: Service<typeof singBenchContract>): Call<readonly Line[]> {
  const cell = yield* kernel.createAtomicCell();
  return [
    ["interlocked increment", () => Interlocked.increment(cell)],
    ["interlocked compare and exchange", () => Interlocked.compareExchange(cell, 1, 0)],
    ["interlocked exchange", () => Interlocked.exchange(cell, 1)],
    ["interrupts off and on", function* () {
      yield* cell.interruptsOff();
      yield* cell.interruptsOn();
    }],
    ["ABI call", () => kernel.sleep(0)],
    ["clock", () => kernel.now()],
    ["yield", () => kernel.yieldCpu()],
    ["block allocation", function* () {
      yield* kernel.free(yield* kernel.allocate(pageSize));
    }],
    ["thread create and join", function* () {
      yield* (yield* kernel.createThread(nothing)).join();
    }],
    ["channel create and close", function* () {
      const { client, server } = yield* kernel.createChannel(singBenchContract);
      yield* client.close();
      yield* server.close();
    }],
    ["name lookup", () => kernel.enumerate(service.path)],
    ["name register and deregister", function* () {
      yield* (yield* kernel.register(singBenchContract, `${service.path}-name`)).deregister();
    }],
    ["name bind", function* () {
      const client = yield* kernel.bind(singBenchContract, service.path);
      const server = yield* service.accept();
      yield* client.close();
      yield* server.close();
    }],
  ];
}

/** Two threads that wake each other; each figure is there and back, as Singularity counts it. */
function* eventPingPong(kernel: Kernel): Call<Row> {
  const [ping, pong] = [yield* kernel.createEvent("auto"), yield* kernel.createEvent("auto")];
  let isOver = false;
  const thread = yield* kernel.createThread(function* () {
    for (;;) {
      yield* ping.wait();
      if (isOver) return;
      yield* pong.set();
    }
  });
  const nanoseconds = yield* meanNs(kernel, function* () {
    yield* ping.set();
    yield* pong.wait();
  });
  isOver = true;
  yield* ping.set();
  yield* thread.join();
  return { operation: "event ping-pong", bytes: 0, peer: "thread", kernel: "", nanoseconds };
}

function* nothing(): Program {}
