/**
 * Tests of IPv4: the header against known bytes, refusals with reasons, and reassembly.
 *
 * Reassembly is checked as a property: whatever the order and repetition of the
 * fragments, the datagram comes out whole. fast-check prints its seed.
 */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { fragmentsOf, ipProtocols, type Ipv4Packet, parseIpv4, writeIpv4 } from "./ipv4.ts";
import { Ipv4Reassembly } from "./ipv4_reassembly.ts";

const knownHeader = "45000022123440004006" + "1092" + "0a00020f" + "0a000202";
const payload = "48656c6c6f2c20776f726c642121";

function parsed(bytes: Uint8Array): Ipv4Packet {
  const packet = parseIpv4(bytes);
  assert(typeof packet !== "string", `refused: ${packet}`);
  return packet;
}

function fragment(start: number, bytes: Uint8Array, moreFragments: boolean): Ipv4Packet {
  const base = { source: 1, destination: 2, protocol: 17, identification: 7, isFragment: true };
  return { ...base, moreFragments, fragmentOffset: start, header: new Uint8Array(20), payload: bytes };
}

Deno.test("a packet written over rubbish has the known bytes", () => {
  const bytes = new Uint8Array(34).fill(0x5a);
  bytes.set(Uint8Array.fromHex(payload), 20);
  writeIpv4(bytes, 0, 0x0a00020f, 0x0a000202, ipProtocols.tcp, 0x1234, 14);
  assertEquals(bytes.toHex(), knownHeader + payload);
});

Deno.test("a known packet is understood, and padding behind it is left out", () => {
  const packet = parsed(Uint8Array.fromHex(knownHeader + payload + "0000"));
  assertEquals([packet.source, packet.destination, packet.protocol, packet.isFragment], [
    0x0a00020f,
    0x0a000202,
    6,
    false,
  ]);
  assertEquals(packet.payload.toHex(), payload);
});

Deno.test("a payload is cut into pieces of multiples of 8 bytes that cover it once, none longer than allowed", () => {
  assertEquals(fragmentsOf(1480, 1480), [{ start: 0, length: 1480, moreFragments: false }]);
  const sizes = fc.tuple(fc.nat({ max: 65_515 }), fc.integer({ min: 8, max: 1480 }));
  fc.assert(fc.property(sizes, ([payloadLength, sizeMax]) => {
    const pieces = fragmentsOf(payloadLength, sizeMax);
    let end = 0;
    pieces.forEach(({ start, length, moreFragments }, index) => {
      assertEquals([start, moreFragments], [end, index < pieces.length - 1]);
      assert(start % 8 === 0 && length <= sizeMax && (length > 0 || payloadLength === 0));
      end += length;
    });
    assertEquals(end, payloadLength);
  }));
});

Deno.test("a fragment's header tells its place, and does not forbid to cut it further", () => {
  const bytes = new Uint8Array(36);
  writeIpv4(bytes, 0, 1, 2, ipProtocols.udp, 7, 16, { start: 1480, length: 16, moreFragments: true });
  assertEquals(bytes.subarray(6, 8).toHex(), "20b9"); // more fragments, 185 units of 8 bytes
  const { isFragment, fragmentOffset, moreFragments } = parsed(bytes);
  assertEquals([isFragment, fragmentOffset, moreFragments], [true, 1480, true]);
});

Deno.test("packets that lie about themselves are refused with the reason", () => {
  const withByte = (at: number, value: number) => {
    const bytes = Uint8Array.fromHex(knownHeader + payload);
    bytes[at] = value;
    return parseIpv4(bytes);
  };
  assertEquals(parseIpv4(new Uint8Array(19)), "IPv4 packet is shorter than its header");
  assertEquals(withByte(0, 0x65), "IP version is not 4");
  assertEquals(withByte(0, 0x44), "IPv4 packet is shorter than its header");
  assertEquals(withByte(0, 0x4f), "IPv4 packet is shorter than its header");
  assertEquals(withByte(3, 0x80), "IPv4 total length is not honest");
  assertEquals(withByte(3, 0x10), "IPv4 total length is not honest");
  assertEquals(withByte(8, 63), "IPv4 header checksum is wrong");
});

Deno.test("no sequence of outside bytes makes the parser throw", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
    parseIpv4(bytes);
  }));
});

Deno.test("fragments in any order, some of them repeated, give the whole datagram", () => {
  const input = fc.tuple(
    fc.uint8Array({ minLength: 9, maxLength: 400 }),
    fc.array(fc.nat({ max: 6 }), { maxLength: 8 }),
    fc.infiniteStream(fc.nat()),
  );
  fc.assert(fc.property(input, ([data, repeats, random]) => {
    const fragments: Ipv4Packet[] = [];
    for (let start = 0; start < data.length; start += 64) {
      fragments.push(fragment(start, data.slice(start, start + 64), start + 64 < data.length));
    }
    const queue = repeats.map((index) => fragments[index % fragments.length]!).concat(fragments);
    const last = queue.length - fragments.length;
    for (let index = queue.length - 1; index > last; index--) {
      const other = last + random.next().value! % (index - last + 1);
      [queue[index], queue[other]] = [queue[other]!, queue[index]!];
    }
    const reassembly = new Ipv4Reassembly();
    const whole = queue.flatMap((piece) => reassembly.add(0, piece) ?? []);
    assert(whole.length >= 1, "the datagram never came out");
    assertEquals(whole[0]!.payload, data);
    assertEquals(whole[0]!.isFragment, false);
  }));
});

Deno.test("overlapping fragments end their datagram", () => {
  const reassembly = new Ipv4Reassembly();
  reassembly.add(0, fragment(0, new Uint8Array(16), true));
  assertEquals(reassembly.add(0, fragment(8, new Uint8Array(16), false)), undefined);
  assertEquals(reassembly.drops.of("fragments overlap"), 1);
});

Deno.test("a fragment beyond the longest datagram is refused", () => {
  const reassembly = new Ipv4Reassembly();
  reassembly.add(0, fragment(65_528, new Uint8Array(1000), false));
  assertEquals(reassembly.drops.of("fragment is not honest about its length"), 1);
});

Deno.test("a datagram that is not complete after 30 s is dropped, and a ninth pushes out the oldest", () => {
  const reassembly = new Ipv4Reassembly();
  reassembly.add(0, fragment(0, new Uint8Array(8), true));
  assertEquals(reassembly.add(31e9, fragment(8, new Uint8Array(8), false)), undefined);
  assertEquals(reassembly.drops.of("datagram was never completed"), 1);
  for (let identification = 100; identification < 109; identification++) {
    reassembly.add(31e9, { ...fragment(0, new Uint8Array(8), true), identification });
  }
  assertEquals(reassembly.drops.of("datagram was never completed"), 3);
});
