/**
 * The engine by itself: what each request does, and what it refuses.
 *
 * Every test works on a fresh volume in memory, and those that change much end with a
 * look at it through a second mount, which sees only what a sync made durable.
 */

import { assert, assertEquals } from "@std/assert";
import { runToEnd } from "./block_device.ts";
import { freshDevice, pattern, refusal, TestDisk } from "./disk_bench_test.ts";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

Deno.test("a file that was written and synced is read back after another mount", () => {
  const device = freshDevice();
  const disk = new TestDisk(device);
  disk.create("/hello.txt", text("hello"));
  disk.sync();
  assertEquals(new TestDisk(device).read("/hello.txt"), text("hello"));
});

Deno.test("nothing reaches the disk before a sync", () => {
  const device = freshDevice();
  const disk = new TestDisk(device);
  disk.create("/hello.txt", text("hello"));
  assertEquals(new TestDisk(device).names("/"), []);
});

Deno.test("a name is found in any case and listed as it was written", () => {
  const disk = new TestDisk(freshDevice());
  disk.create("/Größe der Daten.TXT", text("1"));
  disk.create("/UPPER.TXT", text("22"));
  disk.create("/lower.txt", text("333"));
  disk.create("/Mixed.Txt", text("4444"));
  assertEquals(disk.read("/GRÖSSE DER DATEN.txt".replace("SS", "ß")), text("1"));
  assertEquals(disk.read("/upper.txt"), text("22"));
  assertEquals(disk.read("/LOWER.TXT"), text("333"));
  assertEquals(disk.read("/mIXED.tXT"), text("4444"));
  assertEquals(disk.names("/"), ["Größe der Daten.TXT", "Mixed.Txt", "UPPER.TXT", "lower.txt"].sort());
});

Deno.test("a write beyond the end fills the gap with zeros, even where old bytes were", () => {
  const device = freshDevice();
  const disk = new TestDisk(device);
  disk.create("/a", pattern(1, 3000));
  disk.truncate("/a", 10);
  disk.write("/a", text("end"), 2000);
  disk.sync();
  const bytes = new TestDisk(device).read("/a");
  assertEquals(bytes.length, 2003);
  assertEquals(bytes.slice(0, 10), pattern(1, 3000).slice(0, 10));
  assert(bytes.slice(10, 2000).every((byte) => byte === 0));
  assertEquals(bytes.slice(2000), text("end"));
});

Deno.test("truncate lengthens a file with zeros", () => {
  const disk = new TestDisk(freshDevice());
  disk.create("/a", text("x"));
  disk.truncate("/a", 1500);
  assertEquals(disk.read("/a"), new Uint8Array(1500).fill(0x78, 0, 1));
});

Deno.test("open refuses what the mode and the path do not allow", () => {
  const disk = new TestDisk(freshDevice());
  disk.makeDirectory("/d");
  disk.create("/f", text("x"));
  assertEquals(refusal(() => disk.read("/none")), "NotFound");
  assertEquals(refusal(() => disk.write("/none", text("x"))), "NotFound");
  assertEquals(refusal(() => disk.create("/F", text("x"))), "AlreadyExists");
  assertEquals(refusal(() => disk.read("/d")), "IsADirectory");
  assertEquals(refusal(() => disk.replace("/", text("x"))), "IsADirectory");
  assertEquals(refusal(() => disk.read("/f/g")), "NotADirectory");
  assertEquals(refusal(() => disk.create("/none/g", text("x"))), "NotFound");
});

Deno.test("names with characters that FAT forbids are refused", () => {
  const disk = new TestDisk(freshDevice());
  for (
    const name of [
      'a"b',
      "a*b",
      "a:b",
      "a<b",
      "a>b",
      "a?b",
      "a\\b",
      "a|b",
      "a\tb",
      ".",
      "..",
      "a.",
      "a ",
      "\ud800",
    ]
  ) {
    assertEquals(refusal(() => disk.create(`/${name}`, text("x"))), "BadName", JSON.stringify(name));
  }
  assertEquals(refusal(() => disk.create(`/${"n".repeat(256)}`, text("x"))), "BadName");
  disk.create(`/${"n".repeat(255)}`, text("x"));
  disk.create("/emoji 😀", text("x"));
  assertEquals(disk.names("/"), ["emoji 😀", "n".repeat(255)]);
});

Deno.test("replace empties a file that is there and makes one that is not", () => {
  const disk = new TestDisk(freshDevice());
  disk.replace("/a", pattern(1, 5000));
  disk.replace("/a", text("short"));
  assertEquals(disk.read("/a"), text("short"));
});

Deno.test("an open file can be neither removed nor renamed, and all who have it open see one size", () => {
  const disk = new TestDisk(freshDevice());
  disk.create("/a", text("abc"));
  const one = runToEnd(disk.volume.open("/a", "read"));
  const other = runToEnd(disk.volume.open("/A", "write"));
  runToEnd(other.write(3, { bytes: text("def") }));
  assertEquals(one.size, 6);
  disk.volume.close(other);
  assertEquals(refusal(() => disk.remove("/a")), "InUse");
  assertEquals(refusal(() => disk.rename("/a", "/b")), "InUse");
  disk.volume.close(one);
  disk.remove("/a");
  assertEquals(disk.names("/"), []);
});

Deno.test("rename moves a file between directories and keeps its bytes", () => {
  const device = freshDevice();
  const disk = new TestDisk(device);
  disk.makeDirectory("/in");
  disk.makeDirectory("/out");
  disk.create("/in/a long name of a file", pattern(3, 2000));
  disk.rename("/in/a long name of a file", "/out/b");
  disk.sync();
  const again = new TestDisk(device);
  assertEquals(again.names("/in"), []);
  assertEquals(again.read("/out/b"), pattern(3, 2000));
});

Deno.test("rename refuses a name that is taken, except the file's own in another case", () => {
  const disk = new TestDisk(freshDevice());
  disk.create("/a.txt", text("a"));
  disk.create("/b.txt", text("b"));
  assertEquals(refusal(() => disk.rename("/a.txt", "/B.TXT")), "AlreadyExists");
  disk.rename("/a.txt", "/A.Txt");
  assertEquals(disk.names("/"), ["A.Txt", "b.txt"]);
  assertEquals(disk.read("/a.TXT"), text("a"));
  disk.rename("/A.Txt", "/a.txt");
  assertEquals(disk.read("/A.TXT"), text("a"));
});

Deno.test("a directory moves with what is in it, but not into itself", () => {
  const device = freshDevice();
  const disk = new TestDisk(device);
  for (const path of ["/a", "/a/b", "/a/b/c", "/d"]) disk.makeDirectory(path);
  disk.create("/a/b/c/f", text("x"));
  assertEquals(refusal(() => disk.rename("/a", "/a/b/e")), "BadName");
  assertEquals(refusal(() => disk.rename("/a/b", "/a/b/c/e")), "BadName");
  disk.rename("/a/b", "/d/e");
  disk.sync();
  assertEquals([...new TestDisk(device).tree().keys()].sort(), ["/a", "/d", "/d/e", "/d/e/c", "/d/e/c/f"]);
});

Deno.test("only an empty directory can be removed, and the root never", () => {
  const disk = new TestDisk(freshDevice());
  disk.makeDirectory("/d");
  disk.create("/d/f", text("x"));
  assertEquals(refusal(() => disk.remove("/d")), "NotEmpty");
  disk.remove("/d/f");
  disk.remove("/d");
  assertEquals(refusal(() => disk.remove("/")), "InUse");
  assertEquals(refusal(() => disk.makeDirectory("/")), "AlreadyExists");
});

Deno.test("a directory grows over many clusters and lists each name once", () => {
  const device = freshDevice();
  const disk = new TestDisk(device);
  disk.makeDirectory("/many");
  const names = Array.from({ length: 500 }, (_, index) => `a rather long file name, number ${index}`);
  for (const name of names) disk.create(`/many/${name}`, text(name));
  for (const name of names.slice(0, 250)) disk.remove(`/many/${name}`);
  disk.sync();
  const again = new TestDisk(device);
  assertEquals(again.names("/many"), names.slice(250).sort());
  assertEquals(again.read(`/many/${names[400]}`), text(names[400]!));
});

Deno.test("space that was given up can be used again, before and after a sync", () => {
  const disk = new TestDisk(freshDevice());
  const before = disk.freeBytes();
  disk.create("/a", pattern(1, 100_000));
  disk.remove("/a");
  assertEquals(disk.freeBytes(), before);
  disk.create("/a", pattern(1, 100_000));
  disk.sync();
  disk.remove("/a");
  assertEquals(disk.freeBytes(), before);
});

Deno.test("a full disk refuses a write without damage and takes it when something was removed", () => {
  const device = freshDevice(70_000);
  const disk = new TestDisk(device, 512);
  const free = disk.freeBytes();
  const size = free - 100 * 512;
  disk.create("/big", new Uint8Array(0));
  const chunk = pattern(5, 1_000_000);
  for (let at = 0; at < size; at += chunk.length) disk.write("/big", chunk.subarray(0, size - at), at);
  disk.sync();
  disk.create("/small", text("s"));
  assertEquals(refusal(() => disk.write("/small", pattern(1, 60_000), 1)), "NoSpace");
  assertEquals(refusal(() => disk.truncate("/small", 3_000_000_000)), "NoSpace");
  assertEquals(disk.read("/small"), text("s"));
  for (let index = 0; refusal(() => disk.makeDirectory(`/d${index}`)) !== "NoSpace"; index++) {
    assert(index < 200);
  }
  assert(disk.freeBytes() <= 512); // one cluster is too little where the root directory has to grow, too
  disk.remove("/big");
  disk.write("/small", pattern(1, 60_000), 1);
  disk.sync();
  assertEquals(new TestDisk(device).read("/small").length, 60_001);
});

Deno.test("a file that would pass 4 GiB is refused", () => {
  const disk = new TestDisk(freshDevice());
  disk.create("/a", text("x"));
  assertEquals(refusal(() => disk.write("/a", text("yy"), 0xfffffffe)), "TooLarge");
});

Deno.test("a file larger than the cache is written and read in parts", () => {
  const device = freshDevice();
  const disk = new TestDisk(device, 512);
  const bytes = pattern(9, 2_000_000);
  disk.create("/a", bytes);
  disk.sync();
  assertEquals(new TestDisk(device, 512).read("/a"), bytes);
});

Deno.test("times are virtual time since the epoch of SOSP 2009", () => {
  const device = freshDevice();
  const disk = new TestDisk(device);
  disk.create("/a", text("x"));
  disk.sync();
  const root = new Uint8Array(512);
  runToEnd(device.read(disk.volume.geometry.dataStart, 1, (bytes) => root.set(bytes)));
  const view = new DataView(root.buffer, 32, 32);
  const date = (2009 - 1980) << 9 | 10 << 5 | 11;
  assertEquals([view.getUint16(16, true), view.getUint16(14, true), view.getUint8(13)], [date, 0, 100]);
  assertEquals([view.getUint16(24, true), view.getUint16(22, true)], [date, 1]);
});
