/**
 * Tests of TCP's states: how connections begin, end, fail, and defend themselves.
 *
 * Two hosts over a link that does what the test says; forged segments are put on it by hand.
 * - Each test names the states that RFC 9293 (or RFC 5961) asks for.
 */

import { assert, assertEquals } from "@std/assert";
import type { TcpConnection } from "./connection.ts";
import { ACK, FIN, headerSizeOf, RST, SYN, type TcpHeader, writeSegment } from "./segment.ts";
import type { TcpListener } from "./tcp_listener.ts";
import { type Host, perfectFate, TwoHosts } from "./two_hosts.ts";

const port = 80;
const second = 1e9;

function listen(host: Host, backlog = 4): TcpListener {
  const listener = host.table.listen(port, backlog);
  assert(listener !== "PortInUse");
  return listener;
}

function connect(link: TwoHosts, from = link.a, to = link.b): TcpConnection {
  const connection = from.table.connect(link.now, from.address, to.address, port);
  assert(connection !== "TooMany");
  return connection;
}

/** Two hosts with one open connection. */
function openPair(settings = {}): { link: TwoHosts; client: TcpConnection; server: TcpConnection } {
  const link = new TwoHosts({ settings }, { settings });
  const listener = listen(link.b);
  const client = connect(link);
  link.settle(second);
  const server = listener.accept();
  assert(server !== undefined);
  assertEquals([client.state, server.state], ["ESTABLISHED", "ESTABLISHED"]);
  return { link, client, server };
}

function text(connection: TcpConnection): string {
  const into = new Uint8Array(1000);
  return String.fromCharCode(...into.subarray(0, connection.receive(into)));
}

const bytes = (letters: string) => Uint8Array.from(letters, (letter) => letter.charCodeAt(0));

/** A segment from a's side of `connection` (b's own end of it) as a forger would write it. */
function forge(link: TwoHosts, client: TcpConnection, header: Partial<TcpHeader>, length = 0): void {
  const whole = {
    sourcePort: client.addresses.localPort,
    destinationPort: port,
    sequenceNumber: 0,
    acknowledgmentNumber: 0,
    controlBits: ACK,
    window: 1000,
    maximumSegmentSize: undefined,
    windowShift: undefined,
    ...header,
  };
  const segment = new Uint8Array(headerSizeOf(whole.controlBits) + length);
  writeSegment(segment, 0, link.a.address, link.b.address, whole, length);
  link.inject(link.b, segment);
}

const summary = (link: TwoHosts, from = 0) =>
  link.sent.slice(from).map(({ from: host, segment: { controlBits: bits } }) =>
    (host === link.a ? "a " : "b ") +
    [[SYN, "SYN"], [FIN, "FIN"], [RST, "RST"], [ACK, "ACK"]].flatMap(([bit, name]) =>
      (bits & (bit as number)) !== 0 ? [name] : []
    ).join()
  );

Deno.test("a connection opens with SYN, SYN and ACK, ACK, and the listener hands it out", () => {
  const link = new TwoHosts();
  const listener = listen(link.b);
  const client = connect(link);
  assertEquals(client.state, "SYN-SENT");
  link.settle(second);
  assertEquals(summary(link), ["a SYN", "b SYN,ACK", "a ACK"]);
  assertEquals(link.b.table.takeAcceptable(), listener);
  const server = listener.accept();
  assertEquals([client.state, server?.state], ["ESTABLISHED", "ESTABLISHED"]);
  assertEquals(server?.addresses.remotePort, client.addresses.localPort);
  assertEquals([listener.accept(), link.b.table.takeAcceptable()], [undefined, undefined]);
});

Deno.test("what is written before the handshake is over is sent after it", () => {
  const link = new TwoHosts();
  const listener = listen(link.b);
  const client = connect(link);
  assertEquals(client.send(bytes("early")), 5);
  client.finish();
  link.settle(second);
  const server = listener.accept();
  assert(server !== undefined);
  assertEquals(text(server), "early");
  assertEquals([client.state, server.state, server.endOfStream], ["FIN-WAIT-2", "CLOSE-WAIT", true]);
});

Deno.test("both open at once and become one connection", () => {
  const link = new TwoHosts({ random: () => 49_000 - 49_152 }, { random: () => 0 });
  const [a, b] = [link.a.table, link.b.table];
  const first = a.connect(0, link.a.address, link.b.address, 49_152);
  assert(first !== "TooMany");
  const second = b.connect(0, link.b.address, link.a.address, first.addresses.localPort);
  assert(second !== "TooMany");
  assertEquals(second.addresses.localPort, 49_152);
  link.settle(5e9);
  assertEquals([first.state, second.state], ["ESTABLISHED", "ESTABLISHED"]);
  assertEquals(summary(link).slice(0, 4), ["a SYN", "b SYN", "b SYN,ACK", "a SYN,ACK"]);
  first.send(bytes("hello"));
  link.settle(6e9);
  assertEquals(text(second), "hello");
});

Deno.test("a port where nobody listens refuses", () => {
  const link = new TwoHosts();
  const client = connect(link);
  link.settle(second);
  assertEquals(summary(link), ["a SYN", "b RST,ACK"]);
  assertEquals([client.state, client.failure], ["CLOSED", "Refused"]);
  assertEquals(link.a.table.takeChanged(), client);
  assertEquals(link.a.table.connectionCount, 0);
});

Deno.test("a peer that does not answer is asked at doubling intervals and given up after 15 s", () => {
  const link = new TwoHosts();
  link.fate = () => [];
  const client = connect(link);
  link.settle();
  assertEquals(link.sent.map(({ at }) => at / second), [0, 1, 3, 7]);
  assertEquals([client.failure, link.now / second], ["TimedOut", 15]);
});

Deno.test("a peer that vanishes is given up when it acknowledged nothing for the user timeout", () => {
  const { link, client } = openPair();
  link.fate = () => [];
  client.send(bytes("into the void"));
  const before = link.sent.length;
  link.settle();
  assertEquals([client.state, client.failure], ["CLOSED", "TimedOut"]);
  assert(link.now >= 101 * second && link.now < 200 * second, `given up at ${link.now / second} s`);
  const times = link.sent.slice(before).map(({ at }) => at - second);
  assertEquals(times.slice(1, 5).map((at) => Math.round(at / 1e8)), [2, 6, 14, 30]);
  assertEquals(link.a.table.connectionCount, 0);
});

Deno.test("one side finishes, the other goes on sending, then both are closed", () => {
  const { link, client, server } = openPair();
  client.finish();
  assertEquals(client.send(bytes("too late")), 0);
  link.settle(2 * second);
  assertEquals([client.state, server.state, server.endOfStream], ["FIN-WAIT-2", "CLOSE-WAIT", true]);
  server.send(bytes("still talking"));
  link.settle(3 * second);
  assertEquals(text(client), "still talking");
  server.finish();
  link.settle(3.5 * second);
  assertEquals([client.state, server.state, client.endOfStream], ["TIME-WAIT", "CLOSED", true]);
  link.settle();
  assertEquals([client.state, client.failure, server.failure], ["CLOSED", undefined, undefined]);
});

Deno.test("both finish at once: CLOSING, then TIME-WAIT on both sides", () => {
  const { link, client, server } = openPair();
  client.finish();
  server.finish();
  const states: string[] = [];
  link.onStep = () => void states.push(`${client.state} ${server.state}`);
  link.settle();
  assert(states.some((pair) => pair.includes("CLOSING")), states.join("; "));
  assert(states.includes("TIME-WAIT TIME-WAIT"), states.join("; "));
  assertEquals([client.state, server.state], ["CLOSED", "CLOSED"]);
});

Deno.test("TIME-WAIT answers a repeated FIN and starts again", () => {
  const { link, client, server } = openPair();
  client.finish();
  link.settle(2 * second);
  let lost = 0;
  link.fate = (_, { controlBits }, from) =>
    from === link.a && (controlBits & ACK) !== 0 && lost++ < 2 ? [] : perfectFate;
  server.finish();
  link.settle(2.5 * second);
  assertEquals([client.state, server.state], ["TIME-WAIT", "LAST-ACK"]);
  link.settle(3.5 * second);
  assertEquals([client.state, server.state, lost >= 2], ["TIME-WAIT", "CLOSED", true]);
});

Deno.test("a new connection from the same port takes the place of one in TIME-WAIT", () => {
  const { link, client, server } = openPair();
  server.finish();
  link.settle(2 * second);
  client.finish();
  link.settle(2.5 * second);
  assertEquals([server.state, client.state], ["TIME-WAIT", "CLOSED"]);
  const syn = { controlBits: SYN, sequenceNumber: 500_000, maximumSegmentSize: 1460, windowShift: 1 };
  forge(link, client, syn);
  const before = link.sent.length;
  link.settle(link.now);
  assertEquals(summary(link, before).at(0), "b SYN,ACK");
});

Deno.test("abort resets the peer, and both sides forget the connection at once", () => {
  const { link, client, server } = openPair();
  client.send(bytes("lost"));
  client.abort();
  link.settle();
  assertEquals([client.state, server.state, server.failure], ["CLOSED", "CLOSED", "Reset"]);
  assertEquals([link.a.table.connectionCount, link.b.table.connectionCount], [0, 0]);
  assertEquals(summary(link).at(-1), "a RST,ACK");
});

Deno.test("a RST counts only exactly at RCV.NXT; elsewhere in the window it is challenged", () => {
  const { link, client, server } = openPair();
  const next = server.receiveNext;
  const before = link.sent.length;
  forge(link, client, { controlBits: RST, sequenceNumber: next + 100 });
  link.settle(link.now);
  assertEquals([server.state, summary(link, before)], ["ESTABLISHED", ["b ACK"]]);
  forge(link, client, { controlBits: RST, sequenceNumber: next - 1 });
  link.settle(link.now + 1e7);
  assertEquals([server.state, summary(link, before)], ["ESTABLISHED", ["b ACK"]]);
  forge(link, client, { controlBits: RST, sequenceNumber: next });
  link.settle(link.now);
  assertEquals([server.state, server.failure], ["CLOSED", "Reset"]);
});

Deno.test("a SYN within a connection is challenged and changes nothing", () => {
  const { link, client, server } = openPair();
  const before = link.sent.length;
  forge(link, client, { controlBits: SYN, sequenceNumber: server.receiveNext + 5 });
  link.settle(link.now);
  assertEquals([server.state, summary(link, before)], ["ESTABLISHED", ["b ACK"]]);
});

Deno.test("challenges are limited to ten a second", () => {
  const { link, client, server } = openPair();
  const before = link.sent.length;
  for (let count = 0; count < 30; count++) {
    forge(link, client, { controlBits: SYN, sequenceNumber: server.receiveNext + 5 });
    link.settle(link.now);
  }
  assertEquals(link.sent.length - before, 10);
});

Deno.test("an acknowledgement of what was never sent, or of long ago, is not believed", () => {
  const { link, client, server } = openPair();
  server.send(bytes("abc"));
  const sequenceNumber = server.receiveNext;
  for (const acknowledgmentNumber of [2000 + 50_000, 2000 - 70_000 >>> 0]) {
    const before = link.sent.length;
    forge(link, client, { sequenceNumber, acknowledgmentNumber, window: 0 }, 3);
    link.settle(link.now);
    assert(summary(link, before).includes("b ACK"));
    assertEquals([server.available, server.state], [0, "ESTABLISHED"]);
  }
  link.settle(3 * second);
  assertEquals(text(client), "abc");
});

Deno.test("an old peer's segment in SYN-SENT is reset, and the handshake still succeeds", () => {
  const link = new TwoHosts();
  const listener = listen(link.b);
  const client = connect(link);
  const header = {
    sourcePort: port,
    destinationPort: client.addresses.localPort,
    sequenceNumber: 300,
    acknowledgmentNumber: 91,
    controlBits: ACK,
    window: 1000,
    maximumSegmentSize: undefined,
    windowShift: undefined,
  };
  const segment = new Uint8Array(20);
  writeSegment(segment, 0, link.b.address, link.a.address, header, 0);
  link.inject(link.a, segment);
  link.settle(second);
  const reset = link.sent.find(({ segment }) => (segment.controlBits & RST) !== 0);
  assertEquals([reset?.segment.sequenceNumber, client.state], [91, "ESTABLISHED"]);
  assertEquals(listener.completeCount, 1);
});

Deno.test("a segment for nobody is reset where it claims to be", () => {
  const { link, client } = openPair();
  const nobody = { sourcePort: 9, sequenceNumber: 70, acknowledgmentNumber: 71 };
  forge(link, client, nobody, 4);
  forge(link, client, { ...nobody, destinationPort: 81, controlBits: FIN }, 4);
  forge(link, client, { ...nobody, controlBits: RST });
  const before = link.sent.length;
  link.settle(link.now);
  const resets = link.sent.slice(before).map(({ segment }) => segment);
  assertEquals(resets.map((segment) => [segment.sequenceNumber, segment.acknowledgmentNumber]), [
    [71, 0],
    [0, 75],
  ]);
});

Deno.test("a full backlog drops SYNs until somebody accepts", () => {
  const link = new TwoHosts();
  const listener = listen(link.b, 1);
  const first = connect(link);
  link.settle(second);
  const other = connect(link);
  link.settle(1.5 * second);
  assertEquals([first.state, other.state, listener.completeCount], ["ESTABLISHED", "SYN-SENT", 1]);
  assertEquals(link.b.table.drops.of("listener's queue is full"), 1);
  assert(listener.accept() !== undefined);
  link.settle(4 * second);
  assertEquals(other.state, "ESTABLISHED");
});

Deno.test("half-open connections are bounded, and die when their handshake is never finished", () => {
  const link = new TwoHosts({}, { halfOpenCountMax: 8 });
  const listener = listen(link.b, 100);
  const { client } = openPair();
  link.fate = () => [];
  for (let sourcePort = 1000; sourcePort < 1020; sourcePort++) {
    forge(link, client, { sourcePort, controlBits: SYN, sequenceNumber: 5 });
  }
  link.settle(link.now);
  for (let count = 0; count < 25; count++) link.settle(link.now);
  assertEquals([link.b.table.connectionCount, listener.completeCount], [8, 0]);
  assertEquals(link.b.table.drops.of("listener's queue is full"), 12);
  link.settle();
  assertEquals([link.b.table.connectionCount, listener.hasRoom], [0, true]);
});

Deno.test("closing a listener resets what nobody accepted and frees the port", () => {
  const link = new TwoHosts();
  const listener = listen(link.b);
  const client = connect(link);
  link.settle(second);
  assertEquals(link.b.table.listen(port, 1), "PortInUse");
  listener.close();
  link.settle();
  assertEquals([client.state, client.failure], ["CLOSED", "Reset"]);
  assert(link.b.table.listen(port, 1) !== "PortInUse");
});

Deno.test("a table with as many connections as it may have refuses one more", () => {
  const link = new TwoHosts({ connectionCountMax: 2 });
  listen(link.b);
  connect(link);
  connect(link);
  assertEquals(link.a.table.connect(0, link.a.address, link.b.address, port), "TooMany");
});

Deno.test("close delivers what was written, and resets a peer that then sends to nobody", () => {
  const { link, client, server } = openPair();
  client.send(bytes("last words"));
  server.send(bytes("unread"));
  client.close(link.now);
  link.settle(2 * second);
  assertEquals(text(server), "last words");
  assertEquals([client.state, server.state], ["FIN-WAIT-2", "CLOSE-WAIT"]);
  server.send(bytes("anyone?"));
  link.settle(3 * second);
  assertEquals([client.state, server.state, server.failure], ["CLOSED", "CLOSED", "Reset"]);
});

Deno.test("a closed connection does not wait for a peer's FIN for ever", () => {
  const { link, client } = openPair();
  client.close(link.now);
  link.settle(10 * second);
  assertEquals(client.state, "FIN-WAIT-2");
  link.settle(11.1 * second);
  assertEquals([client.state, client.failure], ["CLOSED", undefined]);
});

Deno.test("a FIN that overtakes its data ends the stream only after it", () => {
  const { link, client, server } = openPair();
  link.fate = (_, { controlBits }) => (controlBits & FIN) !== 0 ? perfectFate : [5e6];
  client.send(bytes("first"));
  link.settle(link.now);
  client.finish();
  link.settle(link.now + 2e6);
  assertEquals([server.state, server.endOfStream], ["ESTABLISHED", false]);
  link.settle(link.now + 10e6);
  assertEquals([server.state, text(server), server.endOfStream], ["CLOSE-WAIT", "first", true]);
});

Deno.test("damaged segments are counted and dropped", () => {
  const { link, server } = openPair();
  link.inject(link.b, new Uint8Array(10));
  link.inject(link.b, new Uint8Array(40).fill(0x55));
  link.settle(link.now);
  link.settle(link.now);
  assertEquals(link.b.table.drops.of("TCP segment is shorter than its header"), 1);
  assertEquals(link.b.table.drops.of("TCP checksum is wrong"), 1);
  assertEquals(server.state, "ESTABLISHED");
});
