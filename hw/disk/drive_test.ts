/**
 * What a drive promises about time and about durability.
 *
 * Figures are those of hardware-reference.md 4.7; bands are wide enough for another drive's figures
 * of the same kind, and narrow enough to catch a mechanism that is missing.
 */

import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import fc from "fast-check";
import { EventQueue } from "../time/event_queue.ts";
import { later, milliseconds, seconds } from "../time/time.ts";
import { DiskDrive } from "./drive.ts";
import { DriveGeometry } from "./geometry.ts";
import { type DiskMedium, MediumError } from "./medium.ts";
import { MemoryMedium } from "./memory_medium.ts";
import { barracuda200 } from "./parameters.ts";
import { SectorRanges } from "./sector_ranges.ts";

function driveOnABench(medium: DiskMedium = new MemoryMedium(barracuda200.sectorCount)) {
  const queue = new EventQueue();
  const drive = new DiskDrive({ name: "disk0", clock: queue, medium });
  /** A read from start to end, after which time stands at its end; how long it took, in ms. */
  const readMs = (first: number, count: number) => {
    const before = queue.now;
    queue.runUntil(drive.planRead(first, count).end);
    return (queue.now - before) / 1e6;
  };
  /** A write whose data arrives at interface speed. */
  const writeMs = (first: number, count: number, through = false) => {
    const before = queue.now;
    queue.runUntil(later(drive.planWrite(), seconds(count * 512 / 150e6)));
    const finished = drive.write(first, new Uint8Array(count * 512), through);
    assert(finished !== undefined);
    queue.runUntil(finished);
    return (queue.now - before) / 1e6;
  };
  const flushMs = () => {
    const before = queue.now;
    let ended = -1;
    drive.flush(() => ended = queue.now);
    while (ended < 0) assert(queue.runNext());
    return (ended - before) / 1e6;
  };
  const rest = (ms: number) => queue.runUntil(later(queue.now, milliseconds(ms)));
  return { queue, drive, readMs, writeMs, flushMs, rest };
}

/** Numbers that jump about, the same in each run. */
function* scattered(limit: number) {
  for (let state = 12345;;) {
    state = (state * 1103515245 + 12345) % 2 ** 31;
    yield Math.floor(state / 2 ** 31 * limit);
  }
}

Deno.test("random 4 KiB reads take about 13 ms each: seek, half a turn, overhead", () => {
  const { drive, readMs } = driveOnABench();
  const sectors = scattered(drive.sectorCount - 8);
  let total = 0;
  for (let index = 0; index < 500; index++) total += readMs(sectors.next().value!, 8);
  assertGreater(total / 500, 11.5);
  assertLess(total / 500, 14.5);
});

Deno.test("sequential reads run at the media rate: 78 MB/s outside, 38 MB/s inside", () => {
  for (const [where, expected] of [[0, 78], [barracuda200.sectorCount - 64 * 2048, 38]] as const) {
    const { readMs } = driveOnABench();
    let total = readMs(where, 256);
    for (let at = 256; at < 64 * 2048; at += 256) total += readMs(where + at, 256);
    const rate = 64 * 2048 * 512 / (total / 1e3) / 1e6;
    // Track switches cost about a tenth.
    assertGreater(rate, 0.82 * expected);
    assertLess(rate, 1.02 * expected);
  }
});

Deno.test("a pause does not let the drive read ahead further than its buffer", () => {
  const { readMs, rest } = driveOnABench();
  readMs(0, 256);
  rest(10_000);
  let total = 0;
  for (let at = 256; at < 32 * 2048; at += 256) total += readMs(at, 256);
  assertLess(32 * 2048 * 512 / (total / 1e3) / 1e6, 85);
});

Deno.test("a read that was read ahead costs neither seek nor turn", () => {
  const { readMs, rest } = driveOnABench();
  assertGreater(readMs(1_000_000, 8), 2);
  rest(5);
  assertLess(readMs(1_000_008, 8), 0.3);
});

Deno.test("without read-ahead each sequential read waits for the platter", () => {
  const { drive, readMs, rest } = driveOnABench();
  drive.readAheadEnabled = false;
  readMs(0, 8);
  rest(5);
  assertGreater(readMs(8, 8), 2);
});

Deno.test("a cached write ends within 0.3 ms, a write through the cache pays the platter", () => {
  const { writeMs, rest } = driveOnABench();
  assertLess(writeMs(300_000_000, 8), 0.3);
  rest(1000);
  assertGreater(writeMs(100, 8, true), 5);
});

Deno.test("a full write cache slows writes down to the platter's pace", () => {
  const { drive, writeMs } = driveOnABench();
  const sectors = scattered(drive.sectorCount - 2048);
  let total = 0;
  for (let index = 0; index < 64; index++) total += writeMs(sectors.next().value!, 1024);
  assertGreater(total, 300);
  assert(drive.dirtySectors * 512 <= 8 * 2 ** 20);
});

Deno.test("flush costs 0.1 ms when clean, and a seek per scattered region when dirty", () => {
  const { drive, writeMs, flushMs } = driveOnABench();
  assertEquals(flushMs(), 0.1);
  const sectors = scattered(drive.sectorCount - 8);
  for (let index = 0; index < 20; index++) writeMs(sectors.next().value!, 8);
  const dirty = flushMs();
  assertGreater(dirty, 20 * 4);
  assertLess(dirty, 20 * 16);
  assertEquals(drive.dirtySectors, 0);
});

Deno.test("an idle drive drains its cache, so a later flush is cheap", () => {
  const { writeMs, flushMs, rest } = driveOnABench();
  for (let index = 0; index < 10; index++) writeMs(index * 1_000_000, 8);
  rest(2000);
  assertLess(flushMs(), 0.2);
});

Deno.test("medium.flush has been called when flush reports success, and not before", () => {
  const medium = new MemoryMedium(4096);
  const { queue, drive } = driveOnABench(medium);
  drive.write(0, new Uint8Array(512), false);
  let reported = false;
  drive.flush((succeeded) => {
    assertEquals([succeeded, medium.flushCount], [true, 1]);
    reported = true;
  });
  assertEquals(medium.flushCount, 0);
  while (queue.runNext());
  assert(reported);
});

Deno.test("a medium that fails shows as a failed read, write and flush, not as an exception", () => {
  const fail = () => {
    throw new MediumError("no space left");
  };
  const { queue, drive } = driveOnABench({ sectorCount: 100, read: fail, write: fail, flush: fail });
  assertEquals(drive.read(0, new Uint8Array(512)), false);
  assertEquals(drive.write(0, new Uint8Array(512), false), undefined);
  let outcome: boolean | undefined;
  drive.flush((succeeded) => outcome = succeeded);
  while (queue.runNext());
  assertEquals(outcome, false);
});

Deno.test("writing an unreadable sector mends it", () => {
  const { drive } = driveOnABench();
  drive.faults.unreadable.add(7);
  assertEquals(drive.firstUnreadable(0, 8), 7);
  drive.write(7, new Uint8Array(512), false);
  assertEquals(drive.firstUnreadable(0, 8), undefined);
});

Deno.test("standby stops the platters and the next read waits for them", () => {
  const { queue, drive, readMs } = driveOnABench();
  drive.standby(() => {});
  while (queue.runNext());
  assertEquals(drive.spinning, false);
  assertGreater(readMs(0, 8), 5000);
  assertEquals(drive.spinning, true);
});

Deno.test("seek times meet the data sheet's figures", () => {
  const geometry = new DriveGeometry(barracuda200, barracuda200.sectorCount);
  const last = barracuda200.sectorCount - 1;
  const sectors = scattered(last);
  let total = 0;
  for (let index = 0; index < 2000; index++) {
    total += geometry.seekNs(sectors.next().value!, sectors.next().value!, "read") / 1e6;
  }
  assertGreater(total / 2000, 7.5);
  assertLess(total / 2000, 9.5);
  assertGreater(geometry.seekNs(0, last, "read") / 1e6, 17.5);
  assertEquals(geometry.seekNs(0, 1, "read"), 0);
});

Deno.test("ranges hold exactly the sectors that were added and not taken", () => {
  fc.assert(fc.property(
    fc.array(fc.tuple(fc.boolean(), fc.nat(200), fc.integer({ min: 1, max: 20 })), { maxLength: 60 }),
    (steps) => {
      const ranges = new SectorRanges();
      const model = new Set<number>();
      for (const [isAdd, first, count] of steps) {
        if (isAdd) {
          ranges.add(first, first + count);
          for (let sector = first; sector < first + count; sector++) model.add(sector);
        } else {
          const taken = ranges.takeFrom(first, count);
          assertEquals(taken === undefined, model.size === 0);
          for (let sector = taken?.first ?? 0; sector < (taken?.end ?? 0); sector++) {
            assert(model.delete(sector));
          }
        }
        assertEquals(ranges.sectorCount, model.size);
        const wanted = Array.from({ length: count }, (_, index) => first + index).every((at) =>
          model.has(at)
        );
        assertEquals(ranges.contains(first, first + count), wanted);
      }
    },
  ));
});

Deno.test("a sparse medium gives back what was written and zeros elsewhere", () => {
  fc.assert(fc.property(
    fc.array(fc.tuple(fc.nat(990), fc.integer({ min: 1, max: 10 }), fc.nat(255)), { maxLength: 30 }),
    (writes) => {
      const medium = new MemoryMedium(1000);
      const model = new Uint8Array(1000 * 512);
      for (const [first, count, fill] of writes) {
        const bytes = new Uint8Array(count * 512).fill(fill);
        medium.write(first, bytes);
        model.set(bytes, first * 512);
      }
      const all = new Uint8Array(model.length).fill(0xee);
      medium.read(0, all);
      assertEquals(all, model);
    },
  ));
});
