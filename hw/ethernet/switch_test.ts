/**
 * The switch with a few stations plugged in, in virtual time.
 * - "1<0@29608" is station 1 receiving a frame of station 0 at 29,608 ns.
 * - Addresses are 02:00:00:00:00:NN for station NN.
 */

import { assertEquals } from "@std/assert";
import type { EventLog } from "../time/event_log.ts";
import { EventQueue } from "../time/event_queue.ts";
import { EthernetSwitch, wireTime } from "./switch.ts";

const broadcast = 0xff;

function bench(stations: number, latencyNs = 5000) {
  const queue = new EventQueue();
  const lines: string[] = [];
  const log: EventLog = { record: (source, text) => void lines.push(`${source} ${text}`) };
  const lan = new EthernetSwitch({ name: "lan", clock: queue, log, bitsPerSecond: 1e9, latencyNs });
  const received: string[] = [];
  const cables = Array.from({ length: stations }, (_, index) =>
    lan.plug({
      name: `station${index}`,
      receive: (frame) => received.push(`${index}<${frame[11]}@${queue.now}`),
    }));
  const run = () => {
    while (queue.runNext());
  };
  const send = (from: number, to: number, length = 60, sent?: () => void) =>
    cables[from]!.transmit(frame(from, to, length), sent);
  return { queue, lan, lines, received, run, send, cables };
}

function frame(from: number, to: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  bytes.set([2, 0, 0, 0, 0, from], 6);
  bytes.set(to === broadcast ? new Uint8Array(6).fill(0xff) : [2, 0, 0, 0, 0, to]);
  return bytes;
}

const stationsOf = (received: readonly string[]) => received.map((entry) => entry[0]).sort().join("");

Deno.test("wire time counts padding, FCS, preamble and gap: 84 and 1538 bytes at least and most", () => {
  assertEquals([wireTime(14, 1e9), wireTime(60, 1e9), wireTime(1514, 1e9)], [672, 672, 12304] as never);
});

Deno.test("a frame takes two wire times and the switch's latency", () => {
  const { queue, received, run, send } = bench(2);
  let sentAt = 0;
  send(0, 1, 1514, () => sentAt = queue.now);
  run();
  assertEquals(sentAt, 12304);
  assertEquals(received, ["1<0@29608"]);
});

Deno.test("frames of one station queue behind each other", () => {
  const { received, run, send } = bench(2, 0);
  send(0, 1);
  send(0, 1);
  run();
  assertEquals(received, ["1<0@1344", "1<0@2016"]);
});

Deno.test("an unknown destination is flooded, a known one goes to its port only", () => {
  const { received, run, send } = bench(3);
  send(0, 1);
  run();
  assertEquals(stationsOf(received), "12");
  received.length = 0;
  send(1, 0);
  run();
  assertEquals(stationsOf(received), "0");
  received.length = 0;
  send(2, 1);
  run();
  assertEquals(stationsOf(received), "1");
});

Deno.test("a broadcast reaches all but its sender even when all are known", () => {
  const { received, run, send } = bench(3);
  [0, 1, 2].forEach((from) => send(from, broadcast));
  run();
  received.length = 0;
  send(1, broadcast);
  run();
  assertEquals(stationsOf(received), "02");
});

Deno.test("a station that moved to another port is found there after it sent", () => {
  const { received, run, cables, send } = bench(3);
  cables[0]!.transmit(frame(7, broadcast, 60));
  run();
  cables[2]!.transmit(frame(7, broadcast, 60));
  run();
  received.length = 0;
  send(1, 7);
  run();
  assertEquals(stationsOf(received), "2");
});

Deno.test("a full output queue drops frames, counts them and logs them", () => {
  const { lan, lines, received, run, send } = bench(3, 0);
  send(2, broadcast);
  run();
  received.length = 0;
  // Two senders at full speed into one port: half of the frames have to wait.
  for (let count = 0; count < 600; count++) {
    send(0, 2);
    send(1, 2);
  }
  run();
  assertEquals(received.length + lan.dropped, 1200);
  assertEquals(lan.dropped > 300, true, String(lan.dropped));
  assertEquals(lines.length, lan.dropped);
  assertEquals(lines[0], "lan a frame of 60 bytes for station2 dropped: 256 wait already");
});

Deno.test("the tap sees each frame once, in the order in which the switch took them", () => {
  const { lan, run, send } = bench(3);
  const seen: number[] = [];
  lan.onFrame = (bytes) => seen.push(bytes[11]!);
  send(0, broadcast);
  run();
  send(1, 0);
  run();
  assertEquals(seen, [0, 1]);
});

Deno.test("a frame that is too short or too long is dropped and logged", () => {
  const { lines, received, run, cables } = bench(2);
  let sent = 0;
  for (const length of [13, 1515]) cables[0]!.transmit(new Uint8Array(length), () => sent++);
  run();
  assertEquals([received, lines.length, sent], [[], 2, 2]);
});
