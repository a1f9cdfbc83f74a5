/**
 * Tests of TCP as a whole over a bad link: all that was sent arrives, once and in order.
 *
 * Two hosts, real segment bytes, and a link that loses, delays, repeats and reorders as
 * fast-check decides (it prints its seed). Time jumps, nothing waits.
 * - After a number of segments the link behaves, so that every run must come to a good end.
 */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { TcpConnection } from "./connection.ts";
import type { TcpSettings } from "./control_block.ts";
import { FIN, SYN } from "./segment.ts";
import { type Fate, type Host, perfectFate, TwoHosts } from "./two_hosts.ts";

const millisecond = 1e6;
const port = 80;

/** A user of one end: writes all it has, reads in pieces, and finishes when all is written. */
class User {
  connection: TcpConnection | undefined;
  readonly received: number[] = [];
  readonly #toSend: Uint8Array;
  readonly #pieceSize: number;
  #sentCount = 0;

  constructor(toSend: Uint8Array, pieceSize: number) {
    this.#toSend = toSend;
    this.#pieceSize = pieceSize;
  }

  step(): void {
    const connection = this.connection;
    if (connection === undefined) return;
    const into = new Uint8Array(this.#pieceSize);
    for (let count = connection.receive(into); count > 0; count = connection.receive(into)) {
      for (let index = 0; index < count; index++) this.received.push(into[index]!);
    }
    this.#sentCount += connection.send(this.#toSend.subarray(this.#sentCount));
    if (this.#sentCount === this.#toSend.length) connection.finish();
  }
}

function bytesOf(count: number, seed: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, index) => (index * 31 + (index >> 8) * 7 + seed) & 0xff);
}

interface Transfer {
  readonly fates: readonly Fate[];
  readonly sizes: readonly [number, number];
  readonly pieceSize: number;
  readonly settings: Partial<TcpSettings>;
  readonly iss: number;
}

/** Initial sequence numbers: the first is chosen, later ones differ, so that old segments fit no new connection. */
function numbersFrom(iss: number): () => number {
  let count = 0;
  // The first draw of a table is for its ports.
  return () => iss + Math.max(0, count++ - 1) * 10_000_019;
}

function runTransfer({ fates, sizes, pieceSize, iss, ...rest }: Transfer): TwoHosts {
  // Nobody gives up, and TIME-WAIT outlasts a timeout that losses have doubled many times.
  const patience = { timeWaitNs: 2000e9, connectTimeoutNs: 1000e9, userTimeoutNs: 1000e9 };
  const settings = { ...rest.settings, ...patience };
  const link = new TwoHosts({ random: numbersFrom(iss), settings }, {
    random: numbersFrom(iss + 77),
    settings,
  });
  link.fate = (index) => fates[index] ?? perfectFate;
  const [fromA, fromB] = [bytesOf(sizes[0], 1), bytesOf(sizes[1], 2)];
  const [a, b] = [new User(fromA, pieceSize), new User(fromB, pieceSize)];
  const listener = link.b.table.listen(port, 4);
  assert(listener !== "PortInUse");
  const client = link.a.table.connect(0, link.a.address, link.b.address, port);
  assert(client !== "TooMany");
  a.connection = client;
  link.onStep = () => {
    b.connection ??= listener.accept();
    a.step();
    b.step();
  };
  assert(link.settle(100_000e9), "the transfer did not come to an end");
  assertEquals(b.received.length, fromA.length, "bytes from a to b");
  assertEquals(Uint8Array.from(b.received), fromA);
  assertEquals(Uint8Array.from(a.received), fromB);
  assertEquals([a.connection.state, b.connection?.state], ["CLOSED", "CLOSED"]);
  assertEquals([a.connection.failure, b.connection?.failure], [undefined, undefined]);
  assertEquals([link.a.table.connectionCount, link.b.table.connectionCount], [0, 0]);
  return link;
}

const arrival = fc.oneof(
  { weight: 4, arbitrary: fc.constant(millisecond) },
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 8 }).map((count) => count * millisecond) },
  { weight: 1, arbitrary: fc.constant(400 * millisecond) },
);
const fate: fc.Arbitrary<Fate> = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(arrival) },
  { weight: 2, arbitrary: fc.constant([]) },
  { weight: 1, arbitrary: fc.tuple(arrival, arrival) },
);

Deno.test("over a link that loses, repeats and reorders, both streams arrive whole and both ends close", () => {
  const transfer = fc.record({
    fates: fc.array(fate, { maxLength: 120, size: "max" }),
    sizes: fc.tuple(fc.nat({ max: 60_000 }), fc.nat({ max: 6000 })),
    pieceSize: fc.constantFrom(1, 100, 1460, 70_000),
    settings: fc.constantFrom<Partial<TcpSettings>[]>(
      {},
      { noDelay: true },
      { receiveBufferSize: 1460 },
      { receiveBufferSize: 4000, sendBufferSize: 3000 },
      { maximumSegmentSize: 100, receiveBufferSize: 200_000, sendBufferSize: 200_000 },
    ),
    // Close to the wrap, so that sequence numbers pass it on the way.
    iss: fc.constantFrom(1, 0xffff_fff0, 0xffff_0000, 0x7fff_ff00),
  });
  fc.assert(fc.property(transfer, (one) => void runTransfer(one)), { numRuns: 150 });
});

Deno.test("on a perfect link nothing is sent twice", () => {
  const link = runTransfer({ fates: [], sizes: [300_000, 0], pieceSize: 70_000, settings: {}, iss: 5 });
  const fromA = link.sent.filter(({ from }) => from === link.a);
  const payloadSize = fromA.reduce((sum, { segment }) => sum + segment.payload.length, 0);
  assertEquals(payloadSize, 300_000);
});

Deno.test("every second full segment is acknowledged, a single one after the delay", () => {
  const link = runTransfer({ fates: [], sizes: [146_000, 0], pieceSize: 70_000, settings: {}, iss: 5 });
  const acknowledgements = link.sent.filter(({ from }) => from === link.b).length;
  assert(acknowledgements >= 50 && acknowledgements <= 60, `${acknowledgements} segments from b`);
  const single = runTransfer({ fates: [], sizes: [1, 0], pieceSize: 100, settings: {}, iss: 5 });
  assert(single.sent.length <= 8, `${single.sent.length} segments for one byte`);
});

function lossOf(lost: readonly number[]): (index: number) => Fate {
  const seen = new Set<number>();
  return (index) => {
    if (!lost.includes(index) || seen.has(index)) return perfectFate;
    seen.add(index);
    return [];
  };
}

/** When the last byte of a one-way transfer arrives, of which some data segments (by number) are lost. */
function timeWithLoss(lostData: readonly number[], size: number): number {
  const link = new TwoHosts();
  const decide = lossOf(lostData);
  let dataCount = 0;
  link.fate = (_, segment) => segment.payload.length === 0 ? perfectFate : decide(dataCount++);
  const listener = link.b.table.listen(port, 1);
  const client = link.a.table.connect(0, link.a.address, link.b.address, port);
  assert(listener !== "PortInUse" && client !== "TooMany");
  const [a, b] = [new User(bytesOf(size, 3), 1), new User(new Uint8Array(0), 70_000)];
  a.connection = client;
  let doneAt = Infinity;
  link.onStep = () => {
    b.connection ??= listener.accept();
    a.step();
    b.step();
    if (b.received.length === size) doneAt = Math.min(doneAt, link.now);
  };
  link.settle(60e9);
  assertEquals(Uint8Array.from(b.received), bytesOf(size, 3));
  return doneAt;
}

Deno.test("a lost segment amid a stream is sent again without waiting for the timer", () => {
  const clean = timeWithLoss([], 200_000);
  const lossy = timeWithLoss([20], 200_000);
  assert(lossy - clean < 50e6, `it took ${(lossy - clean) / 1e6} ms longer`);
});

Deno.test("several losses in one window are each mended in a round trip (NewReno)", () => {
  const lossy = timeWithLoss([30, 32, 35, 38], 200_000);
  const clean = timeWithLoss([], 200_000);
  assert(lossy - clean < 100e6, `it took ${(lossy - clean) / 1e6} ms longer`);
});

Deno.test("when the last segment is lost the timer sends it again", () => {
  const lossy = timeWithLoss([6], 10_000);
  assert(lossy > 200e6 && lossy < 1500e6, `it was done after ${lossy / 1e6} ms`);
});

function pair(link: TwoHosts): { client: TcpConnection; server: () => TcpConnection } {
  const listener = link.b.table.listen(port, 4);
  assert(listener !== "PortInUse");
  const client = link.a.table.connect(link.now, link.a.address, link.b.address, port);
  assert(client !== "TooMany");
  let server: TcpConnection | undefined;
  return {
    client,
    server: () => {
      server ??= listener.accept();
      assert(server !== undefined, "nothing to accept");
      return server;
    },
  };
}

const dataFrom = (link: TwoHosts, host: Host) =>
  link.sent.filter(({ from, segment }) => from === host && segment.payload.length > 0)
    .map(({ segment }) => segment.payload.length);

Deno.test("small writes wait for each other while data is in flight (Nagle), unless noDelay is set", () => {
  for (const noDelay of [false, true]) {
    const link = new TwoHosts({ settings: { noDelay } });
    const { client } = pair(link);
    link.settle(1e9);
    for (let count = 0; count < 5; count++) {
      client.send(new Uint8Array(10));
      link.settle(link.now);
    }
    link.settle(2e9);
    assertEquals(dataFrom(link, link.a), noDelay ? [10, 10, 10, 10, 10] : [10, 40]);
  }
});

Deno.test("a closed window is probed until it opens, and then everything arrives", () => {
  const link = new TwoHosts({}, { settings: { receiveBufferSize: 3000 } });
  const { client, server } = pair(link);
  const data = bytesOf(10_000, 9);
  link.settle(1e9);
  client.send(data);
  link.settle(300e9);
  assertEquals([server().available, client.state], [3000, "ESTABLISHED"]);
  const probes = link.sent.filter(({ segment }) => segment.payload.length === 1).length;
  assert(probes >= 5 && probes <= 15, `${probes} probes in 300 s`);
  const received: number[] = [];
  const into = new Uint8Array(500);
  link.onStep = () => {
    const count = server().receive(into);
    received.push(...into.subarray(0, count));
  };
  link.settle(600e9);
  assertEquals(Uint8Array.from(received), data);
});

Deno.test("a window that opens a little at a time does not make small segments", () => {
  const link = new TwoHosts({}, { settings: { receiveBufferSize: 8000 } });
  const { client, server } = pair(link);
  const data = bytesOf(60_000, 9);
  link.settle(1e9);
  let sentCount = 0;
  let readCount = 0;
  const into = new Uint8Array(50);
  link.onStep = () => {
    sentCount += client.send(data.subarray(sentCount));
    readCount += link.now > 1e9 ? server().receive(into) : 0;
  };
  for (let step = 0; step < 5000 && readCount < data.length; step++) link.settle(link.now + 2e6);
  assertEquals(readCount, data.length);
  const sizes = dataFrom(link, link.a);
  assert(sizes.length < 60_000 / 1000, `${sizes.length} segments for 60,000 bytes`);
});

Deno.test("windows larger than 64 KiB are used when both ends scale", () => {
  const settings = { receiveBufferSize: 1 << 20, sendBufferSize: 1 << 20 };
  const link = new TwoHosts({ settings }, { settings });
  link.fate = () => [50e6];
  const { client, server } = pair(link);
  link.settle(1e9);
  let mostInFlight = 0;
  let sentCount = 0;
  const into = new Uint8Array(1 << 20);
  link.onStep = () => {
    if (sentCount < 1 << 22) sentCount += client.send(new Uint8Array(1 << 16));
    server().receive(into);
    const last = link.sent.findLast(({ from, segment }) => from === link.a && segment.payload.length > 0);
    const acknowledged = link.sent.findLast(({ from }) => from === link.b)!.segment.acknowledgmentNumber;
    if (last === undefined) return;
    mostInFlight = Math.max(mostInFlight, last.segment.sequenceNumber - acknowledged);
  };
  link.settle(20e9);
  assert(mostInFlight > 200_000, `at most ${mostInFlight} bytes were in flight`);
});

Deno.test("a peer without window scaling is never sent more than 64 KiB, and gets unscaled windows", () => {
  const link = new TwoHosts({ settings: { receiveBufferSize: 1 << 20 } });
  const { client } = pair(link);
  // The SYN,ACK of b is replaced by one without options: the first segment b sends is lost, and
  // the connection is made by hand.
  link.fate = (_, segment) => (segment.controlBits & SYN) !== 0 ? [] : perfectFate;
  link.settle(0);
  assertEquals(link.sent[0]!.segment.windowShift, 5);
  const syn = link.sent[0]!.segment;
  const answer = TcpConnection.accept(
    {
      localAddress: link.b.address,
      localPort: port,
      remoteAddress: link.a.address,
      remotePort: syn.sourcePort,
    },
    {
      ...{ sendBufferSize: 1000, receiveBufferSize: 1000, maximumSegmentSize: 536, noDelay: false },
      ...{ delayedAckNs: 0, timeWaitNs: 0, minimumRtoNs: 1e9, userTimeoutNs: 1e12, connectTimeoutNs: 1e12 },
      closeTimeoutNs: 1e9,
    },
    9,
    0,
    { ...syn, windowShift: undefined, maximumSegmentSize: undefined },
  );
  const room = new Uint8Array(1500);
  const size = answer.emit(0, room, 0);
  link.inject(link.a, room.slice(0, size));
  link.settle(1e6);
  assertEquals(client.state, "ESTABLISHED");
  const last = link.sent.findLast(({ from }) => from === link.a)!.segment;
  assertEquals([last.window, last.controlBits & (SYN | FIN)], [0xffff, 0]);
});
