/**
 * Waiting: binds that wait for a name, and select over all it can wait for.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Endpoint, Kernel, Program } from "../abi/kernel.ts";
import type { Contract } from "../contracts/contract.ts";
import { pipeContract } from "../contracts/pipe.ts";
import { Bench } from "../testing/bench.ts";

type Refusal = { readonly code: string; readonly message: string };

const tickContract = {
  name: "tick/1",
  contractName: "TickContract",
  messages: { tick: { from: "client", doc: "A number", body: { number: "u32" }, uses: "sent" } },
  credits: { sent: { doc: "What is under way", user: "client", limit: 64, initial: 64 } },
  start: "open",
  states: { open: { tick: "open" } },
} as const satisfies Contract;

function* refusalOf(call: () => Program): Generator<never, Refusal | undefined, unknown> {
  try {
    yield* call() as Generator<never, void, unknown>;
    return undefined;
  } catch (error) {
    return error as Refusal;
  }
}

for (const on of [0, 1, 2]) {
  const where = ["the coordinator", "one satellite", "another satellite"][on];

  Deno.test(`a bind from ${where} waits until the name is registered, and speaks to who registered it`, () => {
    const bench = new Bench({ domains: 3 });
    let boundAfter = 0;
    let heard = 0;
    bench.start(function* server(kernel) {
      yield* kernel.sleep(5e6);
      const service = yield* kernel.register(tickContract, "/late");
      const client = yield* service.accept();
      heard = (yield* client.receive()).number;
    }, { on: 1 });
    bench.run(function* client(kernel) {
      const start = yield* kernel.now();
      const end = yield* kernel.bind(tickContract, "/late");
      boundAfter = (yield* kernel.now()) - start;
      yield* end.send("tick", { number: 7 });
    }, { on });
    assert(boundAfter > 4.9e6 && boundAfter < 5.1e6, `${boundAfter}`);
    assertEquals(heard, 7);
    assertEquals(bench.leftovers(), { blocks: 0, ends: 0, lent: 0 });
  });

  Deno.test(`a bind from ${where} to a name that does not come times out, in its time, and leaves nothing`, () => {
    const bench = new Bench({ domains: 3 });
    bench.run(function* client(kernel) {
      const start = yield* kernel.now();
      const refusal = yield* refusalOf(() => kernel.bind(tickContract, "/never", 2e6) as unknown as Program);
      assertEquals(refusal!.code, "TimedOut");
      assertMatch(refusal!.message, /^Nothing was registered at "\/never" within 2 ms$/);
      const waited = (yield* kernel.now()) - start;
      assert(waited >= 2e6 && waited < 2.1e6, `${waited}`);
    }, { on });
    assertEquals(bench.leftovers(), { blocks: 0, ends: 0, lent: 0 });
  });
}

Deno.test("a bind that does not want to wait is told at once that nothing is there", () => {
  new Bench().run(function* client(kernel) {
    for (const timeout of [0, -1, NaN]) {
      const refusal = yield* refusalOf(() =>
        kernel.bind(tickContract, "/never", timeout) as unknown as Program
      );
      assertEquals(refusal!.code, "NotFound");
    }
  });
});

Deno.test("a bind without a path goes where the system manifest says, or is told that it says nothing", () => {
  const bench = new Bench({ paths: { TickContract: "/ticks" } });
  bench.start(function* server(kernel) {
    yield* (yield* kernel.register(tickContract, "/ticks")).accept();
  });
  bench.run(function* client(kernel) {
    assertEquals((yield* kernel.bind(tickContract)).end, "client");
    const refusal = yield* refusalOf(() => kernel.bind(pipeContract) as unknown as Program);
    assertEquals(refusal!.message, "The system manifest names no service for PipeContract");
  });
});

Deno.test("a name is bound with its own contract only, and is registered once", () => {
  const bench = new Bench({ domains: 2 });
  bench.start(function* server(kernel) {
    yield* kernel.register(tickContract, "/ticks");
    yield* kernel.sleep(1e9);
  });
  for (const on of [0, 1]) {
    bench.start(function* client(kernel) {
      yield* kernel.sleep(1e6);
      const bound = yield* refusalOf(() => kernel.bind(pipeContract, "/ticks") as unknown as Program);
      assertEquals([bound!.code, bound!.message], ["BadArgument", `"/ticks" speaks tick/1, not pipe/1`]);
      const registered = yield* refusalOf(() =>
        kernel.register(tickContract, "/ticks") as unknown as Program
      );
      assertEquals([registered!.code, registered!.message], [
        "AlreadyRegistered",
        `"/ticks" is registered already`,
      ]);
    }, { on });
  }
  bench.settle();
  assertEquals(bench.leftovers(), { blocks: 0, ends: 0, lent: 0 });
});

for (const path of ["", "ticks", "/", "/a//b", "/a b", "/a/", `/${"x".repeat(65)}`, "/a".repeat(17)]) {
  Deno.test(`"${path.slice(0, 20)}" (${path.length} characters) is no path to register`, () => {
    new Bench({ domains: 2 }).run(function* server(kernel) {
      const refusal = yield* refusalOf(() => kernel.register(tickContract, path) as unknown as Program);
      assertEquals(refusal!.code, "BadArgument");
    }, { on: 1 });
  });
}

// ---------------------------------------------------------------- select

/** A program that makes three channels; `body` selects over their server ends. */
function withThree(body: (kernel: Kernel, ends: Record<"a" | "b" | "c", Ends>) => Program): void {
  const bench = new Bench();
  bench.run(function* selector(kernel) {
    const [a, b, c] = [
      yield* kernel.createChannel(tickContract),
      yield* kernel.createChannel(tickContract),
      yield* kernel.createChannel(tickContract),
    ];
    yield* body(kernel, { a, b, c });
  });
  assertEquals(bench.leftovers(), { blocks: 0, ends: 0, lent: 0 });
}

interface Ends {
  readonly client: Endpoint<typeof tickContract, "client">;
  readonly server: Endpoint<typeof tickContract, "server">;
}

Deno.test("when several sources have something, select gives that of the first one named", () => {
  withThree(function* (kernel, { a, b, c }) {
    yield* a.client.send("tick", { number: 1 });
    yield* c.client.send("tick", { number: 3 });
    yield* b.client.send("tick", { number: 2 });
    const got: unknown[] = [];
    for (let index = 0; index < 3; index++) {
      got.push((yield* kernel.select({ c: c.server, b: b.server, a: a.server })).on);
    }
    assertEquals(got, ["c", "b", "a"]);
  });
});

Deno.test("select waits for what happens first, and then looks at nothing else", () => {
  withThree(function* (kernel, { a, b }) {
    yield* kernel.createThread(function* () {
      yield* kernel.sleep(1000);
      yield* b.client.send("tick", { number: 2 });
      yield* a.client.send("tick", { number: 1 });
    });
    const first = yield* kernel.select({ a: a.server, b: b.server });
    assertEquals(first, { on: "b", kind: "message", message: { tag: "tick", number: 2 } });
    assertEquals((yield* a.server.receive()).number, 1);
  });
});

Deno.test("a closed peer is an outcome of its own, after all its messages, as often as one asks", () => {
  withThree(function* (kernel, { a }) {
    yield* a.client.send("tick", { number: 1 });
    yield* a.client.close();
    const got: unknown[] = [];
    for (let index = 0; index < 3; index++) got.push(yield* kernel.select({ a: a.server }));
    const closed = { on: "a", kind: "closed" };
    assertEquals(got, [{ on: "a", kind: "message", message: { tag: "tick", number: 1 } }, closed, closed]);
    assertEquals(yield* a.server.receiveOrClosed(), undefined);
  });
});

Deno.test("select with a time-out ends at its time, and at once when the time is nought", () => {
  withThree(function* (kernel, { a }) {
    for (const timeout of [0, -5, 1e6]) {
      const start = yield* kernel.now();
      assertEquals(yield* kernel.select({ a: a.server }, timeout), { on: "timeout" });
      const waited = (yield* kernel.now()) - start;
      assert(waited >= timeout && waited < Math.max(timeout, 0) + 20_000, `${waited} for ${timeout}`);
    }
  });
});

Deno.test("a set gives its members' messages in turn, with their data, and lets go of who closed", () => {
  withThree(function* (kernel, { a, b, c }) {
    const set = kernel.endpointSet<typeof tickContract, "server", string>(tickContract, "server");
    set.add(a.server, "a");
    set.add(b.server, "b");
    for (const number of [1, 2]) for (const { client } of [a, b]) yield* client.send("tick", { number });
    yield* a.client.close();
    set.add(c.server, "c");
    const got: string[] = [];
    for (let index = 0; index < 5; index++) {
      const occurrence = yield* kernel.select({ set });
      if (occurrence.on !== "set") break;
      got.push(`${occurrence.data} ${occurrence.kind === "message" ? occurrence.message.number : "closed"}`);
    }
    assertEquals(got, ["a 1", "b 1", "a 2", "b 2", "a closed"]);
    assertEquals([set.size, yield* kernel.select({ set }, 0)], [2, { on: "timeout" }]);
    set.remove(b.server);
    yield* b.client.send("tick", { number: 9 });
    assertEquals(yield* kernel.select({ set }, 0), { on: "timeout" });
    assertEquals((yield* b.server.receive()).number, 9);
  });
});

Deno.test("a select over what is no source names the source", () => {
  withThree(function* (kernel) {
    for (const [name, source] of [["nothing", {}], ["trap", new Proxy({}, {})]] as const) {
      const refusal = yield* refusalOf(() =>
        kernel.select({ [name]: source as never }) as unknown as Program
      );
      assertEquals(refusal!.message, `select cannot wait for source "${name}": it is no source`);
    }
  });
});

Deno.test("clients of a service arrive in select in the order in which they bound", () => {
  const bench = new Bench({ domains: 2 });
  const got: number[] = [];
  bench.start(function* server(kernel) {
    const service = yield* kernel.register(tickContract, "/ticks");
    while (got.length < 4) {
      const occurrence = yield* kernel.select({ service });
      if (occurrence.on === "service") got.push((yield* occurrence.endpoint.receive()).number);
    }
  });
  for (const number of [1, 2, 3, 4]) {
    bench.run(function* client(kernel) {
      yield* (yield* kernel.bind(tickContract, "/ticks")).send("tick", { number });
    }, { on: number % 2 });
  }
  assertEquals(got, [1, 2, 3, 4]);
  assertEquals(bench.leftovers(), { blocks: 0, ends: 0, lent: 0 });
});
