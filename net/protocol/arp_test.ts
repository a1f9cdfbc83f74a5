/**
 * Tests of ARP: messages against known bytes, and the neighbour table's promises.
 *
 * Time is a number that the test chooses; nothing here waits.
 * - Emitting is tried on rubbish, so that an unset field shows.
 */

import { assertEquals } from "@std/assert";
import { arpMessage, parseArp, writeArp } from "./arp.ts";
import { ArpTable } from "./arp_table.ts";

const second = 1e9;
const requestBytes = "0001080006040001" + "52550a000202" + "0a000202" + "000000000000" + "0a00020f";
const request = {
  operation: "request",
  senderMac: 0x52550a000202,
  senderAddress: 0x0a000202,
  targetMac: 0,
  targetAddress: 0x0a00020f,
} as const;
const packet = (first: number) => Uint8Array.of(first);

Deno.test("a known ARP request is understood, and written over rubbish gives the same bytes", () => {
  assertEquals(parseArp(Uint8Array.fromHex(requestBytes)), request);
  const bytes = new Uint8Array(arpMessage.size).fill(0xa5);
  writeArp(bytes, 0, request);
  assertEquals(bytes.toHex(), requestBytes);
});

Deno.test("ARP messages that are short, foreign or of an odd operation are refused with the reason", () => {
  assertEquals(parseArp(new Uint8Array(27)), "ARP message is too short");
  const foreign = Uint8Array.fromHex(requestBytes);
  foreign[3] = 6;
  assertEquals(parseArp(foreign), "ARP message is not about IPv4 over Ethernet");
  const odd = Uint8Array.fromHex(requestBytes);
  odd[7] = 9;
  assertEquals(parseArp(odd), "ARP operation is neither request nor reply");
});

Deno.test("a neighbour is known for 60 s after its last confirmation", () => {
  const table = new ArpTable();
  table.confirm(0, 1, 0xaa, true);
  assertEquals(table.lookup(59.9 * second, 1), 0xaa);
  table.confirm(59.9 * second, 1, 0xbb, false);
  assertEquals(table.lookup(61 * second, 1), 0xbb);
  assertEquals(table.lookup(119.9 * second, 1), undefined);
});

Deno.test("a full table forgets the neighbour that was confirmed longest ago", () => {
  const table = new ArpTable({ entryCountMax: 2 });
  table.confirm(0, 1, 0xa1, true);
  table.confirm(1, 2, 0xa2, true);
  table.confirm(2, 1, 0xa1, true);
  table.confirm(3, 3, 0xa3, true);
  assertEquals([1, 2, 3].map((address) => table.lookup(4, address)), [0xa1, undefined, 0xa3]);
});

Deno.test("a stranger's message adds no entry unless it was for us", () => {
  const table = new ArpTable();
  table.confirm(0, 7, 0xaa, false);
  assertEquals(table.lookup(0, 7), undefined);
});

Deno.test("packets wait for the answer and come out in order", () => {
  const table = new ArpTable();
  table.wait(0, 5, packet(1));
  table.wait(0, 5, packet(2));
  assertEquals([table.dueQuery(0), table.dueQuery(0)], [5, undefined]);
  assertEquals(table.confirm(10, 5, 0xaa, false), [packet(1), packet(2)]);
  assertEquals([table.lookup(10, 5), table.nextTimer()], [0xaa, undefined]);
});

Deno.test("a silent neighbour is asked three times, a second apart, then its packets are dropped", () => {
  const table = new ArpTable();
  table.wait(0, 5, packet(1));
  const asked: number[] = [];
  for (let next = table.nextTimer(); next !== undefined; next = table.nextTimer()) {
    while (table.dueQuery(next) !== undefined) asked.push(next);
  }
  assertEquals(asked, [0, second, 2 * second]);
  assertEquals(table.drops.of("neighbour does not answer"), 1);
});

Deno.test("waiting packets and unresolved neighbours are bounded, and what is dropped is counted", () => {
  const table = new ArpTable({ unresolvedCountMax: 1, waitingCountMax: 2 });
  for (const first of [1, 2, 3]) table.wait(0, 5, packet(first));
  table.wait(0, 6, packet(4));
  assertEquals(table.drops.of("too many packets wait for a neighbour"), 2);
  assertEquals(table.confirm(0, 5, 0xaa, false), [packet(2), packet(3)]);
});
