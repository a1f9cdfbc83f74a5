/**
 * What the tests of the FAT32 engine share: disks in memory, and real FAT tools.
 *
 * - A `TestDisk` mounts a volume on a MemoryDevice and runs each call to its end.
 * - A `RecordingDevice` keeps each write and flush, so that a test can cut the power
 *   after any of them.
 * - The real peers are dosfstools and mtools; where they are not installed, tests that
 *   need them say so and are ignored.
 */

import { assertEquals } from "@std/assert";
import type { Call } from "../../kernel/abi/kernel.ts";
import { type BlockDevice, runToEnd, sectorBytes } from "./block_device.ts";
import { FileFailure } from "./failure.ts";
import { defaultSectorCount, formatFat32 } from "./format.ts";
import { MemoryDevice, type SectorRun } from "./memory_device.ts";
import { Volume } from "./volume.ts";

export const label = "HELIOS";

export function freshDevice(sectorCount = defaultSectorCount): MemoryDevice {
  return deviceFrom(formatFat32({ sectorCount, label, volumeId: 0x1234abcd }), sectorCount);
}

export function deviceFrom(runs: readonly SectorRun[], sectorCount: number): MemoryDevice {
  const device = new MemoryDevice(sectorCount);
  for (const run of runs) device.store(run);
  return device;
}

/** A mounted volume, with a clock that advances a second at each look. */
export class TestDisk {
  readonly volume: Volume;

  constructor(device: BlockDevice, cacheSectors = 4096) {
    let now = 0;
    // deno-lint-ignore require-yield -- a clock of its own
    const clock = function* (): Call<number> {
      now += 1e9;
      return now;
    };
    const mounted = runToEnd(Volume.mount(device, clock, cacheSectors));
    if ("refused" in mounted) throw new Error(mounted.refused);
    this.volume = mounted.accepted;
  }

  write(path: string, bytes: Uint8Array, offset = 0): void {
    this.with(path, "write", (file) => file.write(offset, { bytes }));
  }

  create(path: string, bytes: Uint8Array): void {
    this.with(path, "create", (file) => file.write(0, { bytes }));
  }

  replace(path: string, bytes: Uint8Array): void {
    this.with(path, "replace", (file) => file.write(0, { bytes }));
  }

  truncate(path: string, size: number): void {
    this.with(path, "write", (file) => file.truncate(size));
  }

  read(path: string): Uint8Array {
    return this.with(path, "read", function* (file) {
      const bytes = new Uint8Array(file.size);
      assertEquals(yield* file.read(0, { bytes }), file.size);
      return bytes;
    });
  }

  with<T>(path: string, mode: "read" | "write" | "create" | "replace", use: (file: FileOf) => Call<T>): T {
    const file = runToEnd(this.volume.open(path, mode));
    try {
      return runToEnd(use(file));
    } finally {
      this.volume.close(file);
    }
  }

  makeDirectory(path: string): void {
    runToEnd(this.volume.makeDirectory(path));
  }

  remove(path: string): void {
    runToEnd(this.volume.remove(path));
  }

  rename(from: string, to: string): void {
    runToEnd(this.volume.rename(from, to));
  }

  sync(): void {
    runToEnd(this.volume.sync());
  }

  names(path: string): string[] {
    return this.list(path).map((entry) => entry.name).sort();
  }

  list(path: string): { name: string; kind: "file" | "directory"; size: number }[] {
    const entries = [];
    for (let start: number | undefined = 0; start !== undefined;) {
      const part: {
        entries: { name: string; kind: "file" | "directory"; size: number }[];
        next: number | undefined;
      } = runToEnd(this.volume.list(path, start, 7));
      entries.push(...part.entries);
      start = part.next;
    }
    return entries;
  }

  freeBytes(): number {
    return runToEnd(this.volume.space()).freeBytes;
  }

  /** Every file and directory below a path. */
  tree(path = ""): Map<string, Uint8Array | "directory"> {
    const found = new Map<string, Uint8Array | "directory">();
    for (const entry of this.list(path)) {
      const full = `${path}/${entry.name}`;
      if (entry.kind === "file") {
        found.set(full, this.read(full));
      } else {
        found.set(full, "directory");
        for (const [name, content] of this.tree(full)) found.set(name, content);
      }
    }
    return found;
  }
}

type FileOf = ReturnType<Volume["open"]> extends Generator<unknown, infer F, unknown> ? F : never;

/** The code with which an action is refused; fails the test when it is not. */
export function refusal(action: () => unknown): string {
  try {
    action();
  } catch (failure) {
    if (failure instanceof FileFailure) return failure.code;
    throw failure;
  }
  return "not refused";
}

/** Remembers what was written, in order. */
export class RecordingDevice implements BlockDevice {
  readonly events: (SectorRun | "flush")[] = [];
  readonly sectorCount: number;
  readonly maximumSectors: number;
  readonly #device: MemoryDevice;

  constructor(device: MemoryDevice) {
    this.#device = device;
    this.sectorCount = device.sectorCount;
    this.maximumSectors = device.maximumSectors;
  }

  read(firstSector: number, count: number, take: (bytes: Uint8Array) => void): Call<void> {
    return this.#device.read(firstSector, count, take);
  }

  *write(firstSector: number, count: number, fill: (bytes: Uint8Array) => void): Call<void> {
    const bytes = new Uint8Array(count * sectorBytes);
    fill(bytes);
    this.events.push({ firstSector, bytes });
    yield* this.#device.write(firstSector, count, (into) => into.set(bytes));
  }

  // deno-lint-ignore require-yield -- memory never makes a caller wait
  *flush(): Call<void> {
    this.events.push("flush");
  }
}

/** Bytes that differ from file to file and place to place. */
export function pattern(seed: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed * 2654435761 >>> 0 || 1;
  for (let index = 0; index < length; index++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[index] = state >>> 24;
  }
  return bytes;
}

// ---------------------------------------------------------------- real peers

const isInstalled = (program: string, argument: string): boolean => {
  try {
    new Deno.Command(program, { args: [argument], stdout: "null", stderr: "null" }).outputSync();
    return true;
  } catch {
    return false;
  }
};

const hasPeers = isInstalled("fsck.fat", "--help") && isInstalled("mdir", "--version");
if (!hasPeers) {
  console.warn("tests against dosfstools and mtools are ignored: fsck.fat or mdir is not installed");
}

/** A test that needs dosfstools and mtools. */
export function peerTest(name: string, body: () => void): void {
  Deno.test({ name, ignore: !hasPeers, fn: body });
}

/** An image file for the time of `use`; `device` is written to it. */
export function withImage<T>(device: MemoryDevice | number, use: (path: string) => T): T {
  const path = Deno.makeTempFileSync({ suffix: ".img" });
  try {
    const file = Deno.openSync(path, { write: true });
    file.truncateSync((typeof device === "number" ? device : device.sectorCount) * sectorBytes);
    for (const run of typeof device === "number" ? [] : device.runs()) {
      file.seekSync(run.firstSector * sectorBytes, Deno.SeekMode.Start);
      for (let done = 0; done < run.bytes.length;) done += file.writeSync(run.bytes.subarray(done));
    }
    file.close();
    return use(path);
  } finally {
    Deno.removeSync(path);
  }
}

/** What is in an image file; sectors of zeros are left out. */
export function deviceOf(path: string): MemoryDevice {
  const bytes = Deno.readFileSync(path);
  const device = new MemoryDevice(bytes.length / sectorBytes);
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  for (let index = 0; index < words.length; index++) {
    if (words[index] === 0) continue;
    const sector = Math.floor(index * 4 / sectorBytes);
    device.store({
      firstSector: sector,
      bytes: bytes.subarray(sector * sectorBytes, (sector + 1) * sectorBytes),
    });
    index = (sector + 1) * sectorBytes / 4 - 1;
  }
  return device;
}

export function run(program: string, ...args: string[]): { code: number; text: string } {
  const { code, stdout, stderr } = new Deno.Command(program, {
    args,
    env: { MTOOLS_SKIP_CHECK: "0", LC_ALL: "C.UTF-8" },
  }).outputSync();
  return { code, text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

/** What fsck.fat remarks on a disk, without its greeting and its summary; empty when it is clean. */
export function fsckRemarks(device: MemoryDevice): string {
  return withImage(device, (path) => {
    const { code, text } = run("fsck.fat", "-n", path);
    const remarks = text.split("\n").filter((line) =>
      line !== "" && !line.startsWith("fsck.fat ") && !line.startsWith(`${path}: `)
    );
    return remarks.join("\n") + (code === 0 ? "" : `\nexit status ${code}`);
  });
}
