/**
 * Records: what is written into a slot is what is read out of it, and no more fits than there is room.
 */

import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { PeerFault } from "./peer_fault.ts";
import {
  bodyOffset,
  decodeText,
  encodeText,
  recordKind,
  RecordReader,
  RecordWriter,
  slotSize,
} from "./record.ts";

Deno.test("the header says kind, message, end, channel and number, at the offsets of the format", () => {
  const { bytes } = new RecordWriter(recordKind.message, 0x0102_0304, 1, 0xfffffffe, 7);
  assertEquals(bytes.length, slotSize);
  assertEquals([...bytes.subarray(0, 16)], [1, 7, 1, 0, 4, 3, 2, 1, 0xfe, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
  const { kind, message, end, channel, sequence } = new RecordReader(bytes);
  assertEquals({ kind, message, end, channel, sequence }, {
    kind: recordKind.message,
    message: 7,
    end: 1,
    channel: 0x0102_0304,
    sequence: 0xfffffffe,
  });
});

Deno.test("fields stand one after the other, little-endian, from the body on", () => {
  const writer = new RecordWriter(recordKind.meet, 0, 0, 0);
  writer.u8(0x11);
  writer.u16(0x2233);
  writer.u32(0x44556677);
  writer.text("é");
  assertEquals([...writer.bytes.subarray(bodyOffset, bodyOffset + 11)], [
    ...[0x11, 0x33, 0x22, 0x77, 0x66, 0x55, 0x44],
    ...[2, 0, 0xc3, 0xa9],
  ]);
  const reader = new RecordReader(writer.bytes);
  assertEquals([reader.u8(), reader.u16(), reader.u32(), reader.text()], [0x11, 0x2233, 0x44556677, "é"]);
});

Deno.test("a record has room for 496 bytes of fields; one more throws, for the writer and the reader", () => {
  const writer = new RecordWriter(recordKind.message, 0, 0, 0);
  writer.raw(new Uint8Array(slotSize - bodyOffset).fill(9));
  assertThrows(() => writer.u8(1), RangeError, "A record has no room for 1 more bytes at 512");
  const reader = new RecordReader(writer.bytes);
  assertEquals(reader.raw(slotSize - bodyOffset).every((byte) => byte === 9), true);
  assertThrows(() => reader.u8(), PeerFault, "a record ends before byte 513");
});

Deno.test("a text whose length points past the record's end throws instead of reading on", () => {
  const writer = new RecordWriter(recordKind.message, 0, 0, 0);
  writer.u16(600);
  assertThrows(() => new RecordReader(writer.bytes).text(), PeerFault, "a record ends before byte 618");
});

Deno.test("bytes that are no UTF-8 are not taken for a text", () => {
  assertThrows(() => decodeText(Uint8Array.of(0xc3, 0x28)), PeerFault);
});

Deno.test("every well-formed text comes back as it was, a byte-order mark at its start included", () => {
  assertEquals(decodeText(encodeText("\uFEFFa")), "\uFEFFa");
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    assertEquals(decodeText(encodeText(text)), text);
  }));
});
