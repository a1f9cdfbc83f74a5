/**
 * A PCI slot on a test bench: memory, a clock and an interrupt lamp for one device model.
 *
 * Tests of device models (NIC, disk controller) plug a model in here and drive it through
 * its registers, without a bus or a machine.
 * - DMA completes in order, `dmaNs` per transfer after it was asked for; 0 means at the next event.
 * - Addresses outside of the memory fault; `holdDma` is the bus-master bit being off.
 */

import { BusFault, type BusTarget } from "../../memory/bus_target.ts";
import type { PciDevice, PciDeviceFactory, PciSlot } from "../device.ts";
import { EventQueue } from "../../time/event_queue.ts";
import { later, nanoseconds } from "../../time/time.ts";

export interface BenchSlotOptions {
  readonly memoryBytes?: number;
  readonly dmaNs?: number;
  readonly dmaBytesPerSecond?: number;
  readonly cacheLineSize?: number;
}

export class BenchSlot {
  readonly queue = new EventQueue();
  readonly memory: Uint8Array;
  readonly view: DataView;
  readonly logged: string[] = [];
  device!: PciDevice;
  interrupt = false;
  /** How often the interrupt was asserted. */
  interruptCount = 0;
  cacheLineSize: number;
  readonly #options: BenchSlotOptions;
  #dmaFree = this.queue.now;
  #held: (() => void)[] | undefined;

  constructor(factory: PciDeviceFactory, options: BenchSlotOptions = {}) {
    this.#options = options;
    this.memory = new Uint8Array(options.memoryBytes ?? 1 << 20);
    this.view = new DataView(this.memory.buffer);
    this.cacheLineSize = options.cacheLineSize ?? 16;
    this.device = factory(this.#slot());
  }

  get now(): number {
    return this.queue.now;
  }

  /** Lets virtual time pass. */
  run(durationNs: number): void {
    this.queue.runUntil(later(this.queue.now, nanoseconds(durationNs)));
  }

  /** Runs until `done` or for `limitNs` at most; answers whether it was done. */
  runUntil(done: () => boolean, limitNs = 20e9): boolean {
    const limit = this.queue.now + limitNs;
    while (!done()) {
      const next = this.queue.nextInstant();
      if (next === undefined || next > limit) return false;
      this.queue.runNext();
    }
    return true;
  }

  /** Sets or clears the bus-master bit of the command register, as far as DMA goes. */
  holdDma(hold: boolean): void {
    const held = this.#held;
    this.#held = hold ? held ?? [] : undefined;
    if (!hold) held?.forEach((start) => start());
  }

  /** Reads a register behind a BAR. */
  read(bar: number, offset: number, width = 4): number {
    const bytes = new Uint8Array(width);
    this.#target(bar).read(offset, bytes);
    return bytes.reduceRight((value, byte) => value * 256 + byte, 0);
  }

  write(bar: number, offset: number, value: number, width = 4): void {
    const bytes = Uint8Array.from({ length: width }, (_, index) => value >>> (8 * index));
    this.#target(bar).write(offset, bytes);
  }

  #target(bar: number): BusTarget {
    const found = this.device.bars.find(({ index }) => index === bar);
    if (found === undefined) throw new Error(`${this.device.name} has no BAR${bar}`);
    return found.target;
  }

  #slot(): PciSlot {
    return {
      clock: this.queue,
      log: { record: (source, text) => void this.logged.push(`${source} ${text}`) },
      dma: {
        read: (address, length, done, failed) =>
          this.#transfer(address, length, () => done(this.memory.slice(address, address + length)), failed),
        write: (address, bytes, done, failed) => {
          const copy = bytes.slice();
          this.#transfer(address, copy.length, () => {
            this.memory.set(copy, address);
            done();
          }, failed);
        },
      },
      interrupt: {
        set: (asserted) => {
          if (asserted && !this.interrupt) this.interruptCount++;
          this.interrupt = asserted;
        },
      },
      cacheLineSize: () => this.cacheLineSize,
      reportAbort: () => {},
    };
  }

  #transfer(address: number, length: number, done: () => void, failed: (fault: BusFault) => void): void {
    if (this.#held !== undefined) {
      this.#held.push(() => this.#transfer(address, length, done, failed));
      return;
    }
    const { dmaNs = 0, dmaBytesPerSecond = Infinity } = this.#options;
    const start = Math.max(this.#dmaFree, this.queue.now);
    this.#dmaFree = (start + dmaNs + length * 1e9 / dmaBytesPerSecond) as typeof this.queue.now;
    this.queue.at(this.#dmaFree, () => {
      if (address + length <= this.memory.length) done();
      else failed(new BusFault("bench", address, "nobody answers there"));
    });
  }
}
