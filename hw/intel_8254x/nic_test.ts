/**
 * The 8254x's registers, interrupts, EEPROM, PHY and life cycle, seen from a driver.
 *
 * The data paths have tests of their own beside this file.
 */

import { assertEquals, assertThrows } from "@std/assert";
import { BusFault } from "../memory/bus_target.ts";
import { frameTo, macAddress, NicBench } from "./testing/bench_nic.ts";
import { nicRegisters } from "./registers.ts";

const LSC = 4;
const TXDW = 1;
const RXT0 = 0x80;

Deno.test("both models show their identity on PCI", () => {
  for (const [model, deviceId] of [["82540EM", 0x100e], ["82545GM", 0x1026]] as const) {
    const { identity, bars } = new NicBench({ model }).slot.device;
    assertEquals([identity.vendorId, identity.deviceId, identity.classCode, identity.interruptPin], [
      0x8086,
      deviceId,
      0x020000,
      1,
    ]);
    assertEquals(bars.map(({ index, kind, size }) => [index, kind, size]), [
      [0, "memory32", 0x20000],
      [2, "io", 0x40],
    ]);
  }
});

Deno.test("link comes up 1 ms after SLU and raises LSC", () => {
  const bench = new NicBench();
  bench.write("IMS", LSC);
  bench.write("CTRL", 1 << 6);
  bench.slot.run(0.9e6);
  assertEquals([bench.read("STATUS") & 2, bench.slot.interrupt], [0, false]);
  bench.slot.run(0.2e6);
  assertEquals(bench.read("STATUS") & 0xc3, 0x83);
  assertEquals(bench.slot.interrupt, true);
  assertEquals(bench.read("ICR"), LSC);
  assertEquals([bench.read("ICR"), bench.slot.interrupt], [0, false]);
});

Deno.test("without a cable the link stays down and frames are lost but done", () => {
  const bench = new NicBench({ cable: false });
  bench.bringUp();
  const index = bench.send(frameTo(macAddress, 100));
  bench.slot.run(1e6);
  assertEquals(bench.read("STATUS") & 2, 0);
  assertEquals([bench.isDone(index), bench.count("TNCRS"), bench.count("GPTC")], [true, 1, 0]);
});

Deno.test("EEPROM holds the MAC address, sums to BABAh, and reads FFFFh beyond its end", () => {
  const bench = new NicBench();
  const word = (index: number) => {
    bench.write("EERD", index << 8 | 1);
    assertEquals(bench.read("EERD") & 0x10, 0x10);
    return bench.read("EERD") >>> 16;
  };
  assertEquals([word(0), word(1), word(2)], [0x1202, 0x5634, 0x9a78]);
  let sum = 0;
  for (let index = 0; index < 0x40; index++) sum = sum + word(index) & 0xffff;
  assertEquals(sum, 0xbaba);
  assertEquals(word(0x40), 0xffff);
});

Deno.test("reset loads the MAC address into RA0 and clears masks, rings and causes", () => {
  for (const register of ["CTRL", "CTRL_DUP"] as const) {
    const bench = new NicBench();
    bench.bringUp();
    bench.slot.write(0, 0x5400, 0);
    bench.write("ICS", LSC);
    bench.write(register, 1 << 26);
    assertEquals(bench.read("CTRL") >>> 26 & 1, 0);
    assertEquals([bench.slot.read(0, 0x5400), bench.slot.read(0, 0x5404)], [0x56341202, 0x80009a78]);
    assertEquals([bench.read("IMS"), bench.read("ICR"), bench.read("RDLEN"), bench.read("RCTL")], [
      0,
      0,
      0,
      0,
    ]);
    assertEquals([bench.slot.interrupt, bench.read("STATUS") & 2], [false, 0]);
  }
});

Deno.test("a driver can bring the NIC up again after a reset under traffic", () => {
  const bench = new NicBench({ slot: { dmaNs: 1000 } });
  bench.bringUp();
  for (let index = 0; index < 5; index++) {
    bench.arrive(frameTo(macAddress, 500, index));
    bench.send(frameTo(macAddress, 500, index));
  }
  bench.write("CTRL", 1 << 26);
  bench.slot.run(1e6);
  assertEquals([bench.read("RDH"), bench.read("TDH"), bench.sentFrames.length], [0, 0, 0]);
  bench.bringUp();
  bench.arrive(frameTo(macAddress, 77, 9));
  bench.send(frameTo(macAddress, 88, 9));
  bench.slot.run(1e6);
  assertEquals(bench.collect().map(({ bytes }) => bytes), [frameTo(macAddress, 77, 9)]);
  assertEquals(bench.sentFrames, [frameTo(macAddress, 88, 9)]);
});

Deno.test("MDIC reads and writes the PHY, and flags an absent one", () => {
  const bench = new NicBench();
  bench.bringUp();
  const mdic = (operation: number, phy: number, register: number, data = 0) => {
    bench.write("MDIC", (operation << 26 | phy << 21 | register << 16 | data) >>> 0);
    return bench.read("MDIC");
  };
  assertEquals(mdic(2, 1, 2) & 0xffff, 0x0141);
  assertEquals(mdic(2, 1, 1) & 0x24, 0x24);
  assertEquals(mdic(2, 1, 1) >>> 28 & 5, 1);
  assertEquals(mdic(2, 3, 1) >>> 30 & 1, 1);
  mdic(1, 1, 4, 0x01e1);
  assertEquals(mdic(2, 1, 4) & 0xffff, 0x01e1);
});

Deno.test("restarting negotiation drops the link and brings it back, each with LSC", () => {
  const bench = new NicBench();
  bench.bringUp();
  bench.write("MDIC", 1 << 26 | 1 << 21 | 0x1340);
  assertEquals([bench.read("STATUS") & 2, bench.read("ICR") & LSC], [0, LSC]);
  bench.slot.run(1.1e6);
  assertEquals([bench.read("STATUS") & 2, bench.read("ICR") & LSC], [2, LSC]);
});

Deno.test("the line follows ICR and IMS; writing ICR clears single causes", () => {
  const bench = new NicBench();
  bench.write("ICS", TXDW | RXT0);
  assertEquals(bench.slot.interrupt, false);
  bench.write("IMS", RXT0);
  assertEquals(bench.slot.interrupt, true);
  bench.write("ICR", RXT0);
  assertEquals(bench.slot.interrupt, false);
  bench.write("IMS", TXDW);
  assertEquals(bench.slot.interrupt, true);
  bench.write("IMC", TXDW);
  assertEquals([bench.slot.interrupt, bench.read("IMS"), bench.read("ICR")], [false, RXT0, TXDW]);
});

Deno.test("the throttle keeps interrupts at least ITR units of 256 ns apart", () => {
  const bench = new NicBench();
  bench.write("IMS", RXT0);
  bench.write("ITR", 488);
  bench.write("ICS", RXT0);
  const first = bench.slot.now;
  assertEquals(bench.slot.interrupt, true);
  bench.read("ICR");
  bench.slot.run(1000);
  bench.write("ICS", RXT0);
  assertEquals(bench.slot.interrupt, false);
  bench.slot.runUntil(() => bench.slot.interrupt);
  assertEquals(bench.slot.now - first, 488 * 256);
});

Deno.test("reading ICR before a throttled interrupt takes it back", () => {
  const bench = new NicBench();
  bench.write("IMS", RXT0);
  bench.write("ITR", 488);
  bench.write("ICS", RXT0);
  bench.read("ICR");
  bench.write("ICS", RXT0);
  assertEquals(bench.read("ICR"), RXT0);
  bench.slot.run(1e6);
  assertEquals([bench.slot.interrupt, bench.slot.interruptCount], [false, 1]);
});

Deno.test("the I/O BAR reaches the same registers", () => {
  const bench = new NicBench();
  bench.slot.write(2, 0, nicRegisters.VET.offset);
  bench.slot.write(2, 4, 0x88a8);
  assertEquals([bench.slot.read(2, 4), bench.read("VET")], [0x88a8, 0x88a8]);
});

Deno.test("accesses that are not aligned words are bus faults; holes read zero", () => {
  const bench = new NicBench();
  assertThrows(() => bench.slot.read(0, 8, 2), BusFault);
  assertThrows(() => bench.slot.read(0, 9, 4), BusFault);
  assertEquals(bench.slot.read(0, 0x6000), 0);
});

Deno.test("statistics are cleared by reading, octets by reading their upper half", () => {
  const bench = new NicBench();
  bench.bringUp();
  bench.arrive(frameTo(macAddress, 60));
  bench.arrive(frameTo(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff), 1514));
  bench.arrive(frameTo(Uint8Array.of(2, 2, 2, 2, 2, 2), 200));
  bench.slot.run(1e6);
  assertEquals([bench.count("TPR"), bench.count("GPRC"), bench.count("BPRC")], [3, 2, 1]);
  assertEquals([bench.count("PRC64"), bench.count("PRC1522"), bench.count("GPRC")], [1, 1, 0]);
  assertEquals([bench.count("GORCL"), bench.count("GORCL")], [64 + 1518, 64 + 1518]);
  assertEquals([bench.count("GORCH"), bench.count("GORCL")], [0, 0]);
});

Deno.test("MAC loopback hands sent frames to the receiver, cable or not", () => {
  const bench = new NicBench({ cable: false });
  bench.bringUp(1 << 6);
  bench.send(frameTo(macAddress, 333, 3));
  bench.slot.run(1e6);
  assertEquals(bench.collect().map(({ bytes }) => bytes), [frameTo(macAddress, 333, 3)]);
});
