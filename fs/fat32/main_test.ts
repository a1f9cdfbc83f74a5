/**
 * The file system program, over the disk driver program and the controller's model.
 *
 * Clients speak the contracts only; the drive's medium shows what became durable.
 */

import { assert, assertEquals } from "@std/assert";
import type { MemoryMedium } from "../../hw/disk/memory_medium.ts";
import { decodeText } from "../../kernel/abi/text.ts";
import type { Block, Call, Endpoint, Kernel } from "../../kernel/abi/kernel.ts";
import { pipeContract } from "../../kernel/contracts/pipe.ts";
import { testChannel } from "../../kernel/programs/testing/test_channels.ts";
import { type fileContract, fileSystemContract } from "../contracts/file_system.ts";
import { ControllerBench } from "../disk_driver/controller_bench_test.ts";
import diskDriver from "../disk_driver/main.ts";
import { pattern, TestDisk } from "./disk_bench_test.ts";
import { defaultSectorCount } from "./format.ts";
import main from "./main.ts";
import { MemoryDevice } from "./memory_device.ts";
import { freshDisk } from "./populate.ts";

type Files = Endpoint<typeof fileSystemContract, "client">;
type File = Endpoint<typeof fileContract, "client">;

const directories = ["/email", "/email/alice"];
const factory = freshDisk({ sectorCount: defaultSectorCount, label: "HELIOS", volumeId: 1, directories });

function bench(): ControllerBench {
  const made = new ControllerBench([defaultSectorCount]);
  for (const run of factory) made.media[0]!.write(run.firstSector, run.bytes);
  return made;
}

/** Runs driver, file system and clients until the clients have ended. */
function withClients(bench: ControllerBench, ...clients: ((kernel: Kernel) => Call<void>)[]): void {
  bench.kernel.start("hardware", bench.hardware);
  const servers = [
    bench.kernel.start("DiskDriver", diskDriver, { device: bench.device }),
    bench.kernel.start("FileSystem", main),
  ];
  const processes = clients.map((client, index) => bench.kernel.start(`client${index}`, client));
  bench.kernel.run(() => processes.every((process) => process.status !== undefined), 100e9);
  for (const process of [...processes, ...servers]) assertEquals(process.fault, "");
  for (const process of processes) {
    assertEquals(process.status, 0, `${process.name} did not end: ${bench.kernel.waits().join(", ")}`);
  }
}

function mountMedium(medium: MemoryMedium): TestDisk {
  const device = new MemoryDevice(medium.sectorCount);
  const bytes = new Uint8Array(medium.sectorCount * 512);
  medium.read(0, bytes);
  const words = new Uint32Array(bytes.buffer);
  for (let index = 0; index < words.length; index++) {
    if (words[index] === 0) continue;
    const at = index * 4 - index * 4 % 512;
    device.store({ firstSector: at / 512, bytes: bytes.subarray(at, at + 512) });
    index = at / 4 + 127;
  }
  return new TestDisk(device);
}

function* block(kernel: Kernel, bytes: Uint8Array): Call<Block> {
  const made = yield* kernel.allocate(Math.max(bytes.length, 1));
  made.window(0, bytes.length);
  made.bytes.set(bytes);
  return made;
}

function* open(files: Files, path: string, mode: "read" | "write" | "create" | "replace"): Call<File> {
  yield* files.send("open", { path, mode });
  const reply = yield* files.receive();
  if (reply.tag !== "opened") throw new Error(`${path}: ${JSON.stringify(reply)}`);
  return reply.file;
}

function* write(kernel: Kernel, file: File, offset: number, bytes: Uint8Array): Call<number> {
  yield* file.send("write", { offset, data: yield* block(kernel, bytes) });
  const reply = yield* file.receive();
  if (reply.tag !== "written") throw new Error(JSON.stringify(reply));
  return reply.size;
}

function* read(file: File, offset: number, maximum: number): Call<Uint8Array> {
  yield* file.send("read", { offset, maximum });
  const reply = yield* file.receive();
  if (reply.tag !== "data") throw new Error(JSON.stringify(reply));
  return reply.data.bytes.slice();
}

/** Sends a request without body fields of interest in its answer; gives the answer's name or the code. */
function* ask(files: Files, send: Call<void>): Call<string> {
  yield* send;
  const reply = yield* files.receive();
  return reply.tag === "failed" ? reply.code : reply.tag;
}

Deno.test("a client creates, writes, reads, lists and removes files through the service", () => {
  withClients(bench(), function* (kernel) {
    const files = yield* kernel.bind(fileSystemContract, "/fs");
    const file = yield* open(files, "/email/alice/1", "create");
    const bytes = pattern(1, 70_000);
    assertEquals(yield* write(kernel, file, 0, bytes), 70_000);
    assertEquals(yield* read(file, 69_990, 100), bytes.slice(69_990));
    assertEquals(yield* read(file, 70_000, 100), new Uint8Array(0));
    assertEquals(yield* read(file, 4_000_000_000, 0xffffffff), new Uint8Array(0));
    assertEquals(yield* ask(files, files.send("remove", { path: "/email/alice/1" })), "InUse");
    yield* file.close();
    yield* files.send("list", { path: "/email/alice", start: 0 });
    const listing = yield* files.receive();
    assert(listing.tag === "listing");
    assertEquals([decodeText(listing.entries.bytes), listing.more], ["f 70000 1\n", false]);
    yield* files.send("stat", { path: "/EMAIL" });
    assertEquals({ ...(yield* files.receive()) }, { tag: "status", kind: "directory", size: 0 });
    assertEquals(yield* ask(files, files.send("makeDirectory", { path: "/email/alice" })), "AlreadyExists");
    assertEquals(yield* ask(files, files.send("rename", { from: "/email/alice/1", to: "/one" })), "done");
    assertEquals(yield* ask(files, files.send("remove", { path: "/one" })), "done");
    assertEquals(yield* ask(files, files.send("open", { path: "/one", mode: "read" })), "NotFound");
    yield* files.send("volume");
    const volume = yield* files.receive();
    assert(volume.tag === "volumeStatus");
    assertEquals([volume.label, volume.clusterBytes], ["HELIOS", 512]);
  });
});

Deno.test("what was synced through a file is on the medium when the answer comes", () => {
  const made = bench();
  withClients(made, function* (kernel) {
    const files = yield* kernel.bind(fileSystemContract, "/fs");
    const file = yield* open(files, "/email/alice/1", "create");
    yield* write(kernel, file, 0, pattern(1, 3000));
    yield* file.send("sync");
    assertEquals((yield* file.receive()).tag, "done");
    assertEquals(mountMedium(made.media[0]!).read("/email/alice/1"), pattern(1, 3000));
    assert(made.media[0]!.flushCount > 0);
  });
});

Deno.test("what nobody synced is on the medium five seconds later", () => {
  const made = bench();
  withClients(made, function* (kernel) {
    const files = yield* kernel.bind(fileSystemContract, "/fs");
    const file = yield* open(files, "/a", "create");
    yield* write(kernel, file, 0, pattern(2, 100));
    assertEquals(mountMedium(made.media[0]!).names("/"), ["email"]);
    yield* kernel.sleep(6e9);
    assertEquals(mountMedium(made.media[0]!).read("/a"), pattern(2, 100));
  });
});

Deno.test("several clients work at once, and one that goes away leaves its files closed", () => {
  const client = (name: string) =>
    function* (kernel: Kernel): Call<void> {
      const files = yield* kernel.bind(fileSystemContract, "/fs");
      for (let index = 0; index < 5; index++) {
        const file = yield* open(files, `/${name}${index}`, "create");
        yield* write(kernel, file, 0, pattern(index, 2000));
        assertEquals(yield* read(file, 0, 5000), pattern(index, 2000));
      }
    };
  withClients(bench(), client("a"), client("b"), client("c"), function* (kernel) {
    const files = yield* kernel.bind(fileSystemContract, "/fs");
    yield* kernel.sleep(1e9);
    for (const name of ["a0", "b1", "c2"]) {
      assertEquals(yield* ask(files, files.send("remove", { path: `/${name}` })), "done");
    }
  });
});

Deno.test("a sector that cannot be read fails the request and leaves the service alive", () => {
  const made = bench();
  withClients(made, function* (kernel) {
    const files = yield* kernel.bind(fileSystemContract, "/fs");
    const boot = new DataView(new ArrayBuffer(512));
    made.media[0]!.read(0, new Uint8Array(boot.buffer));
    const dataStart = boot.getUint16(14, true) + boot.getUint8(16) * boot.getUint32(36, true);
    made.drives[0]!.faults.unreadable.add(dataStart + 1); // "/email"
    assertEquals(yield* ask(files, files.send("list", { path: "/email", start: 0 })), "MediaFault");
    assertEquals(yield* ask(files, files.send("makeDirectory", { path: "/other" })), "done");
  });
});

Deno.test("a volume that is no FAT32 is refused on standard output with its path and the reason", () => {
  const made = bench();
  const boot = new Uint8Array(512);
  made.media[0]!.read(0, boot);
  new DataView(boot.buffer).setUint16(11, 520, true);
  made.media[0]!.write(0, boot);
  const pipe = testChannel(pipeContract);
  let printed = "";
  made.kernel.start("hardware", made.hardware);
  made.kernel.start("DiskDriver", diskDriver, { device: made.device });
  made.kernel.start("console", function* () {
    const message = yield* pipe.server.receive();
    printed = decodeText(message.data.bytes);
    yield* pipe.server.send("written");
  });
  const server = made.kernel.start("FileSystem", main, { stdout: pipe.client });
  made.kernel.run(() => server.status !== undefined, 60e9);
  assertEquals([server.status, printed], [1, 'Cannot mount "/dev/disk0": sector size is 520, must be 512\n']);
});

Deno.test("device and mount point are arguments", () => {
  const made = bench();
  made.kernel.start("hardware", made.hardware);
  made.kernel.start("DiskDriver", diskDriver, { device: made.device });
  made.kernel.start("FileSystem", main, { arguments: ["/dev/disk0", "/mnt"] });
  made.kernel.run(() => made.kernel.service("/mnt") !== undefined, 60e9);
  assert(made.kernel.service("/mnt") !== undefined);
});
