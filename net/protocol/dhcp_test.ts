/**
 * Tests of DHCP: message bytes, and the client's way from INIT to BOUND and back.
 *
 * The client is driven by messages and a clock that the test sets; the server here is
 * a few lines that answer as the test wants.
 */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { buildDhcp, type DhcpMessage, parseDhcp } from "./dhcp.ts";
import { DhcpClient, type DhcpOutgoing } from "./dhcp_client.ts";

const second = 1e9;
const mac = 0x525400123456;
const server = 0x0a000202;
const address = 0x0a00020f;

function client(): DhcpClient {
  // A middle value: no spread of the repetitions, xid 0x80000000.
  return new DhcpClient({ mac, random: () => 0x8000_0000 });
}

function sent(outgoing: DhcpOutgoing | undefined): DhcpMessage & { destination: number } {
  assert(outgoing !== undefined, "nothing was sent");
  const message = parseDhcp(outgoing.payload);
  assert(typeof message !== "string", `refused: ${message}`);
  return { ...message, destination: outgoing.destination };
}

function answer(to: DhcpMessage, type: DhcpMessage["type"], rest: Partial<DhcpMessage> = {}): DhcpMessage {
  return {
    type,
    xid: to.xid,
    secs: 0,
    broadcast: false,
    clientAddress: 0,
    yourAddress: address,
    relayAddress: 0,
    clientMac: mac,
    serverIdentifier: server,
    subnetMask: 0xffffff00,
    router: server,
    leaseTime: 3600,
    ...rest,
  };
}

function boundClient(): DhcpClient {
  const machine = client();
  machine.receive(0, answer(sent(machine.poll(0)), "OFFER"));
  machine.receive(0, answer(sent(machine.poll(0)), "ACK"));
  assertEquals(machine.state, "BOUND");
  return machine;
}

Deno.test("a message has op, cookie and options where RFC 2131 wants them, and comes back whole", () => {
  const message = answer({ xid: 0xabcdef01 } as DhcpMessage, "ACK");
  const bytes = buildDhcp(message);
  assertEquals(bytes.length, 300);
  assertEquals(bytes.subarray(0, 8).toHex(), "02010600abcdef01");
  assertEquals(bytes.subarray(16, 20).toHex(), "0a00020f");
  assertEquals(bytes.subarray(28, 36).toHex(), "5254001234560000");
  assertEquals(
    bytes.subarray(236, 268).toHex(),
    "63825363" + "350105" + "36040a000202" + "330400000e10" + "0104ffffff00" + "03040a000202" + "ff",
  );
  assertEquals(parseDhcp(bytes), message);
});

Deno.test("messages that are not DHCP are refused with the reason", () => {
  const changed = (at: number, value: number) => {
    const bytes = buildDhcp(answer({ xid: 1 } as DhcpMessage, "OFFER"));
    bytes[at] = value;
    return parseDhcp(bytes);
  };
  assertEquals(parseDhcp(new Uint8Array(239)), "DHCP message is too short");
  assertEquals(changed(1, 6), "DHCP message is not about Ethernet");
  assertEquals(changed(236, 0), "DHCP magic cookie is missing");
  assertEquals(changed(242, 9), "DHCP message type is missing or unknown");
  assertEquals(changed(0, 1), "DHCP operation does not fit the message type");
  assertEquals(changed(241, 255), "DHCP option runs over the end");
});

Deno.test("no outside bytes make the DHCP parser throw", () => {
  const start = buildDhcp(answer({ xid: 1 } as DhcpMessage, "OFFER")).subarray(0, 240);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (rest) => {
    const bytes = new Uint8Array(240 + rest.length);
    bytes.set(start);
    bytes.set(rest, 240);
    parseDhcp(bytes);
  }));
});

Deno.test("the client discovers, requests the offer from all, and is bound by the acknowledgement", () => {
  const machine = client();
  const discover = sent(machine.poll(0));
  assertEquals([discover.type, discover.destination, machine.state], ["DISCOVER", 0xffffffff, "SELECTING"]);
  machine.receive(10, answer(discover, "OFFER"));
  const request = sent(machine.poll(10));
  assertEquals([request.type, request.requestedAddress, request.serverIdentifier, request.destination], [
    "REQUEST",
    address,
    server,
    0xffffffff,
  ]);
  assertEquals(machine.lease, undefined);
  machine.receive(20, answer(request, "ACK"));
  assertEquals(machine.lease, { address, subnetMask: 0xffffff00, router: server, server });
  assertEquals([machine.poll(20), machine.nextTimer()], [undefined, 10 + 1800 * second]);
});

Deno.test("an unanswered discover is repeated after 4, 8, 16, 32, 64 and 64 s", () => {
  const machine = client();
  const times: number[] = [];
  for (let count = 0; count < 7; count++) {
    const now = machine.nextTimer();
    assertEquals(sent(machine.poll(now)).type, "DISCOVER");
    times.push(now / second);
  }
  assertEquals(times, [0, 4, 12, 28, 60, 124, 188]);
});

Deno.test("after four unanswered requests the client starts over", () => {
  const machine = client();
  machine.receive(0, answer(sent(machine.poll(0)), "OFFER"));
  const types: string[] = [];
  for (let count = 0; count < 5; count++) types.push(sent(machine.poll(machine.nextTimer())).type);
  assertEquals(types, ["REQUEST", "REQUEST", "REQUEST", "REQUEST", "DISCOVER"]);
});

Deno.test("messages with another xid, for another MAC or of the wrong kind change nothing", () => {
  const machine = client();
  const discover = sent(machine.poll(0));
  machine.receive(0, answer(discover, "OFFER", { xid: 1 }));
  machine.receive(0, answer(discover, "OFFER", { clientMac: 5 }));
  machine.receive(0, answer(discover, "OFFER", { serverIdentifier: undefined }));
  machine.receive(0, answer(discover, "ACK"));
  assertEquals([machine.state, machine.lease], ["SELECTING", undefined]);
});

Deno.test("the lease ends its time after it was asked for, with T1 and T2 before, or never", () => {
  const machine = boundClient();
  assertEquals(machine.leaseEndsAt, 3600 * second);
  const request = sent(machine.poll(machine.nextTimer()));
  machine.receive(1900 * second, answer(request, "ACK", { leaseTime: 0xffff_ffff }));
  assertEquals([machine.leaseEndsAt, client().leaseEndsAt], [Infinity, undefined]);
});

Deno.test("at half of the lease the client asks its server alone, and a new lease starts", () => {
  const machine = boundClient();
  const t1 = machine.nextTimer();
  const request = sent(machine.poll(t1));
  assertEquals([machine.state, request.destination, request.clientAddress], ["RENEWING", server, address]);
  assertEquals([request.requestedAddress, request.serverIdentifier], [undefined, undefined]);
  machine.receive(t1 + 5, answer(request, "ACK"));
  assertEquals([machine.state, machine.nextTimer()], ["BOUND", t1 + 1800 * second]);
});

Deno.test("a silent server means REBINDING at T2, asking everyone, and no address when the lease ends", () => {
  const machine = boundClient();
  const log: string[] = [];
  for (let now = machine.nextTimer(); now <= 3600 * second; now = machine.nextTimer()) {
    const message = sent(machine.poll(now));
    log.push(`${now / second} ${machine.state} ${message.destination === server ? "server" : "all"}`);
    if (machine.state === "SELECTING") break;
  }
  assertEquals(log, [
    "1800 RENEWING server",
    "2475 RENEWING server",
    "2812.5 RENEWING server",
    "2981.25 RENEWING server",
    "3065.625 RENEWING server",
    "3125.625 RENEWING server",
    "3150 REBINDING all",
    "3375 REBINDING all",
    "3487.5 REBINDING all",
    "3547.5 REBINDING all",
    "3600 SELECTING all",
  ]);
  assertEquals(machine.lease, undefined);
});

Deno.test("a refusal while renewing takes the address away and starts over", () => {
  const machine = boundClient();
  const t1 = machine.nextTimer();
  machine.receive(t1, answer(sent(machine.poll(t1)), "NAK"));
  assertEquals([machine.state, machine.lease], ["INIT", undefined]);
  assertEquals(sent(machine.poll(t1)).type, "DISCOVER");
});
