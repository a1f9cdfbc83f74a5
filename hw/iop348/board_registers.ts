/**
 * The board's small register blocks: clock straps, memory controller, bus bridge.
 *
 * Straps tell software what board it runs on; the bridge keeps the address of the
 * last access on the internal bus that ended in a data abort (hardware-reference.md 2.3, 2.4).
 * - Straps are read-only and follow the machine description.
 */

import type { BusTarget } from "../memory/bus_target.ts";
import { type RegisterMap, RegisterWindow } from "../register/register_map.ts";

export const bridgeRegisters = {
  BECSR: {
    offset: 0x0c,
    access: "read-write",
    doc: "Error status, write 1 to clear",
    bits: { dataAbort: 0 },
  },
  BERAR: { offset: 0x10, access: "read-only", doc: "Address of the access that was aborted" },
  BERUAR: { offset: 0x14, access: "read-only", doc: "Its bits 35:32" },
} as const satisfies RegisterMap;

export const strapRegisters = {
  CLOCK: { offset: 0x00, access: "read-only", doc: "18:16 core frequency, 20:19 core to internal bus ratio" },
  ESSTSR0: {
    offset: 0x08,
    access: "read-only",
    doc: "External straps",
    bits: { controllerOnly: 14, interfaceSelectPcix: 15 },
  },
} as const satisfies RegisterMap;

export const memoryControllerRegisters = {
  SDBR: { offset: 0x0c, access: "read-only", doc: "DDR base" },
  SDUBR: { offset: 0x10, access: "read-only", doc: "DDR base, upper" },
  SBSR: {
    offset: 0x14,
    access: "read-only",
    doc: "31:27 size of a bank, one-hot from 128 MB; bit 2 one bank",
  },
  DMCISR: { offset: 0x60, access: "read-only", doc: "Interrupt status" },
} as const satisfies RegisterMap;

/** The bridge between the core's internal bus and the units. */
export class BusBridge {
  readonly registers: BusTarget;
  #BECSR = 0;
  #address = 0;

  constructor() {
    this.registers = new RegisterWindow("bridge", bridgeRegisters, {
      BECSR: { read: () => this.#BECSR, write: (bits) => void (this.#BECSR &= ~bits) },
      BERAR: { read: () => this.#address % 2 ** 32 },
      BERUAR: { read: () => Math.floor(this.#address / 2 ** 32) },
    });
  }

  recordDataAbort(address: number): void {
    this.#BECSR |= 1 << bridgeRegisters.BECSR.bits.dataAbort;
    this.#address = address;
  }
}

/** Core frequencies by strap value, in MHz (2.1). */
const coreFrequenciesMHz = [600, 667, 800, 933, 1000, 1200];
const busRatios = [2, 3, 4];

/** Clock straps; a clock that the part does not know reads as its nearest. */
export function strapTarget(frequencyHz: number, internalBusHz: number): BusTarget {
  const frequency = nearest(coreFrequenciesMHz, frequencyHz / 1e6);
  const ratio = nearest(busRatios, frequencyHz / internalBusHz);
  const { controllerOnly, interfaceSelectPcix } = strapRegisters.ESSTSR0.bits;
  return new RegisterWindow("straps", strapRegisters, {
    CLOCK: { read: () => frequency << 16 | ratio << 19 },
    ESSTSR0: { read: () => 1 << controllerOnly | 1 << interfaceSelectPcix },
  });
}

/** The memory controller: one bank of `size` bytes at 0. A bank below 128 MiB has no size bit. */
export function memoryControllerTarget(size: number): BusTarget {
  const banks = size >= 2 ** 27 ? size / 2 ** 27 : 0;
  const SBSR = (banks << 27 | 1 << 2) >>> 0;
  return new RegisterWindow("memory controller", memoryControllerRegisters, {
    SDBR: { read: () => 0 },
    SDUBR: { read: () => 0 },
    SBSR: { read: () => SBSR },
    DMCISR: { read: () => 0 },
  });
}

function nearest(values: readonly number[], wanted: number): number {
  let best = 0;
  for (const [index, value] of values.entries()) {
    if (Math.abs(value - wanted) < Math.abs(values[best]! - wanted)) best = index;
  }
  return best;
}
