/**
 * Satellite images: the builder against bytes that another program made, the parser
 * against every kind of damage.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { buildSatelliteImage, parseSatelliteImage, type SatelliteIsa } from "./satellite_image.ts";

/** Made by an independent program: ISA 3, load address 0x100000, payload "satellite kernel". */
const knownHeader = "48454c49400000000300000010000000f8b3424d400000000000100000f73226";
const known = {
  isa: "armv5te",
  loadAddress: 0x100000,
  payload: Uint8Array.from("satellite kernel", (letter) => letter.charCodeAt(0)),
} as const;

const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

function reason(bytes: Uint8Array): string {
  const result = parseSatelliteImage(bytes);
  assert(!result.ok, "must be refused");
  return result.reason;
}

Deno.test("a built image has the agreed header, byte for byte, and its payload behind", () => {
  const image = buildSatelliteImage(known);
  assertEquals(hex(image.subarray(0, 32)), knownHeader);
  assertEquals(hex(image.subarray(32, 64)), "00".repeat(32));
  assertEquals(image.subarray(64), known.payload);
});

Deno.test("any image comes back from its bytes, whatever follows them", () => {
  const image = fc.record({
    isa: fc.constantFrom<SatelliteIsa>("x86-core2", "x86-k8", "armv5te"),
    loadAddress: fc.nat(2 ** 28),
    payload: fc.uint8Array({ minLength: 1, maxLength: 300 }),
  });
  fc.assert(fc.property(image, fc.uint8Array({ maxLength: 20 }), (wanted, more) => {
    const bytes = buildSatelliteImage(wanted);
    const longer = new Uint8Array(bytes.length + more.length);
    longer.set(bytes);
    longer.set(more, bytes.length);
    assertEquals(parseSatelliteImage(longer), { ok: true, image: wanted });
  }));
});

Deno.test("the parser says what is wrong with bytes that are no image", () => {
  const damage = (index: number, bits = 1) => {
    const bytes = buildSatelliteImage(known);
    bytes[index]! ^= bits;
    return reason(bytes);
  };
  assertEquals(reason(new Uint8Array(63)), "63 bytes are shorter than a header");
  assertEquals(damage(0), "magic is 0x494c4549");
  assertEquals(damage(24), "header checksum is wrong");
  assertEquals(damage(40), "header checksum is wrong");
  assertEquals(damage(64), "payload checksum is wrong");
  assertEquals(
    reason(buildSatelliteImage(known).subarray(0, 70)),
    "payload length is 16, but 6 bytes follow the header",
  );
});

Deno.test("bytes from nowhere are refused, never thrown at", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    assert(!parseSatelliteImage(bytes).ok);
  }));
});

Deno.test("building refuses what no header can describe", () => {
  assertThrows(() => buildSatelliteImage({ ...known, payload: new Uint8Array(0) }), Error, "of 0 bytes");
  assertThrows(() => buildSatelliteImage({ ...known, loadAddress: 2 ** 40 - 10 }), Error, "Cannot build");
  assertThrows(() => buildSatelliteImage({ ...known, loadAddress: -4 }), Error, "address -4");
});
