/**
 * One Intel 8254x adapter: reset, initialisation, and frames in and out of its rings.
 *
 * All that touches the device is here; `main.ts` decides who gets the frames.
 * - Received frames stay in the blocks that the device wrote; frames to send are
 *   read by the device out of the block that came: no copy in either direction.
 * - `queue` only stages a frame; `flush` hands all staged ones over with one doorbell.
 * - Frames that are too long or too short, and those lost in a reset, count as dropped.
 *
 * Sequences are those of hardware-reference.md section 3.9.
 */

import type { Block, Call, Device, Kernel, SharedMemory } from "../../kernel/abi/kernel.ts";
import { isKernelError } from "../../kernel/abi/errors.ts";
import {
  type BitName,
  eepromMacWords,
  eerdAddressShift,
  eerdDataShift,
  itrInterval,
  mask,
  multicastWords,
  nicRegisters,
  ownAddressCount,
  type RegisterName,
  tctlCollisions,
  tipgCopper,
} from "./registers.ts";
import {
  descriptorSize,
  isTransmitted,
  parseReceived,
  receiveBufferSize,
  Ring,
  ringSize,
  ringSlots,
} from "./rings.ts";

/** Longest payload of a frame that the adapter takes. */
export const mtu = 1500;
const headerSize = 14;
const frameSizeMax = headerSize + mtu;
/** How many descriptors one read of shared memory fetches. */
const batchSlots = 32;
const millisecondNs = 1_000_000;

/** PCI command register (configuration offset 4): memory space, bus master, INTx disable. */
const commandOffset = 4;
const commandMemory = 1 << 1;
const commandMaster = 1 << 2;
const commandInterruptDisable = 1 << 10;

/** The 82545GM is reset through CTRL_DUP (section 3.2). */
const device82545GM = 0x1026;

export interface AdapterCounters {
  received: number;
  missed: number;
  bad: number;
  transmitted: number;
  dropped: number;
}

export class Adapter {
  readonly counters: AdapterCounters = { received: 0, missed: 0, bad: 0, transmitted: 0, dropped: 0 };
  readonly #kernel: Kernel;
  readonly #device: Device;
  readonly #receiveMemory: SharedMemory;
  readonly #transmitMemory: SharedMemory;
  readonly #receiveRing: Ring = new Ring();
  readonly #transmitRing: Ring = new Ring();
  #mac: number[] = [];

  constructor(kernel: Kernel, device: Device, receiveMemory: SharedMemory, transmitMemory: SharedMemory) {
    this.#kernel = kernel;
    this.#device = device;
    this.#receiveMemory = receiveMemory;
    this.#transmitMemory = transmitMemory;
  }

  /** An adapter that was reset and can send; it receives nothing yet. */
  static *open(kernel: Kernel, device: Device): Call<Adapter> {
    const command = (yield* device.readConfiguration32(commandOffset)) & 0xffff;
    // The upper half is the status register, whose bits clear when 1 is written: write zeros there.
    yield* device.writeConfiguration32(
      commandOffset,
      (command | commandMemory | commandMaster) & ~commandInterruptDisable,
    );
    const receiveMemory = yield* device.shareMemory(ringSize);
    const transmitMemory = yield* device.shareMemory(ringSize);
    const adapter = new Adapter(kernel, device, receiveMemory, transmitMemory);
    yield* adapter.#reset();
    yield* adapter.#initialise();
    return adapter;
  }

  /** The MAC address, the first byte on the wire most significant. */
  get mac(): number {
    return this.#mac.reduce((value, byte) => value * 256 + byte, 0);
  }

  /** Frames given to the device or staged, not yet reported. */
  get transmitting(): number {
    return this.#transmitRing.used;
  }

  /** Frames that `flush` would hand over. */
  get staged(): number {
    return this.#transmitRing.unwritten;
  }

  *linkUp(): Call<boolean> {
    return ((yield* this.#read("STATUS")) & mask("STATUS", "LU")) !== 0;
  }

  /** The causes of an interrupt; reading clears them, so the line may rise again. */
  *takeCauses(): Call<number> {
    const causes = yield* this.#read("ICR");
    yield* this.#device.interrupt.acknowledge();
    return causes;
  }

  // -------------------------------------------------------------- start and reset

  *#initialise(): Call<void> {
    const control = yield* this.#read("CTRL");
    const off = mask("CTRL", "LRST", "ILOS", "FRCSPD", "FRCDPX");
    yield* this.#write("CTRL", control & ~off | mask("CTRL", "SLU", "ASDE"));
    yield* this.#readMac();
    yield* this.#setAddressFilter();
    for (const name of ["CRCERRS", "RXERRC", "MPC", "ROC"] as const) yield* this.#read(name);
    yield* this.#prepareReceive();
    yield* this.#prepareTransmit();
    yield* this.#write("IMS", mask("IMS", "RXT0", "RXO", "RXDMT0", "RXSEQ", "LSC", "TXDW"));
    yield* this.#setBits("ICS", "LSC");
  }

  *#reset(): Call<void> {
    yield* this.#write("IMC", 0xffff_ffff);
    yield* this.#write("RCTL", 0);
    yield* this.#setBits("TCTL", "PSP");
    yield* this.#read("STATUS"); // makes sure that the writes have arrived
    yield* this.#kernel.sleep(10 * millisecondNs);
    const register = this.#device.deviceId === device82545GM ? "CTRL_DUP" : "CTRL";
    const control = yield* this.#read("CTRL");
    yield* this.#write(register, (control | mask("CTRL", "RST")) >>> 0);
    // The device reloads itself from the EEPROM: 5 ms at least.
    yield* this.#kernel.sleep(5 * millisecondNs);
    yield* this.#write("IMC", 0xffff_ffff);
    yield* this.#read("ICR");
  }

  *#readMac(): Call<void> {
    const mac: number[] = [];
    for (let word = 0; word < eepromMacWords; word++) {
      const data = yield* this.#readEeprom(word);
      mac.push(data & 0xff, data >>> 8);
    }
    this.#mac = mac;
  }

  *#readEeprom(word: number): Call<number> {
    yield* this.#write("EERD", word << eerdAddressShift | mask("EERD", "START"));
    // A reload after reset takes up to 20 ms (section 3.9).
    for (let tries = 0; tries < 20; tries++) {
      const value = yield* this.#read("EERD");
      if ((value & mask("EERD", "DONE")) !== 0) return value >>> eerdDataShift;
      yield* this.#kernel.sleep(millisecondNs);
    }
    throw new Error(`Cannot read EEPROM word ${word} of NIC ${this.#device.location}: not done after 20 ms`);
  }

  *#setAddressFilter(): Call<void> {
    const [b0, b1, b2, b3, b4, b5] = this.#mac as [number, number, number, number, number, number];
    yield* this.#write("RAL", (b0 | b1 << 8 | b2 << 16 | b3 << 24) >>> 0);
    yield* this.#write("RAH", (b4 | b5 << 8 | mask("RAH", "AV")) >>> 0);
    for (let index = 1; index < ownAddressCount; index++) {
      yield* this.#write("RAL", 0, 8 * index);
      yield* this.#write("RAH", 0, 8 * index);
    }
    for (let index = 0; index < multicastWords; index++) yield* this.#write("MTA", 0, 4 * index);
  }

  *#prepareReceive(): Call<void> {
    yield* this.#write("RDTR", 0);
    yield* this.#write("ITR", itrInterval);
    yield* this.#write("RDLEN", ringSize);
    yield* this.#write("RDBAH", 0);
    yield* this.#write("RDBAL", this.#receiveMemory.address);
    yield* this.#write("RDH", 0);
    yield* this.#write("RDT", 0);
    yield* this.#write("RXCSUM", 0);
    while (this.#receiveRing.free > 0) yield* this.#putNewBuffer();
    yield* this.#giveBuffers();
  }

  *#prepareTransmit(): Call<void> {
    yield* this.#write("TDLEN", ringSize);
    yield* this.#write("TDBAH", 0);
    yield* this.#write("TDBAL", this.#transmitMemory.address);
    yield* this.#write("TDT", 0);
    yield* this.#write("TDH", 0);
    yield* this.#write("TIPG", tipgCopper);
    yield* this.#write("TIDV", 0);
    yield* this.#write("TCTL", mask("TCTL", "EN", "PSP") | tctlCollisions);
  }

  /** Resets a device that stopped; what it had to send is lost and counted. How many frames that were. */
  *recover(): Call<number> {
    yield* this.#reset();
    const lost = this.#transmitRing.clear();
    for (const block of lost) yield* this.#kernel.free(block);
    for (const block of this.#receiveRing.clear()) yield* this.#kernel.free(block);
    this.counters.dropped += lost.length;
    yield* this.#initialise();
    return lost.length;
  }

  // -------------------------------------------------------------- receiving

  /** Lets frames in; those that an earlier client left behind are forgotten. */
  *startReceiving(): Call<void> {
    for (;;) {
      const frames = yield* this.receive(ringSlots);
      if (frames.length === 0) break;
      for (const frame of frames) yield* this.#kernel.free(frame);
    }
    // Buffer size 2048 is field value 0 (section 3.2).
    yield* this.#setBits("RCTL", "EN", "BAM", "SECRC");
  }

  *stopReceiving(): Call<void> {
    yield* this.#write("RCTL", 0);
  }

  /** Frames that arrived, oldest first, at most `limit`; fewer means that there are no more now. */
  *receive(limit: number): Call<Block[]> {
    const frames: Block[] = [];
    let more = true;
    while (more && frames.length < limit) {
      const { slot, count } = this.#receiveRing.oldest(Math.min(batchSlots, limit - frames.length));
      const bytes = yield* this.#receiveMemory.read(slot * descriptorSize, count * descriptorSize);
      let taken = 0;
      while (taken < count) {
        const descriptor = parseReceived(bytes, taken * descriptorSize);
        if (descriptor === undefined) break;
        taken++;
        const frame = yield* this.#exchangeBuffer(descriptor.good);
        if (frame === undefined) continue;
        frame.window(0, descriptor.length);
        frames.push(frame);
      }
      more = taken === count;
      if (taken > 0) yield* this.#giveBuffers();
    }
    this.counters.received += frames.length;
    return frames;
  }

  /** Takes the oldest buffer for its frame and puts a new one at the tail; a bad frame's buffer is used again. */
  *#exchangeBuffer(good: boolean): Call<Block | undefined> {
    const address = this.#receiveRing.oldestAddress;
    const block = this.#receiveRing.take();
    if (good) {
      try {
        yield* this.#putNewBuffer();
        return block;
      } catch (error) {
        // Without memory for a new buffer the frame is lost, and the ring lives on.
        if (!isKernelError(error) || error.code !== "OutOfMemory") throw error;
        this.counters.missed++;
      }
    } else {
      this.counters.bad++;
    }
    this.#receiveRing.putBuffer(block, address);
    return undefined;
  }

  *#putNewBuffer(): Call<void> {
    const block = yield* this.#kernel.allocate(receiveBufferSize);
    this.#receiveRing.putBuffer(block, yield* this.#device.addressOf(block));
  }

  *#giveBuffers(): Call<void> {
    yield* this.#writeStaged(this.#receiveRing, this.#receiveMemory);
    yield* this.#write("RDT", this.#receiveRing.tail);
  }

  // -------------------------------------------------------------- transmitting

  /** Stages a frame for sending; false when it was dropped instead. The block is gone either way. */
  *queue(frame: Block): Call<boolean> {
    const length = frame.length;
    if (length < headerSize || length > frameSizeMax || this.#transmitRing.free === 0) {
      this.counters.dropped++;
      yield* this.#kernel.free(frame);
      return false;
    }
    // From `addressOf` on the block is the device's: not to be looked at any more.
    const { byteOffset } = frame.bytes;
    const address = (yield* this.#device.addressOf(frame)) + byteOffset;
    this.#transmitRing.putFrame(frame, address, length);
    return true;
  }

  /** Hands all staged frames to the device. */
  *flush(): Call<void> {
    if (this.#transmitRing.unwritten === 0) return;
    yield* this.#writeStaged(this.#transmitRing, this.#transmitMemory);
    yield* this.#write("TDT", this.#transmitRing.tail);
  }

  /** Frees the blocks of frames that were sent; how many. */
  *reclaim(): Call<number> {
    let total = 0;
    for (;;) {
      const { slot, count } = this.#transmitRing.oldest(batchSlots);
      if (count === 0) break;
      const bytes = yield* this.#transmitMemory.read(slot * descriptorSize, count * descriptorSize);
      let taken = 0;
      while (taken < count && isTransmitted(bytes, taken * descriptorSize)) {
        yield* this.#kernel.free(this.#transmitRing.take());
        taken++;
      }
      total += taken;
      if (taken < count) break;
    }
    this.counters.transmitted += total;
    return total;
  }

  *#writeStaged(ring: Ring, memory: SharedMemory): Call<void> {
    // At most two stretches: before the ring's end and after it.
    while (ring.unwritten > 0) {
      const stretch = ring.toWrite();
      const start = stretch.slot * descriptorSize;
      yield* memory.write(start, ring.staged.subarray(start, start + stretch.count * descriptorSize));
      ring.written(stretch);
    }
  }

  // -------------------------------------------------------------- registers

  /** Adds what the device counted since the last time; its counters clear when read. */
  *updateCounters(): Call<void> {
    this.counters.missed += yield* this.#read("MPC");
    for (const name of ["CRCERRS", "RXERRC", "ROC"] as const) this.counters.bad += yield* this.#read(name);
  }

  *#read(register: RegisterName): Call<number> {
    return yield* this.#device.read32(0, nicRegisters[register].offset);
  }

  *#write(register: RegisterName, value: number, offset = 0): Call<void> {
    yield* this.#device.write32(0, nicRegisters[register].offset + offset, value);
  }

  /** Writes a register so that exactly these bits are 1. */
  *#setBits<R extends RegisterName>(register: R, ...names: BitName<R>[]): Call<void> {
    yield* this.#write(register, mask(register, ...names));
  }
}
