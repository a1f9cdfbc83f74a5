/**
 * The SiI 3114 at work, driven through its registers as a driver does: transfers, commands, interrupts,
 * and the FIFO's low-water mark.
 *
 * Faults and resets are in `faults_test.ts` beside this file.
 */

import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import fc from "fast-check";
import { buffer, cardOnABench } from "./testing/bench_card.ts";
import { commandCodes, features } from "./commands.ts";
import { portRegisters } from "./registers.ts";

Deno.test("sectors written by DMA come back by DMA, on each of the four ports", () => {
  for (const port of [0, 1, 2, 3]) {
    const { bench, regions, transfer } = cardOnABench({ port });
    for (let index = 0; index < 4096; index++) bench.memory[buffer + index] = index * 7 + port;
    regions([buffer, 4096]);
    assertEquals(transfer("out", 1000, 8), 0x50);
    regions([buffer + 0x8000, 4096]);
    assertEquals(transfer("in", 1000, 8), 0x50);
    assertEquals(
      bench.memory.slice(buffer + 0x8000, buffer + 0x9000),
      bench.memory.slice(buffer, buffer + 4096),
    );
    assertEquals(bench.interrupt, false);
  }
});

Deno.test("random reads and writes through the controller equal a model array", () => {
  const step = fc.record({
    out: fc.boolean(),
    first: fc.nat(500),
    count: fc.integer({ min: 1, max: 40 }),
    cuts: fc.array(fc.integer({ min: 1, max: 40 * 256 - 1 }), { maxLength: 3 }),
    fill: fc.nat(255),
    dmaNs: fc.constantFrom(0, 700),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
      const { bench, regions, transfer } = cardOnABench({
        sectorCount: 541,
        slot: { dmaNs: steps[0]!.dmaNs, dmaBytesPerSecond: 133e6 },
      });
      const model = new Uint8Array(541 * 512);
      for (const { out, first, count, cuts, fill } of steps) {
        const size = count * 512;
        const edges = [
          0,
          ...cuts.map((cut) => 2 * cut).filter((cut) => cut < size).sort((a, b) => a - b),
          size,
        ];
        const parts = edges.slice(1).map((
          edge,
          index,
        ): [number, number] => [edges[index]!, edge - edges[index]!])
          .filter(([, length]) => length > 0);
        // Regions lie apart in memory, in order of the disk's bytes.
        const placed = parts.map((
          [at, length],
          index,
        ): [number, number] => [buffer + at + index * 64, length]);
        regions(...placed);
        if (out) {
          placed.forEach(([address, length], part) => {
            for (let index = 0; index < length; index++) {
              bench.memory[address + index] = fill + 31 * (parts[part]![0] + index) % 251;
              model[first * 512 + parts[part]![0] + index] = bench.memory[address + index]!;
            }
          });
          assertEquals(transfer("out", first, count), 0x50);
        } else {
          assertEquals(transfer("in", first, count), 0x50);
          const got = new Uint8Array(size);
          placed.forEach(([address, length], part) =>
            got.set(bench.memory.subarray(address, address + length), parts[part]![0])
          );
          assertEquals(got, model.slice(first * 512, first * 512 + size));
        }
      }
    }),
    { numRuns: 40 },
  );
});

Deno.test("PIO reads ask for each sector with an interrupt, and PIO writes reach the medium", () => {
  const { bench, medium, read, write, address28, waitForInterrupt, words } = cardOnABench();
  const expected = Uint8Array.from({ length: 1024 }, (_, index) => index * 3);
  address28(5, 2);
  write("STATUS_COMMAND", commandCodes.writeSectors);
  assert(bench.runUntil(() => (read("ALTERNATE_STATUS_CONTROL") & 8) !== 0));
  assertEquals(bench.interrupt, false, "the first sector is asked for without an interrupt");
  for (let sector = 0; sector < 2; sector++) {
    for (let index = 0; index < 512; index += 2) {
      write("DATA", expected[sector * 512 + index]! | expected[sector * 512 + index + 1]! << 8);
    }
    waitForInterrupt();
    assertEquals(read("STATUS_COMMAND"), sector === 0 ? 0x58 : 0x50);
  }
  const onDisk = new Uint8Array(1024);
  medium.read(5, onDisk);
  assertEquals(onDisk, expected);

  address28(5, 2);
  write("STATUS_COMMAND", commandCodes.readSectors);
  const got: number[] = [];
  for (let sector = 0; sector < 2; sector++) {
    waitForInterrupt();
    assertEquals(read("STATUS_COMMAND"), 0x58);
    assertEquals(bench.interrupt, false);
    got.push(...new Uint8Array(words(256).buffer));
  }
  assertEquals(Uint8Array.from(got), expected);
  assertEquals(read("STATUS_COMMAND"), 0x50);
});

Deno.test("IDENTIFY DEVICE tells model, size, caches and modes, with a valid checksum", () => {
  const { drive, write, command, waitForInterrupt, read, words } = cardOnABench();
  assertEquals(command(commandCodes.setFeatures, features.transferMode, 0x45), 0x50);
  write("STATUS_COMMAND", commandCodes.identify);
  waitForInterrupt();
  assertEquals(read("STATUS_COMMAND"), 0x58);
  const data = words(256);
  const text = [...data.slice(27, 47)].map((word) => String.fromCharCode(word >> 8, word & 0xff)).join("");
  assertEquals(text.trim(), drive.parameters.model);
  assertEquals(data[60]! + data[61]! * 65536, drive.sectorCount);
  assertEquals(data[100]! + data[101]! * 65536, drive.sectorCount);
  assertEquals(data[85]! & 0x60, 0x60);
  assertEquals(data[88], 0x203f);
  assertEquals(new Uint8Array(data.buffer).reduce((sum, byte) => sum + byte & 0xff, 0), 0);
});

Deno.test("FLUSH CACHE calls the medium's flush before it interrupts", () => {
  const { medium, regions, transfer, command } = cardOnABench();
  regions([buffer, 512]);
  transfer("out", 3, 1);
  assertEquals(medium.flushCount, 0);
  assertEquals(command(commandCodes.flushCacheExt), 0x50);
  assertEquals(medium.flushCount, 1);
});

Deno.test("a write with FUA, or with the cache switched off, is on the platters when it ends", () => {
  const { bench, medium, regions, address48, startDma, waitForInterrupt, acknowledge, command, transfer } =
    cardOnABench();
  regions([buffer, 512]);
  address48(600_000, 1);
  const before = bench.now;
  startDma("out", commandCodes.writeDmaFuaExt);
  waitForInterrupt();
  assertEquals(acknowledge(), 0x50);
  assertGreater(bench.now - before, 1e6);
  assertEquals(medium.flushCount, 1);
  command(commandCodes.setFeatures, features.writeCacheOff);
  const flushes = medium.flushCount;
  transfer("out", 9, 1);
  assertEquals(medium.flushCount, flushes + 1);
});

Deno.test("CHECK POWER MODE tells standby from active", () => {
  const { command, read } = cardOnABench();
  command(commandCodes.checkPower);
  assertEquals(read("SECTOR_COUNT"), 0xff);
  command(commandCodes.standbyImmediate);
  command(commandCodes.checkPower);
  assertEquals(read("SECTOR_COUNT"), 0);
  command(commandCodes.idleImmediate);
  command(commandCodes.checkPower);
  assertEquals(read("SECTOR_COUNT"), 0xff);
});

Deno.test("ports 2 and 3 interrupt only after the steering bit was set in port 2's command", () => {
  const { bench, read, write } = cardOnABench({ port: 3, steer: false });
  write("STATUS_COMMAND", commandCodes.flushCache);
  bench.run(1e9);
  assertEquals([bench.interrupt, read("TF_CONFIG") >>> 11 & 1], [false, 1]);
  bench.write(5, portRegisters(2).BM_COMMAND.offset, 2, 1);
  assertEquals(bench.interrupt, true);
  assertEquals(read("STATUS_COMMAND"), 0x50);
  assertEquals(bench.interrupt, false);
});

Deno.test("nIEN and the system configuration mask hold interrupts back", () => {
  const { bench, read, write, command } = cardOnABench();
  write("ALTERNATE_STATUS_CONTROL", 2);
  write("STATUS_COMMAND", commandCodes.flushCache);
  bench.run(1e9);
  assertEquals([bench.interrupt, read("STATUS_COMMAND")], [false, 0x50]);
  write("ALTERNATE_STATUS_CONTROL", 0);
  bench.write(5, 0x48, 1 << 22);
  write("STATUS_COMMAND", commandCodes.flushCache);
  bench.run(1e9);
  assertEquals(bench.interrupt, false);
  bench.write(5, 0x48, 0);
  assertEquals(bench.interrupt, true);
  read("STATUS_COMMAND");
  assertEquals(command(commandCodes.flushCache), 0x50);
});

Deno.test("port 0's bus master 2 shows port 1's completion in its upper byte", () => {
  const { bench, write } = cardOnABench({ port: 1 });
  write("STATUS_COMMAND", commandCodes.flushCache);
  bench.run(1e9);
  assertEquals(bench.read(5, portRegisters(0).BM2.offset) >>> 24 & 7, 0b100);
});

Deno.test("the high-order bit shows the bytes that were written first", () => {
  const { read, write, address48 } = cardOnABench();
  address48(0x123456789a, 0x0102);
  const names = ["SECTOR_COUNT", "LBA_LOW", "LBA_MID", "LBA_HIGH"] as const;
  assertEquals(names.map(read), [0x02, 0x9a, 0x78, 0x56]);
  write("ALTERNATE_STATUS_CONTROL", 0x80);
  assertEquals(names.map(read), [0x01, 0x34, 0x12, 0x00]);
});

Deno.test("I/O BARs show the task file, control and bus master of ports 0 and 1", () => {
  const { bench, read, write } = cardOnABench({ port: 1 });
  bench.write(2, 3, 0x77, 1);
  assertEquals(read("LBA_LOW"), 0x77);
  assertEquals(bench.read(3, 2, 1), 0x50);
  assertEquals(bench.read(0, 7, 1), 0x7f);
  write("BM_PRD_TABLE", 0x1234_5678);
  assertEquals(bench.read(4, 0xc), 0x1234_5678);
});

/** How long a cached 64 KiB write takes, in microseconds. */
function writeTimeUs(options: { cacheLineSize?: number; fifoControl?: number; memoryAccessNs?: number }) {
  const { bench, write, regions, transfer } = cardOnABench({
    slot: { cacheLineSize: options.cacheLineSize ?? 0, dmaBytesPerSecond: 1e9 },
    fifo: { memoryAccessNs: options.memoryAccessNs ?? 500 },
  });
  if (options.fifoControl !== undefined) write("FIFO_CONTROL", options.fifoControl);
  regions([buffer, 0x8000], [buffer + 0x8000, 0x8000]);
  const before = bench.now;
  transfer("out", 0, 128);
  return (bench.now - before) / 1e3;
}

Deno.test("the low-water mark of the FIFO makes writes slow when it is unset or too high", () => {
  const marks = [0, 1, 2, 3, 4, 5, 6, 7].map((mark) => writeTimeUs({ fifoControl: mark << 8 | mark }));
  assertGreater(marks[0]!, 3 * marks[3]!);
  assertGreater(marks[1]!, 1.3 * marks[3]!);
  assertGreater(marks[6]!, 1.4 * marks[3]!);
  assertGreater(marks[7]!, 1.4 * marks[3]!);
  for (const mark of [2, 3, 4]) assertLess(marks[mark]!, 1.2 * marks[3]!);
});

Deno.test("through a slow bridge the FIFO runs dry at a lower mark", () => {
  assertGreater(
    writeTimeUs({ fifoControl: 0x505, memoryAccessNs: 1000 }),
    1.4 * writeTimeUs({ fifoControl: 0x505, memoryAccessNs: 500 }),
  );
});

Deno.test("while the FIFO register is 0 the cache line size register sets the mark", () => {
  assertEquals(writeTimeUs({ cacheLineSize: 16 }), writeTimeUs({ fifoControl: 0x303 }));
  assertEquals(writeTimeUs({ cacheLineSize: 0 }), writeTimeUs({ fifoControl: 0 }));
  assertGreater(writeTimeUs({ cacheLineSize: 64 }), writeTimeUs({ cacheLineSize: 16 }));
});
