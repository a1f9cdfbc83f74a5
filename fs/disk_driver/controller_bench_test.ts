/**
 * A Silicon Image 3114 with drives on a bench: the device model behind the ABI's `Device`.
 *
 * Programs run on the test kernel; the controller and its drives are the real models, in
 * the same virtual time. DMA reaches the blocks and the shared memory of the programs.
 * - Addresses that belong to nothing fault, so a driver that lets a block go too early fails.
 * - Start `hardware` as a process beside the driver: it moves the models' time along.
 */

import { BusFault, type DmaPort } from "../../hw/memory/bus_target.ts";
import type { PciDevice } from "../../hw/pci/device.ts";
import { DiskDrive } from "../../hw/disk/drive.ts";
import { MemoryMedium } from "../../hw/disk/memory_medium.ts";
import { createSataController } from "../../hw/sii3114/controller.ts";
import { silentLog } from "../../hw/time/event_log.ts";
import { EventQueue } from "../../hw/time/event_queue.ts";
import type { Instant } from "../../hw/time/time.ts";
import type { Block, Call, Device, Program, SharedMemory } from "../../kernel/abi/kernel.ts";
import { instant, Wait } from "../../kernel/programs/testing/test_channels.ts";
import { TestInterrupt, TestKernel } from "../../kernel/programs/testing/test_kernel.ts";

interface Region {
  readonly address: number;
  readonly size: number;
  bytes(): Uint8Array;
}

/** A level-sensitive line: it interrupts again when it is acknowledged while still asserted. */
class LevelInterrupt extends TestInterrupt {
  asserted = false;

  override acknowledge(): Call<void> {
    return instant("acknowledge", () => {
      if (this.asserted) this.raise();
    });
  }
}

const pageSize = 4096;

export class ControllerBench {
  readonly kernel = new TestKernel();
  readonly queue = new EventQueue();
  readonly drives: (DiskDrive | undefined)[];
  readonly media: (MemoryMedium | undefined)[];
  readonly interrupt = new LevelInterrupt();
  /** Register writes, as offset and value, for tests that look at them. */
  readonly writes: { readonly offset: number; readonly value: number }[] = [];
  cacheLineSize = 16;
  readonly #model: PciDevice;
  readonly #regions: Region[] = [];
  #nextAddress = 0x10_0000;

  /** `sectorCounts`: the drives on ports 0 to 3; 0 for an empty port. */
  constructor(sectorCounts: readonly number[]) {
    this.media = sectorCounts.map((count) => count === 0 ? undefined : new MemoryMedium(count));
    this.drives = this.media.map((medium, index) =>
      medium && new DiskDrive({ name: `drive${index}`, clock: this.queue, medium })
    );
    this.#model = createSataController({ name: "sata", ports: this.drives })({
      clock: this.queue,
      log: silentLog,
      dma: this.#dma(),
      interrupt: {
        set: (asserted) => {
          this.interrupt.asserted = asserted;
          if (asserted) this.interrupt.raise();
        },
      },
      cacheLineSize: () => this.cacheLineSize,
      reportAbort: () => {},
    });
  }

  /** Moves the models' time along for ever. */
  readonly hardware = (): Program => hardware(this);

  get device(): Device {
    return {
      location: "1:2.0",
      vendorId: 0x1095,
      deviceId: 0x3114,
      interrupt: this.interrupt,
      read8: (bar, offset) => this.#read(bar, offset, 1),
      read16: (bar, offset) => this.#read(bar, offset, 2),
      read32: (bar, offset) => this.#read(bar, offset, 4),
      write8: (bar, offset, value) => this.#write(bar, offset, value, 1),
      write16: (bar, offset, value) => this.#write(bar, offset, value, 2),
      write32: (bar, offset, value) => this.#write(bar, offset, value, 4),
      writeMemory: (bar) =>
        instant("writeMemory", () => {
          throw new Error(`BAR${bar} has no memory`);
        }),
      readConfiguration32: () => instant("readConfiguration32", () => this.cacheLineSize),
      writeConfiguration32: () => instant("writeConfiguration32", () => {}),
      shareMemory: (size) => instant("shareMemory", () => this.#share(size)),
      addressOf: (block) => instant("addressOf", () => this.#addressOf(block)),
    };
  }

  advance(): void {
    this.queue.runUntil(this.kernel.now as Instant);
  }

  #read(bar: number, offset: number, width: number): Call<number> {
    return instant("read register", () => {
      this.advance();
      const bytes = new Uint8Array(width);
      this.#target(bar).read(offset, bytes);
      return bytes.reduceRight((value, byte) => value * 256 + byte, 0);
    });
  }

  #write(bar: number, offset: number, value: number, width: number): Call<void> {
    return instant("write register", () => {
      this.advance();
      this.writes.push({ offset, value });
      this.#target(bar).write(
        offset,
        Uint8Array.from({ length: width }, (_, index) => value >>> (8 * index)),
      );
    });
  }

  #target(bar: number) {
    const found = this.#model.bars.find(({ index }) => index === bar);
    if (found === undefined) throw new Error(`the controller has no BAR${bar}`);
    return found.target;
  }

  #share(size: number): SharedMemory {
    const memory = new Uint8Array(size);
    const address = this.#place(size, () => memory);
    return {
      address,
      size,
      read: (offset, length) => instant("read shared", () => memory.slice(offset, offset + length)),
      write: (offset, bytes) => instant("write shared", () => memory.set(bytes, offset)),
    };
  }

  #addressOf(block: Block): number {
    const { buffer } = block.bytes;
    return this.#place(buffer.byteLength, () => {
      if ((buffer as ArrayBuffer).detached) throw new BusFault("bench", 0, "the block has moved");
      return new Uint8Array(buffer);
    });
  }

  /** Blocks lie 0x100 before a multiple of 64 KiB, so that each larger one needs several regions. */
  #place(size: number, bytes: () => Uint8Array): number {
    const address = size > pageSize
      ? Math.ceil(this.#nextAddress / 0x10000) * 0x10000 + 0xff00
      : this.#nextAddress;
    this.#nextAddress = Math.ceil((address + size) / pageSize) * pageSize;
    this.#regions.push({ address, size, bytes });
    return address;
  }

  #memory(address: number, length: number): Uint8Array {
    const region = this.#regions.find((one) =>
      address >= one.address && address + length <= one.address + one.size
    );
    if (region === undefined) throw new BusFault("bench", address, "nobody answers there");
    return region.bytes().subarray(address - region.address, address - region.address + length);
  }

  #dma(): DmaPort {
    const later = (act: () => void, failed: (fault: BusFault) => void): void => {
      this.queue.at((this.queue.now + 500) as Instant, () => {
        try {
          act();
        } catch (fault) {
          if (!(fault instanceof BusFault)) throw fault;
          failed(fault);
        }
      });
    };
    return {
      read: (address, length, done, failed) =>
        later(() => done(this.#memory(address, length).slice()), failed),
      write: (address, bytes, done, failed) => {
        const copy = bytes.slice();
        later(() => {
          this.#memory(address, copy.length).set(copy);
          done();
        }, failed);
      },
    };
  }
}

function* hardware(bench: ControllerBench): Program {
  for (;;) {
    const next = bench.queue.nextInstant() ?? Infinity;
    yield new Wait("hardware", () => (bench.queue.nextInstant() ?? Infinity) < next, next);
    bench.advance();
  }
}
