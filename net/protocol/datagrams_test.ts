/**
 * Tests of Ethernet, ICMP and UDP against known bytes and against outside nonsense.
 *
 * Emitting is tried on rubbish, so that an unset field shows; what was emitted
 * is understood again.
 * - The byte vectors were computed by hand from the RFCs' layouts.
 */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { parseEthernet, writeEthernet } from "./ethernet.ts";
import { mayReportError, parseIcmp, unreachableCodes, writeEcho, writeUnreachable } from "./icmp.ts";
import { ipProtocols, type Ipv4Packet, parseIpv4, writeIpv4 } from "./ipv4.ts";
import { parseUdp, writeUdp } from "./udp.ts";

const guest = 0x0a00020f;
const gateway = 0x0a000202;

function packetOf(protocol: number, payload: Uint8Array, destination = gateway): Ipv4Packet {
  const bytes = new Uint8Array(20 + payload.length);
  bytes.set(payload, 20);
  writeIpv4(bytes, 0, guest, destination, protocol, 1, payload.length);
  const packet = parseIpv4(bytes);
  assert(typeof packet !== "string", `refused: ${packet}`);
  return packet;
}

Deno.test("an Ethernet header names destination, source and type, in this order", () => {
  const bytes = new Uint8Array(16).fill(0x77);
  writeEthernet(bytes, 0, 0xffffffffffff, 0x52550a000202, 0x0806);
  assertEquals(bytes.toHex(), "ffffffffffff52550a00020208067777");
  const frame = parseEthernet(bytes);
  assert(typeof frame !== "string");
  assertEquals([frame.destination, frame.source, frame.etherType, frame.payload.length], [
    0xffffffffffff,
    0x52550a000202,
    0x0806,
    2,
  ]);
  assertEquals(parseEthernet(new Uint8Array(13)), "frame is shorter than its header");
});

Deno.test("an ICMP echo written over rubbish has the known bytes and is understood", () => {
  const bytes = new Uint8Array(12).fill(0xcc);
  bytes.set([0x61, 0x62, 0x63, 0x64], 8);
  writeEcho(bytes, 0, "echo", 0x1234, 1, 4);
  assertEquals(bytes.toHex(), "0800" + "2104" + "12340001" + "61626364");
  assertEquals(parseIcmp(bytes), {
    kind: "echo",
    identifier: 0x1234,
    sequenceNumber: 1,
    data: bytes.subarray(8),
  });
});

Deno.test("an unreachable message quotes header and first 8 bytes of the packet it is about", () => {
  const packet = packetOf(ipProtocols.udp, Uint8Array.from({ length: 30 }, (_, index) => index));
  const bytes = new Uint8Array(60).fill(0xcc);
  const length = writeUnreachable(bytes, 0, unreachableCodes.port, packet);
  assertEquals(length, 8 + 20 + 8);
  const message = parseIcmp(bytes.subarray(0, length));
  assert(typeof message !== "string" && message.kind === "unreachable");
  assertEquals([message.code, message.quoted.toHex()], [3, packet.header.toHex() + "0001020304050607"]);
});

Deno.test("no ICMP error is sent about an ICMP error, a broadcast or a later fragment", () => {
  const error = packetOf(ipProtocols.icmp, Uint8Array.of(3, 3, 0, 0));
  const echo = packetOf(ipProtocols.icmp, Uint8Array.of(8, 0, 0, 0));
  const broadcast = packetOf(ipProtocols.udp, new Uint8Array(8), 0xffffffff);
  const fragment = { ...packetOf(ipProtocols.udp, new Uint8Array(8)), fragmentOffset: 8 };
  assertEquals([error, echo, broadcast, fragment].map(mayReportError), [false, true, false, false]);
});

Deno.test("ICMP messages that are short, damaged or of another type are refused with the reason", () => {
  assertEquals(parseIcmp(new Uint8Array(7)), "ICMP message is too short");
  assertEquals(parseIcmp(Uint8Array.fromHex("0800210512340001" + "61626364")), "ICMP checksum is wrong");
  assertEquals(parseIcmp(Uint8Array.fromHex("0d00f2ff00000000")), "ICMP type is not handled");
});

Deno.test("a UDP datagram written over rubbish has the known bytes and is understood", () => {
  const bytes = new Uint8Array(10).fill(0x99);
  bytes.set([0x68, 0x69], 8);
  writeUdp(bytes, 0, guest, 7, gateway, 0xc000, 2);
  assertEquals(bytes.toHex(), "0007" + "c000" + "000a" + "bf58" + "6869");
  assertEquals(parseUdp(packetOf(ipProtocols.udp, bytes)), {
    sourcePort: 7,
    destinationPort: 0xc000,
    payload: Uint8Array.of(0x68, 0x69),
  });
});

Deno.test("a UDP checksum of zero means none was made; any other must be right", () => {
  const none = Uint8Array.fromHex("0007c000000a00006869");
  assert(typeof parseUdp(packetOf(ipProtocols.udp, none)) !== "string");
  const wrong = Uint8Array.fromHex("0007c000000abf596869");
  assertEquals(parseUdp(packetOf(ipProtocols.udp, wrong)), "UDP checksum is wrong");
});

Deno.test("a UDP sum that comes out as zero is sent as all ones", () => {
  const bytes = new Uint8Array(10);
  let allOnes = 0;
  for (let word = 0; word < 0x10000; word++) {
    bytes[8] = word >>> 8;
    bytes[9] = word;
    writeUdp(bytes, 0, guest, 7, gateway, 0xc000, 2);
    assert((bytes[6]! | bytes[7]!) !== 0, `payload ${word} gave a checksum of zero`);
    if ((bytes[6]! & bytes[7]!) === 0xff) allOnes++;
  }
  assertEquals(allOnes, 1);
});

Deno.test("a UDP length that is not honest is refused", () => {
  assertEquals(
    parseUdp(packetOf(ipProtocols.udp, new Uint8Array(7))),
    "UDP datagram is shorter than its header",
  );
  const long = Uint8Array.fromHex("0007c000000b00006869");
  assertEquals(parseUdp(packetOf(ipProtocols.udp, long)), "UDP length is not honest");
  const short = Uint8Array.fromHex("0007c000000700006869");
  assertEquals(parseUdp(packetOf(ipProtocols.udp, short)), "UDP length is not honest");
});

Deno.test("no outside bytes make the ICMP and UDP parsers throw", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
    parseIcmp(bytes);
    parseUdp(packetOf(ipProtocols.udp, bytes));
  }));
});
