/**
 * How processes end, and what they leave: nothing.
 *
 * Blocks, channels, names and waits of a process that ends, by whatever cause, are gone,
 * and nobody else is touched.
 */

// deno-lint-ignore-file require-yield -- programs are generators, also those that make no call

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Kernel, Program, Thread } from "../abi/kernel.ts";
import { pipeContract } from "../contracts/pipe.ts";
import { Bench, type Main } from "../testing/bench.ts";
import { memoryQuotaDefault } from "../placement/manifest.ts";

const nothing = { blocks: 0, ends: 0, lent: 0 };

/** Takes all kinds of things, then does what the test wants. */
const holder = (end: (kernel: Kernel) => Program): Main =>
  function* holder(kernel) {
    yield* kernel.allocate(100);
    yield* kernel.allocate(10_000);
    const pipe = yield* kernel.createChannel(pipeContract);
    yield* pipe.client.send("write", { data: yield* kernel.allocate(10) });
    yield* kernel.register(pipeContract, "/held");
    yield* kernel.createThread(function* () {
      yield* kernel.sleep(1e15);
    });
    return yield* end(kernel);
  };

const endings: [string, (kernel: Kernel) => Program, number, RegExp][] = [
  ["returns", function* () {}, 0, /^$/],
  [
    "returns a status",
    function* () {
      return 7;
    },
    7,
    /^$/,
  ],
  [
    "exits from a call",
    function* (kernel) {
      yield* kernel.exit(3);
    },
    3,
    /^$/,
  ],
  [
    "exits from another thread",
    function* (kernel) {
      yield* kernel.createThread(function* () {
        yield* kernel.exit(4);
      });
      yield* kernel.sleep(1e15);
    },
    4,
    /^$/,
  ],
  [
    "throws",
    function* () {
      throw new RangeError("too far");
    },
    1,
    /^RangeError: too far$/,
  ],
  [
    "throws in another thread",
    function* (kernel) {
      yield* kernel.createThread(function* () {
        throw new Error("there");
      });
      yield* kernel.sleep(1e15);
    },
    1,
    /^Error: there$/,
  ],
  [
    "throws what is no error",
    function* () {
      throw "a stone";
    },
    1,
    /^a stone$/,
  ],
  [
    "lets a failed call through",
    function* (kernel) {
      yield* kernel.bind(pipeContract, "/nowhere", 0);
    },
    1,
    /NotFound|Nothing is registered at "\/nowhere"/,
  ],
  [
    "yields what is no kernel call",
    function* () {
      yield { operation: "powerOff" };
    },
    1,
    /may yield kernel calls only/,
  ],
  [
    "yields nothing",
    function* () {
      yield undefined as never;
    },
    1,
    /may yield kernel calls only/,
  ],
  [
    "yields an object with traps",
    function* () {
      yield new Proxy({}, {
        get() {
          throw new Error("trap");
        },
        has() {
          throw new Error("trap");
        },
      }) as never;
    },
    1,
    /may yield kernel calls only/,
  ],
  [
    "returns an object that will not become a number",
    function* () {
      return {
        valueOf() {
          throw new Error("no number");
        },
      } as unknown as number;
    },
    0,
    /^$/,
  ],
  [
    "returns a symbol",
    function* () {
      return Symbol("s") as unknown as number;
    },
    0,
    /^$/,
  ],
];

for (const on of [0, 1]) {
  const where = on === 0 ? "the coordinator" : "a satellite";
  for (const [what, end, status, fault] of endings) {
    Deno.test(`a process on ${where} that ${what} leaves no blocks, channels, threads or names`, () => {
      const bench = new Bench({ domains: 2 });
      const process = bench.start(holder(end), { on });
      bench.settle();
      assertEquals([process.state, process.status], ["ended", status]);
      assertMatch(process.fault, fault);
      assertEquals([process.threads.size, process.blocks.size, process.ends.size], [0, 0, 0]);
      assertEquals(bench.leftovers(), nothing);
      assertEquals(bench.kernels[0]!.coordinator!.namespace.services, []);
      bench.run(holder(function* () {}), { on });
    });
  }
}

/** Runs a privileged program that kills another. */
function killed(victim: Main, afterNs: number, { on = 0, domains = 1, cpusPerDomain = 1 } = {}) {
  const bench = new Bench({ domains, cpusPerDomain });
  const process = bench.start(victim, { on });
  const other = bench.start(function* killer(kernel) {
    yield* kernel.sleep(afterNs);
    yield* kernel.system!.kill(process.pid);
  }, { privileged: true, on });
  bench.settle();
  assertEquals(other.fault, "");
  return { bench, process };
}

const victims: [string, () => Main][] = [
  ["sleeps", () =>
    holder(function* (kernel) {
      yield* kernel.sleep(1e15);
    })],
  ["waits for a message", () =>
    holder(function* (kernel) {
      yield* (yield* kernel.createChannel(pipeContract)).server.receive();
    })],
  ["waits in select", () =>
    holder(function* (kernel) {
      yield* kernel.select({ pipe: (yield* kernel.createChannel(pipeContract)).server }, 1e15);
    })],
  ["waits for a name", () =>
    holder(function* (kernel) {
      yield* kernel.bind(pipeContract, "/never", 1e9);
    })],
  ["waits for a client", () =>
    holder(function* (kernel) {
      yield* (yield* kernel.register(pipeContract, "/mine")).accept();
    })],
  ["waits for its thread", () =>
    holder(function* (kernel) {
      const thread: Thread = yield* kernel.createThread(function* () {
        yield* kernel.sleep(1e15);
      });
      yield* thread.join();
    })],
  ["runs for ever", () =>
    holder(function* (kernel) {
      for (;;) yield* kernel.now();
    })],
];

for (const [what, victim] of victims) {
  for (const on of [0, 1]) {
    Deno.test(`kill ends a process on kernel ${on} that ${what}, and frees all that it held`, () => {
      const { bench, process } = killed(victim(), 1e6, { on, domains: 2 });
      assertEquals([process.state, process.status, process.fault], ["ended", 137, ""]);
      assertEquals(bench.leftovers(), nothing);
      assertEquals(bench.kernels[0]!.coordinator!.namespace.services, []);
    });
  }
}

Deno.test("kill reaches a process in the middle of a burst on another CPU, which takes other work at once", () => {
  const bench = new Bench({ cpusPerDomain: 2 });
  let later = 0;
  const busy = bench.start(function* busy(kernel) {
    bench.work(2e9);
    yield* kernel.now();
  });
  bench.run(function* killer(kernel) {
    yield* kernel.sleep(1e6);
    yield* kernel.system!.kill(busy.pid);
    const start = yield* kernel.now();
    const threads = [];
    for (let index = 0; index < 2; index++) {
      threads.push(
        yield* kernel.createThread(function* () {
          bench.work(2e6);
          yield* kernel.yieldCpu();
        }),
      );
    }
    for (const thread of threads) yield* thread.join();
    later = (yield* kernel.now()) - start;
  }, { privileged: true });
  assertEquals([busy.state, busy.status], ["ended", 137]);
  assert(later < 2.1e6, `two threads of 1 ms took ${later} ns on two CPUs`);
});

Deno.test("peers of a killed process see all it sent, then the close as its own outcome", () => {
  const bench = new Bench({ domains: 2 });
  const seen: string[] = [];
  const reader = bench.start(function* reader(kernel) {
    const service = yield* kernel.register(pipeContract, "/reader");
    const pipe = yield* service.accept();
    for (;;) {
      const occurrence = yield* kernel.select({ pipe });
      if (occurrence.on !== "pipe") continue;
      if (occurrence.kind === "closed") break;
      seen.push(String.fromCharCode(...occurrence.message.data.bytes));
      yield* kernel.free(occurrence.message.data);
    }
    seen.push("closed");
    try {
      yield* pipe.receive();
    } catch (error) {
      seen.push((error as { code: string }).code);
    }
  });
  const writer = bench.start(function* writer(kernel) {
    const pipe = yield* kernel.bind(pipeContract, "/reader");
    const data = yield* kernel.allocate(2);
    data.bytes.set([104, 105]);
    yield* pipe.send("write", { data });
    yield* kernel.sleep(1e15);
  }, { on: 1 });
  bench.run(function* killer(kernel) {
    yield* kernel.sleep(1e6);
    yield* kernel.system!.kill(writer.pid);
  }, { privileged: true, on: 1 });
  bench.settle();
  assertEquals(seen, ["hi", "closed", "ChannelClosed"]);
  assertEquals([reader.status, reader.fault], [0, ""]);
  assertEquals(bench.leftovers(), nothing);
});

Deno.test("to kill a process that is not there, or has ended, is refused", () => {
  const bench = new Bench();
  const gone = bench.start(function* () {});
  bench.settle();
  const codes: string[] = [];
  bench.run(function* killer(kernel) {
    for (const pid of [gone.pid, 9999, 0, NaN]) {
      try {
        yield* kernel.system!.kill(pid);
      } catch (error) {
        codes.push((error as { code: string }).code);
      }
    }
  }, { privileged: true });
  assertEquals(codes, ["NotFound", "NotFound", "NotFound", "NotFound"]);
});

Deno.test("a program without the privilege has no system calls", () => {
  const bench = new Bench();
  bench.run(function* plain(kernel) {
    assertEquals(kernel.system, undefined);
    yield* kernel.now();
  });
});

Deno.test("a process may own 64 MiB of blocks and no more; freeing makes room, and others are not touched", () => {
  const bench = new Bench();
  const size = 16 << 20;
  let served = false;
  bench.start(function* modest(kernel) {
    yield* kernel.sleep(1e6);
    yield* kernel.allocate(size);
    served = true;
  });
  bench.run(function* glutton(kernel) {
    const blocks = [];
    for (let bytes = 0; bytes < memoryQuotaDefault; bytes += size) blocks.push(yield* kernel.allocate(size));
    let refused = "";
    try {
      yield* kernel.allocate(1);
    } catch (error) {
      refused = `${(error as { code: string }).code}: ${(error as Error).message}`;
    }
    assertMatch(refused, /^OutOfMemory: glutton:\d+@coordinator may own at most 64 MiB of blocks$/);
    yield* kernel.sleep(2e6);
    yield* kernel.free(blocks[0]!);
    yield* kernel.allocate(1);
  });
  assert(served);
  assertEquals(bench.leftovers(), nothing);
});

Deno.test("waitProcess tells status and fault, of a process that runs and of one that has ended", () => {
  const bench = new Bench();
  const process = bench.start(function* victim(kernel) {
    yield* kernel.sleep(1e6);
    throw new Error("in the end");
  });
  const outcomes: unknown[] = [];
  bench.run(function* waiter(kernel) {
    outcomes.push(
      yield* kernel.system!.waitProcess(process.pid),
      yield* kernel.system!.waitProcess(process.pid),
    );
  }, { privileged: true });
  assertEquals(outcomes, [{ status: 1, fault: "Error: in the end" }, {
    status: 1,
    fault: "Error: in the end",
  }]);
});
