/**
 * Echoes that wait: which packets end one, and which do not.
 *
 * The interface sends to itself, so that a request's own bytes can be turned into
 * the reply by changing its type.
 */

import { assertEquals } from "@std/assert";
import type { Block } from "../../kernel/abi/kernel.ts";
import { icmpHeader, type IcmpMessage, parseIcmp, writeUnreachable } from "../protocol/icmp.ts";
import type { Ipv4Packet } from "../protocol/ipv4.ts";
import { EchoTable } from "./echo_table.ts";
import { FramePool } from "./frame_pool.ts";
import { IpInterface } from "./ip_interface.ts";

const own = 0x0a00020f;

function block(): Block {
  let bytes = new Uint8Array(2048);
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

function bench() {
  const pool = new FramePool();
  const fill = () => {
    while (pool.missing > 0) pool.add(block());
  };
  fill();
  const ipInterface = new IpInterface(1, 1500, pool);
  ipInterface.configure({ address: own, subnetMask: 0xffffff00, router: undefined });
  const table = new EchoTable<string>(ipInterface);
  /** The next request sent, as packet and message. */
  const takeRequest = (): { packet: Ipv4Packet; echo: IcmpMessage & { kind: "echo" | "echo reply" } } => {
    const packet = ipInterface.receive(0, ipInterface.looped.shift()!.bytes)!;
    const echo = parseIcmp(packet.payload);
    fill();
    if (typeof echo === "string" || echo.kind === "unreachable") throw new Error("no echo was sent");
    return { packet, echo };
  };
  return { table, takeRequest };
}

const request = { address: own, sequence: 5, size: 56, timeoutMs: 1000 };

Deno.test("a reply with the same bytes ends the echo and tells its round trip", () => {
  const { table, takeRequest } = bench();
  assertEquals(table.start(100, "ping", request), undefined);
  const { packet, echo } = takeRequest();
  assertEquals([echo.kind, echo.sequenceNumber, echo.data.length], ["echo", 5, 56]);
  const reply = { ...echo, kind: "echo reply" } as const;
  const outcome = { tag: "replied", roundTripNs: 250, size: 56, timeToLive: 64 } as const;
  assertEquals(table.receive(350, packet, reply), { requester: "ping", outcome });
  assertEquals(table.receive(360, packet, reply), undefined);
  assertEquals(table.nextTimer(), Infinity);
});

Deno.test("a reply from elsewhere, of another sequence, or with other bytes is not ours", () => {
  const { table, takeRequest } = bench();
  table.start(0, "ping", request);
  const { packet, echo } = takeRequest();
  const reply = { ...echo, kind: "echo reply" } as const;
  const damaged = echo.data.slice();
  damaged[3]! ^= 1;
  assertEquals(table.receive(1, { ...packet, source: own + 1 }, reply), undefined);
  assertEquals(table.receive(1, packet, { ...reply, sequenceNumber: 6 }), undefined);
  assertEquals(table.receive(1, packet, { ...reply, identifier: echo.identifier + 1 }), undefined);
  assertEquals(table.receive(1, packet, { ...reply, data: damaged }), undefined);
  assertEquals(table.receive(1, packet, { ...reply, data: echo.data.subarray(1) }), undefined);
  assertEquals(table.receive(1, packet, reply)?.requester, "ping");
});

Deno.test("two requesters with the same sequence number get each their own reply", () => {
  const { table, takeRequest } = bench();
  table.start(0, "one", request);
  table.start(0, "two", request);
  const [one, two] = [takeRequest(), takeRequest()];
  assertEquals(table.receive(1, two.packet, { ...two.echo, kind: "echo reply" })?.requester, "two");
  assertEquals(table.receive(1, one.packet, { ...one.echo, kind: "echo reply" })?.requester, "one");
});

Deno.test("an error that quotes the echo ends it with the reporting station and code", () => {
  const { table, takeRequest } = bench();
  table.start(0, "ping", request);
  const { packet } = takeRequest();
  const bytes = new Uint8Array(100);
  const length = writeUnreachable(bytes, 0, 1, packet);
  const error = parseIcmp(bytes.subarray(0, length));
  if (typeof error === "string" || error.kind !== "unreachable") throw new Error("not an error message");
  const cut = { ...error, quoted: error.quoted.subarray(0, 20 + icmpHeader.size - 1) };
  assertEquals(table.receive(1, { ...packet, source: 77 }, cut), undefined);
  const outcome = { tag: "unreachable", from: 77, code: 1 } as const;
  assertEquals(table.receive(1, { ...packet, source: 77 }, error), { requester: "ping", outcome });
});

Deno.test("an echo without reply times out, once", () => {
  const { table } = bench();
  table.start(0, "ping", request);
  assertEquals(table.nextTimer(), 1e9);
  assertEquals(table.expire(1e9 - 1), undefined);
  assertEquals(table.expire(1e9), { requester: "ping", outcome: { tag: "timedOut" } });
  assertEquals(table.expire(1e9), undefined);
});

Deno.test("no more than 64 echoes wait, and one that is forgotten makes room", () => {
  const { table, takeRequest } = bench();
  for (let count = 0; count < 64; count++) {
    assertEquals(table.start(0, `requester ${count}`, request), undefined);
    takeRequest();
  }
  assertEquals(table.start(0, "late", request), "TooMany");
  table.forget("requester 7");
  assertEquals(table.start(0, "late", request), undefined);
});
