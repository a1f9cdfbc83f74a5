/**
 * A kernel dies, and of the channels between two others those close, and only those, that have lost something.
 */

import { assert, assertEquals } from "@std/assert";
import type { Kernel as ProgramKernel, Program } from "../abi/kernel.ts";
import { echoContract } from "../channels/testing/echo_programs.ts";
import type { Contract } from "../contracts/contract.ts";
import { Bench } from "../testing/bench.ts";

const giveContract = {
  name: "give/1",
  contractName: "GiveContract",
  messages: {
    give: {
      from: "client",
      doc: "A channel to serve",
      body: { end: { endpoint: echoContract, end: "server" } },
    },
  },
  start: "open",
  states: { open: { give: "given" }, given: {} },
} as const satisfies Contract;

const floodContract = {
  name: "flood/1",
  contractName: "FloodContract",
  messages: { data: { from: "client", doc: "A block", body: { data: "bytes" }, uses: "sent" } },
  credits: { sent: { doc: "What is under way", user: "client", limit: 200, initial: 200 } },
  start: "open",
  states: { open: { data: "open" } },
} as const satisfies Contract;

/** Takes the end of a channel, tells its number back, and closes. */
function* answers(kernel: ProgramKernel): Program {
  const service = yield* kernel.register(giveContract, "/answers");
  const given = yield* (yield* service.accept()).receive();
  const request = yield* given.end.receiveOrClosed();
  if (request !== undefined) yield* given.end.send("answer", { value: request.value });
}

function* sink(kernel: ProgramKernel): Program {
  const service = yield* kernel.register(floodContract, "/sink");
  const end = yield* service.accept();
  for (let said = yield* end.receiveOrClosed(); said; said = yield* end.receiveOrClosed()) {
    yield* kernel.free(said.data);
  }
}

/** 150 blocks, which keep the other kernel's service thread copying for 55 ms. */
const floodBlocks = 150;

/** Hands an end on, with a flood of blocks behind it. */
function* handsOn(kernel: ProgramKernel): Program {
  const flood = yield* kernel.bind(floodContract, "/sink", 1e9);
  const next = yield* kernel.bind(giveContract, "/answers", 1e9);
  const service = yield* kernel.register(giveContract, "/hands-on");
  const given = yield* (yield* service.accept()).receive();
  yield* next.send("give", { end: given.end });
  for (let count = 0; count < floodBlocks; count++) {
    yield* flood.send("data", { data: yield* kernel.allocate(1 << 18) });
  }
  yield* kernel.sleep(1e9);
}

Deno.test("a busy kernel keeps its channels when another one dies: what waits behind 25 ms of copies is not lost", () => {
  const bench = new Bench({ domains: 5 });
  bench.start(sink, { on: 3 });
  bench.start(answers, { on: 3 });
  bench.start(handsOn, { on: 2 });
  bench.settle(0.01);
  let answer: number | undefined;
  let answeredAt = 0;
  const tells = function* (kernel: ProgramKernel): Program {
    const { client, server } = yield* kernel.createChannel(echoContract);
    const next = yield* kernel.bind(giveContract, "/hands-on", 1e9);
    yield* next.send("give", { end: server });
    // The end goes on to kernel 3 meanwhile; what is sent now still goes to kernel 2, behind the flood.
    bench.work(12_000_000);
    yield* client.send("ask", { value: 42 });
    answer = (yield* client.receiveOrClosed())?.value;
    answeredAt = yield* kernel.now();
  };
  const from = bench.queue.now;
  bench.start(tells, { on: 1 });
  bench.settle(0.008);
  bench.panic(bench.kernels[4]!);
  bench.settle(3);
  assertEquals(answer, 42);
  assert(answeredAt - from > 30e6, `it came after ${(answeredAt - from) / 1e6} ms`);
});

Deno.test("a channel that came home closes when a kernel dies with a message of it that had still to follow", () => {
  const bench = new Bench({ domains: 3 });
  bench.start(sink, { on: 2 });
  let outcome = "";
  let answered = false;
  bench.start(function* (kernel) {
    yield* answers(kernel);
    answered = true;
  }, { on: 1, name: "answers" });
  bench.start(function* givesBack(kernel) {
    const next = yield* kernel.bind(giveContract, "/answers", 1e9);
    const service = yield* kernel.register(giveContract, "/gives-back");
    const given = yield* (yield* service.accept()).receive();
    yield* kernel.sleep(15e6);
    yield* next.send("give", { end: given.end });
    yield* kernel.sleep(1e9);
  }, { on: 2 });
  bench.settle(0.01);
  bench.start(function* tells(kernel) {
    const { client, server } = yield* kernel.createChannel(echoContract);
    const flood = yield* kernel.bind(floodContract, "/sink", 1e9);
    const next = yield* kernel.bind(giveContract, "/gives-back", 1e9);
    yield* next.send("give", { end: server });
    for (let count = 0; count < floodBlocks; count++) {
      yield* flood.send("data", { data: yield* kernel.allocate(1 << 18) });
    }
    // Behind the flood; the end is at home before kernel 2 has got so far.
    yield* client.send("ask", { value: 42 });
    outcome = (yield* client.receiveOrClosed()) === undefined ? "closed" : "told";
  }, { on: 1 });
  bench.settle(0.025);
  assert(bench.log.some((line) => line.includes("became local")), "the end is not back yet");
  bench.panic(bench.kernels[2]!);
  bench.settle(4);
  assertEquals([outcome, answered], ["closed", true]);
});

Deno.test("a channel whose message waits for an end that never comes closes, whoever sent that message on", () => {
  const bench = new Bench({ domains: 5 });
  const [, sender, between, receiver, victim] = bench.kernels;
  bench.panic(victim!);
  bench.settle(3);
  bench.queue.at(bench.queue.now, () => {
    const contract = sender!.contracts.admit(echoContract, sender!.self);
    const client = sender!.channels.createFixed(200, 1, "client", contract, between!.index);
    const definition = contract.messages.find(({ tag }) => tag === "ask")!;
    between!.peer(receiver!.index).sendMessage(client.channel, "server", 0, { definition, values: [42] });
  });
  bench.settle(0.5);
  const [client] = sender!.channels.ends.filter(({ contract }) => contract.name === echoContract.name);
  assertEquals(client!.peerClosed, false);
  bench.settle(3);
  assertEquals(client!.peerClosed, true);
});
