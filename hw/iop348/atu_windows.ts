/**
 * What both address translation units have: inbound and outbound windows.
 *
 * Inbound, a PCI address becomes an internal one by limit and translate value;
 * outbound, an internal address above 4 GiB becomes a PCI one (hardware-reference.md 2.4).
 * - A window whose limit is 0 is closed, and its BAR does not exist.
 * - An outbound window needs its OUMBAR enable bit and ATUCR bit 1.
 */

import { BusFault, type BusTarget } from "../memory/bus_target.ts";
import { hasBit, type RegisterMap } from "../register/register_map.ts";
import { StoredRegister } from "./stored_register.ts";

export const atuControlBits = { outboundEnable: 1 } as const;

/** OUMBAR 31 enables; 3:0 are the internal address bits 35:32 that it claims. */
export const outboundEnable = 0x80000000;

/** Registers at the same offsets in both units. */
export const commonAtuRegisters = {
  ATUVID: { offset: 0x00, width: 2, access: "read-write", doc: "Vendor ID" },
  ATUDID: { offset: 0x02, width: 2, access: "read-write", doc: "Device ID; ATU-X is ATUe + 8" },
  ATURID: { offset: 0x08, width: 1, access: "read-write", doc: "Revision ID" },
  ATUCCR_INTERFACE: {
    offset: 0x09,
    width: 1,
    access: "read-write",
    doc: "Class code, programming interface",
  },
  ATUCCR_SUBCLASS: { offset: 0x0a, width: 1, access: "read-write", doc: "Class code, subclass" },
  ATUCCR_BASE: { offset: 0x0b, width: 1, access: "read-write", doc: "Class code, base class" },
  IABAR0: { offset: 0x10, access: "read-write", doc: "Inbound window 0: address and kind" },
  IAUBAR0: { offset: 0x14, access: "read-write", doc: "Window 0, address bits 63:32" },
  IABAR1: { offset: 0x18, access: "read-write", doc: "Inbound window 1" },
  IAUBAR1: { offset: 0x1c, access: "read-write", doc: "Window 1, address bits 63:32" },
  IABAR2: { offset: 0x20, access: "read-write", doc: "Inbound window 2" },
  IAUBAR2: { offset: 0x24, access: "read-write", doc: "Window 2, address bits 63:32" },
  ASVIR: { offset: 0x2c, width: 2, access: "read-write", doc: "Subsystem vendor ID" },
  ASIR: { offset: 0x2e, width: 2, access: "read-write", doc: "Subsystem ID" },
  IALR0: { offset: 0x40, access: "read-write", doc: "Window 0 limit: ~(size - 1), 0 = closed" },
  IATVR0: { offset: 0x44, access: "read-write", doc: "Window 0 internal address" },
  IAUTVR0: { offset: 0x48, access: "read-write", doc: "Window 0 internal address bits 35:32" },
  IALR1: { offset: 0x4c, access: "read-write", doc: "Window 1 limit" },
  IATVR1: { offset: 0x50, access: "read-write", doc: "Window 1 internal address" },
  IAUTVR1: { offset: 0x54, access: "read-write", doc: "Window 1 internal address bits 35:32" },
  IALR2: { offset: 0x58, access: "read-write", doc: "Window 2 limit" },
  IATVR2: { offset: 0x5c, access: "read-write", doc: "Window 2 internal address" },
  IAUTVR2: { offset: 0x60, access: "read-write", doc: "Window 2 internal address bits 35:32" },
  ATUCR: { offset: 0x70, access: "read-write", doc: "Control", bits: atuControlBits },
  ATUIMR: { offset: 0x7c, access: "read-write", doc: "Interrupt mask, 1 = masked" },
  OIOBAR: { offset: 0x300, access: "read-write", doc: "31:12 internal address bits 35:16 of the I/O window" },
  OIOWTVR: { offset: 0x304, access: "read-write", doc: "31:16 of the I/O address on the bus" },
  OUMBAR0: { offset: 0x308, access: "read-write", doc: "Outbound memory window 0: enable, address claimed" },
  OUMWTVR0: { offset: 0x30c, access: "read-write", doc: "Window 0, upper half of the address on the bus" },
  OUMBAR1: { offset: 0x310, access: "read-write", doc: "Outbound memory window 1" },
  OUMWTVR1: { offset: 0x314, access: "read-write", doc: "Window 1, upper half of the address" },
  OUMBAR2: { offset: 0x318, access: "read-write", doc: "Outbound memory window 2" },
  OUMWTVR2: { offset: 0x31c, access: "read-write", doc: "Window 2, upper half of the address" },
  OUMBAR3: { offset: 0x320, access: "read-write", doc: "Outbound memory window 3" },
  OUMWTVR3: { offset: 0x324, access: "read-write", doc: "Window 3, upper half of the address" },
} as const satisfies RegisterMap;

const limitMask = 0xfffff000;
/** BAR bits 3:0: kind and prefetchable. */
const kindMask = 0xf;

/** One inbound window's registers. */
export class InboundWindow {
  readonly bar: StoredRegister;
  readonly upperBar = new StoredRegister();
  readonly limit = new StoredRegister(0, limitMask);
  readonly translate = new StoredRegister(0, limitMask);
  readonly upperTranslate = new StoredRegister(0, kindMask);

  constructor() {
    this.bar = new StoredRegister(0);
  }

  get open(): boolean {
    return this.limit.value !== 0;
  }

  get size(): number {
    return (~this.limit.value >>> 0) + 1;
  }

  get is64Bit(): boolean {
    return (this.bar.value >>> 1 & 3) === 2;
  }

  get prefetchable(): boolean {
    return hasBit(this.bar.value, 3);
  }

  /** Equations 8 and 9 of the manual; undefined if the window does not claim the address. */
  claim(pciAddress: number): number | undefined {
    const low = pciAddress % 2 ** 32;
    const upper = Math.floor(pciAddress / 2 ** 32);
    const base = (this.bar.value & ~kindMask) >>> 0;
    if (!this.open || (low & this.limit.value) >>> 0 !== base || upper !== this.upperBar.value) {
      return undefined;
    }
    return this.internal(low);
  }

  /** The internal address of an offset into the window. */
  internal(offset: number): number {
    const low = (offset & ~this.limit.value | this.translate.value) >>> 0;
    return this.upperTranslate.value * 2 ** 32 + low;
  }
}

export class AtuWindows {
  readonly inbound: readonly [InboundWindow, InboundWindow, InboundWindow];
  readonly control = new StoredRegister(0, 1 << atuControlBits.outboundEnable);
  readonly ioBase = new StoredRegister(0, 0xfffff007);
  readonly ioTranslate = new StoredRegister(0, 0xffff0000);
  readonly #name: string;
  readonly #outbound = [0, 1, 2, 3].map(() => ({
    base: new StoredRegister(0, 0xf000000f),
    translate: new StoredRegister(),
  }));

  constructor(name: string) {
    this.#name = name;
    this.inbound = [new InboundWindow(), new InboundWindow(), new InboundWindow()];
  }

  /** Handlers of all window registers and of ATUCR. */
  handlers() {
    const [in0, in1, in2] = this.inbound;
    const outbound = (index: number) => this.#outbound[index]!;
    return {
      ...{ IABAR0: in0.bar, IAUBAR0: in0.upperBar, IALR0: in0.limit },
      ...{ IATVR0: in0.translate, IAUTVR0: in0.upperTranslate },
      ...{ IABAR1: in1.bar, IAUBAR1: in1.upperBar, IALR1: in1.limit },
      ...{ IATVR1: in1.translate, IAUTVR1: in1.upperTranslate },
      ...{ IABAR2: in2.bar, IAUBAR2: in2.upperBar, IALR2: in2.limit },
      ...{ IATVR2: in2.translate, IAUTVR2: in2.upperTranslate },
      ATUCR: this.control,
      ...{ OIOBAR: this.ioBase, OIOWTVR: this.ioTranslate },
      ...{ OUMBAR0: outbound(0).base, OUMWTVR0: outbound(0).translate },
      ...{ OUMBAR1: outbound(1).base, OUMWTVR1: outbound(1).translate },
      ...{ OUMBAR2: outbound(2).base, OUMWTVR2: outbound(2).translate },
      ...{ OUMBAR3: outbound(3).base, OUMWTVR3: outbound(3).translate },
    };
  }

  /** The 4 GiB of internal addresses from `claimed` * 2^32 on; `access` gets PCI addresses. */
  outboundMemory(
    claimed: number,
    access: {
      read(pciAddress: number, into: Uint8Array): void;
      write(pciAddress: number, from: Uint8Array): void;
    },
  ): BusTarget {
    return {
      read: (offset, into) => access.read(this.#outboundAddress(claimed, offset), into),
      write: (offset, from) => access.write(this.#outboundAddress(claimed, offset), from),
    };
  }

  /** The address on the bus's I/O space behind an offset into the 64 KiB I/O window. */
  ioAddress(offset: number): number {
    if (!hasBit(this.control.value, atuControlBits.outboundEnable)) {
      throw new BusFault(this.#name, offset, "outbound I/O needs ATUCR bit 1");
    }
    return this.ioTranslate.value + offset;
  }

  #outboundAddress(claimed: number, offset: number): number {
    const window = this.#outbound.find(({ base }) =>
      (base.value & outboundEnable) !== 0 && (base.value & 0xf) === claimed
    );
    if (window === undefined || !hasBit(this.control.value, atuControlBits.outboundEnable)) {
      throw new BusFault(this.#name, claimed * 2 ** 32 + offset, "no outbound window is enabled there");
    }
    return window.translate.value * 2 ** 32 + offset;
  }
}
