/**
 * Tests of TCP's parts: sequence numbers, segments, buffers, timeout and congestion window.
 *
 * Each part alone, against known bytes, the RFCs' figures, or a plain model.
 * - fast-check prints its seed when a property fails.
 */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { addWords, checksum, pseudoHeaderSum } from "../checksum.ts";
import { writeU16 } from "../wire_format.ts";
import { Congestion } from "./congestion.ts";
import { ReceiveBuffer } from "./receive_buffer.ts";
import { RetransmissionTimeout } from "./retransmission_timeout.ts";
import { ACK, parseSegment, RST, SYN, writeSegment } from "./segment.ts";
import { SendBuffer } from "./send_buffer.ts";
import { sequenceAfter, sequenceDistance } from "./sequence.ts";

const source = 0x0a000001;
const destination = 0x0a000002;
const synBytes = "c000" + "0050" + "01020304" + "00000000" + "7002" + "ffff" + "abc5" + "0000" +
  "020405b401030301";

Deno.test("sequence numbers are compared across the wrap", () => {
  assertEquals(sequenceAfter(0xfffffffe, 5), 3);
  assertEquals(sequenceDistance(3, 0xfffffffe), 5);
  assertEquals(sequenceDistance(0xfffffffe, 3), -5);
});

Deno.test("a SYN written over rubbish has the known bytes, options included", () => {
  const bytes = new Uint8Array(28).fill(0x99);
  const header = {
    sourcePort: 0xc000,
    destinationPort: 80,
    sequenceNumber: 0x01020304,
    acknowledgmentNumber: 0,
    controlBits: SYN,
    window: 0xffff,
    maximumSegmentSize: 1460,
    windowShift: 1,
  };
  assertEquals(writeSegment(bytes, 0, source, destination, header, 0), 28);
  assertEquals(bytes.toHex(), synBytes);
  const parsed = parseSegment(source, destination, bytes);
  assertEquals(parsed, { ...header, payload: new Uint8Array(0) });
});

Deno.test("segments that lie about themselves are refused with the reason", () => {
  const withByte = (at: number, value: number) => {
    const bytes = Uint8Array.fromHex(synBytes);
    bytes[at] = value;
    // The checksum is put right again, so that only the lie remains.
    writeU16(bytes, 16, 0);
    const pseudo = pseudoHeaderSum(source, destination, 6, bytes.length);
    writeU16(bytes, 16, checksum(addWords(pseudo, bytes, 0, bytes.length)));
    return parseSegment(source, destination, bytes);
  };
  assertEquals(
    parseSegment(source, destination, new Uint8Array(19)),
    "TCP segment is shorter than its header",
  );
  assertEquals(withByte(12, 0x40), "TCP data offset is not honest");
  assertEquals(withByte(12, 0xf0), "TCP data offset is not honest");
  assertEquals(withByte(13, SYN | RST), "TCP control bits contradict each other");
  assertEquals(withByte(21, 0), "TCP option is not honest about its length");
  assertEquals(withByte(21, 9), "TCP option is not honest about its length");
  assertEquals(
    parseSegment(source, destination + 1, Uint8Array.fromHex(synBytes)),
    "TCP checksum is wrong",
  );
});

Deno.test("no outside bytes make the segment parser throw", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => {
    parseSegment(source, destination, bytes);
    if (bytes.length < 20) return;
    // With a right checksum the options are looked at too.
    const header = { sourcePort: 1, destinationPort: 2, sequenceNumber: 0, acknowledgmentNumber: 0 };
    const rest = { controlBits: ACK, window: 0, maximumSegmentSize: undefined, windowShift: undefined };
    const whole = new Uint8Array(20 + bytes.length);
    whole.set(bytes, 20);
    writeSegment(whole, 0, source, destination, { ...header, ...rest }, bytes.length);
    parseSegment(source, destination, whole);
  }));
});

Deno.test("the send buffer gives back what was appended and not dropped", () => {
  const step = fc.record({ append: fc.uint8Array({ maxLength: 40 }), drop: fc.nat({ max: 40 }) });
  fc.assert(fc.property(fc.array(step), (steps) => {
    const buffer = new SendBuffer(50);
    let model: number[] = [];
    for (const { append, drop } of steps) {
      const taken = buffer.append(append);
      assertEquals(taken, Math.min(append.length, 50 - model.length));
      model.push(...append.slice(0, taken));
      const out = new Uint8Array(60);
      buffer.copy(model.length >> 1, model.length - (model.length >> 1), out, 3);
      assertEquals([...out.slice(3, 3 + model.length - (model.length >> 1))], model.slice(model.length >> 1));
      const count = Math.min(drop, model.length);
      buffer.drop(count);
      model = model.slice(count);
      assertEquals([buffer.length, buffer.space], [model.length, 50 - model.length]);
    }
  }));
});

Deno.test("the receive buffer puts pieces in order, whatever their order and overlap", () => {
  const piece = fc.record({ at: fc.nat({ max: 199 }), length: fc.integer({ min: 1, max: 60 }) });
  fc.assert(fc.property(fc.array(piece), fc.nat({ max: 30 }), (pieces, readSize) => {
    const stream = Uint8Array.from({ length: 200 }, (_, index) => index * 7 + 1);
    const buffer = new ReceiveBuffer(64);
    const have = new Set<number>();
    const read: number[] = [];
    let next = 0;
    for (const { at, length } of pieces) {
      const start = Math.max(at, next);
      const end = Math.min(at + length, 200, next + buffer.space);
      if (start >= end) continue;
      const grown = buffer.insert(start - next, stream.slice(start, end));
      assert(grown !== undefined);
      for (let index = start; index < end; index++) have.add(index);
      next += grown;
      let expected = next - grown;
      while (have.has(expected)) expected++;
      assertEquals(next, expected);
      const into = new Uint8Array(readSize);
      read.push(...into.subarray(0, buffer.read(into)));
    }
    const rest = new Uint8Array(64);
    read.push(...rest.subarray(0, buffer.read(rest)));
    assertEquals(read, [...stream.slice(0, next)]);
  }));
});

Deno.test("the receive buffer refuses a piece that would make a 33rd gap", () => {
  const buffer = new ReceiveBuffer(1000);
  for (let index = 1; index <= 32; index++) assertEquals(buffer.insert(index * 2, new Uint8Array(1)), 0);
  assertEquals(buffer.insert(66, new Uint8Array(1)), undefined);
  assertEquals(buffer.insert(0, new Uint8Array(2)), 3);
});

Deno.test("the timeout follows RFC 6298: first sample, smoothing, doubling, limits", () => {
  const timeout = new RetransmissionTimeout(200e6);
  assertEquals(timeout.currentNs, 1e9);
  timeout.measured(400e6);
  assertEquals(timeout.currentNs, 400e6 + 4 * 200e6);
  timeout.measured(400e6);
  assertEquals(timeout.currentNs, 400e6 + 4 * 150e6);
  timeout.backOff();
  assertEquals(timeout.currentNs, 2e9);
  for (let count = 0; count < 20; count++) timeout.backOff();
  assertEquals(timeout.currentNs, 60e9);
  const fast = new RetransmissionTimeout(200e6);
  fast.measured(1e6);
  assertEquals(fast.currentNs, 200e6);
});

Deno.test("slow start doubles the window each round trip, congestion avoidance adds a segment", () => {
  const congestion = new Congestion(1000, 0, false);
  assertEquals(congestion.allowance, 4000);
  for (let una = 1000; una <= 4000; una += 1000) congestion.acknowledged(una, 1000, 0);
  assertEquals(congestion.allowance, 8000);
  congestion.timedOut(12_000, 8000, true);
  assertEquals(congestion.allowance, 1000);
  for (let una = 5000; una <= 7000; una += 1000) congestion.acknowledged(una, 1000, 0);
  assertEquals(congestion.allowance, 4000);
  for (let una = 8000; una <= 11_000; una += 1000) congestion.acknowledged(una, 1000, 0);
  assertEquals(congestion.allowance, 5000);
});

Deno.test("the third duplicate starts recovery, a partial acknowledgement goes on, a full one ends it", () => {
  const congestion = new Congestion(1000, 0, false);
  assertEquals([1, 2, 3].map(() => congestion.duplicate(1, 10_001, 10_000)), [false, false, true]);
  assertEquals(congestion.allowance, 5000 + 3000);
  assertEquals(congestion.duplicate(1, 10_001, 10_000), false);
  assertEquals(congestion.allowance, 9000);
  assertEquals(congestion.acknowledged(3001, 3000, 7000), true);
  assertEquals(congestion.isRecovering, true);
  assertEquals(congestion.acknowledged(10_001, 7000, 0), false);
  assertEquals([congestion.isRecovering, congestion.allowance], [false, 2000]);
});
