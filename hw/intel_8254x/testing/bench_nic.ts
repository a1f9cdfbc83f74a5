/**
 * A NIC on a test bench: cable, rings in memory, and what a driver does with them.
 *
 * Tests of the NIC drive it through its registers alone; the cable's far end is `sentFrames` and
 * `arrive`.
 * - `bringUp` does what hardware-reference.md 3.9 tells a driver to do.
 * - The cable takes 8 ns a byte, like a gigabit link.
 */

import { assert, assertEquals } from "@std/assert";
import type { Station } from "../../ethernet/link.ts";
import { BenchSlot, type BenchSlotOptions } from "../../pci/testing/bench_slot.ts";
import { createNic } from "../nic.ts";
import { nicRegisters } from "../registers.ts";
import { statisticsRegisters } from "../statistics.ts";

export const macAddress = Uint8Array.of(0x02, 0x12, 0x34, 0x56, 0x78, 0x9a);
const receiveRing = 0x1000;
const transmitRing = 0x8000;
const receiveBuffers = 0x20000;
const transmitBuffers = 0x80000;
const bufferStride = 2048;

export interface NicBenchOptions {
  readonly slot?: BenchSlotOptions;
  readonly cable?: boolean;
  readonly model?: "82540EM" | "82545GM";
  /** Descriptors in each ring, a multiple of 8. */
  readonly ringSize?: number;
}

export interface ReceivedFrame {
  readonly bytes: Uint8Array;
  readonly status: number;
  readonly errors: number;
  readonly checksum: number;
  readonly special: number;
}

export class NicBench {
  readonly slot: BenchSlot;
  readonly ringSize: number;
  readonly sentFrames: Uint8Array[] = [];
  #station: Station | undefined;
  #wireFree = 0;
  #receiveNext = 0;
  /** The parts so far of a frame that takes several descriptors. */
  #parts: number[] = [];
  #transmitNext = 0;

  constructor(options: NicBenchOptions = {}) {
    this.ringSize = options.ringSize ?? 16;
    const plug = (station: Station) => {
      this.#station = station;
      return {
        bitsPerSecond: 1e9,
        transmit: (frame: Uint8Array, sent?: () => void) => {
          const { queue } = this.slot;
          this.#wireFree = Math.max(this.#wireFree, queue.now) + (Math.max(60, frame.length) + 24) * 8;
          queue.at(this.#wireFree as typeof queue.now, () => {
            this.sentFrames.push(frame);
            sent?.();
          });
        },
      };
    };
    this.slot = new BenchSlot(
      createNic({
        name: "nic0",
        model: options.model ?? "82540EM",
        macAddress,
        plug: options.cable === false ? undefined : plug,
      }),
      { memoryBytes: 1 << 21, ...options.slot },
    );
  }

  read(name: keyof typeof nicRegisters): number {
    return this.slot.read(0, nicRegisters[name].offset);
  }

  write(name: keyof typeof nicRegisters, value: number): void {
    this.slot.write(0, nicRegisters[name].offset, value);
  }

  count(name: keyof typeof statisticsRegisters): number {
    return this.slot.read(0, statisticsRegisters[name].offset);
  }

  /** Link up, rings filled, both directions on; `receiveControl` is added to EN, BAM and SECRC. */
  bringUp(receiveControl = 0): void {
    this.#receiveNext = 0;
    this.#transmitNext = 0;
    this.#parts = [];
    this.write("CTRL", 1 << 6 | 1);
    this.slot.run(2e6);
    this.write("RDLEN", this.ringSize * 16);
    this.write("RDBAL", receiveRing);
    this.write("RDBAH", 0);
    this.write("RDH", 0);
    this.write("RDT", 0);
    for (let index = 0; index < this.ringSize; index++) this.armReceive(index);
    this.write("RCTL", (1 << 1 | 1 << 15 | 1 << 26 | receiveControl) >>> 0);
    this.write("RDT", this.ringSize - 1);
    this.write("TDLEN", this.ringSize * 16);
    this.write("TDBAL", transmitRing);
    this.write("TDBAH", 0);
    this.write("TDH", 0);
    this.write("TDT", 0);
    this.write("TCTL", 1 << 1 | 1 << 3);
    this.read("ICR");
    this.write("IMS", 0xdd);
  }

  /** Gives a receive descriptor an empty buffer (or address 0). */
  armReceive(index: number, address = receiveBuffers + index * bufferStride): void {
    const at = receiveRing + 16 * index;
    this.slot.memory.fill(0, at, at + 16);
    this.slot.view.setUint32(at, address, true);
  }

  /** A frame comes off the cable. */
  arrive(frame: Uint8Array): void {
    this.#station!.receive(frame);
  }

  /** What the receive ring holds, as a driver's interrupt handler collects it; gives the buffers back. */
  collect(): ReceivedFrame[] {
    const frames: ReceivedFrame[] = [];
    for (;;) {
      const index = this.#receiveNext;
      const at = receiveRing + 16 * index;
      const status = this.slot.view.getUint8(at + 12);
      if ((status & 1) === 0) break;
      const length = this.slot.view.getUint16(at + 8, true);
      const address = this.slot.view.getUint32(at, true);
      this.#parts.push(...this.slot.memory.subarray(address, address + length));
      if (status & 2) {
        frames.push({
          bytes: Uint8Array.from(this.#parts),
          status,
          errors: this.slot.view.getUint8(at + 13),
          checksum: this.slot.view.getUint16(at + 10, true),
          special: this.slot.view.getUint16(at + 14, true),
        });
        this.#parts = [];
      }
      this.armReceive(index);
      this.write("RDT", index);
      this.#receiveNext = (index + 1) % this.ringSize;
    }
    return frames;
  }

  /** Puts 16 raw bytes into the transmit ring, without ringing the doorbell; answers the index. */
  putDescriptor(bytes: Uint8Array): number {
    const index = this.#transmitNext;
    this.slot.memory.set(bytes, transmitRing + 16 * index);
    this.#transmitNext = (index + 1) % this.ringSize;
    return index;
  }

  /** Puts data into the transmit ring as one descriptor; by default a whole frame with status report. */
  put(
    data: Uint8Array,
    fields: { command?: number; cso?: number; css?: number; special?: number } = {},
  ): number {
    const address = transmitBuffers + this.#transmitNext * bufferStride;
    this.slot.memory.set(data, address);
    const bytes = new Uint8Array(16);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, address, true);
    view.setUint16(8, data.length, true);
    view.setUint8(10, fields.cso ?? 0);
    view.setUint8(11, fields.command ?? 0x0b);
    view.setUint8(13, fields.css ?? 0);
    view.setUint16(14, fields.special ?? 0, true);
    return this.putDescriptor(bytes);
  }

  ring(): void {
    this.write("TDT", this.#transmitNext);
  }

  /** Whether a transmit descriptor has been written back. */
  isDone(index: number): boolean {
    return (this.slot.memory[transmitRing + 16 * index + 12]! & 1) === 1;
  }

  send(frame: Uint8Array, fields: Parameters<NicBench["put"]>[1] = {}): number {
    const index = this.put(frame, fields);
    this.ring();
    return index;
  }
}

/** Fails at the first frame that differs; shorter to read than all bytes of all frames. */
export function assertSameFrames(actual: readonly Uint8Array[], expected: readonly Uint8Array[]): void {
  assertEquals(actual.map((frame) => frame.length), expected.map((frame) => frame.length));
  actual.forEach((frame, index) => {
    const same = frame.every((byte, at) => byte === expected[index]![at]);
    assert(same, `frame ${index} differs`);
  });
}

/** A frame of `size` bytes to the NIC, with a payload that differs by `seed`. */
export function frameTo(destination: Uint8Array, size: number, seed = 0): Uint8Array {
  const frame = Uint8Array.from({ length: size }, (_, index) => index * 5 + seed * 17);
  frame.set(destination);
  frame.set([0x02, 0, 0, 0, 0, 1], 6);
  // Of no protocol that a station would look into.
  frame.set([0x88, 0xb5], 12);
  return frame;
}
