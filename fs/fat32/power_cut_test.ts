/**
 * Power cuts: after every single write, and with writes that a drive's cache reordered.
 *
 * A history of requests with syncs is recorded as the writes and flushes that it made.
 * For each point in it the disk is rebuilt as a power cut would leave it; it must
 * mount, no two files may share clusters, no chain may lead to a free cluster, and each
 * file that was not changed since the last sync must be intact, by its old name or a new
 * one. Then fsck.fat repairs it, and the same files must be intact still.
 */

import { assert, assertEquals } from "@std/assert";
import {
  deviceFrom,
  deviceOf,
  freshDevice,
  fsckRemarks,
  pattern,
  peerTest,
  RecordingDevice,
  refusal,
  run,
  TestDisk,
  withImage,
} from "./disk_bench_test.ts";
import { runToEnd } from "./block_device.ts";
import { sectorOf } from "./boot_sector.ts";
import type { MemoryDevice, SectorRun } from "./memory_device.ts";

const sectorCount = 70_000;

/** Files that a sync made durable and that no request has changed since. */
interface Promise {
  /** Holds from this event of the recording on, up to the next promise. */
  readonly from: number;
  /** By path; files that are being renamed by both paths, with a line feed between them. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

interface History {
  readonly before: readonly SectorRun[];
  readonly events: readonly (SectorRun | "flush")[];
  readonly promises: readonly Promise[];
}

/** Performs requests of all kinds, in rounds that end with a sync. */
function record(): History {
  const base = freshDevice(sectorCount);
  const before = base.runs();
  const device = new RecordingDevice(base);
  const disk = new TestDisk(device, 512);
  const files = new Map<string, Uint8Array>();
  const promises: Promise[] = [];
  const promise = (): void => {
    promises.push({ from: device.events.length, files: new Map(files) });
  };
  const touch = (path: string): void => {
    // From its first change on, a file's old content is promised no more.
    files.delete(path);
    promise();
  };
  const put = (path: string, seed: number, length: number): void => {
    touch(path);
    disk.replace(path, pattern(seed, length));
    pending.push([path, pattern(seed, length)]);
  };
  let pending: [string, Uint8Array][] = [];
  let renamed: string[] = [];
  const sync = (): void => {
    disk.sync();
    for (const [path, bytes] of pending) files.set(path, bytes);
    for (const paths of renamed) files.delete(paths);
    pending = [];
    renamed = [];
    promise();
  };
  disk.makeDirectory("/in");
  disk.makeDirectory("/a directory for mail");
  for (let round = 0; round < 12; round++) {
    for (let index = 0; index < 6; index++) {
      put(`/in/message ${round}-${index}`, round * 10 + index, index * 700);
    }
    sync();
    const moved = `/in/message ${round}-3`;
    const target = `/a directory for mail/message number ${round}`;
    const bytes = files.get(moved)!;
    files.set(`${moved}\n${target}`, bytes);
    touch(moved);
    disk.rename(moved, target);
    pending.push([target, bytes]);
    renamed.push(`${moved}\n${target}`);
    touch(`/in/message ${round}-1`);
    disk.remove(`/in/message ${round}-1`);
    put(`/in/message ${round}-2`, round + 500, 3000);
    const grown = `/in/message ${round}-4`;
    const longer = new Uint8Array([...files.get(grown)!, ...pattern(round, 2000)]);
    disk.write(grown, pattern(round, 2000), longer.length - 2000);
    pending.push([grown, longer]); // what was there before is promised on
    const cut = `/in/message ${round}-5`;
    const shorter = files.get(cut)!.slice(0, 900);
    touch(cut);
    disk.truncate(cut, 900);
    pending.push([cut, shorter]);
    disk.makeDirectory(`/in/directory ${round}`);
    put(`/in/directory ${round}/f`, round, 600);
    sync();
  }
  return { before, events: device.events, promises };
}

/** A file that grows may have its new size already; the promised bytes are its beginning. */
function checkPromises(device: MemoryDevice, promise: Promise | undefined, when: string): void {
  checkStructure(device, when);
  const disk = new TestDisk(device, 512);
  for (const [paths, bytes] of promise?.files ?? []) {
    const path = paths.split("\n").find((one) =>
      refusal(() => runToEnd(disk.volume.stat(one))) === "not refused"
    );
    assert(path !== undefined, `${paths} is lost ${when}`);
    const found = disk.read(path);
    assert(found.length >= bytes.length, `${path} has ${found.length} of ${bytes.length} bytes ${when}`);
    assertEquals(found.subarray(0, bytes.length), bytes, `${path} ${when}`);
  }
}

/** Looks at the FAT and the directories themselves: nothing is shared, and nothing in use is free. */
function checkStructure(device: MemoryDevice, when: string): void {
  const { geometry } = new TestDisk(device, 512).volume;
  const fat = new DataView(new ArrayBuffer(geometry.fatSectors * 512));
  for (let sector = 0; sector < geometry.fatSectors; sector += 128) {
    const count = Math.min(128, geometry.fatSectors - sector);
    runToEnd(
      device.read(
        geometry.fatStart + sector,
        count,
        (bytes) => new Uint8Array(fat.buffer).set(bytes, sector * 512),
      ),
    );
  }
  const owners = new Map<number, number>();
  const chainOf = (first: number): number[] => {
    const chain: number[] = [];
    for (let cluster = first; cluster < 0x0ffffff8; cluster = fat.getUint32(cluster * 4, true) & 0x0fffffff) {
      assert(
        cluster >= 2 && cluster < geometry.clusterCount + 2,
        `the chain from ${first} leads to ${cluster} ${when}`,
      );
      // A file that is being renamed may be there twice, whole; nothing else may be shared.
      assert((owners.get(cluster) ?? first) === first, `cluster ${cluster} is in two chains ${when}`);
      owners.set(cluster, first);
      chain.push(cluster);
    }
    return chain;
  };
  const checkDirectory = (first: number): void => {
    const slots = new DataView(new ArrayBuffer(512));
    for (const cluster of chainOf(first)) {
      runToEnd(
        device.read(sectorOf(geometry, cluster), 1, (bytes) => new Uint8Array(slots.buffer).set(bytes)),
      );
      for (let at = 0; at < 512; at += 32) {
        const [mark, attributes] = [slots.getUint8(at), slots.getUint8(at + 11)];
        if (mark === 0) return;
        if (mark === 0xe5 || mark === 0x2e || (attributes & 0x08) !== 0) continue;
        const start = slots.getUint16(at + 20, true) * 0x10000 + slots.getUint16(at + 26, true);
        const size = slots.getUint32(at + 28, true);
        if ((attributes & 0x10) !== 0) checkDirectory(start);
        else if (start !== 0) assert(chainOf(start).length * 512 >= size, `a chain is too short ${when}`);
        else assertEquals(size, 0, `a file without a chain ${when}`);
      }
    }
  };
  checkDirectory(geometry.rootCluster);
}

const history = record();

const promiseAt = (event: number): Promise | undefined =>
  history.promises.filter((promise) => promise.from <= event).at(-1);

Deno.test("after a power cut at any write the disk mounts and synced files are intact", () => {
  const device = deviceFrom(history.before, sectorCount);
  for (const [index, event] of history.events.entries()) {
    checkPromises(device, promiseAt(index), `after a cut before event ${index}`);
    if (event !== "flush") device.store(event);
  }
  assert(history.events.length > 300, `a history of only ${history.events.length} events proves little`);
});

Deno.test("a power cut may lose any of the writes since the last flush, in any order", () => {
  let state = 1;
  const coin = (): boolean => (state = Math.imul(state, 1103515245) + 12345 >>> 0) >>> 16 & 1 ? true : false;
  let durable = deviceFrom(history.before, sectorCount);
  let since: SectorRun[] = [];
  for (const [index, event] of history.events.entries()) {
    if (event === "flush") {
      for (const write of since) durable.store(write);
      since = [];
      continue;
    }
    since.push(event);
    const survivor = deviceFrom(durable.runs(), sectorCount);
    for (const write of since) {
      for (let at = 0; at < write.bytes.length; at += 512) {
        if (coin()) {
          survivor.store({
            firstSector: write.firstSector + at / 512,
            bytes: write.bytes.slice(at, at + 512),
          });
        }
      }
    }
    checkPromises(survivor, promiseAt(index), `after a cut at event ${index}`);
  }
  durable = deviceFrom(durable.runs(), sectorCount);
  checkPromises(durable, promiseAt(history.events.length), "in the end");
});

peerTest("fsck.fat repairs a disk after a power cut without touching synced files", () => {
  const device = deviceFrom(history.before, sectorCount);
  let checked = 0;
  for (const [index, event] of history.events.entries()) {
    if (index % 41 === 7) {
      const repaired = withImage(device, (path) => {
        run("fsck.fat", "-a", path);
        return deviceOf(path);
      });
      checkPromises(repaired, promiseAt(index), `after a cut before event ${index} and a repair`);
      assertEquals(fsckRemarks(repaired), "", `after a cut before event ${index}`);
      checked++;
    }
    if (event !== "flush") device.store(event);
  }
  assert(checked > 8);
});
