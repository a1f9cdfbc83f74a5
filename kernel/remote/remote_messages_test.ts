/**
 * Messages between NUMA domains: copies, releases, full rings, and time.
 *
 * Everything goes the way it goes in a booted machine: records in the rings in memory, a
 * service thread for each pair that polls, and blocks that are copied once.
 */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Kernel, Program } from "../abi/kernel.ts";
import type { Contract } from "../contracts/contract.ts";
import { pipeContract } from "../contracts/pipe.ts";
import { Bench } from "../testing/bench.ts";

const mixedContract = {
  name: "mixed/1",
  contractName: "MixedContract",
  messages: {
    mixed: {
      from: "client",
      doc: "A number, a text, a block",
      body: { number: "u32", text: "string", data: "bytes" },
      uses: "sent",
    },
    bare: { from: "client", doc: "A number", body: { number: "u32" }, uses: "sent" },
    echo: { from: "server", doc: "The block again", body: { data: "bytes" }, uses: "echoed" },
  },
  credits: {
    sent: { doc: "What is under way", user: "client", limit: 4096, initial: 4096 },
    echoed: { doc: "What is under way", user: "server", limit: 4096, initial: 4096 },
  },
  start: "open",
  states: { open: { mixed: "open", bare: "open", echo: "open" } },
} as const satisfies Contract;

const nothing = { blocks: 0, ends: 0, lent: 0 };

interface Sent {
  readonly text: string;
  readonly size: number;
  readonly offset: number;
}

/** Sends from kernel 1 to kernel 0; gives what arrived. */
function send(messages: readonly Sent[]) {
  const bench = new Bench({ domains: 2 });
  const got: { number: number; text: string; bytes: number[] }[] = [];
  bench.start(function* taker(kernel) {
    const client = yield* (yield* kernel.register(mixedContract, "/mixed")).accept();
    for (
      let message = yield* client.receiveOrClosed();
      message !== undefined;
      message = yield* client.receiveOrClosed()
    ) {
      if (message.tag === "mixed") {
        got.push({ number: message.number, text: message.text, bytes: [...message.data.bytes] });
      }
    }
  });
  bench.run(function* sender(kernel) {
    const end = yield* kernel.bind(mixedContract, "/mixed");
    for (const [number, { text, size, offset }] of messages.entries()) {
      const data = yield* kernel.allocate(size + offset);
      data.bytes.forEach((_, index, bytes) => bytes[index] = number + index);
      data.window(offset, size);
      yield* end.send("mixed", { number, text, data });
    }
    yield* end.close();
  }, { on: 1 });
  bench.settle();
  assertEquals(bench.leftovers(), nothing);
  return { bench, got };
}

const anySent = fc.record({
  text: fc.oneof(fc.string({ unit: "binary", maxLength: 20 }), fc.string({ minLength: 90, maxLength: 300 })),
  size: fc.oneof(fc.nat(100), fc.nat(9000)),
  offset: fc.nat(70),
});

Deno.test("whatever blocks and texts cross, each arrives as sent, and both kernels free their copies", () => {
  fc.assert(
    fc.property(fc.array(anySent, { maxLength: 8 }), (messages) => {
      const { got } = send(messages);
      assertEquals(
        got.map(({ number, text, bytes }) => [number, text, bytes.join()]),
        messages.map(({ text, size, offset }, number) => [
          number,
          text,
          Array.from({ length: size }, (_, index) => (number + offset + index) & 0xff).join(),
        ]),
      );
    }),
    { numRuns: 40 },
  );
});

Deno.test("a block is copied once, byte for byte its window and no more", () => {
  const { bench } = send([{ text: "", size: 5000, offset: 3000 }, { text: "", size: 10, offset: 0 }]);
  const [peer] = bench.kernels[0]!.peers;
  assertEquals(peer!.copiedBytes, 5010);
});

Deno.test("a sender that is far ahead fills the ring, waits in the backlog, and nothing is lost or reordered", () => {
  const bench = new Bench({ domains: 2 });
  const count = 1000;
  const got: number[] = [];
  let started = false;
  bench.start(function* taker(kernel) {
    const client = yield* (yield* kernel.register(mixedContract, "/mixed")).accept();
    // One long burst keeps the only CPU, and with it the service thread, away from the ring.
    bench.work(50e6);
    yield* kernel.now();
    started = true;
    while (got.length < count) {
      const message = yield* client.receive();
      if (message.tag === "bare") got.push(message.number);
    }
  });
  bench.run(function* sender(kernel) {
    const end = yield* kernel.bind(mixedContract, "/mixed");
    for (let number = 0; number < count; number++) yield* end.send("bare", { number });
    assert(!started, "the sender never got ahead");
  }, { on: 1 });
  assertEquals(got, Array.from({ length: count }, (_, index) => index));
  assertEquals(bench.leftovers(), nothing);
});

/** Round trips of a block of `size` bytes to a server on kernel `on`, in ns. */
function roundTrip(on: number, size: number): number {
  const bench = new Bench({ domains: 2 });
  let time = 0;
  bench.start(function* echo(kernel) {
    const client = yield* (yield* kernel.register(mixedContract, "/echo")).accept();
    for (;;) {
      const message = yield* client.receive();
      if (message.tag === "mixed") yield* client.send("echo", { data: message.data });
    }
  }, { on });
  bench.start(function* asker(kernel) {
    const end = yield* kernel.bind(mixedContract, "/echo");
    let data = yield* kernel.allocate(size);
    const turn = function* (): Program {
      yield* end.send("mixed", { number: 0, text: "", data });
      data = (yield* end.receive()).data;
    };
    yield* turn();
    const start = yield* kernel.now();
    yield* turn();
    time = (yield* kernel.now()) - start;
  });
  bench.settle();
  return time;
}

Deno.test("local messages cost the same whatever their size, remote ones grow with the bytes copied", () => {
  const [small, large] = [64, 1 << 20];
  assertEquals(roundTrip(0, small), roundTrip(0, large));
  const [remoteSmall, remoteLarge] = [roundTrip(1, small), roundTrip(1, large)];
  assert(remoteSmall > roundTrip(0, small), "remote is dearer than local");
  // Both ways, a remote access of 89.7 ns for each line of 64 bytes.
  const copies = 2 * (large - small) / 64 * 89.7;
  assert(
    Math.abs(remoteLarge - remoteSmall - copies) < 0.01 * copies,
    `${remoteLarge - remoteSmall} ns, not ${copies}`,
  );
});

Deno.test("an idle pair of kernels costs no events and no CPU time", () => {
  const bench = new Bench({ domains: 2 });
  bench.settle(1);
  const busy = () => bench.kernels.map(({ options }) => options.cpus[0]!.busyCycles);
  const before = busy();
  bench.settle(100);
  assertEquals([busy(), bench.queue.size], [before, 0]);
});

Deno.test("what is sent to a process that dies meanwhile is freed on both kernels", () => {
  const bench = new Bench({ domains: 2 });
  const taker = bench.start(function* taker(kernel) {
    const client = yield* (yield* kernel.register(mixedContract, "/mixed")).accept();
    yield* client.receive();
    yield* kernel.exit(9);
  });
  bench.run(function* sender(kernel: Kernel) {
    const end = yield* kernel.bind(mixedContract, "/mixed");
    for (let number = 0; number < 200; number++) {
      const pipe = yield* kernel.createChannel(pipeContract);
      yield* pipe.client.close();
      yield* pipe.server.close();
      yield* end.send("mixed", { number, text: "x".repeat(200), data: yield* kernel.allocate(3000) });
    }
  }, { on: 1 });
  bench.settle();
  assertEquals(taker.status, 9);
  assertEquals(bench.leftovers(), nothing);
});

Deno.test("two runs of the same programs give the same event log, to the byte", () => {
  const messages = [{ text: "a", size: 3000, offset: 1 }, { text: "b".repeat(200), size: 0, offset: 0 }];
  assertEquals(send(messages).bench.log, send(messages).bench.log);
});
