/**
 * The Messaging Unit's four circular queues: words in card DRAM, pointers in registers.
 *
 * The host pushes and pops at two ports; the unit then moves one pointer of each
 * queue and the core's software the other (hardware-reference.md 2.5, I2O convention):
 * hardware moves inbound-free tail, inbound-post head, outbound-post tail and
 * outbound-free head.
 * - A queue is empty when its pointers are equal, full when one more entry would make them so.
 * - With queues off (MUCR bit 0) every queue is empty and full at once.
 */

import type { AddressSpace } from "../memory/address_space.ts";
import { hasBit } from "../register/register_map.ts";
import { messagingCoreRegisters } from "./messaging_registers.ts";
import { StoredRegister } from "./stored_register.ts";

/** What an empty queue port reads as. */
export const emptyQueue = 0xffffffff;

const pointerMask = 0x000ffffc;
const smallestQueueBytes = 4096 * 4;

/** A head or tail pointer: bits 19:2, under the queue base. */
class QueuePointer {
  offset = 0;
  readonly #queues: MessagingQueues;
  readonly #changed: () => void;

  constructor(queues: MessagingQueues, changed: () => void) {
    this.#queues = queues;
    this.#changed = changed;
  }

  read(): number {
    return (this.#queues.QBAR.value | this.offset) >>> 0;
  }

  write(value: number): void {
    this.offset = value & pointerMask;
    this.#changed();
  }
}

export class MessagingQueues {
  readonly MUCR: StoredRegister;
  readonly QBAR: StoredRegister;
  readonly inboundFree: { head: QueuePointer; tail: QueuePointer };
  readonly inboundPost: { head: QueuePointer; tail: QueuePointer };
  readonly outboundFree: { head: QueuePointer; tail: QueuePointer };
  readonly outboundPost: { head: QueuePointer; tail: QueuePointer };
  readonly #memory: AddressSpace;

  /** `changed` runs when software moved a pointer or switched the queues on or off. */
  constructor(memory: AddressSpace, changed: () => void) {
    this.#memory = memory;
    this.MUCR = new StoredRegister(0, 0xf000003f, changed);
    this.QBAR = new StoredRegister(0, 0xfff00000, changed);
    const pair = () => ({ head: new QueuePointer(this, changed), tail: new QueuePointer(this, changed) });
    this.inboundFree = pair();
    this.inboundPost = pair();
    this.outboundFree = pair();
    this.outboundPost = pair();
  }

  get enabled(): boolean {
    return hasBit(this.MUCR.value, messagingCoreRegisters.MUCR.bits.circularQueueEnable);
  }

  /** Internal bus address of the queue area. */
  get base(): number {
    return (this.MUCR.value >>> 28) * 2 ** 32 + this.QBAR.value;
  }

  get outboundPostWaiting(): boolean {
    return this.enabled && this.outboundPost.head.offset !== this.outboundPost.tail.offset;
  }

  /** The host takes an empty message frame; all ones when none is free. */
  takeInboundFree(): number {
    return this.#take(this.inboundFree);
  }

  /** The host posts a frame; false when there is no room. */
  postInbound(entry: number): boolean {
    return this.#put(this.inboundPost, entry);
  }

  takeOutboundPost(): number {
    return this.#take(this.outboundPost);
  }

  returnOutbound(entry: number): boolean {
    return this.#put(this.outboundFree, entry);
  }

  #take(queue: { head: QueuePointer; tail: QueuePointer }): number {
    if (!this.enabled || queue.head.offset === queue.tail.offset) return emptyQueue;
    const entry = this.#memory.read32(this.base + queue.tail.offset);
    queue.tail.offset = this.#after(queue.tail.offset);
    return entry;
  }

  #put(queue: { head: QueuePointer; tail: QueuePointer }, entry: number): boolean {
    const next = this.#after(queue.head.offset);
    if (!this.enabled || next === queue.tail.offset) return false;
    this.#memory.write32(this.base + queue.head.offset, entry);
    queue.head.offset = next;
    return true;
  }

  /** The pointer one entry on; it wraps within its queue, which is aligned to its size. */
  #after(offset: number): number {
    const oneHot = this.MUCR.value >>> 1 & 0x1f;
    const size = smallestQueueBytes * Math.max(1, oneHot & -oneHot);
    return offset & ~(size - 1) | (offset + 4) & (size - 1);
  }
}
