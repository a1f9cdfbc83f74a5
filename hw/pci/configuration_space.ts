/**
 * Configuration space of one PCI function: the type 0 header, its capabilities
 * and the meaning of a write to each byte of them.
 *
 * The bus keeps it so that device models need not: they bring identity and BARs.
 * - Each byte has a mask of bits that software may write and a mask of bits that
 *   writing 1 clears; BAR sizing follows from the masks alone (hardware-reference.md 1.2).
 * - Bytes from 0x40 on belong to the model, which sees each write to them.
 * - While the device answers Retry, it may still change its identity and its BARs.
 */

import { hasBit, type RegisterMap } from "../register/register_map.ts";
import type { BarDefinition, PciDevice } from "./device.ts";

/** Type 0 header, hardware-reference.md 1.1. */
export const type0Header = {
  VENDOR_ID: { offset: 0x00, width: 2, access: "read-only", doc: "FFFFh = no function here" },
  DEVICE_ID: { offset: 0x02, width: 2, access: "read-only", doc: "Which part of that vendor" },
  COMMAND: {
    offset: 0x04,
    width: 2,
    access: "read-write",
    doc: "What the function may do on the bus",
    bits: {
      ioSpace: 0,
      memorySpace: 1,
      busMaster: 2,
      memoryWriteAndInvalidate: 4,
      parityErrorResponse: 6,
      serrEnable: 8,
      intxDisable: 10,
    },
  },
  STATUS: {
    offset: 0x06,
    width: 2,
    access: "read-write",
    doc: "What happened on the bus; error bits are cleared by writing 1",
    bits: {
      interruptPending: 3,
      capabilityList: 4,
      masterDataParityError: 8,
      signalledTargetAbort: 11,
      receivedTargetAbort: 12,
      receivedMasterAbort: 13,
      signalledSystemError: 14,
      detectedParityError: 15,
    },
  },
  REVISION_ID: { offset: 0x08, width: 1, access: "read-only", doc: "Revision of the part" },
  PROGRAMMING_INTERFACE: { offset: 0x09, width: 1, access: "read-only", doc: "Class code, low byte" },
  SUBCLASS: { offset: 0x0a, width: 1, access: "read-only", doc: "Class code, middle byte" },
  BASE_CLASS: {
    offset: 0x0b,
    width: 1,
    access: "read-only",
    doc: "01 storage, 02 network, 05 memory, 06 bridge",
  },
  CACHE_LINE_SIZE: { offset: 0x0c, width: 1, access: "read-write", doc: "In 32-bit words" },
  LATENCY_TIMER: { offset: 0x0d, width: 1, access: "read-write", doc: "Bus clocks; stored only" },
  HEADER_TYPE: { offset: 0x0e, width: 1, access: "read-only", doc: "0: type 0, one function" },
  BAR0: { offset: 0x10, access: "read-write", doc: "First of six base address registers" },
  SUBSYSTEM_VENDOR_ID: { offset: 0x2c, width: 2, access: "read-only", doc: "Who made the board" },
  SUBSYSTEM_ID: { offset: 0x2e, width: 2, access: "read-only", doc: "Which board" },
  CAPABILITIES_POINTER: { offset: 0x34, width: 1, access: "read-only", doc: "First capability; 0 = none" },
  INTERRUPT_LINE: {
    offset: 0x3c,
    width: 1,
    access: "read-write",
    doc: "Scratch: firmware stores the routed IRQ",
  },
  INTERRUPT_PIN: { offset: 0x3d, width: 1, access: "read-only", doc: "0 none, 1 INTA# to 4 INTD#" },
} as const satisfies RegisterMap;

export const commandBits = type0Header.COMMAND.bits;
export const statusBits = type0Header.STATUS.bits;

const spaceSize = 256;
const modelOffset = 0x40;
const barCount = 6;
const commandMask = Object.values(commandBits).reduce<number>((mask, bit) => mask | 1 << bit, 0);
/** Status bits 8 and 11 to 15. */
const statusClearMask = 0xf900;

/** A BAR whose window answers now: the command register lets it decode. */
export interface DecodedBar {
  readonly space: "memory" | "io";
  readonly base: number;
  readonly definition: BarDefinition;
}

/** What firmware leaves in the two scratch registers before software runs. */
export interface FirmwarePresets {
  readonly cacheLineSize: number;
  readonly interruptLine: number;
}

export class ConfigurationSpace {
  readonly #device: PciDevice;
  readonly #changed: () => void;
  readonly #bytes = new Uint8Array(spaceSize);
  readonly #view = new DataView(this.#bytes.buffer);
  readonly #writable = new Uint8Array(spaceSize);
  readonly #writableView = new DataView(this.#writable.buffer);
  readonly #clearable = new Uint8Array(spaceSize);
  /** The device may have changed what it shows since the last look. */
  #retried: boolean;

  /** `changed` is called after each write, when decoding and gating may have changed. */
  constructor(device: PciDevice, presets: FirmwarePresets, changed: () => void) {
    this.#device = device;
    this.#retried = device.configurationRetry !== undefined;
    this.#changed = changed;
    this.#layOut();
    this.#bytes[type0Header.CACHE_LINE_SIZE.offset] = presets.cacheLineSize;
    this.#bytes[type0Header.INTERRUPT_LINE.offset] = presets.interruptLine;
  }

  get command(): number {
    return this.#view.getUint16(type0Header.COMMAND.offset, true);
  }

  get cacheLineSize(): number {
    return this.#bytes[type0Header.CACHE_LINE_SIZE.offset]!;
  }

  /** `width` bytes at `offset`, little-endian; all ones, or FFFF0001h, while the device answers Retry. */
  read(offset: number, width: 1 | 2 | 4): number {
    if (this.#answersRetry()) {
      // CRS software visibility: vendor ID reads as 0001h and the rest as ones (1.7).
      const word = offset < 4 ? 0xffff0001 : 0xffffffff;
      return fieldOf(word, offset & 3, width);
    }
    let value = 0;
    for (let index = width - 1; index >= 0; index--) value = value * 256 + this.#byteAt(offset + index);
    return value;
  }

  write(offset: number, width: 1 | 2 | 4, value: number): void {
    if (this.#answersRetry()) return;
    for (let index = 0; index < width; index++) this.#writeByte(offset + index, value >>> 8 * index & 0xff);
    const capabilities = this.#device.capabilities;
    if (
      capabilities !== undefined && offset >= modelOffset && offset - modelOffset < capabilities.bytes.length
    ) {
      capabilities.written(offset);
    }
    this.#changed();
  }

  setStatus(bit: number, set: boolean): void {
    const offset = type0Header.STATUS.offset;
    const status = this.#view.getUint16(offset, true);
    this.#view.setUint16(offset, set ? status | 1 << bit : status & ~(1 << bit), true);
  }

  /** The BARs that decode now. */
  decodedBars(): DecodedBar[] {
    if (this.#answersRetry()) return [];
    return this.#device.bars.flatMap((definition) => {
      const space = definition.kind === "io" ? "io" as const : "memory" as const;
      const enable = space === "io" ? commandBits.ioSpace : commandBits.memorySpace;
      return hasBit(this.command, enable) ? [{ space, base: this.#barBase(definition), definition }] : [];
    });
  }

  #barBase(definition: BarDefinition): number {
    const offset = barOffset(definition.index);
    const low = this.#view.getUint32(offset, true);
    if (definition.kind === "io") return (low & ~0x3) >>> 0;
    const high = definition.kind === "memory64" ? this.#view.getUint32(offset + 4, true) : 0;
    return high * 2 ** 32 + ((low & ~0xf) >>> 0);
  }

  #answersRetry(): boolean {
    if (this.#device.configurationRetry?.() === true) {
      this.#retried = true;
      return true;
    }
    if (this.#retried) {
      this.#retried = false;
      this.#layOut();
    }
    return false;
  }

  /** Puts identity and BAR masks in place; what software may write keeps its value. */
  #layOut(): void {
    const { identity, capabilities, bars, name } = this.#device;
    const header = type0Header;
    this.#view.setUint16(header.VENDOR_ID.offset, identity.vendorId, true);
    this.#view.setUint16(header.DEVICE_ID.offset, identity.deviceId, true);
    this.#view.setUint32(header.REVISION_ID.offset, identity.classCode << 8 | identity.revisionId, true);
    this.#view.setUint16(header.SUBSYSTEM_VENDOR_ID.offset, identity.subsystemVendorId ?? 0, true);
    this.#view.setUint16(header.SUBSYSTEM_ID.offset, identity.subsystemId ?? 0, true);
    this.#bytes[header.CAPABILITIES_POINTER.offset] = capabilities?.firstOffset ?? 0;
    this.setStatus(statusBits.capabilityList, capabilities !== undefined);
    this.#bytes[header.INTERRUPT_PIN.offset] = identity.interruptPin;
    this.#writableView.setUint16(header.COMMAND.offset, commandMask, true);
    new DataView(this.#clearable.buffer).setUint16(header.STATUS.offset, statusClearMask, true);
    this.#writable[header.CACHE_LINE_SIZE.offset] = 0xff;
    this.#writable[header.LATENCY_TIMER.offset] = 0xff;
    this.#writable[header.INTERRUPT_LINE.offset] = 0xff;
    this.#writable.fill(0, barOffset(0), barOffset(barCount));
    for (const bar of bars) this.#layOutBar(bar, name);
    for (let offset = barOffset(0); offset < barOffset(barCount); offset += 4) {
      const typeBits = this.#typeBitsAt(offset);
      const kept = this.#view.getUint32(offset, true) & this.#writableView.getUint32(offset, true);
      this.#view.setUint32(offset, kept | typeBits, true);
    }
  }

  #layOutBar(bar: BarDefinition, deviceName: string): void {
    const smallest = bar.kind === "io" ? 4 : 16;
    const words = bar.kind === "memory64" ? 2 : 1;
    if (bar.index + words > barCount || bar.size < smallest || !Number.isInteger(Math.log2(bar.size))) {
      throw new Error(`${deviceName} has an impossible BAR${bar.index} of ${bar.size} bytes (${bar.kind})`);
    }
    const low = bar.size >= 2 ** 32 ? 0 : ~(bar.size - 1) >>> 0;
    this.#writableView.setUint32(barOffset(bar.index), low, true);
    if (bar.kind === "memory64") {
      const high = bar.size > 2 ** 32 ? ~(bar.size / 2 ** 32 - 1) >>> 0 : 0xffffffff;
      this.#writableView.setUint32(barOffset(bar.index + 1), high, true);
    }
  }

  #typeBitsAt(offset: number): number {
    const bar = this.#device.bars.find((candidate) => barOffset(candidate.index) === offset);
    if (bar === undefined) return 0;
    if (bar.kind === "io") return 1;
    return (bar.kind === "memory64" ? 4 : 0) | (bar.prefetchable ? 8 : 0);
  }

  #byteAt(offset: number): number {
    if (offset < modelOffset) return this.#bytes[offset]!;
    return this.#device.capabilities?.bytes[offset - modelOffset] ?? 0;
  }

  #writeByte(offset: number, value: number): void {
    if (offset >= modelOffset) {
      const bytes = this.#device.capabilities?.bytes;
      if (bytes !== undefined && offset - modelOffset < bytes.length) bytes[offset - modelOffset] = value;
      return;
    }
    const writable = this.#writable[offset]!;
    const kept = this.#bytes[offset]! & ~(value & this.#clearable[offset]!);
    this.#bytes[offset] = kept & ~writable | value & writable;
  }
}

export const barOffset = (index: number): number => type0Header.BAR0.offset + 4 * index;

/** `width` bytes of a 32-bit word, from byte `first` on; ones beyond its end. */
export function fieldOf(word: number, first: number, width: 1 | 2 | 4): number {
  const shifted = first === 0 ? word >>> 0 : (word >>> 8 * first | ~(0xffffffff >>> 8 * first)) >>> 0;
  return width === 4 ? shifted : shifted & (width === 2 ? 0xffff : 0xff);
}
