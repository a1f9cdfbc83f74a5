/**
 * Tests of the DHCP server: who gets which address, for how long, and who gets none.
 *
 * Most run the real client of `net/protocol` against it, message by message; time is a
 * number that the test sets.
 */

import { assert, assertEquals } from "@std/assert";
import { type DhcpMessage, parseDhcp } from "../../net/protocol/dhcp.ts";
import { DhcpClient } from "../../net/protocol/dhcp_client.ts";
import { DhcpServer } from "./dhcp_server.ts";

const second = 1e9;
const gateway = 0x0a000202;
const first = 0x0a00020f;

function server(last = 0x0a0002fe): DhcpServer {
  return new DhcpServer({ server: gateway, prefixLength: 24, first, last, leaseSeconds: 3600 });
}

function client(mac: number): DhcpClient {
  return new DhcpClient({ mac, random: () => mac });
}

/** Lets client and server talk at `now` until the client has nothing to say. */
function talk(now: number, from: DhcpClient, to: DhcpServer): void {
  for (let outgoing = from.poll(now); outgoing !== undefined; outgoing = from.poll(now)) {
    const message = parseDhcp(outgoing.payload);
    assert(typeof message !== "string", `refused: ${message}`);
    const answer = to.answer(now, message);
    if (answer !== undefined) from.receive(now, answer.message);
  }
}

function message(mac: number, type: DhcpMessage["type"], rest: Partial<DhcpMessage> = {}): DhcpMessage {
  const addresses = { clientAddress: 0, yourAddress: 0, relayAddress: 0 };
  return { type, xid: 7, secs: 0, broadcast: false, ...addresses, clientMac: mac, ...rest };
}

Deno.test("clients get addresses from the start of the pool, in the order in which they ask", () => {
  const pool = server();
  const clients = [client(0xaa), client(0xbb), client(0xcc)];
  clients.forEach((one, index) => talk(index, one, pool));
  assertEquals(clients.map(({ lease }) => lease?.address), [first, first + 1, first + 2]);
  assertEquals(clients[0]!.lease, {
    address: first,
    subnetMask: 0xffffff00,
    router: gateway,
    server: gateway,
  });
  assertEquals(pool.leasedAddresses(10), [first, first + 1, first + 2]);
});

Deno.test("a client that comes back gets the address it had", () => {
  const pool = server();
  talk(0, client(0xaa), pool);
  talk(0, client(0xbb), pool);
  const again = client(0xaa);
  talk(7200 * second, again, pool);
  assertEquals(again.lease?.address, first);
});

Deno.test("a lease is renewed by its client and ends after an hour without that", () => {
  const pool = server();
  const one = client(0xaa);
  talk(0, one, pool);
  talk(1800 * second, one, pool);
  assertEquals(one.state, "BOUND");
  assertEquals(pool.leasedAddresses(5399 * second), [first]);
  assertEquals(pool.leasedAddresses(5400 * second), []);
});

Deno.test("when the pool is used up a new client gets the address whose lease ended first, or none", () => {
  const pool = server(first + 1);
  talk(0, client(0xaa), pool);
  talk(100 * second, client(0xbb), pool);
  const third = client(0xcc);
  talk(200 * second, third, pool);
  assertEquals([third.lease, pool.drops.of("DHCP pool is exhausted")], [undefined, 1]);
  const fourth = client(0xdd);
  talk(4000 * second, fourth, pool);
  assertEquals(fourth.lease?.address, first);
});

Deno.test("a request for an address that is not the client's is refused, to all", () => {
  const pool = server();
  const answer = pool.answer(0, message(0xaa, "REQUEST", { clientAddress: first + 5 }));
  assertEquals([answer?.message.type, answer?.destination], ["NAK", 0xffffffff]);
  talk(0, client(0xbb), pool);
  const wrong = { requestedAddress: first + 9, serverIdentifier: gateway };
  assertEquals(pool.answer(0, message(0xbb, "REQUEST", wrong))?.message.type, "NAK");
});

Deno.test("strangers that reboot, relays and requests to other servers get no answer", () => {
  const pool = server();
  const unanswered: [Partial<DhcpMessage>, Parameters<typeof pool.drops.of>[0]][] = [
    [{ requestedAddress: first }, "DHCP request comes from a stranger"],
    [{ requestedAddress: first, serverIdentifier: 5 }, "DHCP request is for another server"],
    [{ relayAddress: 9 }, "DHCP message came through a relay"],
  ];
  for (const [rest, reason] of unanswered) {
    assertEquals(pool.answer(0, message(0xaa, "REQUEST", rest)), undefined);
    assertEquals(pool.drops.of(reason), 1, reason);
  }
});

Deno.test("a released address may be leased to another, a declined one is left alone", () => {
  const pool = server(first);
  talk(0, client(0xaa), pool);
  pool.answer(second, message(0xaa, "RELEASE", { clientAddress: first }));
  assertEquals(pool.leasedAddresses(second), []);
  const other = client(0xbb);
  talk(2 * second, other, pool);
  assertEquals(other.lease?.address, first);
  pool.answer(3 * second, message(0xbb, "DECLINE", { requestedAddress: first }));
  assertEquals(pool.answer(4 * second, message(0xbb, "DISCOVER")), undefined);
  assertEquals(pool.answer(4000 * second, message(0xbb, "DISCOVER"))?.message.yourAddress, first);
});

Deno.test("answers go where RFC 2131 section 4.1 says", () => {
  const pool = server();
  const destination = (rest: Partial<DhcpMessage>) =>
    pool.answer(0, message(0xaa, "DISCOVER", rest))?.destination;
  assertEquals([destination({}), destination({ broadcast: true })], [first, 0xffffffff]);
  const inform = pool.answer(0, message(0xaa, "INFORM", { clientAddress: 0x0a000263 }));
  assertEquals([inform?.destination, inform?.message.leaseTime], [0x0a000263, undefined]);
});
