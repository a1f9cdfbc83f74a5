/**
 * The engine against real FAT tools, in both directions.
 *
 * dosfstools judges and makes volumes, mtools reads and writes them. Images live in
 * temporary files. Where the tools are missing these tests are ignored, with a remark.
 */

import { assert, assertEquals } from "@std/assert";
import {
  deviceFrom,
  deviceOf,
  freshDevice,
  fsckRemarks,
  pattern,
  peerTest,
  run,
  TestDisk,
  withImage,
} from "./disk_bench_test.ts";
import { defaultSectorCount } from "./format.ts";
import { freshDisk } from "./populate.ts";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

function fill(disk: TestDisk): void {
  disk.makeDirectory("/email");
  disk.makeDirectory("/email/alice");
  disk.makeDirectory("/A Directory With Spaces");
  disk.create("/email/alice/1", text("Subject: hello\r\n\r\nhello\r\n"));
  disk.create("/A Directory With Spaces/Größe.txt", pattern(1, 5000));
  disk.create("/UPPER.TXT", pattern(2, 512));
  disk.create("/lower.txt", pattern(3, 513));
  for (let index = 0; index < 40; index++) {
    disk.create(`/email/a long name ${index}.txt`, pattern(index, index * 100));
  }
  for (let index = 0; index < 40; index += 3) disk.remove(`/email/a long name ${index}.txt`);
  disk.rename("/email/a long name 1.txt", "/A Directory With Spaces/moved.dat");
  disk.rename("/email/alice", "/A Directory With Spaces/alice");
  disk.truncate("/A Directory With Spaces/Größe.txt", 1200);
  disk.sync();
}

for (const sectorCount of [70_000, defaultSectorCount, 600_000]) {
  peerTest(`fsck.fat has no remark about a fresh volume of ${sectorCount} sectors`, () => {
    assertEquals(fsckRemarks(freshDevice(sectorCount)), "");
  });
}

peerTest("fsck.fat has no remark about a volume that was filled and changed", () => {
  const device = freshDevice();
  fill(new TestDisk(device));
  assertEquals(fsckRemarks(device), "");
});

peerTest("a fresh disk has its directories, and mdir lists them", () => {
  const directories = ["/email", "/email/alice", "/email/bob", "/email/postmaster"];
  const disk = { sectorCount: defaultSectorCount, label: "HELIOS", volumeId: 7, directories };
  const device = deviceFrom(freshDisk(disk), defaultSectorCount);
  assertEquals(fsckRemarks(device), "");
  withImage(device, (path) => {
    const { code, text } = run("mdir", "-b", "-i", path, "::/email");
    assertEquals(code, 0, text);
    assertEquals(text.trim().split("\n"), ["::/email/alice/", "::/email/bob/", "::/email/postmaster/"]);
  });
});

peerTest("mtools reads what the engine wrote", () => {
  const device = freshDevice();
  fill(new TestDisk(device));
  withImage(device, (path) => {
    const target = Deno.makeTempDirSync();
    const { code, text } = run("mcopy", "-s", "-n", "-i", path, "::/", target);
    assertEquals(code, 0, text);
    const read = (name: string): Uint8Array => Deno.readFileSync(`${target}/${name}`);
    assertEquals(read("A Directory With Spaces/Größe.txt"), pattern(1, 5000).slice(0, 1200));
    assertEquals(
      read("A Directory With Spaces/alice/1"),
      new TextEncoder().encode("Subject: hello\r\n\r\nhello\r\n"),
    );
    assertEquals(read("A Directory With Spaces/moved.dat"), pattern(1, 100));
    assertEquals(read("UPPER.TXT"), pattern(2, 512));
    assertEquals(read("lower.txt"), pattern(3, 513));
    Deno.removeSync(target, { recursive: true });
  });
});

/** Images of mkfs.fat, as one who makes a disk on Linux might make them. */
const foreignImages: readonly (readonly [what: string, sectorCount: number, args: readonly string[]])[] = [
  ["one-sector clusters", 131_072, ["-s", "1", "-n", "LINUX"]],
  ["4 KiB clusters", 600_000, ["-s", "8"]],
  ["one FAT", 131_072, ["-s", "1", "-f", "1"]],
  ["a backup boot sector elsewhere", 131_072, ["-s", "1", "-b", "9", "-R", "64"]],
];

for (const [what, sectorCount, args] of foreignImages) {
  peerTest(`the engine reads and writes a volume that mkfs.fat made with ${what} and mtools filled`, () => {
    const device = withImage(sectorCount, (path) => {
      const made = run("mkfs.fat", "-F", "32", ...args, path);
      assertEquals(made.code, 0, made.text);
      const source = Deno.makeTempFileSync();
      Deno.writeFileSync(source, pattern(4, 70_000));
      run("mmd", "-i", path, "::/From Linux");
      const copied = run("mcopy", "-i", path, source, "::/From Linux/Long file name.bin");
      assertEquals(copied.code, 0, copied.text);
      run("mcopy", "-i", path, source, "::/short.bin");
      Deno.removeSync(source);
      return deviceOf(path);
    });
    const disk = new TestDisk(device);
    assertEquals(disk.read("/From Linux/Long file name.bin"), pattern(4, 70_000));
    assertEquals(disk.names("/"), ["From Linux", "short.bin"]);
    fill(disk);
    disk.remove("/short.bin");
    disk.sync();
    assertEquals(fsckRemarks(device), "");
  });
}

peerTest("a volume in the first FAT32 partition of a partitioned disk is found", () => {
  const start = 2048;
  const device = withImage(140_000, (path) => {
    const volume = withImage(131_072, (inner) => {
      run("mkfs.fat", "-F", "32", "-s", "1", "-h", `${start}`, inner);
      return Deno.readFileSync(inner);
    });
    const file = Deno.openSync(path, { write: true });
    const table = new Uint8Array(512);
    const view = new DataView(table.buffer);
    view.setUint8(446 + 4, 0x83); // a Linux partition comes first
    view.setUint32(446 + 8, 1, true);
    view.setUint8(462 + 4, 0x0c);
    view.setUint32(462 + 8, start, true);
    view.setUint32(462 + 12, 131_072, true);
    view.setUint16(510, 0xaa55, true);
    file.writeSync(table);
    file.seekSync(start * 512, Deno.SeekMode.Start);
    for (let done = 0; done < volume.length;) done += file.writeSync(volume.subarray(done));
    file.close();
    return deviceOf(path);
  });
  const disk = new TestDisk(device);
  disk.create("/inside.txt", text("x"));
  disk.sync();
  withImage(device, (path) => {
    const { code, text } = run("mdir", "-b", "-i", `${path}@@${start * 512}`, "::");
    assertEquals(code, 0, text);
    assert(text.includes("inside.txt"), text);
  });
});
