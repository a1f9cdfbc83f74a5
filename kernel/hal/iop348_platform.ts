/**
 * The IOP348 as a platform: interrupt controller and timers on coprocessor 6, and the
 * PCI-X bus behind the ATU's configuration registers.
 *
 * Registers and bits: hardware-reference.md sections 2.4 and 2.8. There is one CPU, so
 * there is nobody to send an IPI to.
 * - Sources are levels without an acknowledge: a source is disabled while its driver
 *   works on it.
 * - The board's ROM has opened the windows of both ATUs.
 */

import type { ConfigurationSpace } from "../boot/pci_access.ts";
import { BusFault, type Complex, type Cpu, type Duration } from "./hardware.ts";
import type { InterruptSource, Platform } from "./platform.ts";

const peripheralBase = 0xffd8_0000;
const uartTransmit = peripheralBase + 0x2300;
const uartSpacing = 4;
const bridgeStatus = peripheralBase + 0x178c;
const atux = peripheralBase + 0x4d000;
const configurationAddressRegister = atux + 0x330;
const configurationDataRegister = atux + 0x334;
const atuxInterruptStatus = atux + 0x78;
const masterAbort = 1 << 3;
const dataAbortBits = 3;

/** Coprocessor 6: page 4 enables sources, page 9 is the timers. */
const enablePage = 4;
const timerPage = 9;
const timerRegister = { TMR0: 0, TCR0: 2, TISR: 6 } as const;
const timerEnable = 1 << 1;
/** Internal bus clock with the 1.2 GHz strap (section 2.1). */
const timerHz = 400e6;
const timerSource = 8;
const countMax = 0xffff_ffff;

/** PCI-X memory and I/O space as the core sees them, and the part of it that BARs get. */
const pcixMemory = 0x1_0000_0000;
const pcixIo = 0xfffb_0000;
const memoryWindow = { base: 0x8000_0000, size: 0x1000_0000 };
const ioWindow = { base: 0x1000, size: 0xf000 };
const selectableDevices = 16;

export class Iop348Platform implements Platform {
  readonly windows = { memory: memoryWindow, io: ioWindow };
  readonly configuration: ConfigurationSpace;
  readonly #complex: Complex;
  readonly #cpu: Cpu;

  constructor(complex: Complex, cpu: Cpu) {
    this.#complex = complex;
    this.#cpu = cpu;
    this.configuration = {
      read32: (bus, device, fn, offset) => this.#readConfiguration(bus, device, fn, offset),
      write32: (bus, device, fn, offset, value) => {
        this.#selectConfiguration(bus, device, fn, offset);
        complex.space.write32(configurationDataRegister, value);
      },
    };
  }

  enable(cpu: Cpu, handler: (source: InterruptSource) => void): void {
    cpu.interruptHandler = (source) => {
      if (source === timerSource) {
        this.#writeCoprocessor(timerRegister.TISR, timerPage, 1);
        return handler({ kind: "timer" });
      }
      this.#enableSource(source, false);
      handler({ kind: "device", line: source });
    };
    this.#enableSource(timerSource, true);
  }

  sendIpi(): void {
    throw new Error("The IOP348 has one core: there is nobody to interrupt");
  }

  setTimer(_cpu: Cpu, delay: Duration): void {
    const ticks = Math.max(1, Math.ceil(delay * timerHz / 1e9));
    this.#writeCoprocessor(timerRegister.TMR0, timerPage, 0);
    this.#writeCoprocessor(timerRegister.TCR0, timerPage, Math.min(ticks, countMax));
    this.#writeCoprocessor(timerRegister.TMR0, timerPage, timerEnable);
  }

  connect(line: number): void {
    this.#enableSource(line, true);
  }

  acknowledge(line: number): void {
    this.#enableSource(line, true);
  }

  interruptLine(_device: number, _pin: number, interruptLineRegister: number): number {
    // The ROM has stored the source there.
    return interruptLineRegister;
  }

  physicalAddress(kind: "memory32" | "memory64" | "io", busAddress: number): number {
    return (kind === "io" ? pcixIo : pcixMemory) + busAddress;
  }

  debugLine(_cpu: Cpu, text: string): void {
    const { space } = this.#complex;
    for (const byte of new TextEncoder().encode(`${text}\n`)) {
      space.write(uartTransmit, Uint8Array.of(byte, ...new Array<number>(uartSpacing - 1).fill(0)));
    }
  }

  #enableSource(source: number, on: boolean): void {
    const register = source >>> 5;
    const bit = 1 << (source & 31);
    const enabled = this.#coprocessor().read(register, enablePage);
    this.#writeCoprocessor(register, enablePage, (on ? enabled | bit : enabled & ~bit) >>> 0);
  }

  #writeCoprocessor(register: number, page: number, value: number): void {
    this.#coprocessor().write(register, page, value >>> 0);
  }

  #coprocessor() {
    return this.#cpu.coprocessors.get(6)!;
  }

  #selectConfiguration(bus: number, device: number, fn: number, offset: number): void {
    if (bus !== 0) throw new Error(`The card has no bridge that leads to bus ${bus}`);
    const address = 2 ** (device + 16) + (device << 11) + (fn << 8) + (offset & 0xfc);
    this.#complex.space.write32(configurationAddressRegister, address >>> 0);
  }

  #readConfiguration(bus: number, device: number, fn: number, offset: number): number {
    if (bus !== 0 || device >= selectableDevices) return 0xffff_ffff;
    const { space } = this.#complex;
    this.#selectConfiguration(bus, device, fn, offset);
    try {
      return space.read32(configurationDataRegister);
    } catch (fault) {
      // A function that is not there answers with a data abort; clear what it left behind.
      if (!(fault instanceof BusFault)) throw fault;
      space.write32(bridgeStatus, dataAbortBits);
      space.write32(atuxInterruptStatus, masterAbort);
      return 0xffff_ffff;
    }
  }
}
