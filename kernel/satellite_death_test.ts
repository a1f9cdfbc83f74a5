/**
 * A satellite kernel dies: what the others see of it, what they get back, and how it comes again.
 *
 * Kernels of the host on a bench; what a card adds stands in `tests/card_death_test.ts`.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Kernel as ProgramKernel, Program } from "./abi/kernel.ts";
import type { Kernel } from "./kernel.ts";
import { sleep } from "./scheduling/kernel_event.ts";
import { Bench } from "./testing/bench.ts";
import { answerAll, echoContract } from "./testing/block_echo.ts";

function* echo(kernel: ProgramKernel): Program {
  const service = yield* kernel.register(echoContract, "/echo");
  for (;;) {
    const client = yield* service.accept();
    yield* kernel.createThread(() => answerAll(client));
  }
}

const ways: Readonly<Record<string, (bench: Bench, kernel: Kernel) => void>> = {
  "panics": (bench, kernel) => bench.panic(kernel),
  "stops without a word": (bench, kernel) => bench.stopCpus(kernel),
};

for (const [way, die] of Object.entries(ways)) {
  Deno.test(`when a satellite ${way}, its names vanish, its channels close and its blocks come back`, () => {
    const bench = new Bench({ domains: 3 });
    bench.start(echo, { on: 1 });
    bench.settle(1e-2);
    const seen: string[] = [];
    for (const on of [0, 2]) {
      bench.start(function* client(kernel) {
        const end = yield* kernel.bind(echoContract, "/echo");
        for (;;) {
          yield* end.send("ask", { bytes: yield* kernel.allocate(5000), text: "" });
          const answer = yield* end.receiveOrClosed();
          if (answer === undefined) break;
          yield* kernel.free(answer.bytes);
        }
        seen.push(`${on} saw it close`);
        yield* end.close();
      }, { on });
    }
    bench.settle(1e-2);
    die(bench, bench.kernels[1]!);
    bench.settle(1);
    assertEquals(seen.toSorted(), ["0 saw it close", "2 saw it close"]);
    const { coordinator } = bench.kernels[0]!;
    assertEquals(coordinator!.namespace.services.filter(({ path }) => path === "/echo"), []);
    assertEquals(bench.leftovers(), { blocks: 0, ends: 0, lent: 0 });
    assertEquals(coordinator!.rows.map(({ name, state }) => `${name} ${state}`), [
      "coordinator up",
      "numa2 up",
      "numa1 down",
    ]);
  });

  Deno.test(`a satellite that ${way} starts again in its domain, and serves as before`, () => {
    const bench = new Bench({ domains: 3 });
    die(bench, bench.kernels[1]!);
    bench.settle(1);
    bench.restart(bench.kernels[1]!);
    bench.settle(1);
    const [, again] = bench.kernels;
    assert(!again!.isHalted);
    assertEquals(again!.row.state, "up");
    bench.start(echo, { on: 1 });
    for (const on of [0, 2]) {
      bench.run(function* client(kernel) {
        const end = yield* kernel.bind(echoContract, "/echo", 1e9);
        const bytes = yield* kernel.allocate(5000);
        yield* end.send("ask", { bytes, text: "" });
        const answer = yield* end.receive();
        assertEquals(answer.bytes.length, 5000);
        yield* kernel.free(answer.bytes);
        yield* end.close();
      }, { on });
    }
  });
}

Deno.test("a panic is heard at once, a silent stop within 35 ms", () => {
  const after = (die: (bench: Bench, kernel: Kernel) => void) => {
    const bench = new Bench({ domains: 2 });
    const before = bench.queue.now;
    die(bench, bench.kernels[1]!);
    while (bench.kernels[0]!.coordinator!.down.length === 0) bench.settle(1e-6);
    return bench.queue.now - before;
  };
  assert(after(ways["panics"]!) < 20e3);
  const silent = after(ways["stops without a word"]!);
  assert(silent > 20e6 && silent <= 35.1e6, `${silent}`);
});

Deno.test("a satellite whose CPU never rests is not taken for dead", () => {
  const bench = new Bench({ domains: 2 });
  const [coordinator, satellite] = bench.kernels;
  for (let count = 0; count < 8; count++) {
    bench.start(function* busy(kernel) {
      for (;;) {
        // Longer than all looks that lead to a burial together.
        bench.work(200_000_000);
        yield* kernel.free(yield* kernel.allocate(1 << 20));
      }
    }, { on: 1 });
  }
  bench.settle(5);
  assertEquals(coordinator!.coordinator!.rows.map(({ state }) => state), ["up", "up"]);
  assert(
    !satellite!.isHalted && satellite!.cpuUse > 0.99,
    `its CPU was busy ${satellite!.cpuUse} of the time`,
  );
});

for (const role of ["satellite", "coordinator"]) {
  const end = role === "satellite"
    ? "that satellite, and is told with its reason"
    : "the machine, with one line";
  Deno.test(`a bug in the code of a ${role} ends ${end}`, () => {
    const bench = new Bench({ domains: 2 });
    const kernel = bench.kernels[role === "satellite" ? 1 : 0]!;
    const broken = function* (): Program {
      yield* sleep(1e3);
      throw new Error("the bug");
    };
    bench.queue.at(bench.queue.now, () => void kernel.processes.startThread(kernel.self, broken(), "broken"));
    assertThrows(() => bench.settle(1), Error, "the bug");
    assertEquals(bench.debugLines.filter((line) => line.includes("panic")), [
      `${kernel.name}: kernel panic: the bug`,
      ...(role === "satellite" ? ["numa1 is down: kernel panic: the bug"] : []),
    ]);
    assertEquals(bench.poweredOff, role === "satellite" ? undefined : 1);
    assertEquals(bench.kernels.map(({ isHalted }) => isHalted), [role !== "satellite", role === "satellite"]);
  });
}
