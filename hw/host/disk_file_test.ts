/**
 * Disk images on the host: what is written survives, and a wrong file is refused in one clear line.
 */

import { assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import fc from "fast-check";
import { MediumError } from "../disk/medium.ts";
import { createDiskFile, openDiskFile } from "./disk_file.ts";
import { HostFileError } from "./host_file_error.ts";

const MiB = 1 << 20;

function inFolder(run: (path: string, folder: string) => void): void {
  const folder = Deno.makeTempDirSync();
  try {
    run(join(folder, "disk.img"), folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

const messageOf = (action: () => unknown) => assertThrows(action, HostFileError).message;

Deno.test("random sectors written to an image are read back, also after opening it again", () => {
  inFolder((path) => {
    createDiskFile(path, MiB, []);
    const writes = fc.array(fc.tuple(fc.nat(2040), fc.integer({ min: 1, max: 8 }), fc.nat(255)), {
      maxLength: 20,
    });
    const model = new Uint8Array(MiB);
    fc.assert(
      fc.property(writes, (list) => {
        const disk = openDiskFile(path);
        assertEquals(disk.sectorCount, 2048);
        for (const [first, count, fill] of list) {
          const bytes = new Uint8Array(count * 512).fill(fill);
          disk.write(first, bytes);
          model.set(bytes, first * 512);
        }
        disk.flush();
        disk.close();
        const again = openDiskFile(path);
        const all = new Uint8Array(MiB);
        again.read(0, all);
        again.close();
        assertEquals(all.every((byte, index) => byte === model[index]), true);
      }),
      { numRuns: 20 },
    );
  });
});

Deno.test("a new image holds its parts and zeros elsewhere, and takes no more room than they do", () => {
  inFolder((path) => {
    const size = 4096 * MiB;
    createDiskFile(path, size, [
      { offset: 0, bytes: Uint8Array.of(1, 2, 3) },
      { offset: size - 2, bytes: Uint8Array.of(8, 9) },
    ]);
    const { size: found, blocks } = Deno.statSync(path);
    assertEquals([found, (blocks ?? 0) < 1000], [size, true]);
    const disk = openDiskFile(path);
    const sector = new Uint8Array(512);
    disk.read(0, sector);
    assertEquals([...sector.subarray(0, 4)], [1, 2, 3, 0]);
    disk.read(disk.sectorCount - 1, sector);
    assertEquals([...sector.subarray(509)], [0, 8, 9]);
    disk.close();
  });
});

Deno.test("a file that is not a disk image is refused with path, reason and value", () => {
  inFolder((path, folder) => {
    assertEquals(messageOf(() => openDiskFile(path)), `Cannot open disk image "${path}": not found`);
    assertEquals(
      messageOf(() => openDiskFile(folder)),
      `Cannot open disk image "${folder}": it is a directory`,
    );
    Deno.writeFileSync(path, new Uint8Array(MiB + 1));
    assertEquals(
      messageOf(() => openDiskFile(path)),
      `Cannot open disk image "${path}": its size is 1048577 bytes, must be a multiple of 512`,
    );
    Deno.writeFileSync(path, new Uint8Array(1024));
    assertEquals(
      messageOf(() => openDiskFile(path)),
      `Cannot open disk image "${path}": its size is 1024 bytes, must be at least 1048576`,
    );
  });
});

Deno.test("an image that is open is refused to others, and free again once it is closed", () => {
  inFolder((path) => {
    createDiskFile(path, MiB, []);
    const disk = openDiskFile(path);
    assertEquals(
      messageOf(() => openDiskFile(path)),
      `Cannot open disk image "${path}": it is in use by another process`,
    );
    disk.close();
    openDiskFile(path).close();
  });
});

Deno.test("creating never overwrites a file, and a failed attempt leaves none", () => {
  inFolder((path) => {
    Deno.writeTextFileSync(path, "precious");
    assertEquals(
      messageOf(() => createDiskFile(path, MiB, [])),
      `Cannot create disk image "${path}": it exists already`,
    );
    assertEquals(Deno.readTextFileSync(path), "precious");
    Deno.removeSync(path);
    messageOf(() => createDiskFile(path, 1000, []));
    messageOf(() => createDiskFile(path, MiB, [{ offset: MiB, bytes: new Uint8Array(1) }]));
    assertThrows(() => Deno.statSync(path), Deno.errors.NotFound);
  });
});

Deno.test("an image that became shorter is a medium error, not wrong data", () => {
  inFolder((path) => {
    createDiskFile(path, MiB, []);
    const disk = openDiskFile(path);
    Deno.truncateSync(path, 512);
    const error = assertThrows(() => disk.read(5, new Uint8Array(512)), MediumError);
    assertEquals(error.message, `cannot read disk image "${path}": the file has become shorter`);
    disk.close();
  });
});
