/**
 * The transmit path of the 8254x: rings, descriptors of all kinds, offload, interrupts and faults.
 *
 * A driver's descriptors go in; what leaves the cable is compared with what they said.
 */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { onesComplementSum } from "./checksum.ts";
import { assertSameFrames, frameTo, macAddress, NicBench } from "./testing/bench_nic.ts";

const TXDW = 1;
const TXQE = 2;
const EOP = 1;
const RS = 8;
const DEXT = 0x20;

Deno.test("random frames leave intact and in order, in one descriptor or in several", () => {
  const part = fc.integer({ min: 1, max: 700 });
  const frames = fc.array(fc.array(part, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(frames, fc.constantFrom(0, 500, 2500), fc.constantFrom(8, 32), (list, dmaNs, ringSize) => {
      const bench = new NicBench({ ringSize, slot: { dmaNs } });
      bench.bringUp();
      const expected: Uint8Array[] = [];
      list.forEach((parts, index) => {
        const size = parts.reduce((sum, length) => sum + length, 0);
        if (size < 14 || size > 1514) return;
        const frame = frameTo(macAddress, size, index);
        const onWire = new Uint8Array(Math.max(60, size));
        onWire.set(frame);
        expected.push(onWire);
        let at = 0;
        let last = 0;
        parts.forEach((length, number) => {
          const isLast = number === parts.length - 1;
          last = bench.put(frame.subarray(at, at + length), { command: isLast ? EOP | RS : 0 });
          at += length;
        });
        bench.ring();
        // A driver that waits only when the ring could overflow.
        if (index % (ringSize / 4 - 1) === 0) assert(bench.slot.runUntil(() => bench.isDone(last)));
      });
      bench.slot.run(1e7);
      assertSameFrames(bench.sentFrames, expected);
      assertEquals(bench.read("TDH"), bench.read("TDT"));
    }),
    { numRuns: 60 },
  );
});

Deno.test("DD is written and TXDW raised only where the descriptor asks; TXQE when the ring is empty", () => {
  const bench = new NicBench();
  bench.bringUp();
  const silent = bench.send(frameTo(macAddress, 60), { command: EOP });
  bench.slot.run(1e6);
  assertEquals([bench.isDone(silent), bench.read("ICR") & (TXDW | TXQE)], [false, TXQE]);
  const loud = bench.send(frameTo(macAddress, 60), { command: EOP | RS });
  bench.slot.run(1e6);
  assertEquals([bench.isDone(loud), bench.read("ICR") & (TXDW | TXQE)], [true, TXDW | TXQE]);
});

Deno.test("nothing is sent until TCTL.EN", () => {
  const bench = new NicBench();
  bench.bringUp();
  bench.write("TCTL", 0);
  bench.send(frameTo(macAddress, 60));
  bench.slot.run(1e6);
  assertEquals([bench.sentFrames.length, bench.read("TDH")], [0, 0]);
  bench.write("TCTL", 1 << 1);
  bench.slot.run(1e6);
  assertEquals([bench.sentFrames.length, bench.read("TDH")], [1, 1]);
});

Deno.test("delayed descriptors hold TXDW back for TIDV", () => {
  const bench = new NicBench();
  bench.bringUp();
  bench.write("TIDV", 64);
  const start = bench.slot.now;
  bench.send(frameTo(macAddress, 60), { command: EOP | RS | 0x80 });
  bench.slot.run(1000);
  assertEquals(bench.slot.interrupt, false);
  bench.slot.runUntil(() => bench.slot.interrupt);
  assertEquals(Math.round((bench.slot.now - start) / 1024), 64);
});

Deno.test("a legacy descriptor's checksum is inserted where it says", () => {
  const bench = new NicBench();
  bench.bringUp();
  const frame = frameTo(macAddress, 101);
  frame.set([0, 0], 40);
  bench.send(frame, { command: EOP | RS | 4, css: 34, cso: 40 });
  bench.slot.run(1e6);
  assertEquals(onesComplementSum(bench.sentFrames[0]!, 34, 101), 0xffff);
});

/** A context descriptor for IPv4 at 14 and a transport header at 34. */
function context(checksumOffset: number, flags: number): Uint8Array {
  const bytes = new Uint8Array(16);
  bytes.set([14, 24, 33, 0, 34, checksumOffset, 0, 0, 0, 0, 0, DEXT | RS | flags]);
  return bytes;
}

/** A data descriptor for bytes at `address`. */
function data(address: number, length: number, options: number, command = EOP | RS | DEXT): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, address, true);
  view.setUint32(8, (length | 1 << 20 | command << 24) >>> 0, true);
  view.setUint8(13, options);
  return bytes;
}

Deno.test("data descriptors insert IP and transport checksums as the last context says", () => {
  const bench = new NicBench();
  bench.bringUp();
  const frame = frameTo(macAddress, 90);
  frame.set([0x45, 0, 0, 76, 0, 1, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2], 14);
  const pseudo = onesComplementSum(frame, 26, 34, 6 + 56);
  new DataView(frame.buffer).setUint16(50, pseudo);
  bench.slot.memory.set(frame, 0x100000);
  bench.putDescriptor(context(50, 1));
  bench.putDescriptor(data(0x100000, 90, 3));
  bench.putDescriptor(data(0x100000, 90, 1));
  bench.ring();
  bench.slot.run(1e6);
  const [both, ipOnly] = bench.sentFrames;
  assertEquals(onesComplementSum(both!, 14, 34), 0xffff);
  assertEquals(onesComplementSum(both!, 34, 90, pseudo), 0xffff);
  assertEquals(onesComplementSum(ipOnly!, 14, 34), 0xffff);
  assertEquals(ipOnly!.subarray(50, 52), frame.subarray(50, 52));
});

Deno.test("a segmentation descriptor stops the ring and says so", () => {
  const bench = new NicBench();
  bench.bringUp();
  bench.putDescriptor(context(50, 4));
  bench.ring();
  bench.slot.run(1e6);
  assertEquals(bench.read("TDH"), 0);
  assert(bench.slot.logged.some((line) => line.includes("segmentation offload (TSE) is not emulated")));
});

Deno.test("frames that no wire takes are dropped, and the ring goes on", () => {
  const bench = new NicBench({ ringSize: 32 });
  bench.bringUp();
  for (let index = 0; index < 20; index++) {
    bench.put(frameTo(macAddress, 1500), { command: index === 19 ? EOP : 0 });
  }
  bench.put(new Uint8Array(5));
  bench.put(frameTo(macAddress, 200));
  bench.ring();
  bench.slot.run(1e6);
  assertEquals(bench.sentFrames, [frameTo(macAddress, 200)]);
});

Deno.test("VLAN tags are inserted after the addresses", () => {
  const bench = new NicBench();
  bench.bringUp();
  bench.write("CTRL", 1 << 6 | 1 << 30);
  const frame = frameTo(macAddress, 100);
  bench.send(frame, { command: EOP | RS | 0x40, special: 77 });
  bench.slot.run(1e6);
  assertEquals(bench.sentFrames[0]!.subarray(12, 18), Uint8Array.of(0x81, 0, 0, 77, 0x88, 0xb5));
});

Deno.test("data is fetched ahead of the wire only as far as the packet buffer reaches", () => {
  const bench = new NicBench({ ringSize: 64 });
  bench.bringUp();
  for (let index = 0; index < 40; index++) bench.put(frameTo(macAddress, 1500, index));
  bench.ring();
  bench.slot.run(10_000);
  assert(bench.read("TDH") <= Math.floor(16 * 1024 / 1500));
  bench.slot.run(1e6);
  assertEquals(bench.sentFrames.length, 40);
});

Deno.test("a buffer outside of memory stops the ring until reset", () => {
  const bench = new NicBench();
  bench.bringUp();
  bench.putDescriptor(data(0x7000_0000, 90, 0));
  bench.ring();
  bench.send(frameTo(macAddress, 60));
  bench.slot.run(1e6);
  assertEquals(bench.sentFrames.length, 0);
  assert(bench.slot.logged.some((line) => line.includes("nic0.tx ring stops until reset")));
});

Deno.test("a tail outside of the ring stops it", () => {
  const bench = new NicBench({ ringSize: 8 });
  bench.bringUp();
  bench.write("TDT", 9);
  bench.slot.run(1e6);
  assertEquals(bench.read("TDH"), 0);
  assert(bench.slot.logged.some((line) => line.includes("tail 9 lies outside of the ring of 8 descriptors")));
});
