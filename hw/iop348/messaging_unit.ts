/**
 * Messaging Unit: message registers, doorbells and queues between host and core.
 *
 * `hostAperture` is what BAR0 and the window at FF00_0000h show, `coreAperture` what
 * the core and the DMA channels see at PMMR + 4000h (hardware-reference.md 2.5).
 * - Registers take one word per access; a wider one is a bus fault. Index registers,
 *   which are DRAM, take any width.
 * - Interrupts are levels: to the core (message, inbound queue, error, MSI) and to
 *   the host, (OISR & ~OIMR) != 0. Both masks hold everything back after reset.
 * - Left out: MSI and MSI-X towards the host, moving the aperture (MUBAR).
 */

import type { AddressSpace } from "../memory/address_space.ts";
import { BusFault, type BusTarget, type InterruptLine } from "../memory/bus_target.ts";
import { hasBit, type RegisterHandlers, type RegisterMap, RegisterWindow } from "../register/register_map.ts";
import type { EventLog } from "../time/event_log.ts";
import { MessagingQueues } from "./messaging_queues.ts";
import {
  inboundStatusBits as inbound,
  indexRegisters,
  messagingCoreRegisters,
  messagingHostRegisters,
  outboundStatusBits as outbound,
} from "./messaging_registers.ts";
import { StoredRegister } from "./stored_register.ts";

export interface MessagingUnitOptions {
  readonly name: string;
  readonly log: EventLog;
  /** The card's internal bus: queues and index registers lie in its DRAM. */
  readonly memory: AddressSpace;
  readonly hostInterrupt: InterruptLine;
  /** Towards the interrupt controller. */
  readonly normalInterrupt: InterruptLine;
  readonly inboundPostInterrupt: InterruptLine;
  readonly errorInterrupt: InterruptLine;
  /** Sets the bit of an inbound MSI vector (0-127) in IMIPR0-3. */
  readonly inboundMsi: (vector: number) => void;
  /** What MUBAR reads as. */
  readonly apertureBase: number;
}

const errorDoorbell = 0x80000000;
/** Index registers are the last page of the queues' megabyte; the manual's place is unverified. */
const indexRegisterPage = 0xff000;
/** IISR bits that the core clears by writing 1. */
const clearableInbound = [
  inbound.message0,
  inbound.message1,
  inbound.inboundPostQueue,
  inbound.outboundFreeQueueFull,
  inbound.indexRegister,
  inbound.selectiveReset,
  inbound.coordinatedReset,
].reduce<number>((mask, bit) => mask | 1 << bit, 0);
const clearableOutbound = 1 << outbound.message0 | 1 << outbound.message1;
/** ODR 31:28, PCI interrupts A to D, stand in OISR 7:4. */
const pinDoorbells = 0xf0000000;

type Side = "host" | "core";

export class MessagingUnit {
  readonly hostAperture: BusTarget;
  readonly coreAperture: BusTarget;
  readonly #options: MessagingUnitOptions;
  readonly #queues: MessagingQueues;
  readonly #IMR = [0, 0];
  readonly #OMR = [0, 0];
  readonly #IIMR: StoredRegister;
  readonly #OIMR: StoredRegister;
  readonly #ORCSR: StoredRegister;
  #IDR = 0;
  #ODR = 0;
  #IRCSR = 0;
  #MIMR = 0;
  #IAR = 0;
  /** Bits of IISR and OISR that are kept; the others are computed. */
  #inboundEvents = 0;
  #outboundEvents = 0;

  constructor(options: MessagingUnitOptions) {
    this.#options = options;
    const update = () => this.#update();
    this.#queues = new MessagingQueues(options.memory, update);
    this.#IIMR = new StoredRegister(0xffffffff, 0xffffffff, update);
    this.#OIMR = new StoredRegister(0xffffffff, 0xffffffff, update);
    this.#ORCSR = new StoredRegister(0, 1 << messagingCoreRegisters.ORCSR.bits.firmwareInterrupt, update);
    this.hostAperture = this.#aperture("host", messagingHostRegisters, this.#hostHandlers());
    this.coreAperture = this.#aperture("core", messagingCoreRegisters, this.#coreHandlers());
  }

  #hostHandlers(): RegisterHandlers<typeof messagingHostRegisters> {
    return {
      IMR0: { read: () => this.#IMR[0]!, write: (word) => this.#acceptMessage(0, word) },
      IMR1: { read: () => this.#IMR[1]!, write: (word) => this.#acceptMessage(1, word) },
      OMR0: { read: () => this.#OMR[0]! },
      OMR1: { read: () => this.#OMR[1]! },
      IDR: {
        read: () => this.#IDR,
        write: (bits) => this.#ring("IDR", () => this.#IDR = (this.#IDR | bits) >>> 0),
      },
      IISR: { read: () => this.#inboundStatus() },
      IIMR: { read: () => this.#IIMR.value },
      ODR: {
        read: () => this.#ODR,
        write: (bits) => this.#change(() => this.#ODR = (this.#ODR & ~bits) >>> 0),
      },
      OISR: {
        read: () => this.#outboundStatus(),
        write: (bits) => this.#change(() => this.#outboundEvents &= ~(bits & clearableOutbound)),
      },
      OIMR: this.#OIMR,
      IRCSR: { read: () => this.#IRCSR, write: (request) => this.#requestReset(request) },
      ORCSR: { read: () => this.#ORCSR.value },
      IQP: { read: () => this.#queues.takeInboundFree(), write: (entry) => this.#postInbound(entry) },
      OQP: { read: () => this.#takeOutbound(), write: (entry) => this.#returnOutbound(entry) },
      MIMR: { write: (data) => this.#acceptMsi(data) },
    };
  }

  #coreHandlers(): RegisterHandlers<typeof messagingCoreRegisters> {
    const queues = this.#queues;
    return {
      IMR0: { read: () => this.#IMR[0]! },
      IMR1: { read: () => this.#IMR[1]! },
      OMR0: { read: () => this.#OMR[0]!, write: (word) => this.#sendMessage(0, word) },
      OMR1: { read: () => this.#OMR[1]!, write: (word) => this.#sendMessage(1, word) },
      IDR: {
        read: () => this.#IDR,
        write: (bits) => this.#change(() => this.#IDR = (this.#IDR & ~bits) >>> 0),
      },
      IISR: {
        read: () => this.#inboundStatus(),
        write: (bits) => this.#change(() => this.#inboundEvents &= ~(bits & clearableInbound)),
      },
      IIMR: this.#IIMR,
      ODR: {
        read: () => this.#ODR,
        write: (bits) => this.#ring("ODR", () => this.#ODR = (this.#ODR | bits) >>> 0),
      },
      OISR: { read: () => this.#outboundStatus() },
      OIMR: { read: () => this.#OIMR.value },
      IRCSR: { read: () => this.#IRCSR },
      ORCSR: this.#ORCSR,
      MIMR: { read: () => this.#MIMR, write: (data) => this.#acceptMsi(data) },
      MUCR: queues.MUCR,
      QBAR: queues.QBAR,
      IFHPR: queues.inboundFree.head,
      IFTPR: queues.inboundFree.tail,
      IPHPR: queues.inboundPost.head,
      IPTPR: queues.inboundPost.tail,
      OFHPR: queues.outboundFree.head,
      OFTPR: queues.outboundFree.tail,
      OPHPR: queues.outboundPost.head,
      OPTPR: queues.outboundPost.tail,
      IAR: { read: () => this.#IAR },
      MUBAR: { read: () => this.#options.apertureBase },
    };
  }

  #aperture<M extends RegisterMap>(side: Side, map: M, handlers: RegisterHandlers<M>): BusTarget {
    const name = `${this.#options.name}.${side}`;
    const window = new RegisterWindow(name, map, handlers);
    const check = (offset: number, length: number) => {
      if (length > 4) {
        throw new BusFault(name, offset, `${length} bytes in one access, registers take one word`);
      }
    };
    return {
      read: (offset, into) => {
        if (isIndexRegister(offset)) {
          this.#checkIndexRange(offset, into.length);
          this.#options.memory.readInto(this.#indexAddress(offset), into);
          return;
        }
        check(offset, into.length);
        window.read(offset, into);
      },
      write: (offset, from) => {
        if (isIndexRegister(offset)) {
          this.#checkIndexRange(offset, from.length);
          this.#writeIndex(side, offset, from);
          return;
        }
        check(offset, from.length);
        window.write(offset, from);
      },
    };
  }

  #checkIndexRange(offset: number, length: number): void {
    if (offset + length <= indexRegisters.end) return;
    throw new BusFault(this.#options.name, offset, `${length} bytes run past the index registers`);
  }

  #indexAddress(offset: number): number {
    return this.#queues.base + indexRegisterPage + offset;
  }

  #writeIndex(side: Side, offset: number, from: Uint8Array): void {
    this.#options.memory.write(this.#indexAddress(offset), from);
    if (side === "core") return;
    this.#IAR = offset & ~3;
    this.#raise(inbound.indexRegister);
  }

  #acceptMessage(index: 0 | 1, word: number): void {
    this.#IMR[index] = word;
    this.#record(`IMR${index}`, word);
    this.#raise(index === 0 ? inbound.message0 : inbound.message1);
  }

  #sendMessage(index: 0 | 1, word: number): void {
    this.#OMR[index] = word;
    this.#record(`OMR${index}`, word);
    this.#change(() => this.#outboundEvents |= index === 0 ? 1 << outbound.message0 : 1 << outbound.message1);
  }

  #ring(register: "IDR" | "ODR", set: () => void): void {
    set();
    this.#record(register, register === "IDR" ? this.#IDR : this.#ODR);
    this.#update();
  }

  #requestReset(request: number): void {
    const { selective, coordinated } = messagingHostRegisters.IRCSR.bits;
    this.#IRCSR = request;
    this.#record("IRCSR", request);
    if (hasBit(request, selective)) this.#raise(inbound.selectiveReset);
    if (hasBit(request, coordinated)) this.#raise(inbound.coordinatedReset);
  }

  #postInbound(entry: number): void {
    if (this.#queues.postInbound(entry)) this.#raise(inbound.inboundPostQueue);
    else this.#record("dropped inbound post, no room for", entry);
  }

  #takeOutbound(): number {
    const entry = this.#queues.takeOutboundPost();
    this.#update();
    return entry;
  }

  #returnOutbound(entry: number): void {
    if (!this.#queues.returnOutbound(entry)) this.#raise(inbound.outboundFreeQueueFull);
  }

  #acceptMsi(data: number): void {
    this.#MIMR = data;
    this.#options.inboundMsi(data & 0x7f);
  }

  #inboundStatus(): number {
    let status = this.#inboundEvents;
    if ((this.#IDR & ~errorDoorbell) !== 0) status |= 1 << inbound.doorbell;
    if ((this.#IDR & errorDoorbell) !== 0) status |= 1 << inbound.errorDoorbell;
    return status >>> 0;
  }

  #outboundStatus(): number {
    let status = this.#outboundEvents | (this.#ODR & pinDoorbells) >>> 24;
    if ((this.#ODR & ~pinDoorbells) !== 0) status |= 1 << outbound.doorbell;
    if (this.#queues.outboundPostWaiting) status |= 1 << outbound.outboundPostQueue;
    if (this.#ORCSR.value !== 0) status |= 1 << outbound.firmware;
    return status >>> 0;
  }

  #raise(bit: number): void {
    this.#change(() => this.#inboundEvents |= 1 << bit);
  }

  #change(action: () => void): void {
    action();
    this.#update();
  }

  /** Drives the four interrupt outputs from status and masks. */
  #update(): void {
    const { hostInterrupt, normalInterrupt, inboundPostInterrupt, errorInterrupt } = this.#options;
    const active = this.#inboundStatus() & ~this.#IIMR.value;
    const post = 1 << inbound.inboundPostQueue;
    const error = 1 << inbound.errorDoorbell | 1 << inbound.outboundFreeQueueFull;
    hostInterrupt.set((this.#outboundStatus() & ~this.#OIMR.value) !== 0);
    errorInterrupt.set((active & error) !== 0);
    inboundPostInterrupt.set((active & post) !== 0);
    normalInterrupt.set((active & ~(error | post)) !== 0);
  }

  #record(register: string, value: number): void {
    this.#options.log.record(this.#options.name, `${register} 0x${value.toString(16)}`);
  }
}

const isIndexRegister = (offset: number): boolean =>
  offset >= indexRegisters.first && offset < indexRegisters.end;
