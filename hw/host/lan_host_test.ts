/**
 * Tests of the gateway: what it answers, what it refuses, and that it is the same each time.
 *
 * A guest made of the same protocol machines sits at the other end of a cable; virtual
 * time runs until nothing happens any more.
 */

import { assert, assertEquals } from "@std/assert";
import { arpMessage, writeArp } from "../../net/protocol/arp.ts";
import { ethernetHeader, etherTypes, writeEthernet } from "../../net/protocol/ethernet.ts";
import { icmpHeader, parseIcmp, writeEcho } from "../../net/protocol/icmp.ts";
import { Ipv4Reassembly } from "../../net/protocol/ipv4_reassembly.ts";
import { fragmentsOf, ipProtocols, ipv4Header, writeIpv4 } from "../../net/protocol/ipv4.ts";
import { parseUdp, udpHeader, writeUdp } from "../../net/protocol/udp.ts";
import { EventQueue } from "../time/event_queue.ts";
import { type Instant, seconds } from "../time/time.ts";
import { BenchGuest, guestMac, lanOnABench } from "./testing/bench_guest.ts";
import { gatewayAddress, gatewayMac, LanHost } from "./lan_host.ts";

const guestAddress = 0x0a00020f;
const payloadAt = ethernetHeader.size + ipv4Header.size;

/** A gateway and a guest that has its address. */
function bench(): { queue: EventQueue; lan: LanHost; guest: BenchGuest } {
  const queue = new EventQueue();
  const parts = lanOnABench(queue);
  parts.guest.start();
  run(queue);
  assertEquals(parts.guest.address, guestAddress);
  return { queue, ...parts };
}

/** Runs until nothing is due any more, for at most 100 s of virtual time. */
function run(queue: EventQueue): void {
  const end = queue.now + seconds(100);
  for (let next = queue.nextInstant(); next !== undefined && next < end; next = queue.nextInstant()) {
    queue.runUntil(next);
  }
}

function echoFrame(data: Uint8Array): Uint8Array {
  const frame = new Uint8Array(payloadAt + icmpHeader.size + data.length);
  frame.set(data, payloadAt + icmpHeader.size);
  writeEcho(frame, payloadAt, "echo", 9, 1, data.length);
  return frame;
}

Deno.test("a guest gets 10.0.2.15 and the gateway as its router by DHCP", () => {
  const { lan, guest } = bench();
  assertEquals(guest.dhcp.lease, {
    address: guestAddress,
    subnetMask: 0xffffff00,
    router: gatewayAddress,
    server: gatewayAddress,
  });
  assertEquals(lan.guestAddress, guestAddress);
});

Deno.test("the gateway answers a question for its MAC, and none for others", () => {
  const { queue, lan, guest } = bench();
  const answers: string[] = [];
  guest.onFrame = (frame) => void answers.push(frame.toHex());
  for (const targetAddress of [gatewayAddress, 0x0a000203]) {
    const frame = new Uint8Array(ethernetHeader.size + arpMessage.size);
    const sender = { senderMac: guestMac, senderAddress: guestAddress };
    writeArp(frame, ethernetHeader.size, { operation: "request", ...sender, targetMac: 0, targetAddress });
    writeEthernet(frame, 0, 0xffffffffffff, guestMac, etherTypes.arp);
    lan.receive(frame);
  }
  run(queue);
  assertEquals(answers, [
    "525400000001" + "52550a000202" + "0806" + "0001080006040002" + "52550a000202" + "0a000202" +
    "525400000001" + "0a00020f",
  ]);
});

Deno.test("the gateway answers echo requests, after asking for the guest's MAC", () => {
  const { queue, guest } = bench();
  const data = Uint8Array.of(1, 2, 3, 4, 5);
  guest.sendIpv4(echoFrame(data), guestAddress, gatewayAddress, ipProtocols.icmp);
  run(queue);
  assertEquals(parseIcmp(guest.packets[0]!.payload), {
    kind: "echo reply",
    identifier: 9,
    sequenceNumber: 1,
    data,
  });
});

/** What a guest gets back for an IPv4 payload that it sends in fragments. */
function answerToFragments(protocol: number, payload: Uint8Array): Uint8Array {
  const { queue, lan, guest } = bench();
  for (const fragment of fragmentsOf(payload.length, 1480)) {
    const { start, length } = fragment;
    const frame = new Uint8Array(payloadAt + length);
    frame.set(payload.subarray(start, start + length), payloadAt);
    writeIpv4(frame, ethernetHeader.size, guestAddress, gatewayAddress, protocol, 77, length, fragment);
    writeEthernet(frame, 0, gatewayMac, guestMac, etherTypes.ipv4);
    lan.receive(frame);
  }
  run(queue);
  assert(guest.packets.length > 1 && guest.packets.every(({ payload }) => payload.length <= 1480));
  const reassembly = new Ipv4Reassembly();
  const wholes = guest.packets.flatMap((packet) => reassembly.add(0, packet) ?? []);
  assertEquals(wholes.length, 1);
  return wholes[0]!.payload;
}

Deno.test("echoes longer than a frame come and go in fragments, by ICMP and by UDP", () => {
  for (const size of [1473, 4000, 8000]) {
    const data = Uint8Array.from({ length: size }, (_, index) => index * 3);
    const ping = answerToFragments(ipProtocols.icmp, echoFrame(data).slice(payloadAt));
    assertEquals(parseIcmp(ping), { kind: "echo reply", identifier: 9, sequenceNumber: 1, data });
    const datagram = new Uint8Array(udpHeader.size + size);
    datagram.set(data, udpHeader.size);
    writeUdp(datagram, 0, guestAddress, 5000, gatewayAddress, 7, size);
    const echoed = answerToFragments(ipProtocols.udp, datagram);
    assertEquals(echoed.subarray(udpHeader.size), data);
  }
});

Deno.test("UDP port 7 sends back what it gets; other ports are unreachable", () => {
  const { queue, guest } = bench();
  const text = Uint8Array.of(0x68, 0x69);
  guest.sendUdp(guestAddress, 5000, gatewayAddress, 7, text);
  guest.sendUdp(guestAddress, 5000, gatewayAddress, 9, text);
  run(queue);
  assertEquals(parseUdp(guest.packets[0]!), { sourcePort: 7, destinationPort: 5000, payload: text });
  const message = parseIcmp(guest.packets[1]!.payload);
  assert(typeof message !== "string" && message.kind === "unreachable");
  assertEquals([message.code, guest.packets.length], [3, 2]);
});

Deno.test("packets for other nets and of other protocols are reported as unreachable", () => {
  const { queue, guest } = bench();
  guest.sendUdp(guestAddress, 5000, 0x08080808, 53, new Uint8Array(4));
  guest.sendIpv4(new Uint8Array(payloadAt + 8), guestAddress, gatewayAddress, 132);
  run(queue);
  const codes = guest.packets.map(({ payload }) => {
    const message = parseIcmp(payload);
    return typeof message !== "string" && message.kind === "unreachable" ? message.code : message;
  });
  assertEquals(codes, [0, 2]);
});

Deno.test("malformed frames are counted by reason and answered by nothing", () => {
  const { queue, lan, guest } = bench();
  let answered = 0;
  guest.onFrame = () => void answered++;
  lan.receive(new Uint8Array(5));
  const frame = new Uint8Array(40);
  writeEthernet(frame, 0, gatewayMac, guestMac, etherTypes.ipv4);
  lan.receive(frame);
  writeEthernet(frame, 0, gatewayMac, guestMac, 0x86dd);
  lan.receive(frame);
  run(queue);
  assertEquals([lan.drops.entries(), answered], [[
    ["frame is shorter than its header", 1],
    ["IP version is not 4", 1],
    ["EtherType is not handled", 1],
  ], 0]);
});

Deno.test("the gateway opens TCP connections to a guest and carries bytes both ways", () => {
  const { queue, lan, guest } = bench();
  const listener = guest.tcp.listen(25, 4);
  assert(listener !== "PortInUse");
  const echoed: number[] = [];
  guest.onStep = () => {
    const server = listener.accept() ?? echoing;
    echoing = server;
    if (server === undefined) return;
    const bytes = new Uint8Array(server.available);
    server.send(bytes.subarray(0, server.receive(bytes)));
    if (server.endOfStream) server.finish();
  };
  let echoing: ReturnType<typeof listener.accept>;
  const data = Uint8Array.from({ length: 50_000 }, (_, index) => index * 7);
  const connection = lan.connect(guestAddress, 25, () => {
    assert(connection !== "TooMany");
    const bytes = new Uint8Array(connection.available);
    connection.receive(bytes);
    echoed.push(...bytes);
  });
  assert(connection !== "TooMany");
  connection.send(data);
  connection.finish();
  lan.flush();
  run(queue);
  assertEquals(Uint8Array.from(echoed), data);
  assertEquals([connection.state, connection.failure], ["CLOSED", undefined]);
});

Deno.test("a guest that does not answer ARP makes the connection time out", () => {
  const queue = new EventQueue();
  const { lan } = lanOnABench(queue);
  const connection = lan.connect(0x0a000263, 25, () => {});
  assert(connection !== "TooMany");
  lan.flush();
  run(queue);
  assertEquals([connection.failure, lan.clock.now], ["TimedOut", 15e9 as Instant]);
});

Deno.test("two runs with the same guests send the same frames at the same times", () => {
  const frames = () => {
    const queue = new EventQueue();
    const { lan, guest } = lanOnABench(queue);
    const log: string[] = [];
    guest.onFrame = (frame) => void log.push(`${queue.now} ${frame.toHex()}`);
    guest.start();
    run(queue);
    const connection = lan.connect(guestAddress, 80, () => {});
    assert(connection !== "TooMany");
    lan.flush();
    run(queue);
    return log;
  };
  const first = frames();
  assert(first.length >= 4, `only ${first.length} frames`);
  assertEquals(frames(), first);
});
