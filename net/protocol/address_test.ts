/**
 * Tests of addresses: text to number and back.
 *
 * Known pairs first, then a round trip over all numbers; the refusals are the
 * texts that a sloppy parser would take (octal-looking, short, signed, spaced).
 */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  formatIpv4Address,
  formatMac,
  isGroupMac,
  isSameSubnet,
  netmask,
  parseIpv4Address,
  parseMac,
} from "./address.ts";

Deno.test("addresses are numbers with the first byte on top", () => {
  assertEquals(parseIpv4Address("10.0.2.15"), 0x0a00020f);
  assertEquals(parseIpv4Address("255.255.255.255"), 0xffffffff);
  assertEquals(formatIpv4Address(0xc0a80001), "192.168.0.1");
  assertEquals(parseMac("52:55:0A:00:02:02"), 0x52550a000202);
  assertEquals(formatMac(0x52550a000202), "52:55:0a:00:02:02");
});

Deno.test("texts that are not exactly an address are refused", () => {
  for (const text of ["", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.-4", "1.2.3. 4", "1..2.3"]) {
    assertEquals(parseIpv4Address(text), undefined, text);
  }
  for (const text of ["", "52:55:0a:00:02", "52-55-0a-00-02-02", "52:55:0a:00:02:0g"]) {
    assertEquals(parseMac(text), undefined, text);
  }
});

Deno.test("text and number are each other's inverse", () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (address) => {
    assertEquals(parseIpv4Address(formatIpv4Address(address)), address);
  }));
  fc.assert(fc.property(fc.integer({ min: 0, max: 2 ** 48 - 1 }), (mac) => {
    assertEquals(parseMac(formatMac(mac)), mac);
  }));
});

Deno.test("netmasks tell neighbours from strangers", () => {
  assertEquals([netmask(0), netmask(24), netmask(32)], [0, 0xffffff00, 0xffffffff]);
  assertEquals(isSameSubnet(0x0a00020f, 0x0a000202, netmask(24)), true);
  assertEquals(isSameSubnet(0x0a00020f, 0x0a000302, netmask(24)), false);
  assertEquals([isGroupMac(0xffffffffffff), isGroupMac(0x01005e000001), isGroupMac(0x52550a000202)], [
    true,
    true,
    false,
  ]);
});
