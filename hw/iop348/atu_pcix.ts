/**
 * ATU-X: the address translation unit that is master of the card's own PCI-X bus.
 *
 * The core enumerates the bus with configuration cycles (OCCAR, OCCDR), reaches BARs
 * through outbound windows, and lets devices into card DRAM by inbound windows.
 * - A configuration cycle that nobody answers is a data abort (BusFault) and leaves
 *   ATUISR bit 3, ATUSR bit 13, BECSR and BERAR behind; probing code clears them.
 * - The bus is in reset until PCSR bit 21 is cleared, and for a while after.
 *
 * Follows hardware-reference.md 2.4.
 */

import { BusFault, type BusTarget, type InterruptLine } from "../memory/bus_target.ts";
import type { ConfigurationAccess } from "../pci/bus.ts";
import {
  hasBit,
  type RegisterHandlers,
  type RegisterMap,
  RegisterWindow,
  withBit,
} from "../register/register_map.ts";
import type { Clock } from "../time/event_queue.ts";
import { type Duration, type Instant, later } from "../time/time.ts";
import { AtuWindows, commonAtuRegisters } from "./atu_windows.ts";
import { StoredRegister } from "./stored_register.ts";

export const atuPcixRegisters = {
  ...commonAtuRegisters,
  ATUCMD: {
    offset: 0x04,
    width: 2,
    access: "read-write",
    doc: "Command: what this unit may do on the PCI-X bus",
    bits: { memorySpace: 1, busMaster: 2, parityErrorResponse: 6, serrEnable: 8 },
  },
  ATUSR: {
    offset: 0x06,
    width: 2,
    access: "read-write",
    doc: "Status, write 1 to clear",
    bits: { receivedMasterAbort: 13 },
  },
  PCSR: {
    offset: 0x74,
    access: "read-write",
    doc: "19:16 bus mode, Fh = conventional PCI",
    bits: { driveReset: 21, centralResource: 25 },
  },
  ATUISR: {
    offset: 0x78,
    access: "read-write",
    doc: "Interrupt status, write 1 to clear",
    bits: { masterAbort: 3 },
  },
  OCCAR: { offset: 0x330, access: "read-write", doc: "Configuration address" },
  OCCDR: {
    offset: 0x334,
    access: "read-write",
    doc: "Configuration data; bytes and halfwords at + (register & 3)",
  },
} as const satisfies RegisterMap;

/** OCCAR for a register of a device on the unit's own bus. */
export const configurationAddress = (device: number, register: number): number =>
  (2 ** (device + 16) + (device << 11) + (register & 0xfc)) >>> 0;

/** Device numbers that OCCAR can select: bits 31:16, one each. */
export const selectableDevices = 16;

export interface AtuPcixOptions {
  readonly name: string;
  readonly clock: Clock;
  /** From the end of RST# to the first configuration cycle that devices answer. */
  readonly resetRecovery: Duration;
  readonly bus: ConfigurationAccess & {
    memoryWindow(base: number): BusTarget;
    ioWindow(base: number): BusTarget;
  };
  /** Bits 35:32 of the internal addresses that the board leads here. */
  readonly claimedOutbound: number;
  /** ATU-X error, source 55. */
  readonly error: InterruptLine;
  /** A configuration cycle went unanswered: the bus bridge logs this internal address. */
  readonly dataAbort: (address: number) => void;
  /** Internal address of OCCDR. */
  readonly configurationDataAddress: number;
}

const conventionalPci = 0xf0000;
const occdr = atuPcixRegisters.OCCDR.offset;

export class AtuPcix {
  readonly registers: BusTarget;
  /** Internal addresses 1_0000_0000 to 1_FFFF_FFFF. */
  readonly outboundMemory: BusTarget;
  /** Internal addresses FFFB_0000 to FFFB_FFFF. */
  readonly outboundIo: BusTarget;
  readonly #options: AtuPcixOptions;
  readonly #windows: AtuWindows;
  readonly #PCSR: StoredRegister;
  readonly #ATUIMR: StoredRegister;
  readonly #ATUCMD = new StoredRegister(0, 0xffff);
  readonly #OCCAR = new StoredRegister();
  #ATUISR = 0;
  #ATUSR = 0;
  /** Undefined while RST# is driven. */
  #readyAt: Instant | undefined;

  constructor(options: AtuPcixOptions) {
    const { driveReset, centralResource } = atuPcixRegisters.PCSR.bits;
    this.#options = options;
    this.#windows = new AtuWindows(options.name);
    this.#PCSR = new StoredRegister(
      conventionalPci | 1 << driveReset | 1 << centralResource,
      1 << driveReset,
      () => this.#resetChanged(),
    );
    this.#ATUIMR = new StoredRegister(0, 0xffffffff, () => this.#driveError());
    this.registers = this.#withNarrowConfigurationData(
      new RegisterWindow(options.name, atuPcixRegisters, this.#handlers()),
    );
    const memory = options.bus.memoryWindow(0);
    const io = options.bus.ioWindow(0);
    this.outboundMemory = this.#windows.outboundMemory(options.claimedOutbound, memory);
    this.outboundIo = {
      read: (offset, into) => io.read(this.#windows.ioAddress(offset), into),
      write: (offset, from) => io.write(this.#windows.ioAddress(offset), from),
    };
  }

  /** Where a device's DMA to a PCI address goes on the internal bus, or undefined. */
  inbound(pciAddress: number, length: number): number | undefined {
    if (!hasBit(this.#ATUCMD.value, atuPcixRegisters.ATUCMD.bits.memorySpace)) return undefined;
    for (const window of this.#windows.inbound) {
      const first = window.claim(pciAddress);
      if (first !== undefined && window.claim(pciAddress + length - 1) !== undefined) return first;
    }
    return undefined;
  }

  #handlers(): RegisterHandlers<typeof atuPcixRegisters> {
    return {
      ...this.#windows.handlers(),
      ATUVID: new StoredRegister(0x8086, 0xffff),
      ATUDID: new StoredRegister(0x3318, 0xffff),
      ATURID: new StoredRegister(0, 0xff),
      ATUCCR_INTERFACE: new StoredRegister(0, 0xff),
      ATUCCR_SUBCLASS: new StoredRegister(0x80, 0xff),
      ATUCCR_BASE: new StoredRegister(0x05, 0xff),
      ASVIR: new StoredRegister(0, 0xffff),
      ASIR: new StoredRegister(0, 0xffff),
      ATUCMD: this.#ATUCMD,
      ATUSR: { read: () => this.#ATUSR, write: (bits) => void (this.#ATUSR &= ~bits) },
      PCSR: this.#PCSR,
      ATUIMR: this.#ATUIMR,
      ATUISR: {
        read: () => this.#ATUISR,
        write: (bits) => {
          this.#ATUISR &= ~bits;
          this.#driveError();
        },
      },
      OCCAR: this.#OCCAR,
      OCCDR: {
        read: () => this.#configurationRead(0, 4),
        write: (value) => this.#configurationWrite(0, 4, value),
      },
    };
  }

  /** Bytes and halfwords of OCCDR are configuration cycles of that width. */
  #withNarrowConfigurationData(window: BusTarget): BusTarget {
    const isNarrow = (offset: number, length: number) =>
      offset >= occdr && offset + length <= occdr + 4 && (length === 1 || length === 2);
    return {
      read: (offset, into) => {
        if (!isNarrow(offset, into.length)) return window.read(offset, into);
        const value = this.#configurationRead(offset - occdr, into.length as 1 | 2);
        for (let index = 0; index < into.length; index++) into[index] = value >>> 8 * index;
      },
      write: (offset, from) => {
        if (!isNarrow(offset, from.length)) return window.write(offset, from);
        const value = from.length === 2 ? from[0]! | from[1]! << 8 : from[0]!;
        this.#configurationWrite(offset - occdr, from.length as 1 | 2, value);
      },
    };
  }

  #configurationRead(lane: number, width: 1 | 2 | 4): number {
    const target = this.#target();
    if (target !== undefined) {
      const value = this.#options.bus.read(target.device, target.fn, target.register + lane, width);
      if (value !== undefined) return value;
    }
    throw this.#unanswered("read");
  }

  #configurationWrite(lane: number, width: 1 | 2 | 4, value: number): void {
    const target = this.#target();
    const { bus } = this.#options;
    if (target !== undefined && bus.write(target.device, target.fn, target.register + lane, width, value)) {
      return;
    }
    throw this.#unanswered("write");
  }

  /** What OCCAR selects; undefined when nothing on this bus can answer. */
  #target(): { device: number; fn: number; register: number } | undefined {
    const address = this.#OCCAR.value;
    // Type 1 cycles are for buses behind a bridge, and there is none on the board.
    if (hasBit(address, 0)) return undefined;
    const device = address >>> 11 & 0x1f;
    const selected = device < selectableDevices && address >>> 16 === 1 << device;
    if (!selected || this.#readyAt === undefined || this.#options.clock.now < this.#readyAt) return undefined;
    return { device, fn: address >>> 8 & 7, register: address & 0xfc };
  }

  #unanswered(kind: "read" | "write"): BusFault {
    this.#ATUISR |= 1 << atuPcixRegisters.ATUISR.bits.masterAbort;
    this.#ATUSR = withBit(this.#ATUSR, atuPcixRegisters.ATUSR.bits.receivedMasterAbort, true);
    this.#driveError();
    const at = this.#options.configurationDataAddress;
    this.#options.dataAbort(at);
    const occar = `OCCAR 0x${this.#OCCAR.value.toString(16)}`;
    return new BusFault(this.#options.name, at, `no device answers the configuration ${kind}, ${occar}`);
  }

  #resetChanged(): void {
    const reset = hasBit(this.#PCSR.value, atuPcixRegisters.PCSR.bits.driveReset);
    if (reset) this.#readyAt = undefined;
    else this.#readyAt ??= later(this.#options.clock.now, this.#options.resetRecovery);
  }

  #driveError(): void {
    this.#options.error.set((this.#ATUISR & ~this.#ATUIMR.value) !== 0);
  }
}
