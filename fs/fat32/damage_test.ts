/**
 * Damaged and foreign disks: refused with a reason, or served without harm to us.
 *
 * Whatever bytes are on a disk, mounting and every request end with an answer; a
 * chain that goes round in a circle must not keep the engine busy.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import type { Call } from "../../kernel/abi/kernel.ts";
import { runToEnd } from "./block_device.ts";
import { freshDevice, pattern, refusal, TestDisk } from "./disk_bench_test.ts";
import { formatFat32 } from "./format.ts";
import { MemoryDevice } from "./memory_device.ts";
import { Volume } from "./volume.ts";

// deno-lint-ignore require-yield -- a clock that stands still
const clock = function* (): Call<number> {
  return 0;
};

/** Why a disk with this boot sector is refused. */
function reason(change: (boot: Uint8Array, view: DataView) => void): string {
  const device = freshDevice();
  const boot = sectorOf(device, 0);
  change(boot, new DataView(boot.buffer));
  device.store({ firstSector: 0, bytes: boot });
  const mounted = runToEnd(Volume.mount(device, clock));
  assert("refused" in mounted, "the disk was mounted");
  return mounted.refused;
}

function sectorOf(device: MemoryDevice, sector: number): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(512);
  runToEnd(device.read(sector, 1, (bytes) => copy.set(bytes)));
  return copy;
}

Deno.test("a volume with sectors of another size is refused with the value", () => {
  assertEquals(reason((_, view) => view.setUint16(11, 520, true)), "sector size is 520, must be 512");
});

Deno.test("each kind of disk that is not FAT32 is refused by its name", () => {
  assertStringIncludes(reason((boot) => boot.fill(0)), "no boot signature");
  assertStringIncludes(reason((boot) => boot.fill(0, 0, 510)), "neither a FAT volume nor a partition table");
  assertStringIncludes(reason((boot) => boot.set(new TextEncoder().encode("EXFAT   "), 3)), "exFAT");
  assertStringIncludes(reason((boot) => boot.set(new TextEncoder().encode("NTFS    "), 3)), "NTFS");
  assertStringIncludes(reason((_, view) => view.setUint16(17, 512, true)), "FAT12 or FAT16");
  assertStringIncludes(reason((_, view) => view.setUint32(32, 40_000, true)), "FAT12 or FAT16");
  assertStringIncludes(reason((boot) => boot.fill(0, 0, 446).fill(0xee, 450, 451)), "GUID partition table");
});

Deno.test("a damaged boot sector is refused with the field that is wrong", () => {
  assertStringIncludes(reason((boot) => boot[13] = 3), "sectors per cluster are 3");
  assertStringIncludes(reason((_, view) => view.setUint16(14, 0, true)), "reserved sectors are 0");
  assertStringIncludes(reason((boot) => boot[16] = 9), "number of FATs is 9");
  assertStringIncludes(reason((_, view) => view.setUint32(36, 10, true)), "too few for");
  assertStringIncludes(reason((_, view) => view.setUint32(36, 0, true)), "size of the FAT is 0");
  assertStringIncludes(
    reason((_, view) => view.setUint32(44, 1, true)),
    "the root directory is at cluster 1",
  );
  assertStringIncludes(reason((_, view) => view.setUint32(32, 900_000, true)), "but the device has 131072");
  assertStringIncludes(reason((_, view) => view.setUint16(42, 1, true)), "version is 1");
});

Deno.test("a boot sector of random bytes is refused or mounted, and never throws", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 510, maxLength: 510 }), (bytes) => {
      const device = freshDevice();
      const boot = sectorOf(device, 0);
      boot.set(bytes);
      boot.set([0xeb, 0x58, 0x90]);
      device.store({ firstSector: 0, bytes: boot });
      runToEnd(Volume.mount(device, clock));
    }),
  );
});

/** Points the FAT entry of a cluster elsewhere, in both copies. */
function setFat(device: MemoryDevice, disk: TestDisk, cluster: number, value: number): void {
  const { fatStart, fatCopies } = disk.volume.geometry;
  for (const copy of fatCopies) {
    const sector = fatStart + copy + (cluster >>> 7);
    const bytes = sectorOf(device, sector);
    new DataView(bytes.buffer).setUint32((cluster & 127) * 4, value, true);
    device.store({ firstSector: sector, bytes });
  }
}

/** A volume with a file of ten clusters (3 to 12) and a directory (13). */
function filled(): { device: MemoryDevice; disk: TestDisk } {
  const device = freshDevice();
  const disk = new TestDisk(device);
  disk.create("/f", pattern(1, 5120));
  disk.makeDirectory("/d");
  disk.sync();
  return { device, disk };
}

Deno.test("a chain in a circle is found corrupt when the file is removed, and nothing is changed", () => {
  const { device, disk } = filled();
  setFat(device, disk, 12, 5);
  const again = new TestDisk(device);
  assertEquals(refusal(() => again.remove("/f")), "Corrupt");
  assertEquals(refusal(() => again.replace("/f", pattern(2, 10))), "Corrupt");
  assertEquals(again.read("/f"), pattern(1, 5120));
});

Deno.test("a directory whose chain is a circle is corrupt", () => {
  const { device, disk } = filled();
  setFat(device, disk, 13, 13);
  assertEquals(refusal(() => new TestDisk(device).names("/d")), "Corrupt");
});

Deno.test("a chain that ends early, is bad or leads to a free cluster is corrupt", () => {
  for (const value of [0, 1, 0x0ffffff7, 0x0fffffff, 0x0abcdef0]) {
    const { device, disk } = filled();
    setFat(device, disk, 6, value);
    const again = new TestDisk(device);
    assertEquals(refusal(() => again.read("/f")), "Corrupt");
    assertEquals(again.names("/"), ["d", "f"]);
  }
});

Deno.test("the upper four bits of a FAT entry are not part of it and stay as they are", () => {
  const { device, disk } = filled();
  setFat(device, disk, 12, 0xafffffff);
  const again = new TestDisk(device);
  again.write("/f", pattern(2, 600), 5120);
  again.sync();
  const entry = new DataView(sectorOf(device, disk.volume.geometry.fatStart).buffer).getUint32(48, true);
  assertEquals(entry, 0xa000000e);
});

Deno.test("a directory entry that claims to be the root directory is corrupt", () => {
  const { device, disk } = filled();
  const root = sectorOf(device, disk.volume.geometry.dataStart);
  new DataView(root.buffer).setUint16(64 + 26, 2, true); // label, f, d
  device.store({ firstSector: disk.volume.geometry.dataStart, bytes: root });
  const again = new TestDisk(device);
  assertEquals(refusal(() => again.names("/d/d/d")), "Corrupt");
  assertEquals(refusal(() => again.remove("/d")), "Corrupt");
});

Deno.test("a count of free clusters that is too low does not keep the disk from being used", () => {
  const { device } = filled();
  const information = sectorOf(device, 1);
  new DataView(information.buffer).setUint32(488, 3, true);
  device.store({ firstSector: 1, bytes: information });
  const disk = new TestDisk(device);
  disk.write("/f", pattern(2, 50_000), 0);
  assertEquals(disk.read("/f"), pattern(2, 50_000));
});

Deno.test("whatever bytes directories and the FAT hold, each request ends with an answer", () => {
  const base = freshDevice();
  const first = new TestDisk(base);
  for (const path of ["/d", "/d/e", "/a directory"]) first.makeDirectory(path);
  for (const path of ["/f", "/d/a long name", "/d/e/g"]) first.create(path, pattern(1, 3000));
  first.sync();
  const { dataStart, fatStart } = first.volume.geometry;
  const damage = fc.array(
    fc.record({
      sector: fc.constantFrom(fatStart, ...Array.from({ length: 24 }, (_, index) => dataStart + index)),
      at: fc.nat(511),
      byte: fc.oneof(fc.nat(255), fc.constantFrom(0, 2, 3, 4, 0x0f, 0x10, 0xe5, 0xff)),
    }),
    { minLength: 1, maxLength: 40 },
  );
  const runs = base.runs();
  fc.assert(
    fc.property(damage, (changes) => {
      const device = new MemoryDevice(base.sectorCount);
      for (const run of runs) device.store(run);
      for (const { sector, at, byte } of changes) {
        const bytes = sectorOf(device, sector);
        bytes[at] = byte;
        device.store({ firstSector: sector, bytes });
      }
      exercise(device);
    }),
    { numRuns: 150 },
  );
});

function exercise(device: MemoryDevice): void {
  const mounted = runToEnd(Volume.mount(device, clock));
  if ("refused" in mounted) return;
  const disk = new TestDisk(device);
  for (const path of ["/", "/d", "/d/e", "/a directory"]) {
    refusal(() => {
      for (const { name, kind, size } of disk.list(path).slice(0, 50)) {
        if (kind === "file" && size < 100_000) refusal(() => disk.read(`${path}/${name}`));
      }
    });
  }
  for (const path of ["/f", "/d/a long name", "/d/e/g"]) {
    refusal(() => disk.write(path, pattern(3, 4000), 1000));
    refusal(() => disk.truncate(path, 700));
    refusal(() => disk.rename(path, "/renamed"));
    refusal(() => disk.remove("/renamed"));
  }
  for (const path of ["/d/e/g", "/d/e", "/d/a long name", "/d"]) refusal(() => disk.remove(path));
  refusal(() => disk.makeDirectory("/new"));
  refusal(() => disk.create("/new/file", pattern(1, 9000)));
  refusal(() => disk.sync());
}

Deno.test("a disk too small for FAT32 cannot be formatted, nor one with a label that FAT forbids", () => {
  const thrown = (action: () => unknown): string => {
    try {
      action();
    } catch (error) {
      return (error as Error).message;
    }
    return "";
  };
  assertStringIncludes(
    thrown(() => formatFat32({ sectorCount: 60_000, label: "X", volumeId: 1 })),
    "Cannot format 60000 sectors as FAT32, which needs 65525 clusters",
  );
  assertStringIncludes(
    thrown(() => formatFat32({ sectorCount: 131_072, label: "lower", volumeId: 1 })),
    '"lower"',
  );
});
