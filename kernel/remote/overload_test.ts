/**
 * More than a kernel can take: floods from another kernel end a channel or their sender,
 * never the machine.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Kernel, Program } from "../abi/kernel.ts";
import { echo, echoContract } from "../channels/testing/echo_programs.ts";
import type { Contract } from "../contracts/contract.ts";
import { Bench } from "../testing/bench.ts";

const floodContract = {
  name: "flood/1",
  contractName: "FloodContract",
  messages: {
    data: { from: "client", doc: "A block", body: { data: "bytes" }, uses: "sent" },
    bare: { from: "client", doc: "Nothing at all", uses: "sent" },
  },
  credits: { sent: { doc: "What is under way", user: "client", limit: 4096, initial: 4096 } },
  start: "open",
  states: { open: { data: "open", bare: "open" } },
} as const satisfies Contract;

/** Serves the name, takes one client, and never receives. */
function* deaf(kernel: Kernel): Program {
  const service = yield* kernel.register(floodContract, "/deaf");
  yield* service.accept();
  yield* kernel.sleep(1000e9);
}

Deno.test("blocks that nobody receives end their channel before they fill the other kernel's memory", () => {
  const bench = new Bench({ domains: 2 });
  const receiver = bench.start(deaf);
  let outcome = "";
  bench.start(function* flood(kernel) {
    const end = yield* kernel.bind(floodContract, "/deaf");
    for (let count = 0; count < 600; count++) {
      yield* end.send("data", { data: yield* kernel.allocate(1 << 20) });
      // The other kernel has copied it by then: what is under way counts against the sender.
      yield* kernel.sleep(4e6);
    }
    outcome = (yield* end.receiveOrClosed()) === undefined ? "closed" : "open";
  }, { on: 1 });
  bench.settle(10);
  assertEquals(outcome, "closed");
  assertEquals(receiver.state, "running");
  const { heap } = bench.kernels[0]!;
  assert(heap.liveBytes < heap.size, `${heap.liveBytes} of ${heap.size} bytes are taken`);
  assert(bench.log.some((line) => line.includes("no memory for a message")));
});

Deno.test("a sender whose messages nobody receives on the other kernel ends when its credit is used up", () => {
  const bench = new Bench({ domains: 2 });
  const receiver = bench.start(deaf);
  const sender = bench.start(function* flood(kernel) {
    const end = yield* kernel.bind(floodContract, "/deaf");
    for (;;) yield* end.send("bare");
  }, { on: 1 });
  bench.settle(1);
  assertStringIncludes(sender.fault, `the client may not send "bare", credit sent is used up`);
  assertEquals(receiver.state, "running");
});

/** As many channels as a sender needs to get beyond the bound of a pair, which is that of four. */
const floods = 5;
/** They keep the other kernel's service thread copying for 55 ms. */
const blocksAhead = 150;

/** Serves any number of clients, and takes all that they send. */
function* drain(kernel: Kernel): Program {
  const service = yield* kernel.register(floodContract, "/drain");
  const clients = kernel.endpointSet<typeof floodContract, "server", undefined>(floodContract, "server");
  for (;;) {
    const event = yield* kernel.select({ clients, service });
    if (event.on === "service") clients.add(event.endpoint, undefined);
    else if (event.on === "clients" && event.kind === "message" && event.message.tag === "data") {
      yield* kernel.free(event.message.data);
    }
  }
}

Deno.test("a sender that goes on when 16,384 records wait for a busy kernel ends, and others may still send", () => {
  const bench = new Bench({ domains: 2, keepsLog: false });
  const receiver = bench.start(drain, { on: 1 });
  const sent: number[] = [];
  const flood = bench.start(function* flood(kernel) {
    const ahead = yield* kernel.bind(floodContract, "/drain");
    const ends = [];
    for (let count = 0; count < floods; count++) ends.push(yield* kernel.bind(floodContract, "/drain"));
    for (let count = 0; count < blocksAhead; count++) {
      yield* ahead.send("data", { data: yield* kernel.allocate(1 << 18) });
    }
    for (const end of ends) {
      for (let count = 0; count < 4096; count++) {
        yield* end.send("bare");
        sent.push(count);
      }
    }
  });
  let answer: number | undefined;
  let waited = 0;
  bench.start(echo, { on: 1 });
  const { transport } = bench.kernels[0]!.peers[0]!;
  const other = bench.start(function* other(kernel) {
    const end = yield* kernel.bind(echoContract, "/test/echo");
    while (transport.backlog < 16_384) yield* kernel.sleep(0.1e6);
    waited = transport.backlog;
    yield* end.send("ask", { value: 42 });
    answer = (yield* end.receive()).value;
  });
  bench.settle(1);
  assertStringIncludes(
    flood.fault,
    `@numa1 does not take what is sent to it: 16384 records wait before "bare"`,
  );
  assert(sent.length > 16_000, `it ended after ${sent.length} messages`);
  assert(waited >= 16_384);
  assertEquals([answer, other.fault, receiver.state], [42, "", "running"]);
  assertEquals([transport.backlog, flood.recordsWaiting, other.recordsWaiting], [0, 0, 0]);
});

Deno.test("a thread that receives learns when another thread of its process closes the endpoint", () => {
  const bench = new Bench();
  let outcome = "";
  bench.run(function* closer(kernel) {
    const { client, server } = yield* kernel.createChannel(floodContract);
    const waiting = yield* kernel.createThread(function* (): Program {
      outcome = (yield* server.receiveOrClosed()) === undefined ? "closed" : "message";
    });
    yield* kernel.sleep(1e6);
    yield* server.close();
    yield* waiting.join();
    yield* client.close();
  });
  assertEquals(outcome, "closed");
});
