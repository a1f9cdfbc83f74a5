/**
 * The rings of a pair area, both sides over the same memory.
 *
 * - The counters start just below 2^32 in some tests, so that they wrap.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  counter,
  counterLine,
  messageSlot,
  messageSlots,
  pairAreaSize,
  releaseSlot,
  releaseSlots,
} from "./pair_area.ts";
import { slotSize } from "./record.ts";
import { type AreaMemory, Rings } from "./rings.ts";

function pair() {
  const bytes = new Uint8Array(pairAreaSize);
  const memory: AreaMemory = {
    read: (offset, length) => {
      if (offset < 0 || offset + length > pairAreaSize) throw new Error(`read at ${offset}`);
      return bytes.slice(offset, offset + length);
    },
    read32: (offset) => new DataView(bytes.buffer).getUint32(offset, true),
    write: (offset, from) => {
      if (offset < 0 || offset + from.length > pairAreaSize) throw new Error(`write at ${offset}`);
      bytes.set(from, offset);
    },
    window: (offset, length) => bytes.subarray(offset, offset + length),
  };
  const a = new Rings(memory, "a");
  const b = new Rings(memory, "b");
  return { a, b, bytes };
}

function record(number: number): Uint8Array {
  const bytes = new Uint8Array(slotSize);
  new DataView(bytes.buffer).setUint32(0, number);
  return bytes;
}

const numberOf = (bytes: Uint8Array): number => new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);

Deno.test("no two slots or counter lines of a pair area overlap", () => {
  const taken = new Uint8Array(pairAreaSize);
  const take = (offset: number, size: number) => {
    assert(taken.subarray(offset, offset + size).every((byte) => byte === 0), `${offset} is taken twice`);
    taken.fill(1, offset, offset + size);
  };
  for (const side of ["a", "b"] as const) {
    const { offset, size } = counterLine(side);
    take(offset, size);
    for (let index = 0; index < messageSlots; index++) take(messageSlot(side, index), slotSize);
    for (let index = 0; index < releaseSlots; index++) take(releaseSlot(side, index), 8);
    assert(Math.max(...Object.values(counter)) + 4 <= size);
  }
  assertEquals(messageSlot("a", messageSlots), messageSlot("a", 0));
});

Deno.test("records come out on the other side in the order in which they went in, and only there", () => {
  const { a, b } = pair();
  a.post(record(1));
  a.post(record(2));
  b.post(record(3));
  assertEquals([a.hasNews, b.hasNews], [true, true]);
  assertEquals(b.take().map(numberOf), [1, 2]);
  assertEquals(a.take().map(numberOf), [3]);
  assertEquals([a.hasNews, b.hasNews, b.take()], [false, false, []]);
});

Deno.test("a slot is free again only when the receiver has settled", () => {
  const { a, b } = pair();
  for (let index = 0; index < messageSlots; index++) a.post(record(index));
  b.take();
  a.post(record(1000));
  assertEquals([a.hasBacklog, b.hasNews], [true, false]);
  b.settle();
  a.flush();
  assertEquals([a.hasBacklog, b.take().map(numberOf)], [false, [1000]]);
});

Deno.test("a full ring keeps what comes in a backlog, and loses and reorders nothing", () => {
  const { a, b } = pair();
  const count = 3 * messageSlots + 5;
  for (let index = 0; index < count; index++) a.post(record(index));
  const got: number[] = [];
  for (let round = 0; round < 4; round++) {
    got.push(...b.take().map(numberOf));
    b.settle();
    a.flush();
  }
  assertEquals(got, Array.from({ length: count }, (_, index) => index));
  assertEquals(a.hasBacklog, false);
});

Deno.test("releases have a ring of their own, which may be full as well", () => {
  const { a, b } = pair();
  const addressOf = (index: number) => 0x10_0000_0000 + 64 * index;
  for (let index = 0; index < releaseSlots + 10; index++) a.postRelease(addressOf(index));
  assertEquals([a.hasBacklog, b.hasNews], [true, true]);
  const first = b.takeReleases();
  b.settle();
  a.flush();
  const got = [...first, ...b.takeReleases()];
  assertEquals(got, Array.from({ length: releaseSlots + 10 }, (_, index) => addressOf(index)));
});

Deno.test("a record that nobody takes for good ends in an error, not in endless memory", () => {
  const { a } = pair();
  const one = record(1);
  assertThrows(
    () => {
      for (;;) a.post(one);
    },
    Error,
    "More than 65536 records wait for a kernel that takes none",
  );
});

Deno.test("a slot stays as it was taken until its side settles, even if that side posts meanwhile", () => {
  const { a, b } = pair();
  for (let number = 0; number < messageSlots + 1; number++) a.post(record(number));
  const records = b.take();
  b.post(record(1000));
  a.flush();
  assertEquals(records.map(numberOf), Array.from({ length: messageSlots }, (_, index) => index));
  assertEquals(a.backlog, 1);
  b.settle();
  a.flush();
  assertEquals(b.take().map(numberOf), [messageSlots]);
});

Deno.test("each side writes its own line of counters only", () => {
  const { a, b, bytes } = pair();
  a.post(record(1));
  const lineOfB = counterLine("b");
  assert(bytes.subarray(lineOfB.offset, lineOfB.offset + lineOfB.size).every((byte) => byte === 0));
  assertEquals([b.peer("messageHead"), b.peer("messageTail")], [1, 0]);
});

const step = fc.oneof(
  fc.record({
    kind: fc.constant("post" as const),
    side: fc.constantFrom("a" as const, "b" as const),
    count: fc.nat(200),
  }),
  fc.record({
    kind: fc.constant("take" as const),
    side: fc.constantFrom("a" as const, "b" as const),
    count: fc.constant(0),
  }),
  fc.record({
    kind: fc.constant("flush" as const),
    side: fc.constantFrom("a" as const, "b" as const),
    count: fc.constant(0),
  }),
);

Deno.test("whoever posts and takes when, each side gets all that the other sent, in order, past every wrap-around", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const sides = pair();
      const sent = { a: 0, b: 0 };
      const got = { a: 0, b: 0 };
      const take = (side: "a" | "b") => {
        for (const one of sides[side].take()) assertEquals(numberOf(one), got[side]++);
        sides[side].settle();
      };
      for (const { kind, side, count } of steps) {
        if (kind === "post") {
          for (let index = 0; index < count; index++) sides[side].post(record(sent[side]++));
        } else if (kind === "take") take(side);
        else sides[side].flush();
      }
      while (sides.a.hasBacklog || sides.b.hasBacklog || sides.a.hasNews || sides.b.hasNews) {
        for (const side of ["a", "b"] as const) {
          take(side);
          sides[side].flush();
        }
      }
      assertEquals([got.b, got.a], [sent.a, sent.b]);
    }),
    { numRuns: 40 },
  );
});
