/**
 * Installing files from outside: whose a file is, what is written, and what a power cut leaves.
 *
 * All on disks in memory; what real FAT tools say of an installed volume is in peers_test.ts.
 */

import { assert, assertEquals } from "@std/assert";
import { deviceFrom, freshDevice, label, pattern, RecordingDevice, TestDisk } from "./disk_bench_test.ts";
import { runToEnd } from "./block_device.ts";
import { defaultSectorCount, formatFat32 } from "./format.ts";
import { bringUpToDate, putFiles, type Update } from "./install.ts";
import type { MemoryDevice } from "./memory_device.ts";
import { freshDisk } from "./populate.ts";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const first = new Map([["/bin/One.il", pattern(1, 40_000)], ["/manifests/One.xml", text("<one/>")]]);
const second = new Map([["/bin/One.il", pattern(2, 50_000)], ["/manifests/One.xml", text("<one/>")]]);

function accepted(result: ReturnType<typeof putFiles>): Update {
  assert("accepted" in result, "the volume was refused");
  return result.accepted;
}

const isArchived = (device: MemoryDevice, path: string): boolean =>
  runToEnd(new TestDisk(device).volume.isArchived(path));

Deno.test("missing files are installed with their directories, and are as installed", () => {
  const device = freshDevice();
  assertEquals(accepted(bringUpToDate(device, first)), { written: [...first.keys()], failed: undefined });
  const disk = new TestDisk(device);
  for (const [path, bytes] of first) assertEquals(disk.read(path), bytes);
  assertEquals([...first.keys()].map((path) => isArchived(device, path)), [false, false]);
});

Deno.test("what is as installed follows, and only what differs is written", () => {
  const device = freshDevice();
  bringUpToDate(device, first);
  assertEquals(accepted(bringUpToDate(device, first)).written, []);
  assertEquals(accepted(bringUpToDate(device, second)).written, ["/bin/One.il"]);
  assertEquals(new TestDisk(device).read("/bin/One.il"), second.get("/bin/One.il"));
  assertEquals(isArchived(device, "/bin/One.il"), false);
});

Deno.test("a file that somebody wrote, made or renamed is theirs and stays", () => {
  const device = freshDevice();
  bringUpToDate(device, first);
  const disk = new TestDisk(device);
  disk.write("/manifests/One.xml", text("<own/>"));
  disk.rename("/bin/One.il", "/bin/Two.il");
  disk.create("/bin/One.il", text("my own"));
  disk.sync();
  for (const path of ["/manifests/One.xml", "/bin/One.il", "/bin/Two.il"]) assert(isArchived(device, path));
  assertEquals(accepted(bringUpToDate(device, second)).written, []);
  assertEquals(new TestDisk(device).read("/bin/One.il"), text("my own"));
});

Deno.test("a file that a person installs replaces what was there, and is theirs", () => {
  const device = freshDevice();
  bringUpToDate(device, first);
  assertEquals(accepted(putFiles(device, second)).written, [...second.keys()]);
  assertEquals(accepted(bringUpToDate(device, first)).written, []);
  assertEquals(new TestDisk(device).read("/bin/One.il"), second.get("/bin/One.il"));
});

Deno.test("a fresh disk with files is one on which nothing is left to be brought up to date", () => {
  const made = freshDisk({
    sectorCount: defaultSectorCount,
    label,
    volumeId: 1,
    directories: [],
    files: first,
  });
  const device = deviceFrom(made, defaultSectorCount);
  assertEquals(accepted(bringUpToDate(device, first)).written, []);
});

Deno.test("a file for which there is no room is named, and leaves what was there", () => {
  const device = deviceFrom(formatFat32({ sectorCount: 70_000, label, volumeId: 1 }), 70_000);
  bringUpToDate(device, first);
  const disk = new TestDisk(device);
  disk.create("/ballast", new Uint8Array(disk.freeBytes() - 20_000));
  disk.sync();
  const { written, failed } = accepted(bringUpToDate(device, second));
  assertEquals([written, failed?.path], [[], "/bin/One.il"]);
  assert(failed?.reason.startsWith("NoSpace: 52048 bytes are needed"), failed?.reason);
  assertEquals(new TestDisk(device).read("/bin/One.il"), first.get("/bin/One.il"));
});

Deno.test("a disk without a volume is refused with the reason", () => {
  assertEquals("refused" in putFiles(deviceFrom([], defaultSectorCount), first), true);
});

Deno.test("wherever the power is cut while files are brought up to date, each is whole, old or new, and follows", () => {
  const device = freshDevice();
  bringUpToDate(device, first);
  const recorder = new RecordingDevice(deviceFrom(device.runs(), device.sectorCount));
  bringUpToDate(recorder, second);
  assert(recorder.events.length > 5);
  for (let cut = 0; cut <= recorder.events.length; cut++) {
    const after = deviceFrom(device.runs(), device.sectorCount);
    for (const event of recorder.events.slice(0, cut)) if (event !== "flush") after.store(event);
    const found = new TestDisk(after).read("/bin/One.il");
    const isWhole = [first, second].some((files) => {
      const bytes = files.get("/bin/One.il")!;
      return bytes.length === found.length && bytes.every((byte, index) => byte === found[index]);
    });
    assert(isWhole, `cut after ${cut} of ${recorder.events.length} writes`);
    assertEquals(accepted(bringUpToDate(after, second)).failed, undefined);
    assertEquals(new TestDisk(after).read("/bin/One.il"), second.get("/bin/One.il"));
  }
});
