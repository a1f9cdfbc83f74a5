/**
 * ATUe: the address translation unit that faces the host over PCI Express.
 *
 * To the host it is the card's PCI function (8086:3310): BARs are its inbound
 * windows, so firmware decides what the host can see. To the card it is the way to
 * host memory: DMA by raw PCI address, and an outbound window for loads and stores.
 * - Configuration cycles get Retry while PCSR bit 2 is 1, as after reset.
 * - Windows, identity and kind of BAR may change only until then.
 * - Left out: MSI (INTx messages only), host address bits of the IABARs (the host's
 *   bus keeps them), configuration cycles from this end.
 */

import type { AddressSpace } from "../memory/address_space.ts";
import { BusFault, type BusTarget, type DmaPort, type InterruptLine } from "../memory/bus_target.ts";
import type { BarDefinition, PciDevice, PciIdentity, PciSlot } from "../pci/device.ts";
import { hasBit, type RegisterHandlers, type RegisterMap, RegisterWindow } from "../register/register_map.ts";
import { AtuWindows, commonAtuRegisters, type InboundWindow } from "./atu_windows.ts";
import { StoredRegister } from "./stored_register.ts";

export const atuPcieRegisters = {
  ...commonAtuRegisters,
  PCSR: {
    offset: 0x74,
    access: "read-write",
    doc: "PCI configuration and status",
    bits: { configurationRetry: 2, endPoint: 13 },
  },
  ATUISR: {
    offset: 0x78,
    access: "read-write",
    doc: "Interrupt status, write 1 to clear",
    bits: { targetAbort: 1, masterAbort: 3 },
  },
} as const satisfies RegisterMap;

/** The host's memory, as the root port lets the card reach it with loads and stores. */
export interface HostMemory {
  readonly space: AddressSpace;
  /** The host physical address of a PCI address, or undefined if no bridge claims it. */
  translate(pciAddress: number, length: number): number | undefined;
}

export interface AtuPcieOptions {
  readonly name: string;
  readonly internalBus: AddressSpace;
  readonly hostMemory: HostMemory;
  /** Bits 35:32 of the internal addresses that the board leads here. */
  readonly claimedOutbound: number;
  /** ATUe error, source 99. */
  readonly error: InterruptLine;
}

export class AtuPcie implements PciDevice {
  readonly name: string;
  readonly registers: BusTarget;
  /** Internal addresses 2_0000_0000 to 2_FFFF_FFFF. */
  readonly outboundMemory: BusTarget;
  /** DMA with raw PCI addresses, for the ADMA channels. */
  readonly dma: DmaPort;
  /** INTA# towards the host. */
  readonly hostInterrupt: InterruptLine;
  readonly #options: AtuPcieOptions;
  readonly #windows: AtuWindows;
  readonly #barTargets: readonly BusTarget[];
  readonly #identity = {
    vendorId: new StoredRegister(0x8086, 0xffff),
    deviceId: new StoredRegister(0x3310, 0xffff),
    revisionId: new StoredRegister(0, 0xff),
    interface: new StoredRegister(0, 0xff),
    subclass: new StoredRegister(0x80, 0xff),
    baseClass: new StoredRegister(0x05, 0xff),
    subsystemVendorId: new StoredRegister(0, 0xffff),
    subsystemId: new StoredRegister(0, 0xffff),
  };
  readonly #PCSR: StoredRegister;
  readonly #ATUIMR: StoredRegister;
  #ATUISR = 0;
  #slot: PciSlot | undefined;
  #hostInterruptAsserted = false;

  constructor(options: AtuPcieOptions) {
    const { configurationRetry, endPoint } = atuPcieRegisters.PCSR.bits;
    this.name = options.name;
    this.#options = options;
    this.#windows = new AtuWindows(options.name);
    this.#PCSR = new StoredRegister(1 << configurationRetry | 1 << endPoint, 1 << configurationRetry);
    this.#ATUIMR = new StoredRegister(0, 0xffffffff, () => this.#driveError());
    this.registers = new RegisterWindow(options.name, atuPcieRegisters, this.#handlers());
    this.#barTargets = this.#windows.inbound.map((window) => this.#barTarget(window));
    this.outboundMemory = this.#windows.outboundMemory(options.claimedOutbound, {
      read: (address, into) =>
        this.#options.hostMemory.space.readInto(this.#hostAddress(address, into.length), into),
      write: (address, from) =>
        this.#options.hostMemory.space.write(this.#hostAddress(address, from.length), from),
    });
    this.dma = {
      read: (address, length, done, failed) =>
        this.#plugged.dma.read(address, length, done, (fault) => this.#aborted(fault, failed)),
      write: (address, bytes, done, failed) =>
        this.#plugged.dma.write(address, bytes, done, (fault) => this.#aborted(fault, failed)),
    };
    this.hostInterrupt = {
      set: (asserted) => {
        if (asserted === this.#hostInterruptAsserted) return;
        this.#hostInterruptAsserted = asserted;
        this.#plugged.interrupt.set(asserted);
      },
    };
  }

  /** The card was put into a slot of the host's bus. */
  plug(slot: PciSlot): PciDevice {
    this.#slot = slot;
    return this;
  }

  get identity(): PciIdentity {
    const id = this.#identity;
    return {
      vendorId: id.vendorId.value,
      deviceId: id.deviceId.value,
      revisionId: id.revisionId.value,
      classCode: id.baseClass.value << 16 | id.subclass.value << 8 | id.interface.value,
      subsystemVendorId: id.subsystemVendorId.value,
      subsystemId: id.subsystemId.value,
      interruptPin: 1,
    };
  }

  get bars(): readonly BarDefinition[] {
    return this.#windows.inbound.flatMap((window, index) =>
      window.open
        ? [{
          index: 2 * index,
          kind: window.is64Bit ? "memory64" as const : "memory32" as const,
          size: window.size,
          prefetchable: window.prefetchable,
          target: this.#barTargets[index]!,
        }]
        : []
    );
  }

  configurationRetry(): boolean {
    return hasBit(this.#PCSR.value, atuPcieRegisters.PCSR.bits.configurationRetry);
  }

  #handlers(): RegisterHandlers<typeof atuPcieRegisters> {
    const id = this.#identity;
    return {
      ...this.#windows.handlers(),
      ATUVID: id.vendorId,
      ATUDID: id.deviceId,
      ATURID: id.revisionId,
      ATUCCR_INTERFACE: id.interface,
      ATUCCR_SUBCLASS: id.subclass,
      ATUCCR_BASE: id.baseClass,
      ASVIR: id.subsystemVendorId,
      ASIR: id.subsystemId,
      PCSR: this.#PCSR,
      ATUIMR: this.#ATUIMR,
      ATUISR: {
        read: () => this.#ATUISR,
        write: (bits) => {
          this.#ATUISR &= ~bits;
          this.#driveError();
        },
      },
    };
  }

  get #plugged(): PciSlot {
    if (this.#slot === undefined) {
      throw new Error(`${this.name} is not in a slot, so it cannot reach the host`);
    }
    return this.#slot;
  }

  #barTarget(window: InboundWindow): BusTarget {
    return {
      read: (offset, into) => this.#options.internalBus.readInto(window.internal(offset), into),
      write: (offset, from) => this.#options.internalBus.write(window.internal(offset), from),
    };
  }

  #hostAddress(pciAddress: number, length: number): number {
    const address = this.#options.hostMemory.translate(pciAddress, length);
    if (address !== undefined) return address;
    this.#raise(atuPcieRegisters.ATUISR.bits.masterAbort);
    throw new BusFault(this.name, pciAddress, "the host claims no such address (unsupported request)");
  }

  #aborted(fault: BusFault, failed: (fault: BusFault) => void): void {
    this.#raise(atuPcieRegisters.ATUISR.bits.masterAbort);
    failed(fault);
  }

  #raise(bit: number): void {
    this.#ATUISR |= 1 << bit;
    this.#driveError();
  }

  #driveError(): void {
    this.#options.error.set((this.#ATUISR & ~this.#ATUIMR.value) !== 0);
  }
}
