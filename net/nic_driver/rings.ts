/**
 * Descriptor rings of the 8254x: who owns which slot, and what a descriptor says.
 *
 * A ring is an array of 16-byte legacy descriptors in shared memory; the device
 * owns the slots from head to tail, the driver the rest.
 * - Every access to shared memory is a kernel call, so a ring collects descriptors
 *   in `staged` and tells which byte ranges to write, a whole batch at a time.
 * - One slot stays empty: with head = tail the device owns nothing (section 3.4).
 * - Pure bookkeeping; `adapter.ts` does the calls.
 *
 * Follows hardware-reference.md sections 3.3 and 3.4.
 */

import type { Block } from "../../kernel/abi/kernel.ts";

/** A power of two, so that slot numbers wrap with a mask: a division is slow on the card. */
export const ringSlots = 256;
const slotMask = ringSlots - 1;
export const descriptorSize = 16;
export const ringSize = ringSlots * descriptorSize;
/** Bytes of a receive buffer: RCTL's smallest size that holds a whole frame. */
export const receiveBufferSize = 2048;

/** Where the fields of a legacy descriptor are. */
const addressAt = 0;
const lengthAt = 8;
const commandAt = 11; // transmit
const statusAt = 12;
const errorsAt = 13; // receive

const statusDone = 1 << 0;
const statusEndOfPacket = 1 << 1;
const commandEndOfPacket = 1 << 0;
const commandInsertFcs = 1 << 1;
const commandReportStatus = 1 << 3;

/** A stretch of a ring, for one transfer: it never wraps. */
export interface Stretch {
  readonly slot: number;
  readonly count: number;
}

/** What the device wrote back for a received frame. */
export interface ReceivedDescriptor {
  readonly length: number;
  /** Undamaged, and whole in this one buffer. */
  readonly good: boolean;
}

/** The write-back at `offset` of descriptor bytes, or undefined while the device still owns the slot. */
export function parseReceived(bytes: Uint8Array, offset: number): ReceivedDescriptor | undefined {
  const status = bytes[offset + statusAt]!;
  if ((status & statusDone) === 0) return undefined;
  const length = bytes[offset + lengthAt]! | bytes[offset + lengthAt + 1]! << 8;
  const good = (status & statusEndOfPacket) !== 0 && bytes[offset + errorsAt] === 0 && length > 0 &&
    length <= receiveBufferSize;
  return { length, good };
}

/** True when the transmit descriptor at `offset` was written back. */
export const isTransmitted = (bytes: Uint8Array, offset: number): boolean =>
  (bytes[offset + statusAt]! & statusDone) !== 0;

/** Slots, the blocks in them, and descriptors that wait to be written to shared memory. */
export class Ring {
  /** The driver's picture of the whole ring. */
  readonly staged: Uint8Array = new Uint8Array(ringSize);
  readonly #view: DataView = new DataView(this.staged.buffer);
  readonly #blocks: (Block | undefined)[] = new Array<Block | undefined>(ringSlots).fill(undefined);
  readonly #addresses: number[] = new Array<number>(ringSlots).fill(0);
  /** The oldest slot that the device may still own. */
  #first = 0;
  /** The next slot to fill; the tail register gets this. */
  #tail = 0;
  /** First slot that is filled here but not yet written to shared memory. */
  #unwritten = 0;

  get tail(): number {
    return this.#tail;
  }

  /** Slots from the oldest given one to the tail. */
  get used(): number {
    return this.#tail - this.#first & slotMask;
  }

  get free(): number {
    return ringSlots - 1 - this.used;
  }

  /** Descriptors that `written` has not been told of. */
  get unwritten(): number {
    return this.#tail - this.#unwritten & slotMask;
  }

  /** Puts an empty buffer at the tail. */
  putBuffer(block: Block, address: number): void {
    this.#put(block, address, 0, 0);
  }

  /** Puts a frame at the tail, to be sent and reported. */
  putFrame(block: Block, address: number, length: number): void {
    this.#put(block, address, length, commandEndOfPacket | commandInsertFcs | commandReportStatus);
  }

  #put(block: Block, address: number, length: number, command: number): void {
    if (this.free === 0) throw new Error("cannot put a descriptor into a full ring");
    const offset = this.#tail * descriptorSize;
    this.staged.fill(0, offset, offset + descriptorSize);
    this.#view.setUint32(offset + addressAt, address >>> 0, true);
    this.#view.setUint32(offset + addressAt + 4, Math.floor(address / 0x1_0000_0000), true);
    this.#view.setUint16(offset + lengthAt, length, true);
    this.staged[offset + commandAt] = command;
    this.#blocks[this.#tail] = block;
    this.#addresses[this.#tail] = address;
    this.#tail = this.#tail + 1 & slotMask;
  }

  /** The oldest used slots, at most `limit` and up to the ring's end: worth one read. */
  oldest(limit: number): Stretch {
    const count = Math.min(limit, this.used - this.unwritten, ringSlots - this.#first);
    return { slot: this.#first, count };
  }

  /** Bus address in the oldest used slot. */
  get oldestAddress(): number {
    return this.#addresses[this.#first]!;
  }

  /** Takes the oldest slot back from the device, with its block. */
  take(): Block {
    const block = this.#blocks[this.#first];
    if (block === undefined) throw new Error(`cannot take slot ${this.#first}: it is empty`);
    this.#blocks[this.#first] = undefined;
    this.#first = this.#first + 1 & slotMask;
    return block;
  }

  /** Descriptors to write to shared memory before the tail register is; up to the ring's end. */
  toWrite(): Stretch {
    const count = Math.min(this.unwritten, ringSlots - this.#unwritten);
    return { slot: this.#unwritten, count };
  }

  written(stretch: Stretch): void {
    this.#unwritten = this.#unwritten + stretch.count & slotMask;
  }

  /** Forgets all; the blocks that were in it. The device must have been reset. */
  clear(): Block[] {
    const blocks = this.#blocks.filter((block) => block !== undefined);
    this.#blocks.fill(undefined);
    this.#first = this.#tail = this.#unwritten = 0;
    return blocks;
  }
}
