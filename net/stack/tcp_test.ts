/**
 * TCP through the stack's contracts: programs on two machines, and on one, talk to each other.
 *
 * What the protocol machine does is tested beside it; here it is about reads that wait,
 * writes that are answered, and all the ways in which a connection ends.
 */

import { assert, assertEquals } from "@std/assert";
import type { Call, Endpoint, Kernel, Program } from "../../kernel/abi/kernel.ts";
import { type tcpConnectionContract, tcpContract } from "../contracts/tcp.ts";
import { Bench, blockOf, delayNs, far, ip, near } from "./two_stacks_test.ts";

type Connection = Endpoint<typeof tcpConnectionContract, "client">;

/** Reads to the end of the stream, or until the connection fails. */
function* readAll(kernel: Kernel, connection: Connection): Call<{ bytes: number[]; end: string }> {
  const bytes: number[] = [];
  for (;;) {
    yield* connection.send("read", { maximum: 4096 });
    const answer = yield* connection.receive();
    if (answer.tag !== "data") return { bytes, end: answer.tag === "failed" ? answer.code : answer.tag };
    assert(answer.data.length > 0 && answer.data.length <= 4096);
    for (const byte of answer.data.bytes) bytes.push(byte);
    yield* kernel.free(answer.data);
  }
}

/** Writes; the tag of the answer. */
function* write(kernel: Kernel, connection: Connection, bytes: Uint8Array): Call<string> {
  yield* connection.send("write", { data: yield* blockOf(kernel, bytes) });
  return (yield* connection.receive()).tag;
}

/** Listens on the far stack, accepts one connection and has `serve` use it. */
function farServer(port: number, serve: (kernel: Kernel, connection: Connection) => Call<void>) {
  return function* (kernel: Kernel): Program {
    const tcp = yield* kernel.bind(tcpContract, "/far/service/tcp");
    yield* tcp.send("listen", { port, backlog: 4 });
    assertEquals((yield* tcp.receive()).tag, "listening");
    yield* tcp.send("accept");
    const accepted = yield* tcp.receive();
    if (accepted.tag !== "accepted") throw new Error(accepted.tag);
    assertEquals(accepted.remoteAddress, near);
    yield* serve(kernel, accepted.connection);
  };
}

/** Connects from the near stack and has `use` do something with the connection. */
function nearClient(port: number, use: (kernel: Kernel, connection: Connection) => Call<void>) {
  return function* (kernel: Kernel): Program {
    const tcp = yield* kernel.bind(tcpContract, "/service/tcp");
    yield* kernel.sleep(1e6);
    yield* tcp.send("connect", { address: far, port });
    const answer = yield* tcp.receive();
    if (answer.tag !== "connected") throw new Error(answer.tag === "failed" ? answer.code : answer.tag);
    yield* use(kernel, answer.connection);
  };
}

const pattern = (length: number) => Uint8Array.from({ length }, (_, index) => index * 7 + (index >> 8));

for (
  const [how, lose] of [["", () => false], [
    " although every 13th frame is lost",
    (n: number) => n % 13 === 12,
  ]] as const
) {
  Deno.test(`bytes arrive whole and in order in both directions${how}`, () => {
    const bench = new Bench();
    const there = pattern(300_000);
    const back = pattern(100_000).reverse();
    bench.start(
      "server",
      farServer(25, function* (kernel, connection) {
        const { bytes, end } = yield* readAll(kernel, connection);
        assertEquals(end, "endOfStream");
        assertEquals(Uint8Array.from(bytes), there);
        assertEquals(yield* write(kernel, connection, back), "written");
        yield* connection.close();
      }),
    );
    bench.start(
      "client",
      nearClient(25, function* (kernel, connection) {
        bench.ethernet.lose = lose;
        assertEquals(yield* write(kernel, connection, there), "written");
        yield* connection.send("finish");
        assertEquals((yield* connection.receive()).tag, "finished");
        const { bytes, end } = yield* readAll(kernel, connection);
        assertEquals(end, "endOfStream");
        assertEquals(Uint8Array.from(bytes), back);
        assertEquals(yield* write(kernel, connection, back), "failed");
      }),
    );
    bench.run();
  });
}

Deno.test("a read waits for data, and closing the endpoint delivers what was written", () => {
  const bench = new Bench();
  let readAt = 0;
  bench.start(
    "server",
    farServer(25, function* (kernel, connection) {
      yield* connection.send("read", { maximum: 100 });
      const answer = yield* connection.receive();
      if (answer.tag !== "data") throw new Error(answer.tag);
      readAt = yield* kernel.now();
      const rest = yield* readAll(kernel, connection);
      assertEquals([answer.data.bytes[0], rest.bytes.length, rest.end], [
        1,
        200_000 - answer.data.length,
        "endOfStream",
      ]);
    }),
  );
  let sentAt = 0;
  bench.start(
    "client",
    nearClient(25, function* (kernel, connection) {
      yield* kernel.sleep(1e9);
      sentAt = yield* kernel.now();
      // More than the send buffer holds: most of it is still to be taken when the end closes.
      yield* connection.send("write", { data: yield* blockOf(kernel, new Uint8Array(200_000).fill(1)) });
      yield* connection.close();
    }),
  );
  bench.run();
  assertEquals(readAt, sentAt + delayNs);
});

Deno.test("a read that waits can be cancelled, and the connection goes on; what comes later is not lost", () => {
  const bench = new Bench();
  bench.start(
    "server",
    farServer(25, function* (kernel, connection) {
      yield* connection.send("read", { maximum: 4096 });
      yield* kernel.sleep(1e9);
      yield* connection.send("cancelRead");
      assertEquals((yield* connection.receive()).tag, "cancelled");
      assertEquals(yield* write(kernel, connection, pattern(10)), "written");
      const { bytes, end } = yield* readAll(kernel, connection);
      assertEquals([bytes, end], [[...pattern(20)], "endOfStream"]);
    }),
  );
  bench.start(
    "client",
    nearClient(25, function* (kernel, connection) {
      yield* connection.send("read", { maximum: 4096 });
      const answer = yield* connection.receive();
      assertEquals(answer.tag, "data");
      assertEquals(yield* write(kernel, connection, pattern(20)), "written");
    }),
  );
  bench.run();
});

Deno.test("a cancellation that crosses the answer to its read is answered after it, and reading goes on", () => {
  const bench = new Bench();
  bench.start(
    "server",
    farServer(25, function* (kernel, connection) {
      yield* connection.send("read", { maximum: 10 });
      yield* kernel.sleep(1e9);
      yield* connection.send("cancelRead");
      const answers = [yield* connection.receive(), yield* connection.receive()];
      assertEquals(answers.map(({ tag }) => tag), ["data", "cancelled"]);
      const { bytes, end } = yield* readAll(kernel, connection);
      assertEquals([bytes, end], [[...pattern(20).slice(10)], "endOfStream"]);
    }),
  );
  bench.start(
    "client",
    nearClient(25, function* (kernel, connection) {
      assertEquals(yield* write(kernel, connection, pattern(20)), "written");
      yield* kernel.sleep(2e9);
    }),
  );
  bench.run();
});

Deno.test("a client that dies closes in order; abort resets", () => {
  for (const isAbort of [false, true]) {
    const bench = new Bench();
    bench.start(
      "server",
      farServer(25, function* (kernel, connection) {
        const { bytes, end } = yield* readAll(kernel, connection);
        assertEquals([bytes.length, end], [isAbort ? 0 : 3, isAbort ? "Reset" : "endOfStream"]);
      }),
    );
    bench.start(
      "client",
      nearClient(25, function* (kernel, connection) {
        if (isAbort) yield* connection.send("abort");
        else yield* write(kernel, connection, Uint8Array.of(1, 2, 3));
      }),
    );
    bench.run();
  }
});

Deno.test("a connection that fails while nothing is asked fails the next request", () => {
  const bench = new Bench();
  bench.start(
    "server",
    farServer(25, function* (kernel, connection) {
      yield* kernel.sleep(1e9);
      assertEquals(yield* write(kernel, connection, Uint8Array.of(1)), "failed");
    }),
  );
  bench.start(
    "client",
    nearClient(25, function* (_kernel, connection) {
      yield* connection.send("abort");
    }),
  );
  bench.run();
});

Deno.test("a connection to a port that nobody listens on is refused, one to nobody times out", () => {
  const bench = new Bench();
  bench.start("client", function* (kernel) {
    const tcp = yield* kernel.bind(tcpContract, "/service/tcp");
    yield* kernel.sleep(1e6);
    for (
      const [address, code] of [
        ["10.0.2.16", "Refused"],
        ["127.0.0.1", "Refused"],
        ["10.0.2.99", "TimedOut"],
        [
          "224.0.0.1",
          "Unreachable",
        ],
      ] as const
    ) {
      yield* tcp.send("connect", { address: ip(address), port: 81 });
      assertEquals(yield* tcp.receive(), { tag: "failed", code });
    }
  });
  bench.run();
});

Deno.test("a port is one listener's until that client is gone", () => {
  const bench = new Bench();
  bench.start("two clients", function* (kernel) {
    const first = yield* kernel.bind(tcpContract, "/service/tcp");
    const second = yield* kernel.bind(tcpContract, "/service/tcp");
    yield* first.send("listen", { port: 80, backlog: 1 });
    assertEquals(yield* first.receive(), { tag: "listening", port: 80 });
    yield* second.send("listen", { port: 80, backlog: 1 });
    assertEquals(yield* second.receive(), { tag: "failed", code: "PortInUse" });
    yield* first.close();
    yield* kernel.sleep(1);
    yield* second.send("listen", { port: 80, backlog: 1 });
    assertEquals(yield* second.receive(), { tag: "listening", port: 80 });
  });
  bench.run();
});

Deno.test("two programs on one machine talk over the loopback address", () => {
  const bench = new Bench();
  const sent = pattern(100_000);
  bench.start("both", function* (kernel) {
    const server = yield* kernel.bind(tcpContract, "/service/tcp");
    yield* server.send("listen", { port: 80, backlog: 1 });
    yield* server.receive();
    const client = yield* kernel.bind(tcpContract, "/service/tcp");
    yield* client.send("connect", { address: ip("127.0.0.1"), port: 80 });
    const connected = yield* client.receive();
    yield* server.send("accept");
    const accepted = yield* server.receive();
    if (connected.tag !== "connected" || accepted.tag !== "accepted") throw new Error("no connection");
    assertEquals(accepted.remoteAddress, ip("127.0.0.1"));
    yield* connected.connection.send("write", { data: yield* blockOf(kernel, sent) });
    yield* connected.connection.close();
    const { bytes, end } = yield* readAll(kernel, accepted.connection);
    assertEquals([Uint8Array.from(bytes), end], [sent, "endOfStream"]);
  });
  const before = bench.ethernet.carried;
  bench.run();
  assert(bench.ethernet.carried - before < 8, "loopback frames reached the wire");
});
