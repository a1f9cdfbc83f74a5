/**
 * The host's two ways to configuration space: ECAM in memory, and ports CF8h/CFCh.
 *
 * Both lead to the same buses (hardware-reference.md 1.4). Where no function answers,
 * reads give all ones and writes are dropped.
 * - An access must lie within one 32-bit register.
 * - ECAM bytes from 100h of a function on, the extended space, hold nothing here.
 */

import { BusFault, type BusTarget } from "../memory/bus_target.ts";
import type { ConfigurationAccess } from "./bus.ts";
import { fieldOf } from "./configuration_space.ts";

/** Buses by number; a number without a bus has no devices. */
export type PciBuses = ReadonlyMap<number, ConfigurationAccess>;

export const configurationPort = 0xcf8;
export const configurationPortsSize = 8;
/** Bytes of ECAM that one bus takes. */
export const ecamBusSize = 1 << 20;

const enableBit = 31;
const dataOffset = 4;
const conventionalSpaceSize = 0x100;

export function ecamTarget(buses: PciBuses): BusTarget {
  const access = (offset: number, length: number): ConfigurationCycle => {
    checkWithinRegister("ecam", offset, length);
    return cycle(buses, offset >>> 20, offset >> 15 & 0x1f, offset >> 12 & 7, offset & 0xfff);
  };
  return {
    read: (offset, into) => readCycle(access(offset, into.length), into),
    write: (offset, from) => writeCycle(access(offset, from.length), from),
  };
}

export function configurationPorts(buses: PciBuses): BusTarget {
  let address = 0;
  const dataCycle = (offset: number, length: number): ConfigurationCycle | undefined => {
    checkWithinRegister("configuration ports", configurationPort + offset, length);
    if (address >>> enableBit === 0) return undefined;
    const register = (address & 0xfc) + (offset - dataOffset);
    return cycle(buses, address >>> 16 & 0xff, address >> 11 & 0x1f, address >> 8 & 7, register);
  };
  return {
    read(offset, into) {
      if (offset >= dataOffset) return readCycle(dataCycle(offset, into.length), into);
      for (let index = 0; index < into.length; index++) into[index] = address >>> 8 * (offset + index);
    },
    write(offset, from) {
      if (offset >= dataOffset) return writeCycle(dataCycle(offset, from.length), from);
      // Only a 32-bit write reaches the address register.
      if (offset === 0 && from.length === 4) address = wordOf(from);
    },
  };
}

interface ConfigurationCycle {
  readonly bus: ConfigurationAccess | undefined;
  readonly device: number;
  readonly fn: number;
  readonly register: number;
}

function cycle(
  buses: PciBuses,
  bus: number,
  device: number,
  fn: number,
  register: number,
): ConfigurationCycle {
  return { bus: buses.get(bus), device, fn, register };
}

function readCycle(target: ConfigurationCycle | undefined, into: Uint8Array): void {
  const word = target?.bus?.read32(target.device, target.fn, target.register & 0xfc);
  if (target === undefined || word === undefined) {
    into.fill(0xff);
    return;
  }
  const held = target.register < conventionalSpaceSize ? word : 0;
  const value = fieldOf(held, target.register & 3, 4);
  for (let index = 0; index < into.length; index++) into[index] = value >>> 8 * index;
}

function writeCycle(target: ConfigurationCycle | undefined, from: Uint8Array): void {
  if (target === undefined || target.register >= conventionalSpaceSize) return;
  const width = from.length;
  if (width === 1 || width === 2 || width === 4) {
    target.bus?.write(target.device, target.fn, target.register, width, wordOf(from));
    return;
  }
  throw new BusFault("configuration space", target.register, `${width} bytes written, must be 1, 2 or 4`);
}

function checkWithinRegister(name: string, offset: number, length: number): void {
  if ((offset & 3) + length > 4) throw new BusFault(name, offset, `${length} bytes cross a register`);
}

function wordOf(from: Uint8Array): number {
  let value = 0;
  for (let index = 0; index < from.length; index++) value |= from[index]! << 8 * index;
  return value >>> 0;
}
