/**
 * The IPv4 interface between frames and packets, with the test as its neighbours.
 *
 * Frames are parsed with the protocol's own parsers, whose tests compare them with
 * known bytes.
 */

import { assertEquals } from "@std/assert";
import type { Block } from "../../kernel/abi/kernel.ts";
import { broadcastMac, parseIpv4Address } from "../protocol/address.ts";
import { arpMessage, parseArp, writeArp } from "../protocol/arp.ts";
import { ethernetHeader, etherTypes, parseEthernet, writeEthernet } from "../protocol/ethernet.ts";
import { Ipv4Reassembly } from "../protocol/ipv4_reassembly.ts";
import { ipv4Header, parseIpv4, writeIpv4 } from "../protocol/ipv4.ts";
import { FramePool, poolSize } from "./frame_pool.ts";
import { IpInterface } from "./ip_interface.ts";

const ownMac = 0x525400000001;
const peerMac = 0x525400000002;
const routerMac = 0x525400000003;
const ip = (text: string) => parseIpv4Address(text)!;
const own = ip("10.0.2.15");
const peer = ip("10.0.2.2");

function block(): Block {
  let bytes = new Uint8Array(2048).fill(0xee);
  return {
    get bytes() {
      return bytes;
    },
    get length() {
      return bytes.length;
    },
    isReadOnly: false,
    capacity: 2048,
    window: (offset, length) => bytes = new Uint8Array(bytes.buffer, offset, length),
  };
}

function configured(): IpInterface {
  const pool = new FramePool();
  while (pool.missing > 0) pool.add(block());
  const ipInterface = new IpInterface(ownMac, 1500, pool);
  ipInterface.configure({ address: own, subnetMask: ip("255.255.255.0"), router: ip("10.0.2.1") });
  return ipInterface;
}

const send = (ipInterface: IpInterface, destination: string, now = 0, length = 4) =>
  ipInterface.send(now, own, ip(destination), 17, length, (bytes, at) => bytes.fill(7, at, at + length));

function sentFrames(ipInterface: IpInterface) {
  return ipInterface.outgoing.splice(0).map(({ bytes }) => {
    const frame = parseEthernet(bytes);
    if (typeof frame === "string") throw new Error(frame);
    return frame;
  });
}

function arpFrame(operation: "request" | "reply", senderAddress: number, senderMac: number): Uint8Array {
  const bytes = new Uint8Array(60);
  writeEthernet(bytes, 0, ownMac, senderMac, etherTypes.arp);
  writeArp(bytes, ethernetHeader.size, {
    operation,
    senderMac,
    senderAddress,
    targetMac: 0,
    targetAddress: own,
  });
  return bytes;
}

function ipFrame(destination: number, payload: readonly number[], sourceMac = peerMac): Uint8Array {
  const bytes = new Uint8Array(60);
  bytes.set(payload, ethernetHeader.size + ipv4Header.size);
  writeIpv4(bytes, ethernetHeader.size, peer, destination, 17, 1, payload.length);
  writeEthernet(bytes, 0, ownMac, sourceMac, etherTypes.ipv4);
  return bytes;
}

Deno.test("the first packet to a neighbour waits for its ARP answer and then goes out", () => {
  const ipInterface = configured();
  assertEquals(send(ipInterface, "10.0.2.2"), undefined);
  const [query] = sentFrames(ipInterface);
  assertEquals(query!.destination, broadcastMac);
  assertEquals(parseArp(query!.payload), {
    operation: "request",
    senderMac: ownMac,
    senderAddress: own,
    targetMac: 0,
    targetAddress: peer,
  });
  ipInterface.receive(1, arpFrame("reply", peer, peerMac));
  const [frame, ...more] = sentFrames(ipInterface);
  assertEquals([frame!.destination, frame!.source, frame!.etherType], [peerMac, ownMac, etherTypes.ipv4]);
  const packet = parseIpv4(frame!.payload);
  if (typeof packet === "string") throw new Error(packet);
  assertEquals([packet.source, packet.destination, [...packet.payload]], [own, peer, [7, 7, 7, 7]]);
  assertEquals(more, []);
});

Deno.test("packets to other networks go to the router, and nowhere without one", () => {
  const ipInterface = configured();
  ipInterface.receive(0, arpFrame("request", ip("10.0.2.1"), routerMac));
  sentFrames(ipInterface);
  send(ipInterface, "192.0.2.1");
  assertEquals(sentFrames(ipInterface).map(({ destination }) => destination), [routerMac]);
  ipInterface.configure({ address: own, subnetMask: ip("255.255.255.0"), router: undefined });
  assertEquals(send(ipInterface, "192.0.2.1"), "Unreachable");
});

Deno.test("broadcasts of both kinds go to every station", () => {
  const ipInterface = configured();
  send(ipInterface, "255.255.255.255");
  send(ipInterface, "10.0.2.255");
  assertEquals(sentFrames(ipInterface).map(({ destination }) => destination), [broadcastMac, broadcastMac]);
});

Deno.test("a packet to ourselves never reaches the wire", () => {
  const ipInterface = configured();
  for (const destination of ["10.0.2.15", "127.0.0.1"]) {
    send(ipInterface, destination);
    assertEquals(ipInterface.outgoing, []);
    const looped = ipInterface.looped.splice(0);
    assertEquals(looped.length, 1);
    assertEquals(ipInterface.receive(0, looped[0]!.bytes)!.destination, ip(destination));
  }
});

Deno.test("a loopback address that comes off the wire is not for us", () => {
  const ipInterface = configured();
  assertEquals(ipInterface.receive(0, ipFrame(ip("127.0.0.1"), [1])), undefined);
  assertEquals(ipInterface.drops.of("packet is not for us"), 1);
});

Deno.test("who asks for our address is answered, who asks for another's is not", () => {
  const ipInterface = configured();
  ipInterface.receive(0, arpFrame("request", peer, peerMac));
  const [answer] = sentFrames(ipInterface);
  const message = parseArp(answer!.payload);
  if (typeof message === "string") throw new Error(message);
  assertEquals([answer!.destination, message.operation, message.senderAddress], [peerMac, "reply", own]);
  const other = arpFrame("request", peer, peerMac);
  other[other.length - 60 + ethernetHeader.size + arpMessage.size - 1] = 99;
  ipInterface.receive(0, other);
  assertEquals(sentFrames(ipInterface), []);
});

Deno.test("padding behind a packet is not part of its payload", () => {
  const packet = configured().receive(0, ipFrame(own, [1, 2, 3]));
  assertEquals([...packet!.payload], [1, 2, 3]);
});

Deno.test("malformed frames and strangers' packets are counted by reason", () => {
  const ipInterface = configured();
  const bad = ipFrame(own, [1]);
  bad[ethernetHeader.size + 10]! ^= 1;
  ipInterface.receive(0, bad);
  ipInterface.receive(0, new Uint8Array(5));
  ipInterface.receive(0, ipFrame(ip("10.0.2.16"), [1]));
  assertEquals(ipInterface.drops.entries(), [
    ["IPv4 header checksum is wrong", 1],
    ["frame is shorter than its header", 1],
    ["packet is not for us", 1],
  ]);
});

Deno.test("a neighbour that never answers is asked three times, a second apart", () => {
  const ipInterface = configured();
  send(ipInterface, "10.0.2.9");
  const queriedAt: number[] = [];
  sentFrames(ipInterface).forEach(() => queriedAt.push(0));
  while (ipInterface.nextTimer() < Infinity) {
    const now = ipInterface.nextTimer();
    ipInterface.poll(now);
    sentFrames(ipInterface).forEach(() => queriedAt.push(now));
  }
  assertEquals(queriedAt, [0, 1e9, 2e9]);
  assertEquals(ipInterface.arp.drops.of("neighbour does not answer"), 1);
});

Deno.test("a payload longer than a frame goes out in fragments, which give it back; too long is refused", () => {
  const ipInterface = configured();
  ipInterface.receive(0, arpFrame("request", peer, peerMac));
  sentFrames(ipInterface);
  assertEquals(send(ipInterface, "10.0.2.2", 0, 1480), undefined);
  assertEquals(ipInterface.outgoing.shift()!.length, 1514);
  const data = Uint8Array.from({ length: 4008 }, (_, index) => index * 7);
  const write = (bytes: Uint8Array, at: number) => bytes.set(data, at);
  assertEquals(ipInterface.send(0, own, peer, 17, data.length, write), undefined);
  const reassembly = new Ipv4Reassembly();
  const lengths: number[] = [];
  const wholes = sentFrames(ipInterface).flatMap(({ payload }) => {
    const packet = parseIpv4(payload);
    if (typeof packet === "string") throw new Error(packet);
    lengths.push(packet.payload.length);
    return reassembly.add(0, packet) ?? [];
  });
  assertEquals([lengths, wholes.map(({ payload }) => payload)], [[1480, 1480, 1048], [data]]);
  assertEquals(send(ipInterface, "10.0.2.2", 0, 65_516), "TooLong");
});

Deno.test("fragments are sent all or none", () => {
  const ipInterface = configured();
  for (let count = 0; count < poolSize - 2; count++) send(ipInterface, "127.0.0.1");
  const before = ipInterface.looped.length;
  assertEquals(send(ipInterface, "127.0.0.1", 0, 4000), "Busy");
  assertEquals([ipInterface.looped.length, ipInterface.drops.of("no frame is free")], [before, 1]);
  ipInterface.configure(undefined);
  assertEquals(send(ipInterface, "10.0.2.2", 0, 2000), "Unreachable");
});

Deno.test("without a free frame a packet is dropped and counted", () => {
  const ipInterface = configured();
  for (let count = 0; count < poolSize; count++) assertEquals(send(ipInterface, "127.0.0.1"), undefined);
  assertEquals(send(ipInterface, "127.0.0.1"), "Busy");
  assertEquals(ipInterface.drops.of("no frame is free"), 1);
});
