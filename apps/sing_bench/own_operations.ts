/**
 * SingBench's lines that need no second process: what the kernel's own operations cost.
 *
 * In the order of Singularity's benchmark, in two groups: those before the messages and those behind.
 * - The first line does nothing: it is what the measuring itself takes, and has a share in all others.
 * - The ABI call is a sleep of no time: the kernel is entered and does nothing.
 * - An event wait and set is half of there and back, as a message is.
 */

import { Interlocked } from "../../kernel/abi/interlocked.ts";
import type { Call, Kernel, Program, Service } from "../../kernel/abi/kernel.ts";
import { singBenchContract } from "../contracts/sing_bench.ts";
import { half, meanOf, type Row } from "./measure.ts";

const pageSize = 4096;

/** One line: what it is called, and what is done once. */
type Line = readonly [operation: string, once: () => Call<unknown>];

function* measured(kernel: Kernel, lines: readonly Line[]): Call<Row[]> {
  const rows: Row[] = [];
  for (const [operation, once] of lines) {
    rows.push({ operation, bytes: 0, peer: "", kernel: "", ...yield* meanOf(kernel, once) });
  }
  return rows;
}

/** From the cycle counter to a yield, and events. */
export function* processorOperations(kernel: Kernel): Call<Row[]> {
  const [cell, other] = [yield* kernel.createAtomicCell(), yield* kernel.createAtomicCell()];
  const rows = yield* measured(kernel, [
    ["nothing", nothing],
    ["cycle counter", () => kernel.cycleCount()],
    ["interlocked increment", () => Interlocked.increment(cell)],
    ["interlocked compare, fails", () => Interlocked.compareExchange(cell, 0, -1)],
    ["interlocked compare, succeeds", () => Interlocked.compareExchange(other, 0, 0)],
    ["interlocked exchange", () => Interlocked.exchange(cell, 1)],
    ["interrupts off and on", function* () {
      yield* cell.interruptsOff();
      yield* cell.interruptsOn();
    }],
    ["ABI call", () => kernel.sleep(0)],
    ["clock", () => kernel.now()],
    ["yield", () => kernel.yieldCpu()],
  ]);
  return [...rows, yield* eventWaitAndSet(kernel)];
}

/** From a page to the namespace. */
export function* kernelObjects(kernel: Kernel, service: Service<typeof singBenchContract>): Call<Row[]> {
  const { client, server } = yield* kernel.createChannel(singBenchContract);
  const cell = yield* kernel.createTRef(client);
  const rows = yield* measured(kernel, [
    ["page allocation", function* () {
      yield* kernel.free(yield* kernel.allocate(pageSize));
    }],
    ["thread create and join", function* () {
      yield* (yield* kernel.createThread(nothing)).join();
    }],
    ["channel create and close", function* () {
      const channel = yield* kernel.createChannel(singBenchContract);
      yield* channel.client.close();
      yield* channel.server.close();
    }],
    ["name lookup", () => kernel.enumerate(service.path)],
    ["TRef acquire and release", function* () {
      yield* cell.release(yield* cell.acquire());
    }],
    ["name register and deregister", function* () {
      yield* (yield* kernel.register(singBenchContract, `${service.path}-name`)).deregister();
    }],
    ["name bind", function* () {
      const bound = yield* kernel.bind(singBenchContract, service.path);
      const accepted = yield* service.accept();
      yield* bound.close();
      yield* accepted.close();
    }],
  ]);
  yield* (yield* cell.acquire()).close();
  yield* server.close();
  return rows;
}

/** Two threads that wake each other. */
function* eventWaitAndSet(kernel: Kernel): Call<Row> {
  const [ping, pong] = [yield* kernel.createEvent("auto"), yield* kernel.createEvent("auto")];
  let isOver = false;
  const thread = yield* kernel.createThread(function* () {
    for (;;) {
      yield* ping.wait();
      if (isOver) return;
      yield* pong.set();
    }
  });
  const turn = yield* meanOf(kernel, function* () {
    yield* ping.set();
    yield* pong.wait();
  });
  isOver = true;
  yield* ping.set();
  yield* thread.join();
  return { operation: "event wait and set", bytes: 0, peer: "thread", kernel: "", ...half(turn) };
}

function* nothing(): Program {}
