/**
 * The x86 platform: local APICs, the I/O APIC, and configuration space by ECAM.
 *
 * Registers and bits: hardware-reference.md section 6. Device lines go to the
 * coordinator's first CPU; a level line is masked while its driver works on it.
 * - Vectors: 0x30 + line for devices, then timer, IPI, alarm and spurious at the top.
 */

import type { ConfigurationSpace } from "../boot/pci_access.ts";
import {
  type AddressSpace,
  type Complex,
  type Cpu,
  type Duration,
  elapsed,
  type Instant,
} from "./hardware.ts";
import type { InterruptSource, Platform } from "./platform.ts";

const localApicBase = 0xfee0_0000;
const ioApicBase = 0xfec0_0000;
const localApic = {
  EOI: 0xb0,
  SVR: 0xf0,
  ICR_LOW: 0x300,
  ICR_HIGH: 0x310,
  LVT_TIMER: 0x320,
  INITIAL_COUNT: 0x380,
  CURRENT_COUNT: 0x390,
  DIVIDE: 0x3e0,
} as const;
const apicEnable = 1 << 8;
const divideBy1 = 0xb;
/** ICR low word: fixed delivery, assert. */
const assertFixed = 1 << 14;
const initAssert = 0xc500;
const startUp = 0x0600;
const levelTriggered = 1 << 15;
const activeLow = 1 << 13;
const masked = 1 << 16;

const firstDeviceVector = 0x30;
const deviceLines = 24;
const timerVector = 0xe0;
const ipiVector = 0xe1;
const alarmVector = 0xe2;
const spuriousVector = 0xff;
/** Lines below this are ISA interrupts: edge-triggered (hardware-reference.md section 5.3). */
const firstPciLine = 16;

const debugPort = 0xe9;
const powerPort = 0x604;
/** Where BARs are placed: below the ECAM window, and above the legacy ports. */
const memoryWindow = { base: 0xc000_0000, size: 0x2000_0000 };
const ioWindow = { base: 0xc000, size: 0x4000 };

const countMax = 0xffff_ffff;

/** Measures how fast local APIC timers run, which all hang on one bus clock: from its making until `ticksPerNs`. */
export class TimerCalibration {
  readonly #cpu: Cpu;
  readonly #startedAt: Instant;

  constructor(cpu: Cpu, now: Instant) {
    this.#cpu = cpu;
    this.#startedAt = now;
    const apic = localBusOf(cpu);
    apic.write32(localApicBase + localApic.DIVIDE, divideBy1);
    // Counts down from the top, masked.
    apic.write32(localApicBase + localApic.LVT_TIMER, masked | timerVector);
    apic.write32(localApicBase + localApic.INITIAL_COUNT, countMax);
  }

  ticksPerNs(now: Instant): number {
    const counted = countMax - localBusOf(this.#cpu).read32(localApicBase + localApic.CURRENT_COUNT);
    const time = elapsed(this.#startedAt, now);
    if (!(time > 0) || counted === 0) throw new Error(`The timer of ${this.#cpu.name} does not count`);
    // The tick that has begun counts whole: a timer set by this may be late by that, but never early, which would
    // cost a second interrupt and let who was unblocked go before the quantum's end.
    return (counted + 1) / time;
  }
}

export class X86Platform implements Platform {
  readonly windows = { memory: memoryWindow, io: ioWindow };
  readonly configuration: ConfigurationSpace;
  readonly #complex: Complex;
  readonly #timerTicksPerNs: number;

  constructor(complex: Complex, ecamBase: number, timerTicksPerNs: number) {
    this.#complex = complex;
    this.#timerTicksPerNs = timerTicksPerNs;
    const { space } = complex;
    const addressOf = (bus: number, device: number, fn: number, offset: number) =>
      ecamBase + bus * 0x10_0000 + device * 0x8000 + fn * 0x1000 + offset;
    this.configuration = {
      read32: (...where) => space.read32(addressOf(...where)),
      write32: (bus, device, fn, offset, value) => space.write32(addressOf(bus, device, fn, offset), value),
    };
  }

  enable(cpu: Cpu, handler: (source: InterruptSource) => void): void {
    const apic = localBusOf(cpu);
    apic.write32(localApicBase + localApic.SVR, apicEnable | spuriousVector);
    apic.write32(localApicBase + localApic.DIVIDE, divideBy1);
    apic.write32(localApicBase + localApic.LVT_TIMER, masked | timerVector);
    cpu.interruptHandler = (vector) => {
      const source = sourceOf(vector);
      if (source.kind === "spurious") return handler(source);
      if (source.kind === "device" && source.line >= firstPciLine) this.#setMask(source.line, true);
      apic.write32(localApicBase + localApic.EOI, 0);
      handler(source);
    };
  }

  sendIpi(from: Cpu, target: number): void {
    this.#sendIcr(from, target, assertFixed | ipiVector);
  }

  /** Tells the coordinator's CPU that this kernel has panicked. */
  sendAlarm(from: Cpu, target: number): void {
    this.#sendIcr(from, target, assertFixed | alarmVector);
  }

  /** Stops a CPU, whatever it does, until it is started (INIT). */
  stopCpu(from: Cpu, target: number): void {
    this.#sendIcr(from, target, initAssert);
  }

  /** Makes a CPU that waits for it start at `page` (INIT, then start-up IPI; section 6.2). */
  startCpu(from: Cpu, target: number, page: number): void {
    this.#sendIcr(from, target, initAssert);
    this.#sendIcr(from, target, startUp | page);
  }

  setTimer(cpu: Cpu, delay: Duration): void {
    const apic = localBusOf(cpu);
    const count = Math.max(1, Math.ceil(delay * this.#timerTicksPerNs));
    apic.write32(localApicBase + localApic.LVT_TIMER, timerVector);
    apic.write32(localApicBase + localApic.INITIAL_COUNT, Math.min(count, countMax));
  }

  connect(line: number, cpu: Cpu): void {
    const trigger = line >= firstPciLine ? levelTriggered | activeLow : 0;
    this.#writeIoApic(0x11 + 2 * line, cpu.apicId << 24);
    this.#writeIoApic(0x10 + 2 * line, firstDeviceVector + line | trigger);
  }

  acknowledge(line: number): void {
    if (line >= firstPciLine) this.#setMask(line, false);
  }

  interruptLine(_device: number, _pin: number, interruptLineRegister: number): number {
    // Firmware has stored the routed global interrupt there (section 1.1, offset 3Ch).
    return interruptLineRegister;
  }

  physicalAddress(_kind: "memory32" | "memory64" | "io", busAddress: number): number {
    return busAddress;
  }

  debugLine(_cpu: Cpu, text: string): void {
    const { ports } = this.#complex;
    for (const byte of new TextEncoder().encode(`${text}\n`)) ports.write(debugPort, Uint8Array.of(byte));
  }

  /** Switches the machine off; `status` is what the emulator exits with. */
  powerOff(status: number): void {
    this.#complex.ports.write(powerPort, Uint8Array.of(status & 0xff, 0x20));
  }

  #sendIcr(from: Cpu, target: number, low: number): void {
    const apic = localBusOf(from);
    apic.write32(localApicBase + localApic.ICR_HIGH, target << 24 >>> 0);
    apic.write32(localApicBase + localApic.ICR_LOW, low);
  }

  #setMask(line: number, on: boolean): void {
    const low = this.#readIoApic(0x10 + 2 * line);
    this.#writeIoApic(0x10 + 2 * line, on ? low | masked : low & ~masked);
  }

  #readIoApic(index: number): number {
    this.#complex.space.write32(ioApicBase, index);
    return this.#complex.space.read32(ioApicBase + 0x10);
  }

  #writeIoApic(index: number, value: number): void {
    this.#complex.space.write32(ioApicBase, index);
    this.#complex.space.write32(ioApicBase + 0x10, value >>> 0);
  }
}

function localBusOf(cpu: Cpu): AddressSpace {
  if (cpu.localBus === undefined) throw new Error(`${cpu.name} has no local APIC`);
  return cpu.localBus;
}

function sourceOf(vector: number): InterruptSource {
  if (vector === timerVector) return { kind: "timer" };
  if (vector === ipiVector) return { kind: "ipi" };
  if (vector === alarmVector) return { kind: "alarm" };
  const line = vector - firstDeviceVector;
  return line >= 0 && line < deviceLines ? { kind: "device", line } : { kind: "spurious" };
}
