/**
 * Descriptor rings: what is in a descriptor, and that no slot is lost, given
 * twice or handed over unwritten, whatever the order of events.
 */

import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import type { Block } from "../../kernel/abi/kernel.ts";
import { descriptorSize, isTransmitted, parseReceived, Ring, ringSlots } from "./rings.ts";

const block = (): Block => ({
  bytes: new Uint8Array(4),
  length: 4,
  capacity: 4,
  isReadOnly: false,
  window: () => {},
});

Deno.test("a transmit descriptor asks for the end of packet, the check sequence and a report", () => {
  const ring = new Ring();
  ring.staged.fill(0xee);
  ring.putFrame(block(), 0x1_2345_6789, 60);
  assertEquals(
    [...ring.staged.subarray(0, descriptorSize)],
    [0x89, 0x67, 0x45, 0x23, 0x01, 0, 0, 0, 60, 0, 0, 0x0b, 0, 0, 0, 0],
  );
});

Deno.test("a received descriptor is good only when it is done, whole and undamaged", () => {
  const written = (length: number, status: number, errors: number) => {
    const bytes = new Uint8Array(descriptorSize);
    bytes.set([length & 0xff, length >> 8, 0, 0, status, errors], 8);
    return parseReceived(bytes, 0);
  };
  assertEquals(written(60, 0, 0), undefined);
  assertEquals(written(1514, 3, 0), { length: 1514, good: true });
  assertEquals(written(1514, 1, 0)?.good, false);
  assertEquals(written(60, 3, 1)?.good, false);
  assertEquals(written(0, 3, 0)?.good, false);
  assertEquals(written(2049, 3, 0)?.good, false);
});

Deno.test("a transmit descriptor counts as sent when its done bit is set", () => {
  const bytes = new Uint8Array(2 * descriptorSize);
  bytes[descriptorSize + 12] = 1;
  assertEquals([isTransmitted(bytes, 0), isTransmitted(bytes, descriptorSize)], [false, true]);
});

Deno.test("a ring keeps one slot empty and refuses another descriptor", () => {
  const ring = new Ring();
  for (let index = 0; index < ringSlots - 1; index++) ring.putBuffer(block(), index);
  assertEquals(ring.free, 0);
  assertThrows(() => ring.putBuffer(block(), 0), Error, "full ring");
});

Deno.test("blocks leave a ring in the order in which they came, and only after they were written", () => {
  const step = fc.record({ put: fc.nat(40), write: fc.boolean(), take: fc.nat(40) });
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const ring = new Ring();
    const inside: number[] = [];
    let next = 0;
    let writtenTo = 0;
    let taken = 0;
    for (const { put, write, take } of steps) {
      for (let count = 0; count < put && ring.free > 0; count++) {
        ring.putBuffer(block(), next);
        inside.push(next++);
      }
      while (write && ring.unwritten > 0) {
        const stretch = ring.toWrite();
        assertEquals(stretch.slot, writtenTo % ringSlots);
        writtenTo += stretch.count;
        ring.written(stretch);
      }
      const stretch = ring.oldest(take);
      assertEquals(stretch.slot, taken % ringSlots);
      for (let count = 0; count < stretch.count; count++) {
        assertEquals(ring.oldestAddress, inside.shift());
        ring.take();
        taken++;
      }
      assertEquals(taken <= writtenTo, true);
      assertEquals(ring.used, inside.length);
      assertEquals(ring.free + ring.used, ringSlots - 1);
    }
    assertEquals(ring.clear().length, inside.length);
    assertEquals(ring.used, 0);
  }));
});
