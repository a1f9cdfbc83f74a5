/**
 * The receive path of the 8254x: rings, filter, offload, delays and faults.
 *
 * Frames come off a bench cable; what a driver finds in memory is compared with what was sent.
 */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { frameCheckSequence, onesComplementSum } from "./checksum.ts";
import { assertSameFrames, frameTo, macAddress, NicBench } from "./testing/bench_nic.ts";

const broadcast = new Uint8Array(6).fill(0xff);
const RXDMT0 = 0x10;
const RXO = 0x40;
const RXT0 = 0x80;

Deno.test("random frames arrive intact and in order, whatever the ring, buffers and bus", () => {
  const options = fc.record({
    sizes: fc.array(fc.integer({ min: 14, max: 1514 }), { minLength: 1, maxLength: 60 }),
    ringSize: fc.constantFrom(8, 16, 64),
    bufferSize: fc.constantFrom(0, 1, 2, 3),
    dmaNs: fc.constantFrom(0, 300, 3000),
    pause: fc.constantFrom(0, 700, 12_300),
  });
  fc.assert(
    fc.property(options, ({ sizes, ringSize, bufferSize, dmaNs, pause }) => {
      const bench = new NicBench({ ringSize, slot: { dmaNs } });
      bench.bringUp(bufferSize << 16);
      const expected: Uint8Array[] = [];
      const got: Uint8Array[] = [];
      sizes.forEach((size, index) => {
        const frame = frameTo(macAddress, size, index);
        const onWire = new Uint8Array(Math.max(60, size));
        onWire.set(frame);
        expected.push(onWire);
        bench.arrive(frame);
        bench.slot.run(pause);
        // A driver that keeps up: at most one frame of one descriptor is there when the next comes, which needs up to six of seven.
        if (index % 2 === 1 || size > 250) bench.slot.run(40_000);
        got.push(...bench.collect().map(({ bytes }) => bytes));
      });
      bench.slot.run(1e6);
      got.push(...bench.collect().map(({ bytes }) => bytes));
      assertEquals(bench.count("MPC"), 0);
      assertSameFrames(got, expected);
    }),
    { numRuns: 60 },
  );
});

Deno.test("a frame that finds no descriptor is dropped, counted, and raises RXO", () => {
  const bench = new NicBench({ ringSize: 8 });
  bench.bringUp();
  for (let index = 0; index < 9; index++) bench.arrive(frameTo(macAddress, 100, index));
  bench.slot.run(1e6);
  assertEquals(bench.read("ICR") & (RXO | RXT0 | RXDMT0), RXO | RXT0 | RXDMT0);
  assertEquals([bench.count("MPC"), bench.count("RNBC")], [2, 2]);
  assertEquals(
    bench.collect().map(({ bytes }) => bytes),
    [0, 1, 2, 3, 4, 5, 6].map((n) => frameTo(macAddress, 100, n)),
  );
  bench.arrive(frameTo(macAddress, 100, 42));
  bench.slot.run(1e6);
  assertEquals(bench.collect().length, 1);
});

Deno.test("a packet buffer that is full drops frames even when descriptors are free", () => {
  const bench = new NicBench({ ringSize: 64 });
  bench.bringUp();
  bench.slot.holdDma(true);
  for (let index = 0; index < 40; index++) bench.arrive(frameTo(macAddress, 1514, index));
  const fits = Math.floor(48 * 1024 / (1514 + 16));
  assertEquals(bench.count("MPC"), 40 - fits);
  bench.slot.holdDma(false);
  bench.slot.run(1e6);
  assertEquals(bench.collect().length, fits);
});

Deno.test("without SECRC the length counts the FCS, which is right", () => {
  const bench = new NicBench();
  bench.bringUp();
  bench.write("RCTL", 1 << 1 | 1 << 15);
  const frame = frameTo(macAddress, 99);
  bench.arrive(frame);
  bench.slot.run(1e6);
  const [received] = bench.collect();
  assertEquals(received!.bytes.length, 103);
  assertEquals(received!.bytes.subarray(99), frameCheckSequence(frame));
  // The check value of CRC-32 for "123456789".
  const digits = Uint8Array.from("123456789", (digit) => digit.charCodeAt(0));
  assertEquals(frameCheckSequence(digits), Uint8Array.of(0x26, 0x39, 0xf4, 0xcb));
});

Deno.test("a receive descriptor without a buffer is skipped, marked done", () => {
  const bench = new NicBench();
  bench.bringUp();
  // Descriptors have been fetched by now: take the first buffer away, and set the ring up anew.
  bench.armReceive(0, 0);
  bench.write("RDH", 0);
  bench.write("RDT", bench.ringSize - 1);
  bench.arrive(frameTo(macAddress, 100));
  bench.slot.run(1e6);
  assertEquals(bench.read("RDH"), 2);
  assertEquals(bench.collect().map(({ bytes }) => bytes), [frameTo(macAddress, 100)]);
});

Deno.test("frames above 1514 bytes are refused unless long packets are on", () => {
  const bench = new NicBench();
  bench.bringUp();
  bench.arrive(frameTo(macAddress, 1515));
  assertEquals(bench.count("ROC"), 1);
  bench.write("RCTL", 1 << 1 | 1 << 5 | 1 << 26);
  bench.arrive(frameTo(macAddress, 5000));
  bench.slot.run(1e6);
  assertEquals(bench.collect().map(({ bytes }) => bytes), [frameTo(macAddress, 5000)]);
});

Deno.test("the filter takes own, broadcast and chosen multicast addresses, and all when promiscuous", () => {
  const stranger = Uint8Array.of(0x02, 9, 9, 9, 9, 9);
  const group = Uint8Array.of(0x01, 0, 0x5e, 0, 0, 0xfb);
  const passes = (
    control: number,
    destination: Uint8Array,
    prepare: (bench: NicBench) => void = () => {},
  ) => {
    const bench = new NicBench();
    bench.bringUp();
    bench.write("RCTL", (1 << 1 | 1 << 26 | control) >>> 0);
    prepare(bench);
    bench.arrive(frameTo(destination, 80));
    bench.slot.run(1e6);
    return bench.collect().length === 1;
  };
  const BAM = 1 << 15;
  assertEquals([passes(0, macAddress), passes(0, stranger), passes(1 << 3, stranger)], [true, false, true]);
  assertEquals([passes(0, broadcast), passes(BAM, broadcast)], [false, true]);
  assertEquals([passes(0, group), passes(1 << 4, group), passes(1 << 3, group)], [false, true, false]);
  assert(passes(0, stranger, (bench) => {
    bench.slot.write(0, 0x5408, 0x09090902);
    bench.slot.write(0, 0x540c, 0x80000909);
  }));
  for (const [offset, hash] of [[0, 0xfb0], [1, 0xf60], [2, 0xec0], [3, 0xb00]] as const) {
    const open = (bench: NicBench) => bench.slot.write(0, 0x5200 + 4 * (hash >> 5), (1 << (hash & 31)) >>> 0);
    assert(passes(offset << 12, group, open), `multicast offset ${offset}`);
  }
});

Deno.test("the packet checksum and the offload verdicts are in the descriptor", () => {
  const bench = new NicBench();
  bench.bringUp();
  bench.write("RXCSUM", 14 | 1 << 8 | 1 << 9);
  const good = udpFrame();
  const badHeader = good.slice();
  badHeader[22]! ^= 1;
  const badPayload = good.slice();
  badPayload[50]! ^= 1;
  const other = frameTo(macAddress, 80);
  for (const frame of [good, badHeader, badPayload, other]) bench.arrive(frame);
  bench.slot.run(1e6);
  const found = bench.collect();
  assertEquals(found.map(({ errors }) => errors), [0, 1 << 6, 1 << 5, 0]);
  assertEquals(found.map(({ status }) => status & 0x74), [0x70, 0x70, 0x70, 0x04]);
  assertEquals(found[3]!.checksum, onesComplementSum(other, 14, other.length));
});

/** An IPv4 UDP frame whose checksums are right. */
function udpFrame(): Uint8Array {
  const frame = frameTo(macAddress, 70);
  const view = new DataView(frame.buffer);
  view.setUint16(12, 0x0800);
  frame.set([0x45, 0, 0, 56, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2], 14);
  view.setUint16(24, ~onesComplementSum(frame, 14, 34));
  frame.set([0, 53, 0, 99, 0, 36, 0, 0], 34);
  const pseudo = onesComplementSum(frame, 26, 34, 17 + 36);
  view.setUint16(40, ~onesComplementSum(frame, 34, 70, pseudo));
  return frame;
}

Deno.test("VLAN tags are stripped into the descriptor, and the VLAN filter drops foreign ones", () => {
  const bench = new NicBench();
  bench.bringUp(1 << 18);
  bench.write("CTRL", 1 << 6 | 1 << 30);
  bench.slot.write(0, 0x5600 + 4 * (100 >> 5), 1 << (100 & 31));
  const tagged = (id: number) => {
    const frame = frameTo(macAddress, 104);
    frame.set([0x81, 0x00, id >> 8, id, 0x88, 0xb5], 12);
    return frame;
  };
  bench.arrive(tagged(100));
  bench.arrive(tagged(101));
  bench.slot.run(1e6);
  const found = bench.collect();
  assertEquals(found.length, 1);
  assertEquals([found[0]!.bytes.length, found[0]!.special, found[0]!.status & 8], [100, 100, 8]);
  assertEquals(found[0]!.bytes.subarray(12, 14), Uint8Array.of(0x88, 0xb5));
});

Deno.test("RDTR holds the interrupt back until frames pause, RADV bounds the wait", () => {
  const bench = new NicBench();
  bench.bringUp();
  bench.write("RDTR", 50);
  bench.write("RADV", 100);
  const start = bench.slot.now;
  bench.arrive(frameTo(macAddress, 60));
  bench.slot.runUntil(() => bench.slot.interrupt);
  assertEquals(Math.round(bench.slot.now - start), 50 * 1024);
  bench.read("ICR");
  const second = bench.slot.now;
  for (let index = 0; !bench.slot.interrupt; index++) {
    assert(index < 10);
    bench.arrive(frameTo(macAddress, 60));
    bench.slot.run(20 * 1024);
  }
  assert(bench.slot.now - second >= 100 * 1024);
  bench.read("ICR");
  bench.slot.run(1e6);
  bench.read("ICR");
  bench.arrive(frameTo(macAddress, 60));
  bench.slot.run(1000);
  bench.write("RDTR", 0x80000000 + 50);
  assertEquals(bench.slot.interrupt, true);
});

Deno.test("a tail outside of the ring stops it until reset", () => {
  const bench = new NicBench({ ringSize: 8 });
  bench.bringUp();
  bench.write("RDT", 8);
  bench.arrive(frameTo(macAddress, 60));
  bench.slot.run(1e6);
  assertEquals([bench.collect().length, bench.count("MPC")], [0, 1]);
  assert(bench.slot.logged.some((line) => line.includes("ring stops until reset: tail 8")));
  bench.write("CTRL", 1 << 26);
  bench.bringUp();
  bench.arrive(frameTo(macAddress, 60));
  bench.slot.run(1e6);
  assertEquals(bench.collect().length, 1);
});

Deno.test("a buffer outside of memory stops the ring, and the rest of the machine goes on", () => {
  const bench = new NicBench({ ringSize: 8 });
  bench.bringUp();
  bench.write("RCTL", 0);
  bench.write("RDH", 0);
  bench.armReceive(0, 0x7000_0000);
  bench.write("RCTL", 1 << 1 | 1 << 26);
  bench.write("RDT", 7);
  bench.arrive(frameTo(macAddress, 60));
  bench.arrive(frameTo(macAddress, 60));
  bench.slot.run(1e6);
  assertEquals(bench.collect().length, 0);
  assert(bench.slot.logged.some((line) => line.includes("nic0.rx ring stops until reset")));
});
