/**
 * The disk driver program against the controller's model: through its channel, as clients see it.
 *
 * Faults are set on the drive's model; the driver must turn each into a code and go on.
 */

import { assert, assertEquals } from "@std/assert";
import { blockDeviceContract } from "../contracts/block_device.ts";
import type { Call, Endpoint, Kernel } from "../../kernel/abi/kernel.ts";
import { pipeContract } from "../../kernel/contracts/pipe.ts";
import { testChannel } from "../../kernel/programs/testing/test_channels.ts";
import { decodeText } from "../../kernel/abi/text.ts";
import { pattern } from "../fat32/disk_bench_test.ts";
import { ControllerBench } from "./controller_bench_test.ts";
import main from "./main.ts";
import { regionTable } from "./port.ts";
import { offsetOf, portCount, portRegisters, type RegisterName } from "./registers.ts";

type Disk = Endpoint<typeof blockDeviceContract, "client">;

/** Runs a driver and clients until the clients have ended. */
function withClients(bench: ControllerBench, ...clients: ((kernel: Kernel) => Call<void>)[]): void {
  bench.kernel.start("hardware", bench.hardware);
  const driver = bench.kernel.start("DiskDriver", main, { device: bench.device });
  const processes = clients.map((client, index) => bench.kernel.start(`client${index}`, client));
  bench.kernel.run(() => processes.every((process) => process.status !== undefined), 200e9);
  for (const process of processes) {
    assertEquals(process.fault, "");
    assertEquals(process.status, 0, `${process.name} did not end: ${bench.kernel.waits().join(", ")}`);
  }
  assertEquals(driver.fault, "");
}

function* read(kernel: Kernel, disk: Disk, firstSector: number, count: number): Call<Uint8Array | string> {
  yield* disk.send("read", { firstSector, count });
  const reply = yield* disk.receive();
  if (reply.tag === "failed") return reply.code;
  if (reply.tag !== "data") return reply.tag;
  const bytes = reply.data.bytes.slice();
  yield* kernel.free(reply.data);
  return bytes;
}

function* write(kernel: Kernel, disk: Disk, firstSector: number, bytes: Uint8Array): Call<string> {
  const data = yield* kernel.allocate(Math.max(bytes.length, 1));
  data.window(0, bytes.length);
  data.bytes.set(bytes);
  yield* disk.send("write", { firstSector, data });
  const reply = yield* disk.receive();
  return reply.tag === "failed" ? reply.code : reply.tag;
}

function* flush(disk: Disk): Call<string> {
  yield* disk.send("flush");
  const reply = yield* disk.receive();
  return reply.tag === "failed" ? reply.code : reply.tag;
}

Deno.test("what is written to a disk is read back, in one request of 128 KiB and in single sectors", () => {
  const bench = new ControllerBench([100_000]);
  const bytes = pattern(1, 256 * 512);
  withClients(bench, function* (kernel) {
    const disk = yield* kernel.bind(blockDeviceContract, "/dev/disk0");
    assertEquals(yield* write(kernel, disk, 1000, bytes), "written");
    assertEquals(yield* flush(disk), "flushed");
    assertEquals(yield* read(kernel, disk, 1000, 256), bytes);
    assertEquals(yield* read(kernel, disk, 1001, 1), bytes.slice(512, 1024));
  });
  const onMedium = new Uint8Array(bytes.length);
  bench.media[0]!.read(1000, onMedium);
  assertEquals(onMedium, bytes);
  assertEquals(bench.media[0]!.flushCount, 1);
});

Deno.test("a disk tells its model and sizes", () => {
  withClients(new ControllerBench([390_721_968]), function* (kernel) {
    const disk = yield* kernel.bind(blockDeviceContract, "/dev/disk0");
    yield* disk.send("identify");
    const reply = yield* disk.receive();
    assert(reply.tag === "geometry");
    assertEquals([reply.sectorCount, reply.sectorBytes, reply.maximumSectors], [390_721_968, 512, 256]);
    assert(reply.model.length > 0);
  });
});

Deno.test("sectors beyond the first 128 GiB are reached with 48-bit addresses", () => {
  withClients(new ControllerBench([390_721_968]), function* (kernel) {
    const disk = yield* kernel.bind(blockDeviceContract, "/dev/disk0");
    assertEquals(yield* write(kernel, disk, 390_721_967, pattern(7, 512)), "written");
    assertEquals(yield* read(kernel, disk, 390_721_967, 1), pattern(7, 512));
  });
});

Deno.test("drives on ports 1 and 3 become disk0 and disk1, and work side by side", () => {
  const bench = new ControllerBench([0, 50_000, 0, 60_000]);
  const client = (path: string, sectorCount: number, seed: number) =>
    function* (kernel: Kernel): Call<void> {
      const disk = yield* kernel.bind(blockDeviceContract, path);
      yield* disk.send("identify");
      const reply = yield* disk.receive();
      assertEquals(reply.tag === "geometry" && reply.sectorCount, sectorCount);
      for (let index = 0; index < 10; index++) {
        yield* write(
          kernel,
          disk,
          index * 100,
          pattern(seed + index, 1024),
        );
      }
      for (let index = 0; index < 10; index++) {
        assertEquals(yield* read(kernel, disk, index * 100, 2), pattern(seed + index, 1024));
      }
    };
  withClients(bench, client("/dev/disk0", 50_000, 1), client("/dev/disk1", 60_000, 100));
});

Deno.test("a drive on any port interrupts, and alone on its pair", () => {
  for (let port = 0; port < portCount; port++) {
    const bench = new ControllerBench([0, 1, 2, 3].map((other) => other === port ? 1000 : 0));
    withClients(bench, function* (kernel) {
      const disk = yield* kernel.bind(blockDeviceContract, "/dev/disk0");
      assertEquals(yield* write(kernel, disk, 5, pattern(port, 512)), "written");
      assertEquals(yield* read(kernel, disk, 5, 1), pattern(port, 512));
    });
  }
});

Deno.test("several clients of one disk are served in turn", () => {
  const client = (seed: number) =>
    function* (kernel: Kernel): Call<void> {
      const disk = yield* kernel.bind(blockDeviceContract, "/dev/disk0");
      for (let index = 0; index < 8; index++) {
        yield* write(
          kernel,
          disk,
          seed * 64 + index,
          pattern(seed + index, 512),
        );
      }
      assertEquals(yield* read(kernel, disk, seed * 64 + 3, 1), pattern(seed + 3, 512));
      yield* disk.close();
    };
  withClients(new ControllerBench([100_000]), ...Array.from({ length: 5 }, (_, seed) => client(seed)));
});

Deno.test("requests that no drive can meet are refused without asking it", () => {
  withClients(new ControllerBench([1000]), function* (kernel) {
    const disk = yield* kernel.bind(blockDeviceContract, "/dev/disk0");
    assertEquals(yield* read(kernel, disk, 999, 2), "OutOfRange");
    assertEquals(yield* read(kernel, disk, 0, 0), "BadRequest");
    assertEquals(yield* read(kernel, disk, 0, 257), "BadRequest");
    assertEquals(yield* write(kernel, disk, 0, new Uint8Array(100)), "BadRequest");
    assertEquals(yield* write(kernel, disk, 0, new Uint8Array(0)), "BadRequest");
    assertEquals(yield* write(kernel, disk, 1000, new Uint8Array(512)), "OutOfRange");
  });
});

Deno.test("an unreadable sector fails its request and no other", () => {
  const bench = new ControllerBench([1000]);
  bench.drives[0]!.faults.unreadable.add(17);
  withClients(bench, function* (kernel) {
    const disk = yield* kernel.bind(blockDeviceContract, "/dev/disk0");
    assertEquals(yield* read(kernel, disk, 10, 20), "MediaFault");
    assertEquals(yield* read(kernel, disk, 10, 7), new Uint8Array(7 * 512));
  });
});

Deno.test("a drive fault fails writes and flushes", () => {
  const bench = new ControllerBench([1000]);
  bench.drives[0]!.faults.writeFault = true;
  withClients(bench, function* (kernel) {
    const disk = yield* kernel.bind(blockDeviceContract, "/dev/disk0");
    assertEquals(yield* write(kernel, disk, 1, new Uint8Array(512)), "MediaFault");
    bench.drives[0]!.faults.writeFault = false;
    assertEquals(yield* write(kernel, disk, 1, pattern(1, 512)), "written");
  });
});

Deno.test("a transfer that was damaged on the cable is tried three times", () => {
  const bench = new ControllerBench([1000]);
  withClients(bench, function* (kernel) {
    const disk = yield* kernel.bind(blockDeviceContract, "/dev/disk0");
    bench.drives[0]!.faults.damagedTransfers = 2;
    assertEquals(yield* write(kernel, disk, 1, pattern(1, 512)), "written");
    bench.drives[0]!.faults.damagedTransfers = 3;
    assertEquals(yield* read(kernel, disk, 1, 1), "MediaFault");
    assertEquals(yield* read(kernel, disk, 1, 1), pattern(1, 512));
  });
});

Deno.test("a drive that does not answer is reset after five seconds and works again", () => {
  const bench = new ControllerBench([1000]);
  withClients(bench, function* (kernel) {
    const disk = yield* kernel.bind(blockDeviceContract, "/dev/disk0");
    yield* write(kernel, disk, 1, pattern(1, 512));
    bench.drives[0]!.faults.silent = true;
    const before = yield* kernel.now();
    yield* disk.send("read", { firstSector: 1, count: 1 });
    yield* kernel.sleep(1e9);
    bench.drives[0]!.faults.silent = false;
    const reply = yield* disk.receive();
    assertEquals(reply.tag === "failed" && reply.code, "MediaFault");
    const waited = (yield* kernel.now()) - before;
    assert(waited >= 5e9 && waited < 5.1e9, `${waited} ns`);
    assertEquals(yield* read(kernel, disk, 1, 1), pattern(1, 512));
  });
});

Deno.test("a drive whose cable is pulled fails the running request and all later ones", () => {
  const bench = new ControllerBench([1000, 1000]);
  withClients(bench, function* (kernel) {
    const disk = yield* kernel.bind(blockDeviceContract, "/dev/disk0");
    const other = yield* kernel.bind(blockDeviceContract, "/dev/disk1");
    yield* disk.send("read", { firstSector: 500, count: 1 });
    yield* kernel.sleep(10_000);
    bench.advance();
    bench.drives[0]!.connect(false);
    const reply = yield* disk.receive();
    assertEquals(reply.tag === "failed" && reply.code, "Gone");
    assertEquals(yield* write(kernel, disk, 1, new Uint8Array(512)), "Gone");
    assertEquals(yield* read(kernel, other, 1, 1), new Uint8Array(512));
  });
});

Deno.test("a client that goes away while its request runs harms nobody", () => {
  withClients(new ControllerBench([1000]), function* (kernel) {
    const disk = yield* kernel.bind(blockDeviceContract, "/dev/disk0");
    const other = yield* kernel.bind(blockDeviceContract, "/dev/disk0");
    yield* disk.send("read", { firstSector: 0, count: 8 });
    yield* kernel.sleep(1000);
    yield* disk.close();
    assertEquals(yield* read(kernel, other, 1, 1), new Uint8Array(512));
  });
});

Deno.test("the FIFO threshold follows from the cache line size, and stays where nobody set that", () => {
  for (const [cacheLineSize, expected] of [[16, [0x303]], [8, [0x202]], [0, []]] as const) {
    const bench = new ControllerBench([1000]);
    bench.cacheLineSize = cacheLineSize;
    withClients(bench, function* (kernel) {
      yield* kernel.bind(blockDeviceContract, "/dev/disk0");
    });
    assertEquals(bench.writes.filter(({ offset }) => offset === 0x40).map(({ value }) => value), [
      ...expected,
    ]);
  }
});

Deno.test("a controller without drives is told on standard output, and the driver ends", () => {
  const bench = new ControllerBench([0]);
  const pipe = testChannel(pipeContract);
  bench.kernel.start("hardware", bench.hardware);
  let printed = "";
  bench.kernel.start("console", function* () {
    const message = yield* pipe.server.receive();
    printed = decodeText(message.data.bytes);
    yield* pipe.server.send("written");
  });
  const driver = bench.kernel.start("DiskDriver", main, { device: bench.device, stdout: pipe.client });
  bench.kernel.run(() => driver.status !== undefined, 10e9);
  assertEquals([driver.status, printed], [1, "Cannot find a usable drive on 1:2.0\n"]);
});

Deno.test("regions never cross 64 KiB, and only the last one ends the table", () => {
  const words = [...new Uint32Array(regionTable(0x2ff00, 0x20100).buffer)];
  assertEquals(words, [0x2ff00, 0x100, 0x30000, 0, 0x40000, 0x80000000]);
});

Deno.test("no two registers of the controller share a byte that is not meant to be shared", () => {
  const taken = new Map<number, string>();
  for (let port = 0; port < portCount; port++) {
    for (const name of Object.keys(portRegisters) as RegisterName[]) {
      for (let byte = 0; byte < portRegisters[name].width; byte++) {
        // DATA is 16 bits wide at an offset of its own; its second byte is ERROR_FEATURES (ATA).
        if (name === "DATA" && byte === 1) continue;
        const at = offsetOf(name, port) + byte;
        assertEquals(taken.get(at), undefined, `${name} of port ${port} at ${at}`);
        taken.set(at, name);
      }
    }
  }
});
