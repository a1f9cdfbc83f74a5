/**
 * The test kernel's promises that no program's test would miss by itself: atomic cells, and watches of names.
 *
 * Programs here are what a person would test with it.
 */

import { assertEquals } from "@std/assert";
import type { Kernel, Program } from "../../abi/kernel.ts";
import { consoleContract } from "../../contracts/console.ts";
import { TestKernel } from "./test_kernel.ts";
import { Interlocked } from "../../abi/interlocked.ts";

Deno.test("threads that share an atomic cell lose no count by Interlocked, and do by a load and a store", () => {
  const counted = (once: (kernel: Kernel) => Program) => {
    const bench = new TestKernel();
    const process = bench.start("Counter", once);
    bench.run();
    assertEquals(process.fault, "");
    return process.status;
  };
  const counter = (isSafe: boolean) =>
    function* (kernel: Kernel): Program {
      const cell = yield* kernel.createAtomicCell();
      const threads = [];
      for (let index = 0; index < 3; index++) {
        threads.push(
          yield* kernel.createThread(function* () {
            for (let count = 0; count < 10; count++) {
              if (isSafe) yield* Interlocked.increment(cell);
              else yield* cell.store((yield* cell.load()) + 1);
            }
          }),
        );
      }
      for (const thread of threads) yield* thread.join();
      return yield* Interlocked.exchange(cell, 0);
    };
  assertEquals(counted(counter(true)), 30);
  assertEquals(counted(counter(false))! < 30, true);
});

Deno.test("a watch tells names at or below its path that come and go, one when the last was taken", () => {
  const bench = new TestKernel();
  const seen: string[] = [];
  const watcher = bench.start("Watcher", function* (kernel) {
    const watch = yield* kernel.watch("/service");
    for (let count = 0; count < 4; count++) {
      const change = yield* watch.receive();
      seen.push(`${change.tag} ${change.tag === "overflowed" ? "" : change.path}`);
      yield* kernel.sleep(1e6);
      yield* watch.send("next");
    }
    yield* watch.close();
  });
  bench.start("Server", function* (kernel) {
    const service = yield* kernel.register(consoleContract, "/service/one");
    yield* kernel.register(consoleContract, "/other");
    yield* service.deregister();
  });
  bench.run();
  assertEquals([watcher.status, watcher.fault], [0, ""]);
  assertEquals(seen, [
    "appeared /service",
    "appeared /service/one",
    "disappeared /service/one",
    "disappeared /service",
  ]);
});

Deno.test("a watcher that is slow is told that it missed changes, and those that follow", () => {
  const bench = new TestKernel();
  const seen: string[] = [];
  bench.start("Watcher", function* (kernel) {
    const watch = yield* kernel.watch("/many");
    yield* kernel.makeDirectory("/many");
    yield* kernel.sleep(1e6);
    for (let count = 0; count < 3; count++) {
      seen.push((yield* watch.receive()).tag);
      if (count === 1) yield* kernel.makeDirectory("/many/last");
      yield* watch.send("next");
    }
  });
  bench.start("Maker", function* (kernel) {
    yield* kernel.sleep(1e3);
    for (let index = 0; index < 100; index++) yield* kernel.makeDirectory(`/many/n${index}`);
  });
  bench.run();
  assertEquals(seen, ["appeared", "overflowed", "appeared"]);
});
