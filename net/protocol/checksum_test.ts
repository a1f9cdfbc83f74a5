/**
 * Tests of the Internet checksum against RFC 1071's own example and a plain rewriting.
 *
 * The unrolled sum must equal the sum word by word for every length and start,
 * and inserting a checksum must make the whole check out.
 */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { addWords, checksum, pseudoHeaderSum } from "./checksum.ts";

Deno.test("the example of RFC 1071 section 3 sums to ddf2", () => {
  const bytes = Uint8Array.fromHex("0001f203f4f5f6f7");
  assertEquals(checksum(addWords(0, bytes, 0, 8)), ~0xddf2 & 0xffff);
});

Deno.test("a known IPv4 header checks out to zero", () => {
  const header = Uint8Array.fromHex("45000073000040004011b861c0a80001c0a800c7");
  assertEquals(checksum(addWords(0, header, 0, header.length)), 0);
});

Deno.test("the sum does not depend on how the bytes are cut into even pieces", () => {
  const input = fc.tuple(fc.uint8Array({ maxLength: 80 }), fc.nat({ max: 39 }), fc.nat({ max: 7 }));
  fc.assert(fc.property(input, ([data, half, start]) => {
    const bytes = new Uint8Array(data.length + start);
    bytes.set(data, start);
    const cut = Math.min(2 * half, data.length & ~1);
    let plain = 0;
    data.forEach((byte, index) => plain += index % 2 === 0 ? byte * 256 : byte);
    assertEquals(addWords(0, bytes, start, bytes.length), plain);
    const pieces = addWords(addWords(0, bytes, start, start + cut), bytes, start + cut, bytes.length);
    assertEquals(pieces, plain);
  }));
});

Deno.test("the pseudo header counts both addresses, the protocol and the length", () => {
  assertEquals(pseudoHeaderSum(0x0a00020f, 0xffff0001, 6, 20), 0x0a00 + 0x020f + 0xffff + 1 + 6 + 20);
});
