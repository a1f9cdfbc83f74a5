/**
 * The SiI 3114 when something goes wrong: resets, pulled cables, bad sectors, bad addresses.
 *
 * What software must see is in hardware-reference.md 4.4 and 4.6.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { BusFault } from "../memory/bus_target.ts";
import { buffer, cardOnABench, prdTable } from "./testing/bench_card.ts";
import { commandCodes, features } from "./commands.ts";
import { portRegisters } from "./registers.ts";

Deno.test("a software reset shows the signature and drops what was under way", () => {
  const { bench, read, write, regions, address48, startDma } = cardOnABench();
  regions([buffer, 4096]);
  address48(1000, 8);
  startDma("in", commandCodes.readDmaExt);
  write("ALTERNATE_STATUS_CONTROL", 4);
  assertEquals(read("ALTERNATE_STATUS_CONTROL") & 0x80, 0x80);
  bench.run(5e3);
  write("ALTERNATE_STATUS_CONTROL", 0);
  assert(bench.runUntil(() => (read("ALTERNATE_STATUS_CONTROL") & 0x80) === 0, 2e6));
  assertEquals(read("ALTERNATE_STATUS_CONTROL"), 0x50);
  const names = ["SECTOR_COUNT", "LBA_LOW", "LBA_MID", "LBA_HIGH", "ERROR_FEATURES"] as const;
  assertEquals(names.map(read), [1, 1, 0, 0, 1]);
  bench.run(1e9);
  assertEquals(bench.interrupt, false);
});

Deno.test("COMRESET takes the link down and brings it up again with a PHY change", () => {
  const { bench, read, write } = cardOnABench();
  assertEquals(read("SSTATUS"), 0x113);
  write("SCONTROL", 0x301);
  assertEquals([read("SSTATUS"), read("ALTERNATE_STATUS_CONTROL")], [0, 0x7f]);
  bench.run(1e6);
  write("SCONTROL", 0x300);
  bench.run(5e6);
  assertEquals([read("SSTATUS"), read("ALTERNATE_STATUS_CONTROL")], [0x113, 0x50]);
  assertEquals(read("SERROR") >>> 16 & 1, 1);
  write("SERROR", 0xffff_ffff);
  assertEquals(read("SERROR"), 0);
});

Deno.test("an empty port has no link and reads 7Fh", () => {
  const { bench } = cardOnABench();
  const empty = portRegisters(1);
  assertEquals(bench.read(5, empty.SSTATUS.offset), 0);
  assertEquals(bench.read(5, empty.STATUS_COMMAND.offset, 1), 0x7f);
});

Deno.test("pulling the cable raises a SATA interrupt when enabled, and ends what was under way", () => {
  const { bench, drive, read, write, regions, address48, startDma } = cardOnABench();
  write("SIEN", 1 << 16);
  regions([buffer, 4096]);
  address48(1000, 8);
  startDma("in", commandCodes.readDmaExt);
  drive.connect(false);
  assertEquals(bench.interrupt, true);
  assertEquals(read("BM2") >>> 4 & 1, 1);
  assertEquals([read("SSTATUS"), read("STATUS_COMMAND")], [0, 0x7f]);
  write("SERROR", 1 << 16);
  assertEquals(bench.interrupt, false);
  drive.connect(true);
  bench.run(5e6);
  assertEquals([read("SSTATUS"), read("ALTERNATE_STATUS_CONTROL")], [0x113, 0x50]);
});

Deno.test("an unreadable sector ends the read with UNC and its address, after what is good before it", () => {
  const {
    bench,
    drive,
    medium,
    read,
    regions,
    address48,
    startDma,
    waitForInterrupt,
    acknowledge,
    transfer,
  } = cardOnABench();
  medium.write(20, new Uint8Array(512 * 8).fill(0xab));
  drive.faults.unreadable.add(23);
  regions([buffer, 4096]);
  address48(20, 8);
  startDma("in", commandCodes.readDmaExt);
  waitForInterrupt();
  assertEquals(acknowledge(), 0x51);
  assertEquals([read("ERROR_FEATURES"), read("LBA_LOW")], [0x40, 23]);
  assertEquals(bench.memory[buffer + 3 * 512 - 1], 0xab);
  assertEquals(bench.memory[buffer + 3 * 512], 0);
  drive.faults.unreadable.clear();
  assertEquals(transfer("in", 20, 8), 0x50);
});

Deno.test("sectors beyond the end, unknown commands and bad features are refused", () => {
  const { read, address48, write, waitForInterrupt, command } = cardOnABench({ sectorCount: 4096 });
  const refusal = (status: number) => [status, read("ERROR_FEATURES")];
  address48(4090, 8);
  write("STATUS_COMMAND", commandCodes.readDmaExt);
  waitForInterrupt();
  assertEquals(refusal(read("STATUS_COMMAND")), [0x51, 0x10]);
  assertEquals(refusal(command(0x42)), [0x51, 0x04]);
  assertEquals(refusal(command(commandCodes.setFeatures, 0x99)), [0x51, 0x04]);
  assertEquals(refusal(command(commandCodes.setFeatures, features.transferMode, 0x47)), [0x51, 0x04]);
  assertEquals(command(commandCodes.flushCache), 0x50);
});

Deno.test("a damaged transfer shows ICRC and SError, a broken drive DF", () => {
  const { drive, read, regions, address48, startDma, waitForInterrupt, acknowledge, transfer, command } =
    cardOnABench();
  regions([buffer, 512]);
  drive.faults.damagedTransfers = 1;
  address48(0, 1);
  startDma("in", commandCodes.readDmaExt);
  waitForInterrupt();
  assertEquals([acknowledge(), read("ERROR_FEATURES"), read("SERROR") >>> 21 & 1], [0x51, 0x84, 1]);
  assertEquals(transfer("in", 0, 1), 0x50);
  drive.faults.writeFault = true;
  assertEquals(transfer("out", 0, 1), 0x70);
  assertEquals(command(commandCodes.flushCache), 0x70);
});

Deno.test("a silent drive stays busy until it is reset", () => {
  const { bench, drive, read, write } = cardOnABench();
  drive.faults.silent = true;
  write("STATUS_COMMAND", commandCodes.flushCache);
  bench.run(60e9);
  assertEquals([bench.interrupt, read("ALTERNATE_STATUS_CONTROL") & 0x80], [false, 0x80]);
  drive.faults.silent = false;
  write("SCONTROL", 0x301);
  bench.run(1e6);
  write("SCONTROL", 0x300);
  bench.run(5e6);
  assertEquals(read("ALTERNATE_STATUS_CONTROL"), 0x50);
});

Deno.test("a bad address or table sets the error bit, and the command hangs", () => {
  const cases: [string, (card: ReturnType<typeof cardOnABench>) => void][] = [
    ["data outside of memory", ({ regions }) => regions([0x4000_0000, 4096])],
    ["table outside of memory", ({ write }) => write("BM_PRD_TABLE", 0x5000_0000)],
  ];
  for (const [what, spoil] of cases) {
    const card = cardOnABench();
    const { bench, read, write, address48 } = card;
    card.regions([buffer, 4096]);
    write("BM_PRD_TABLE", prdTable);
    spoil(card);
    address48(0, 8);
    write("STATUS_COMMAND", commandCodes.readDmaExt);
    write("BM2", 9);
    bench.run(1e9);
    assertEquals(bench.interrupt, false, what);
    assertEquals(read("BM_STATUS") & 7, 2, what);
    assertEquals(read("BM2") >>> 17 & 1, 1, what);
    assertEquals(read("ALTERNATE_STATUS_CONTROL") & 0x80, 0x80, what);
  }
});

Deno.test("through the plain command register a region may not cross 64 KiB; bus master 2 allows it", () => {
  const { bench, read, write, regions, address48, transfer } = cardOnABench();
  regions([0x1f800, 4096]);
  assertEquals(transfer("out", 0, 8), 0x50);
  write("BM_COMMAND", 2);
  address48(0, 8);
  write("STATUS_COMMAND", commandCodes.readDmaExt);
  write("BM_COMMAND", 9);
  bench.run(1e9);
  assertEquals([bench.interrupt, read("BM_STATUS") & 3], [false, 2]);
});

Deno.test("a table shorter than the data leaves the drive waiting; a longer one leaves active set", () => {
  const short = cardOnABench();
  short.regions([buffer, 1024]);
  short.address48(0, 8);
  short.startDma("in", commandCodes.readDmaExt);
  short.bench.run(1e9);
  assertEquals([short.bench.interrupt, short.read("BM_STATUS") & 7], [false, 0]);
  const long = cardOnABench();
  long.regions([buffer, 8192]);
  long.address48(0, 8);
  long.startDma("in", commandCodes.readDmaExt);
  long.waitForInterrupt();
  assertEquals(long.read("BM_STATUS") & 7, 5);
  assertEquals([long.acknowledge(), long.read("BM_STATUS") & 7], [0x50, 0]);
});

Deno.test("a request is held, not dropped, while the bus-master bit is off", () => {
  const { bench, regions, address48, startDma, acknowledge } = cardOnABench();
  bench.holdDma(true);
  regions([buffer, 512]);
  address48(0, 1);
  startDma("in", commandCodes.readDmaExt);
  bench.run(1e9);
  assertEquals(bench.interrupt, false);
  bench.holdDma(false);
  bench.run(1e9);
  assertEquals(bench.interrupt, true);
  assertEquals(acknowledge(), 0x50);
});

Deno.test("the data register without a request is a bus fault", () => {
  const { read } = cardOnABench();
  assertThrows(() => read("DATA"), BusFault);
});
