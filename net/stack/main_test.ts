/**
 * The net stack's services but TCP: addresses, echoes, datagrams, and the end of the driver.
 *
 * Programs use two stacks on one Ethernet (`two_stacks_test.ts`).
 * - Times are exact: the bench delays each frame by `delayNs`, and nothing else takes time.
 */

import { assert, assertEquals } from "@std/assert";
import { decodeText } from "../../kernel/abi/text.ts";
import { icmpContract } from "../contracts/icmp.ts";
import { ipConfigContract } from "../contracts/ip_config.ts";
import { udpContract } from "../contracts/udp.ts";
import { Bench, blockOf, delayNs, far, ip, near } from "./two_stacks_test.ts";

Deno.test("a stack gets its address by DHCP and tells how its interface is configured", () => {
  const bench = new Bench();
  let rows: unknown;
  bench.start("reader", function* (kernel) {
    yield* kernel.bind(icmpContract, "/service/icmp");
    const config = yield* kernel.bind(ipConfigContract, "/service/ip");
    yield* config.send("interfaces");
    const answer = yield* config.receive();
    if (answer.tag === "rows") rows = JSON.parse(decodeText(answer.json.bytes));
  });
  bench.run();
  assertEquals(rows, [{
    name: "nic0",
    mac: "52:54:00:00:00:01",
    linkUp: true,
    mtu: 1500,
    address: "10.0.2.15",
    mask: "255.255.255.0",
    router: "10.0.2.2",
    lease: "BOUND",
    // It runs from the request on (RFC 2131 section 4.4.1), whose answer took `delayNs`.
    leaseLeftNs: 3600e9 - delayNs,
    // The far stack's two broadcasts came too.
    receivedFrames: 4,
    transmittedFrames: 2,
    missedFrames: 2,
    malformedFrames: 3,
    droppedFrames: 5,
  }]);
});

Deno.test("without an address only the configuration is served", () => {
  const bench = new Bench();
  bench.ethernet.dhcpWorks = false;
  bench.start("reader", function* (kernel) {
    yield* kernel.sleep(30e9);
    assertEquals((yield* kernel.enumerate("/service")).map(({ path }) => path), ["/service/ip"]);
  });
  bench.run();
});

Deno.test("an echo takes the round trip; one to nobody times out", () => {
  const bench = new Bench();
  bench.start("ping", function* (kernel) {
    const icmp = yield* kernel.bind(icmpContract, "/service/icmp");
    yield* kernel.sleep(1e6);
    const echo = { address: far, sequence: 1, size: 56, timeoutMs: 500 };
    // The first needs ARP in front of it.
    yield* icmp.send("echo", echo);
    assertEquals(yield* icmp.receive(), {
      tag: "replied",
      roundTripNs: 4 * delayNs,
      size: 56,
      timeToLive: 64,
    });
    yield* icmp.send("echo", { ...echo, size: 1472 });
    assertEquals(yield* icmp.receive(), {
      tag: "replied",
      roundTripNs: 2 * delayNs,
      size: 1472,
      timeToLive: 64,
    });
    // Longer ones travel in fragments, back and forth, up to the longest packet.
    for (const size of [1473, 8000, 65_507]) {
      yield* icmp.send("echo", { ...echo, size, timeoutMs: 1000 });
      const answer = yield* icmp.receive();
      assertEquals([answer.tag, answer.tag === "replied" && answer.size], ["replied", size]);
    }
    yield* icmp.send("echo", { ...echo, size: 65_508 });
    assertEquals(yield* icmp.receive(), { tag: "failed", code: "TooLong" });
    const startedAt = yield* kernel.now();
    yield* icmp.send("echo", { ...echo, address: ip("10.0.2.77") });
    assertEquals((yield* icmp.receive()).tag, "timedOut");
    assertEquals((yield* kernel.now()) - startedAt, 500e6);
    for (const address of ["127.0.0.1", "10.0.2.15"]) {
      yield* icmp.send("echo", { ...echo, address: ip(address) });
      assertEquals((yield* icmp.receive()).tag, "replied");
    }
  });
  bench.run();
});

Deno.test("datagrams go both ways between sockets, also while a receive waits", () => {
  const bench = new Bench();
  bench.start("server", function* (kernel) {
    const udp = yield* kernel.bind(udpContract, "/far/service/udp");
    yield* udp.send("bind", { port: 7 });
    const bound = yield* udp.receive();
    if (bound.tag !== "bound") throw new Error(bound.tag);
    yield* udp.send("bind", { port: 7 });
    assertEquals(yield* udp.receive(), { tag: "failed", code: "PortInUse" });
    yield* bound.socket.send("receiveFrom");
    const first = yield* bound.socket.receive();
    if (first.tag !== "received") throw new Error(first.tag);
    assertEquals([first.address, decodeText(first.data.bytes)], [near, "hello"]);
    yield* bound.socket.send("sendTo", { address: first.address, port: first.port, data: first.data });
    assertEquals((yield* bound.socket.receive()).tag, "sent");
  });
  bench.start("client", function* (kernel) {
    const udp = yield* kernel.bind(udpContract, "/service/udp");
    yield* kernel.sleep(1e6);
    yield* udp.send("bind", { port: 0 });
    const bound = yield* udp.receive();
    if (bound.tag !== "bound") throw new Error(bound.tag);
    assert(bound.port >= 49152);
    yield* bound.socket.send("receiveFrom");
    const data = yield* blockOf(kernel, new TextEncoder().encode("hello"));
    yield* bound.socket.send("sendTo", { address: far, port: 7, data });
    assertEquals((yield* bound.socket.receive()).tag, "sent");
    const answer = yield* bound.socket.receive();
    if (answer.tag !== "received") throw new Error(answer.tag);
    assertEquals([answer.address, answer.port, decodeText(answer.data.bytes)], [far, 7, "hello"]);
    const long = yield* kernel.allocate(65_508);
    yield* bound.socket.send("sendTo", { address: far, port: 7, data: long });
    assertEquals(yield* bound.socket.receive(), { tag: "failed", code: "TooLong" });
    yield* bound.socket.close();
  });
  bench.run();
});

Deno.test("a socket keeps 64 datagrams and drops the newest beyond", () => {
  const bench = new Bench();
  bench.start("loop", function* (kernel) {
    const udp = yield* kernel.bind(udpContract, "/service/udp");
    yield* udp.send("bind", { port: 9 });
    const bound = yield* udp.receive();
    if (bound.tag !== "bound") throw new Error(bound.tag);
    for (let index = 0; index < 70; index++) {
      const data = yield* blockOf(kernel, Uint8Array.of(index));
      yield* bound.socket.send("sendTo", { address: ip("127.0.0.1"), port: 9, data });
      yield* bound.socket.receive();
    }
    yield* kernel.sleep(1e6);
    const seen: number[] = [];
    for (;;) {
      yield* bound.socket.send("receiveFrom");
      const answer = yield* kernel.select({ socket: bound.socket }, 1e6);
      if (answer.on !== "socket" || answer.kind === "closed") break;
      if (answer.message.tag === "received") seen.push(answer.message.data.bytes[0]!);
    }
    assertEquals(seen, Array.from({ length: 64 }, (_, index) => index));
  });
  bench.run();
});

Deno.test("when the driver is gone the stack ends and its clients see closed channels", () => {
  const bench = new Bench();
  bench.start("client", function* (kernel) {
    const icmp = yield* kernel.bind(icmpContract, "/service/icmp");
    bench.ethernet.isUnplugged = true;
    assertEquals(yield* icmp.receiveOrClosed(), undefined);
    yield* kernel.sleep(1);
  });
  bench.run();
  assertEquals([bench.nearStack.status, bench.farStack.status], [1, 1]);
});
