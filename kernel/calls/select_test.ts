/**
 * When nothing can happen any more, and what a close means for those who wait and those who send.
 */

import { assert, assertEquals } from "@std/assert";
import type { Call, Endpoint, Kernel, Program, Service, Source } from "../abi/kernel.ts";
import { pipeContract } from "../contracts/pipe.ts";
import { Bench } from "../testing/bench.ts";

const nothingLeft = { blocks: 0, ends: 0, lent: 0 };
const unsatisfiable = { on: "unsatisfiable" };
const patienceNs = 1e9;

function runs(main: (kernel: Kernel) => Program, domains = 1): Bench {
  const bench = new Bench({ domains });
  bench.run(main);
  assertEquals(bench.leftovers(), nothingLeft);
  return bench;
}

/** Starts a thread that does something after a millisecond. */
function* soon(kernel: Kernel, act: () => Program): Call<void> {
  yield* kernel.createThread(function* () {
    yield* kernel.sleep(1e6);
    yield* act();
  });
}

Deno.test("select over no source at all is unsatisfiable, whatever its time-out", () => {
  runs(function* (kernel) {
    for (const timeout of [undefined, 0, patienceNs]) {
      assertEquals(yield* kernel.select({}, timeout), unsatisfiable);
    }
    assert((yield* kernel.now()) < 2e9);
  });
});

Deno.test("select over what this process closed, gave away, deregistered or emptied is unsatisfiable at once", () => {
  runs(function* (kernel) {
    const [closed, given, carrier] = [
      yield* kernel.createChannel(pipeContract),
      yield* kernel.createChannel(pipeContract),
      yield* kernel.createChannel({
        name: "carrier/1",
        contractName: "CarrierContract",
        messages: {
          take: {
            from: "client",
            doc: "Takes it",
            body: { pipe: { endpoint: pipeContract, end: "server" } },
          },
        },
        start: "ready",
        states: { ready: { take: "over" }, over: {} },
      }),
    ];
    yield* closed.server.close();
    yield* carrier.client.send("take", { pipe: given.server });
    const service = yield* kernel.register(pipeContract, "/pipe");
    yield* service.deregister();
    const set = kernel.endpointSet<typeof pipeContract, "server", undefined>(pipeContract, "server");
    const sources = { closed: closed.server, given: given.server, service, set };
    const start = yield* kernel.now();
    assertEquals(yield* kernel.select(sources, patienceNs), unsatisfiable);
    for (const [name, source] of Object.entries(sources)) {
      assertEquals(yield* kernel.select({ [name]: source }), unsatisfiable, name);
    }
    assert((yield* kernel.now()) - start < 1e6);
  });
});

Deno.test("one source that can fire is enough to wait for", () => {
  runs(function* (kernel) {
    const [gone, open] = [
      yield* kernel.createChannel(pipeContract),
      yield* kernel.createChannel(pipeContract),
    ];
    yield* gone.server.close();
    yield* soon(kernel, () => open.client.close());
    const occurrence = yield* kernel.select({ gone: gone.server, open: open.server }, patienceNs);
    assertEquals(occurrence, { on: "open", kind: "closed" });
    assertEquals(yield* kernel.select({ gone: gone.server, other: gone.client }), {
      on: "other",
      kind: "closed",
    });
  });
});

type Server = Endpoint<typeof pipeContract, "server">;

/** What is waited for, and what another thread does to it. */
type Ending = (
  kernel: Kernel,
  end: Server,
  service: Service<typeof pipeContract>,
) => [Record<string, Source>, () => Program];

const setOf = (kernel: Kernel, end: Server) => {
  const set = kernel.endpointSet<typeof pipeContract, "server", undefined>(pipeContract, "server");
  set.add(end, undefined);
  return set;
};

const endings: [string, Ending][] = [
  ["closes the endpoint that it waits for", (_kernel, end) => [{ end }, () => end.close()]],
  [
    "deregisters the service that it waits for",
    (_kernel, _end, service) => [{ service }, () => service.deregister()],
  ],
  ["takes the last endpoint out of the set that it waits for", (kernel, end) => {
    const set = setOf(kernel, end);
    return [{ set }, function* () {
      yield* kernel.yieldCpu();
      set.remove(end);
    }];
  }],
  ["closes the last endpoint of the set that it waits for", (kernel, end) => [
    { set: setOf(kernel, end) },
    () => end.close(),
  ]],
];

for (const [what, prepare] of endings) {
  Deno.test(`a select ends as unsatisfiable, long before its time-out, when another thread ${what}`, () => {
    runs(function* (kernel) {
      const { server } = yield* kernel.createChannel(pipeContract);
      const service = yield* kernel.register(pipeContract, "/pipe");
      const [sources, act] = prepare(kernel, server, service);
      const start = yield* kernel.now();
      yield* soon(kernel, act);
      assertEquals(yield* kernel.select(sources, patienceNs), unsatisfiable);
      const waited = (yield* kernel.now()) - start;
      assert(waited >= 1e6 && waited < 5e6, String(waited));
    });
  });

  Deno.test(`a select without a time-out does not wait for ever when another thread ${what}`, () => {
    runs(function* (kernel) {
      const { server } = yield* kernel.createChannel(pipeContract);
      const service = yield* kernel.register(pipeContract, "/pipe");
      const [sources, act] = prepare(kernel, server, service);
      yield* soon(kernel, act);
      assertEquals(yield* kernel.select(sources), unsatisfiable);
    });
  });
}

Deno.test("every thread that waits for a service learns that it was deregistered", () => {
  runs(function* (kernel) {
    const service = yield* kernel.register(pipeContract, "/pipe");
    const outcomes: string[] = [];
    const threads = [];
    for (let count = 0; count < 3; count++) {
      threads.push(
        yield* kernel.createThread(function* () {
          outcomes.push((yield* kernel.select({ service }, patienceNs)).on);
        }),
      );
    }
    threads.push(
      yield* kernel.createThread(function* () {
        try {
          yield* service.accept();
        } catch (error) {
          outcomes.push((error as { code: string }).code);
        }
      }),
    );
    yield* kernel.sleep(1e6);
    yield* service.deregister();
    for (const thread of threads) yield* thread.join();
    assertEquals(outcomes.sort(), ["ChannelClosed", "unsatisfiable", "unsatisfiable", "unsatisfiable"]);
  });
});

Deno.test("the peer of a set's last member closes: one select gives that, the next is unsatisfiable", () => {
  runs(function* (kernel) {
    const { client, server } = yield* kernel.createChannel(pipeContract);
    const set = kernel.endpointSet<typeof pipeContract, "server", number>(pipeContract, "server");
    set.add(server, 7);
    yield* soon(kernel, () => client.close());
    const occurrence = yield* kernel.select({ set }, patienceNs);
    assertEquals([occurrence.on, "data" in occurrence && occurrence.data], ["set", 7]);
    assertEquals(yield* kernel.select({ set }, patienceNs), unsatisfiable);
  });
});

Deno.test("all threads that wait for one endpoint learn that its peer has closed", () => {
  runs(function* (kernel) {
    const { client, server } = yield* kernel.createChannel(pipeContract);
    const heard: unknown[] = [];
    const threads = [];
    for (let count = 0; count < 2; count++) {
      threads.push(
        yield* kernel.createThread(function* () {
          heard.push(yield* server.receiveOrClosed());
        }),
        yield* kernel.createThread(function* () {
          const occurrence = yield* kernel.select({ server });
          heard.push("kind" in occurrence ? occurrence.kind : occurrence.on);
        }),
      );
    }
    yield* kernel.sleep(1e6);
    yield* client.close();
    for (const thread of threads) yield* thread.join();
    assertEquals(heard, [undefined, "closed", undefined, "closed"]);
  });
});

Deno.test("the end of a thread can be waited for with a time-out, and from then on is there at once", () => {
  runs(function* (kernel) {
    const { server } = yield* kernel.createChannel(pipeContract);
    const worker = yield* kernel.createThread(function* () {
      yield* kernel.sleep(5e6);
    });
    const started = yield* kernel.now();
    assertEquals(yield* kernel.select({ server, worker }, 1e6), { on: "timeout" });
    for (let count = 0; count < 2; count++) {
      assertEquals(yield* kernel.select({ server, worker }, patienceNs), { on: "worker", kind: "ended" });
      yield* worker.join();
    }
    const waited = (yield* kernel.now()) - started;
    assert(waited > 5e6 && waited < 6e6, String(waited));
  });
});

Deno.test("every thread that waits for the end of another is told of it, in select as in join", () => {
  runs(function* (kernel) {
    const worker = yield* kernel.createThread(function* () {
      yield* kernel.sleep(1e6);
    });
    const told: string[] = [];
    const threads = [];
    for (let count = 0; count < 2; count++) {
      threads.push(
        yield* kernel.createThread(function* () {
          const occurrence = yield* kernel.select({ worker });
          told.push(occurrence.on);
        }),
        yield* kernel.createThread(function* () {
          yield* worker.join();
          told.push("joined");
        }),
      );
    }
    for (const thread of threads) yield* thread.join();
    assertEquals(told, ["worker", "joined", "worker", "joined"]);
  });
});

Deno.test("select takes the signal of an event with automatic reset, unless it ends with something else", () => {
  runs(function* (kernel) {
    const { client, server } = yield* kernel.createChannel(pipeContract);
    const [auto, manual] = [yield* kernel.createEvent("auto"), yield* kernel.createEvent("manual")];
    yield* soon(kernel, () => auto.set());
    assertEquals(yield* kernel.select({ server, auto }, patienceNs), { on: "auto", kind: "signalled" });
    assertEquals(yield* kernel.select({ server, auto }, 1e6), { on: "timeout" });
    yield* client.close();
    yield* auto.set();
    assertEquals(yield* kernel.select({ server, auto }), { on: "server", kind: "closed" });
    yield* auto.wait(0);
    yield* manual.set();
    for (let count = 0; count < 2; count++) {
      assertEquals(yield* kernel.select({ auto, manual }), { on: "manual", kind: "signalled" });
    }
  });
});

Deno.test("of several threads that select one event with automatic reset, each signal lets one through", () => {
  runs(function* (kernel) {
    const event = yield* kernel.createEvent("auto");
    const passed: number[] = [];
    const threads = [];
    for (let number = 0; number < 3; number++) {
      threads.push(
        yield* kernel.createThread(function* () {
          yield* kernel.select({ event });
          passed.push(number);
        }),
      );
    }
    for (let count = 0; count < 3; count++) {
      yield* kernel.sleep(1e6);
      assertEquals(passed.length, count);
      yield* event.set();
    }
    for (const thread of threads) yield* thread.join();
    assertEquals(passed, [0, 1, 2]);
  });
});

const askContract = {
  name: "ask/1",
  contractName: "AskContract",
  messages: {
    ask: { from: "client", doc: "A block", body: { data: "bytes" }, uses: "asks" },
    answered: { from: "server", doc: "Seen", gives: { credit: "asks", amount: 1 } },
  },
  credits: { asks: { doc: "Questions", user: "client", limit: 100, initial: 100 } },
  start: "open",
  states: { open: { ask: "open", answered: "open" } },
} as const;

for (const [where, domains] of [["on one kernel", 1], ["across two kernels", 2]] as const) {
  Deno.test(`${where}, a send to a peer that has closed neither fails nor blocks, and its blocks are freed`, () => {
    const bench = new Bench({ domains });
    bench.start(function* deaf(kernel) {
      const service = yield* kernel.register(askContract, "/deaf");
      const end = yield* service.accept();
      yield* end.close();
      yield* kernel.sleep(1e6);
    });
    let waited = Infinity;
    bench.run(function* talker(kernel) {
      const end = yield* kernel.bind(askContract, "/deaf");
      yield* kernel.sleep(1e6);
      const start = yield* kernel.now();
      for (let count = 0; count < 50; count++) {
        yield* end.send("ask", { data: yield* kernel.allocate(4096) });
      }
      waited = (yield* kernel.now()) - start;
      assertEquals(yield* kernel.select({ end }), { on: "end", kind: "closed" });
      assertEquals(yield* end.receiveOrClosed(), undefined);
      // A close that was heard changes nothing for the sender.
      yield* end.send("ask", { data: yield* kernel.allocate(4096) });
    }, { on: domains - 1 });
    assert(waited < 5e6, String(waited));
    assertEquals(bench.leftovers(), nothingLeft);
  });

  Deno.test(`${where}, the close of a peer is an outcome of its own, after all that it sent`, () => {
    const bench = new Bench({ domains });
    const reader = bench.start(function* reader(kernel) {
      const service = yield* kernel.register(askContract, "/reader");
      const end = yield* service.accept();
      const seen: string[] = [];
      yield* kernel.sleep(2e6);
      for (;;) {
        const occurrence = yield* kernel.select({ end }, patienceNs);
        if (occurrence.on !== "end") throw new Error(occurrence.on);
        seen.push(occurrence.kind);
        if (occurrence.kind === "closed") break;
        yield* kernel.free(occurrence.message.data);
      }
      assertEquals(seen, ["message", "message", "message", "closed"]);
    });
    bench.run(function* writer(kernel) {
      const end = yield* kernel.bind(askContract, "/reader");
      for (let count = 0; count < 3; count++) yield* end.send("ask", { data: yield* kernel.allocate(64) });
      yield* end.close();
    }, { on: domains - 1 });
    bench.settle();
    assertEquals([reader.state, reader.fault, bench.leftovers()], ["ended", "", nothingLeft]);
  });
}
