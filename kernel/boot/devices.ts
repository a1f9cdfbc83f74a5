/**
 * The devices below one kernel: what enumeration found, as drivers will get it.
 *
 * - A location is `bus:device.function`, or the name of a legacy device of the board.
 * - Addresses are those that this kernel's CPUs use, not those on the bus.
 */

import type { Complex } from "../hal/hardware.ts";
import type { Platform } from "../hal/platform.ts";
import { enumeratePci, type PciFunction } from "./pci_enumeration.ts";

export interface KernelDevice {
  readonly location: string;
  /** Bus, device, function. */
  readonly address: readonly [number, number, number];
  readonly vendorId: number;
  readonly deviceId: number;
  readonly classCode: number;
  readonly bars: readonly {
    readonly index: number;
    readonly kind: "memory32" | "memory64" | "io";
    readonly address: number;
    readonly size: number;
  }[];
  /** The interrupt line, in the platform's numbering. */
  readonly line: number;
}

/** What enumeration gave; functions in `notReady` asked to be tried again. */
export interface FoundDevices {
  readonly devices: readonly KernelDevice[];
  readonly notReady: readonly string[];
  readonly problems: readonly string[];
}

/** Finds the PCI functions of a platform and gives them addresses. */
export function findPciDevices(platform: Platform): FoundDevices {
  const { functions, notReady, problems } = enumeratePci(platform.configuration, platform.windows);
  return { devices: functions.map((fn) => deviceOf(platform, fn)), notReady, problems };
}

function deviceOf(platform: Platform, fn: PciFunction): KernelDevice {
  return {
    location: fn.location,
    address: [fn.bus, fn.device, fn.fn] as const,
    vendorId: fn.vendorId,
    deviceId: fn.deviceId,
    classCode: fn.classCode,
    bars: fn.bars.map((bar) => ({
      index: bar.index,
      kind: bar.kind,
      address: platform.physicalAddress(bar.kind, bar.base),
      size: bar.size,
    })),
    line: platform.interruptLine(fn.device, fn.interruptPin, fn.interruptLine),
  };
}

/** A device for the boot log. */
export function describeDevice({ location, vendorId, deviceId, classCode, line }: KernelDevice): string {
  const hex = (value: number, digits: number) => value.toString(16).padStart(digits, "0");
  return `device ${location} ${hex(vendorId, 4)}:${hex(deviceId, 4)}, class ${
    hex(classCode, 6)
  }, interrupt line ${line}`;
}

const uartPorts = 0x3f8;
const uartScratch = 7;
/** ISA interrupt of the first serial port. */
const uartLine = 4;

/** The first serial port, if its scratch register keeps what is written to it. */
export function findUart(complex: Complex): KernelDevice[] {
  const probe = Uint8Array.of(0x5a);
  complex.ports.write(uartPorts + uartScratch, probe);
  if (complex.ports.read(uartPorts + uartScratch, 1)[0] !== probe[0]) return [];
  return [{
    location: "uart0",
    address: [0, 0, 0],
    vendorId: 0,
    deviceId: 0x16550,
    classCode: 0x070002,
    bars: [{ index: 0, kind: "io", address: uartPorts, size: 8 }],
    line: uartLine,
  }];
}
