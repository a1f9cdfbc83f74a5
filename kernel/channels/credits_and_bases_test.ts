/**
 * Credits, ranges, all-of states, derived contracts and states of endpoints as running programs meet them, on one
 * kernel and across two.
 */

import { assert, assertEquals } from "@std/assert";
import { asBase } from "../abi/derived.ts";
import type { Endpoint, Kernel, Program } from "../abi/kernel.ts";
import type { Contract } from "../contracts/contract.ts";
import { Bench } from "../testing/bench.ts";

const nothingLeft = { blocks: 0, ends: 0, lent: 0 };

const streamContract = {
  name: "stream/1",
  contractName: "StreamContract",
  messages: {
    item: { from: "client", doc: "One", body: { number: { scalar: "u8", min: 1, max: 200 } }, uses: "items" },
    more: {
      from: "server",
      doc: "Room again",
      body: { count: { scalar: "u8", min: 1, max: 4 } },
      gives: { credit: "items", amount: "count" },
    },
  },
  credits: { items: { doc: "Room at the server", user: "client", limit: 4, initial: 2 } },
  start: "flowing",
  states: { flowing: { item: "flowing", more: "flowing" } },
} as const satisfies Contract;

const formContract = {
  name: "form/1",
  contractName: "FormContract",
  messages: {
    name: { from: "client", doc: "A name", body: { text: "string" } },
    age: { from: "client", doc: "An age", body: { years: "u8" } },
    photo: { from: "client", doc: "A picture", body: { data: "bytes" } },
    filed: { from: "server", doc: "It is filed" },
  },
  start: "empty",
  states: { empty: { allOf: ["name", "age", "photo"], then: "full" }, full: { filed: "empty" } },
} as const satisfies Contract;

const countContract = {
  name: "count/1",
  contractName: "CountContract",
  messages: {
    add: { from: "client", doc: "One more" },
    total: { from: "server", doc: "So many", body: { count: "u32" } },
  },
  start: "ready",
  states: { ready: { add: "adding" }, adding: { total: "ready" } },
} as const satisfies Contract;

const resetContract = {
  name: "count-reset/1",
  contractName: "CountResetContract",
  base: countContract,
  messages: {
    reset: { from: "client", doc: "From the start" },
    wasReset: { from: "server", doc: "It is nought" },
  },
  start: "ready",
  states: { ready: { reset: "resetting" }, resetting: { wasReset: "ready" } },
} as const satisfies Contract;

const carrierContract = {
  name: "carrier/1",
  contractName: "CarrierContract",
  messages: {
    take: {
      from: "client",
      doc: "Counts with it",
      body: { counter: { endpoint: countContract, end: "client" } },
    },
    taken: { from: "server", doc: "It did", body: { counter: { endpoint: countContract, end: "client" } } },
  },
  start: "ready",
  states: { ready: { take: "taking" }, taking: { taken: "ready" } },
} as const satisfies Contract;

function* counter(kernel: Kernel, contract: typeof resetContract, path: string, clients: number): Program {
  const service = yield* kernel.register(contract, path);
  for (let client = 0; client < clients; client++) {
    const end: Endpoint<typeof resetContract, "server"> = yield* service.accept();
    let count = 0;
    for (;;) {
      const message = yield* end.receiveOrClosed();
      if (message === undefined) break;
      if (message.tag === "add") yield* end.send("total", { count: ++count });
      else {
        count = 0;
        yield* end.send("wasReset");
      }
    }
    yield* end.close();
  }
}

for (const [where, on] of [["on one kernel", 0], ["across two kernels", 1]] as const) {
  Deno.test(`${where}, a credit lets through what was given, and one message more ends the sender`, () => {
    const bench = new Bench({ domains: 2 });
    const got: number[] = [];
    const server = bench.start(function* server(kernel) {
      const service = yield* kernel.register(streamContract, "/stream");
      const end: Endpoint<typeof streamContract, "server"> = yield* service.accept();
      for (;;) {
        const message = yield* end.receiveOrClosed();
        if (message === undefined) return;
        got.push(message.number);
        if (got.length === 2) yield* end.send("more", { count: 3 });
      }
    });
    const client = bench.start(function* client(kernel) {
      const end: Endpoint<typeof streamContract, "client"> = yield* kernel.bind(streamContract, "/stream");
      for (const number of [1, 2]) yield* end.send("item", { number });
      assertEquals(yield* end.receive(), { tag: "more", count: 3 });
      for (const number of [3, 4, 5]) yield* end.send("item", { number });
      yield* kernel.sleep(1e6);
      yield* end.send("item", { number: 6 });
    }, { on });
    bench.settle();
    assertEquals(got, [1, 2, 3, 4, 5]);
    assert(
      client.fault.includes(`state flowing: the client may not send "item", credit items is used up`),
      client.fault,
    );
    assertEquals([server.fault, bench.leftovers()], ["", nothingLeft]);
  });

  Deno.test(`${where}, all of several messages come in any order, each once, and then the next state`, () => {
    const bench = new Bench({ domains: 2 });
    const got: string[] = [];
    bench.start(function* server(kernel) {
      const service = yield* kernel.register(formContract, "/form");
      const end: Endpoint<typeof formContract, "server"> = yield* service.accept();
      for (let form = 0; form < 2; form++) {
        for (let part = 0; part < 3; part++) {
          const message = yield* end.receive();
          got.push(message.tag);
          if (message.tag === "photo") yield* kernel.free(message.data);
        }
        yield* end.send("filed");
      }
    });
    const client = bench.start(function* client(kernel) {
      const end: Endpoint<typeof formContract, "client"> = yield* kernel.bind(formContract, "/form");
      yield* end.send("photo", { data: yield* kernel.allocate(100) });
      yield* end.send("name", { text: "Ada" });
      yield* end.send("age", { years: 36 });
      yield* end.receive();
      yield* end.send("age", { years: 37 });
      yield* end.send("photo", { data: yield* kernel.allocate(100) });
      yield* end.send("age", { years: 38 });
    }, { on });
    bench.settle();
    assertEquals(got, ["photo", "name", "age", "age", "photo"]);
    assert(
      client.fault.includes(`Contract "form/1", state empty (left: name): the client may not send "age"`),
      client.fault,
    );
    assertEquals(bench.leftovers(), nothingLeft);
  });

  Deno.test(`${where}, a client binds by the base to a service of the derived contract`, () => {
    const bench = new Bench({ domains: 2 });
    bench.start((kernel) => counter(kernel, resetContract, "/counter", 2));
    const totals: number[] = [];
    bench.run(function* plain(kernel) {
      const end = yield* kernel.bind(countContract, "/counter");
      for (let round = 0; round < 3; round++) {
        yield* end.send("add");
        totals.push((yield* end.receive()).count);
      }
      yield* end.close();
    }, { on });
    bench.run(function* full(kernel) {
      const end = yield* kernel.bind(resetContract, "/counter");
      yield* end.send("add");
      yield* end.receive();
      yield* end.send("reset");
      assertEquals((yield* end.receive()).tag, "wasReset");
      yield* asBase(end).send("add");
      const answer = yield* end.receive();
      if (answer.tag === "total") totals.push(answer.count);
      yield* end.close();
    }, { on });
    assertEquals(totals, [1, 2, 3, 1]);
    assertEquals(bench.leftovers(), nothingLeft);
  });

  Deno.test(`${where}, an end of the derived contract goes into a field of the base's, and on, and back`, () => {
    const bench = new Bench({ domains: 2 });
    bench.start(function* carrier(kernel) {
      const service = yield* kernel.register(carrierContract, "/carrier");
      const end: Endpoint<typeof carrierContract, "server"> = yield* service.accept();
      const { counter } = yield* end.receive();
      for (let round = 0; round < 3; round++) {
        yield* counter.send("add");
        yield* counter.receive();
      }
      yield* end.send("taken", { counter });
    });
    bench.start((kernel) => counter(kernel, resetContract, "/counter", 1), { on });
    let total = 0;
    bench.run(function* owner(kernel) {
      const own = yield* kernel.bind(resetContract, "/counter");
      const carrier = yield* kernel.bind(carrierContract, "/carrier");
      yield* carrier.send("take", { counter: own });
      const { counter: back } = yield* carrier.receive();
      yield* back.send("add");
      total = (yield* back.receive()).count;
    }, { on });
    assertEquals(total, 4);
    assertEquals(bench.leftovers(), nothingLeft);
  });
}

/** Why the process of `main` ended. */
function faultOf(main: (kernel: Kernel) => Program): string {
  const bench = new Bench();
  const process = bench.start(main);
  bench.settle();
  assertEquals(bench.leftovers(), nothingLeft);
  return process.fault;
}

Deno.test("an endpoint has one writer: another process that got hold of it cannot send", () => {
  const bench = new Bench();
  let stolen: Endpoint<typeof countContract, "client"> | undefined;
  const owner = bench.start(function* owner(kernel) {
    const { client, server } = yield* kernel.createChannel(countContract);
    stolen = client;
    yield* kernel.sleep(2e6);
    yield* client.send("add");
    assertEquals((yield* server.receive()).tag, "add");
  });
  const thief = bench.start(function* thief(kernel) {
    yield* kernel.sleep(1e6);
    yield* stolen!.send("add");
  });
  bench.settle();
  assert(thief.fault.includes("The endpoint was closed or given away"), thief.fault);
  assertEquals([owner.fault, bench.leftovers()], ["", nothingLeft]);
});

Deno.test("who gives more of a credit than its limit has left ends, at once", () => {
  const fault = faultOf(function* generous(kernel) {
    const { server } = yield* kernel.createChannel(streamContract);
    yield* server.send("more", { count: 2 });
    yield* server.send("more", { count: 1 });
  });
  assert(fault.includes(`"more" gives 1 of credit items, 0 are left`), fault);
});

Deno.test("a number outside its range ends who sends it, and says the range", () => {
  for (const number of [0, 201]) {
    const fault = faultOf(function* wrong(kernel) {
      const { client } = yield* kernel.createChannel(streamContract);
      yield* client.send("item", { number });
    });
    assert(fault.includes(`field "number" of "item" is ${number}, not a u8 from 1 to 200`), fault);
  }
});

Deno.test("an endpoint that is not in the state that its field says is not taken", () => {
  const fault = faultOf(function* early(kernel) {
    const { client } = yield* kernel.createChannel(countContract);
    const carrier = yield* kernel.createChannel(carrierContract);
    yield* client.send("add");
    yield* carrier.client.send("take", { counter: client });
  });
  assert(fault.includes(`field "counter" of "take" is an endpoint in state adding, not in ready`), fault);
});

Deno.test("an end whose peer could say more than the field's contract knows is not taken", () => {
  const fault = faultOf(function* sly(kernel) {
    const { server } = yield* kernel.createChannel(resetContract);
    const taker = yield* kernel.createChannel({
      ...carrierContract,
      messages: {
        ...carrierContract.messages,
        take: {
          from: "client",
          doc: "Takes a server",
          body: { counter: { endpoint: countContract, end: "server" } },
        },
      },
    });
    yield* taker.client.send("take", { counter: server as never });
  });
  assert(fault.includes(`is an endpoint of "count-reset/1", not of "count/1"`), fault);
});
