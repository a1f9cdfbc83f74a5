/**
 * Dotted addresses outside and inside of `net` are read and written alike.
 */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import * as protocol from "../protocol/address.ts";
import { formatIpv4Address, parseIpv4Address } from "./address.ts";

Deno.test("programs and protocol code agree on every address and its text", () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (address) => {
    const text = formatIpv4Address(address);
    assertEquals(text, protocol.formatIpv4Address(address));
    assertEquals(parseIpv4Address(text), address);
  }));
});

Deno.test("programs and protocol code refuse the same texts", () => {
  const part = fc.oneof(
    fc.integer({ min: -2, max: 300 }).map(String),
    fc.constantFrom("", "01", " 1", "1e1", "0x1", "-0"),
  );
  fc.assert(fc.property(fc.array(part, { minLength: 3, maxLength: 5 }), (parts) => {
    const text = parts.join(".");
    assertEquals(parseIpv4Address(text), protocol.parseIpv4Address(text));
  }));
});
