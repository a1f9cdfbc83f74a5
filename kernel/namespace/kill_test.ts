/**
 * Processes that use names in every way are killed at random moments, on three kernels.
 *
 * Whatever they were doing, the namespace ends with exactly the services of those that live,
 * and nothing of the dead is left: no channel end, no watch, no bind that waits.
 */

import { assertEquals } from "@std/assert";
import type { Call, Kernel, Program } from "../abi/kernel.ts";
import type { Process } from "../process/process.ts";
import { Bench } from "../testing/bench.ts";
import { echoContract, serveSome } from "../testing/block_echo.ts";
import { attempt, randomWords } from "../testing/random_load.ts";

const killsMax = 1000;
const paths = ["/s/a", "/s/b", "/t/u/v", "/l/a", "/l/t"];

function* asks(kernel: Kernel, path: string): Call<void> {
  const end = yield* kernel.bind(echoContract, path, 2e5);
  yield* end.send("ask", { bytes: yield* kernel.allocate(100), text: "x".repeat(200) });
  const answer = yield* end.receiveOrClosed();
  if (answer !== undefined) yield* kernel.free(answer.bytes);
  yield* end.close();
}

function* watches(kernel: Kernel): Call<void> {
  const watch = yield* kernel.watch("/s");
  for (let count = 0; count < 5; count++) {
    const event = yield* kernel.select({ watch }, 2e5);
    if (event.on !== "watch" || event.kind === "closed") break;
    yield* watch.send("next");
  }
  yield* watch.close();
}

/** Does one thing with names after the other until it is killed. */
const user = (random: (below: number) => number) =>
  function* user(kernel: Kernel): Program {
    for (;;) {
      const path = paths[random(paths.length)]!;
      const choice = random(6);
      yield* attempt(function* () {
        if (choice === 0) yield* serveSome(kernel, path, { made: "here" });
        else if (choice === 1) yield* watches(kernel);
        else if (choice === 2) yield* kernel.enumerate("/");
        else yield* asks(kernel, path);
      });
      yield* kernel.sleep(1 + random(50_000));
    }
  };

Deno.test(`after each of ${killsMax} kills the names are those of the living, and at the end nothing is left`, () => {
  const random = randomWords(1);
  const bench = new Bench({ domains: 3 });
  bench.run(function* links(kernel) {
    yield* kernel.link("/l", "/s");
  });
  const living: Process[] = [];
  const start = () => living.push(bench.start(user(random), { on: random(3) }));
  for (let count = 0; count < 12; count++) start();
  const { namespace } = bench.kernels[0]!.coordinator!;
  const kill = (process: Process) => {
    const kernel = bench.kernels.find(({ name }) => name === process.kernelName)!;
    kernel.processes.end(process, 137, "");
  };
  for (let kills = 0; kills < killsMax; kills++) {
    bench.settle((1 + random(300)) * 1e-6);
    kill(living.splice(random(living.length), 1)[0]!);
    start();
    if (kills % 100 !== 0) continue;
    // What is under way about the dead has arrived by then.
    bench.settle(1e-3);
    assertEquals(living.map(({ fault }) => fault).filter((fault) => fault !== ""), []);
    const names = new Set(living.map(({ label }) => label));
    assertEquals(namespace.services.filter(({ process }) => !names.has(process)), []);
  }
  for (const process of living) kill(process);
  bench.settle(1);
  assertEquals(namespace.services, []);
  assertEquals(bench.leftovers(), { blocks: 0, ends: 0, lent: 0 });
  bench.run(function* last(kernel) {
    assertEquals((yield* kernel.enumerate("/")).map(({ path }) => path), ["/l"]);
    yield* kernel.register(echoContract, "/s/a");
  }, { on: 1 });
});
