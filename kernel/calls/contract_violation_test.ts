/**
 * Who breaks a contract ends, alone, with a fault that names contract, state and message.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Endpoint, Kernel, Program } from "../abi/kernel.ts";
import type { Contract } from "../contracts/contract.ts";
import { pipeContract } from "../contracts/pipe.ts";
import { Bench, type Main } from "../testing/bench.ts";

const countContract = {
  name: "count/1",
  contractName: "CountContract",
  messages: {
    count: {
      from: "client",
      doc: "One of each kind",
      body: {
        small: "u8",
        signed: "i32",
        big: "u64",
        yes: "bool",
        real: "f64",
        text: "string",
        word: ["on", "off"],
      },
    },
    bring: {
      from: "client",
      doc: "A block and a pipe's end",
      body: { data: "bytes", pipe: { endpoint: pipeContract, end: "client" } },
    },
    flood: { from: "client", doc: "A hundred times", body: { data: "bytes" }, uses: "sent" },
    counted: { from: "server", doc: "It did" },
  },
  credits: { sent: { doc: "What is under way", user: "client", limit: 100, initial: 100 } },
  start: "idle",
  states: { idle: { count: "counting", bring: "counting", flood: "idle" }, counting: { counted: "idle" } },
} as const satisfies Contract;

type Client = Endpoint<typeof countContract, "client">;

const good = { small: 1, signed: -1, big: 2 ** 40, yes: true, real: 0.5, text: "a", word: "on" } as const;

/** Runs what a client does against a server that counts what it gets and sees the close. */
function against(client: (kernel: Kernel, end: Client) => Program, on = 0) {
  const bench = new Bench({ domains: on + 1 });
  const seen: string[] = [];
  const server = bench.start(function* server(kernel) {
    const service = yield* kernel.register(countContract, "/count");
    const end = yield* service.accept();
    for (
      let message = yield* end.receiveOrClosed();
      message !== undefined;
      message = yield* end.receiveOrClosed()
    ) {
      seen.push(message.tag);
      if (message.tag !== "flood") yield* end.send("counted");
    }
    seen.push("closed");
  });
  const breaker = bench.start(function* breaker(kernel) {
    yield* client(kernel, yield* kernel.bind(countContract, "/count"));
  }, { on });
  bench.settle();
  return { bench, breaker, server, seen };
}

/** A send that the types would not let through. */
const force = (end: Client, name: unknown, body?: unknown) =>
  (end as unknown as { send(name: unknown, body: unknown): ReturnType<Client["close"]> }).send(name, body);

for (const [where, on] of [["its own kernel", 0], ["another kernel", 1]] as const) {
  Deno.test(`a message in the wrong state ends its sender alone; the peer on ${where} sees all before and a close`, () => {
    const { breaker, server, seen, bench } = against(function* (_, end) {
      yield* end.send("count", good);
      yield* end.receive();
      yield* end.send("count", good);
      yield* end.send("count", good);
      seen.push("went on");
    }, on);
    assertMatch(
      breaker.fault,
      /^Contract "count\/1", state counting: the client may not send "count" \(process breaker:\d+@\w+\)$/,
    );
    assertEquals([breaker.state, breaker.status], ["ended", 1]);
    assertEquals([server.state, server.status, server.fault], ["ended", 0, ""]);
    assertEquals(seen, ["count", "count", "closed"]);
    assertEquals(bench.leftovers(), { blocks: 0, ends: 0, lent: 0 });
  });
}

Deno.test("the fault is in the event log with the time of the send", () => {
  const { breaker, bench } = against(function* (_, end) {
    yield* force(end, "counted");
  });
  const line = bench.log.find((one) =>
    one.includes(`process ${breaker.label} ended with status 1: Contract`)
  );
  assert(line !== undefined && Number(line.split(" ")[0]) > 1e9);
});

const violations: [string, unknown, unknown, string][] = [
  ["a message of the other end", "counted", undefined, `the client may not send "counted"`],
  ["a message that the contract does not have", "recount", undefined, `the client may not send "recount"`],
  ["a message named by no string", 7, undefined, `the client may not send "7"`],
  ["no body where there is one", "count", undefined, `field "small" of "count" is undefined, not a u8`],
  ["a text for a body", "count", "small", `field "small" of "count" is undefined, not a u8`],
  [
    "a number too large for its field",
    "count",
    { ...good, small: 256 },
    `field "small" of "count" is 256, not a u8`,
  ],
  [
    "a number too small for its field",
    "count",
    { ...good, signed: -(2 ** 31) - 1 },
    "is -2147483649, not a i32",
  ],
  ["a fraction for a whole number", "count", { ...good, small: 1.5 }, "is 1.5, not a u8"],
  ["a number beyond 2^53", "count", { ...good, big: 2 ** 53 }, "is 9007199254740992, not a u64"],
  ["a negative u64", "count", { ...good, big: -1 }, "is -1, not a u64"],
  ["a number for a truth value", "count", { ...good, yes: 1 }, "is 1, not a truth value"],
  ["a text for a number", "count", { ...good, real: "1" }, `is "1", not a number`],
  ["a number for a text", "count", { ...good, text: 1 }, "is 1, not a string"],
  [
    "too long a text",
    "count",
    { ...good, text: "x".repeat(65_537) },
    "has 65537 characters, at most 65536 are allowed",
  ],
  ["a word that is not on the list", "count", { ...good, word: "maybe" }, `is "maybe", not one of on, off`],
  [
    "an object where a word belongs",
    "count",
    { ...good, word: { toString: () => "on" } },
    "is object, not one of on, off",
  ],
  ["no block", "flood", { data: new Uint8Array(4) }, `field "data" of "flood" is no block`],
];

for (const [what, name, body, reason] of violations) {
  Deno.test(`who sends ${what} ends, and the fault says so`, () => {
    const { breaker, server } = against(function* (_, end) {
      yield* force(end, name, body);
    });
    assert(breaker.fault.startsWith(`Contract "count/1", state idle: `), breaker.fault);
    assert(breaker.fault.includes(reason), breaker.fault);
    assertEquals(server.fault, "");
  });
}

Deno.test("a program cannot catch its own contract violation", () => {
  const { breaker, seen } = against(function* (_, end) {
    try {
      yield* force(end, "recount");
    } catch {
      seen.push("caught");
    } finally {
      seen.push("finally");
    }
  });
  assertEquals([breaker.status, seen], [1, ["closed"]]);
});

Deno.test("an endpoint of another contract, or the wrong end, is refused with both names", () => {
  for (
    const [wrong, reason] of [["count", `"count/1", not of "pipe/1"`], [
      "server",
      "is the server's end, not the client's",
    ]]
  ) {
    const { breaker, bench } = against(function* (kernel, end) {
      const data = yield* kernel.allocate(4);
      const pipe = yield* kernel.createChannel(pipeContract);
      const other = yield* kernel.createChannel(countContract);
      yield* force(end, "bring", { data, pipe: wrong === "count" ? other.client : pipe.server });
    });
    assert(
      breaker.fault.includes(`field "pipe" of "bring" is`) && breaker.fault.includes(reason!),
      breaker.fault,
    );
    assertEquals(bench.leftovers(), { blocks: 0, ends: 0, lent: 0 });
  }
});

Deno.test("a body in which anything is wrong takes nothing from its sender's process but its life", () => {
  const twice = {
    ...countContract,
    name: "twice/1",
    messages: { both: { from: "client", doc: "Two blocks", body: { a: "bytes", b: "bytes" }, uses: "sent" } },
    start: "open",
    states: { open: { both: "open" } },
  } as const satisfies Contract;
  const bench = new Bench();
  const process = bench.start(function* twin(kernel) {
    const { client } = yield* kernel.createChannel(twice);
    const block = yield* kernel.allocate(1);
    yield* client.send("both", { a: block, b: block });
  });
  bench.settle();
  assert(process.fault.includes(`"both" carries the same block or endpoint twice`), process.fault);
  assertEquals(bench.leftovers(), { blocks: 0, ends: 0, lent: 0 });
});

Deno.test("a sender that goes on when its credit is used up ends, and its block is freed", () => {
  const bench = new Bench();
  let server: Endpoint<typeof countContract, "server"> | undefined;
  const process = bench.start(function* flooder(kernel) {
    const ends = yield* kernel.createChannel(countContract);
    server = ends.server;
    for (;;) yield* ends.client.send("flood", { data: yield* kernel.allocate(1) });
  });
  bench.settle();
  assert(server !== undefined);
  assert(
    process.fault.includes(`state idle: the client may not send "flood", credit sent is used up`),
    process.fault,
  );
  assertEquals(bench.leftovers(), { blocks: 0, ends: 0, lent: 0 });
});

Deno.test("a contract that cannot be ends who brings it", () => {
  const bench = new Bench();
  const bring = (contract: unknown): Main =>
    function* bringer(kernel) {
      yield* kernel.createChannel(contract as Contract);
    };
  for (
    const [contract, reason] of [
      [{ ...countContract, start: "moon" }, `starts in state "moon"`],
      [undefined, "That is not a contract"],
    ] as const
  ) {
    const process = bench.start(bring(contract));
    bench.settle();
    assert(process.fault.includes(reason), process.fault);
  }
});
