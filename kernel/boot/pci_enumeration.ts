/**
 * Finds the functions of a PCI bus, sizes their BARs, gives them addresses and
 * switches them on.
 *
 * The coordinator runs it over the host's bus, a satellite over that of its card.
 * - Configuration access is a parameter; absent functions read as all ones.
 * - BARs are sized with decoding off and placed naturally aligned, the largest first,
 *   so that the same devices always get the same addresses.
 * - A function with a BAR that found no room stays off, and `problems` says so.
 * - A function that answers Retry is listed in `notReady`: wait, and enumerate again.
 * - Bridges are reported and not walked: no machine here has one, so bus 0 is all there is.
 */

import type { ConfigurationSpace } from "./pci_access.ts";

export interface AddressWindow {
  readonly base: number;
  readonly size: number;
}

export interface BaseAddress {
  readonly index: number;
  readonly kind: "memory32" | "memory64" | "io";
  readonly prefetchable: boolean;
  /** PCI address: what a CPU uses depends on its way to the bus. */
  readonly base: number;
  readonly size: number;
}

export interface PciFunction {
  /** "bus:device.function", as in "0:3.0". */
  readonly location: string;
  readonly bus: number;
  readonly device: number;
  readonly fn: number;
  readonly vendorId: number;
  readonly deviceId: number;
  readonly subsystemVendorId: number;
  readonly subsystemId: number;
  readonly revisionId: number;
  /** 0xBBSSPP. */
  readonly classCode: number;
  readonly bars: readonly BaseAddress[];
  /** What firmware stored: the routed interrupt. */
  readonly interruptLine: number;
  /** 0 none, 1 INTA# to 4 INTD#. */
  readonly interruptPin: number;
}

export interface Enumeration {
  readonly functions: readonly PciFunction[];
  /** Locations that answer Retry. */
  readonly notReady: readonly string[];
  readonly problems: readonly string[];
}

const idOffset = 0x00;
const commandOffset = 0x04;
const classOffset = 0x08;
const headerTypeOffset = 0x0c;
const barOffset = (index: number): number => 0x10 + 4 * index;
const subsystemOffset = 0x2c;
const interruptOffset = 0x3c;

const nobody = 0xffff;
/** Vendor id of a function that answers Retry, with CRS software visibility. */
const retryVendor = 0x0001;
const commandIo = 1 << 0;
const commandMemory = 1 << 1;
const commandMaster = 1 << 2;
const barCount = 6;

/** One function's registers. */
interface Registers {
  read(offset: number): number;
  write(offset: number, value: number): void;
}

interface SizedBar {
  readonly index: number;
  readonly kind: BaseAddress["kind"];
  readonly prefetchable: boolean;
  readonly size: number;
}

interface FoundFunction {
  readonly registers: Registers;
  readonly place: { readonly bus: number; readonly device: number; readonly fn: number };
  readonly sized: readonly SizedBar[];
  readonly placed: BaseAddress[];
}

export function enumeratePci(
  access: ConfigurationSpace,
  windows: { readonly memory: AddressWindow; readonly io: AddressWindow },
): Enumeration {
  const notReady: string[] = [];
  const problems: string[] = [];
  const found: FoundFunction[] = [];
  const bus = 0;
  for (let device = 0; device < 32; device++) {
    let functionCount = 1;
    for (let fn = 0; fn < functionCount; fn++) {
      const registers: Registers = {
        read: (offset) => access.read32(bus, device, fn, offset),
        write: (offset, value) => access.write32(bus, device, fn, offset, value),
      };
      const location = locationOf({ bus, device, fn });
      const vendorId = registers.read(idOffset) & 0xffff;
      if (vendorId === nobody) continue;
      if (vendorId === retryVendor) {
        notReady.push(location);
        continue;
      }
      const headerType = registers.read(headerTypeOffset) >>> 16 & 0xff;
      if (fn === 0 && (headerType & 0x80) !== 0) functionCount = 8;
      if ((headerType & 0x7f) !== 0) {
        problems.push(`${location} has header type ${headerType & 0x7f}, only devices (0) are set up`);
        continue;
      }
      found.push({ registers, place: { bus, device, fn }, sized: sizeBars(registers), placed: [] });
    }
  }
  place(found, windows, problems);
  for (const each of found) switchOn(each);
  return { functions: found.map(describe), notReady, problems };
}

function sizeBars(registers: Registers): SizedBar[] {
  // The upper half is the status register: zeros there clear nothing.
  const command = registers.read(commandOffset) & 0xffff;
  registers.write(commandOffset, command & ~(commandIo | commandMemory));
  const bars: SizedBar[] = [];
  for (let index = 0; index < barCount; index++) {
    const bar = sizeBar(registers, index);
    if (bar === undefined) continue;
    bars.push(bar);
    if (bar.kind === "memory64") index++;
  }
  return bars;
}

function sizeBar(registers: Registers, index: number): SizedBar | undefined {
  const low = probe(registers, barOffset(index));
  if (low === 0) return undefined;
  if ((low & 1) !== 0) {
    // I/O BARs may leave the upper 16 bits unimplemented.
    const mask = (low & 0xfffffffc) >>> 0;
    const size = mask > 0xffff ? 2 ** 32 - mask : 2 ** 16 - mask;
    return { index, kind: "io", prefetchable: false, size };
  }
  const prefetchable = (low & 8) !== 0;
  const mask = (low & 0xfffffff0) >>> 0;
  if ((low & 6) !== 4) return { index, kind: "memory32", prefetchable, size: 2 ** 32 - mask };
  const high = index + 1 < barCount ? probe(registers, barOffset(index + 1)) : 0xffffffff;
  return { index, kind: "memory64", prefetchable, size: 2 ** 64 - high * 2 ** 32 - mask };
}

/** What a BAR reads after all ones were written; its value is put back. */
function probe(registers: Registers, offset: number): number {
  const saved = registers.read(offset);
  registers.write(offset, 0xffffffff);
  const answer = registers.read(offset);
  registers.write(offset, saved);
  return answer;
}

function place(
  found: readonly FoundFunction[],
  windows: { readonly memory: AddressWindow; readonly io: AddressWindow },
  problems: string[],
): void {
  const wanted = found.flatMap((owner) => owner.sized.map((bar) => ({ owner, bar })));
  // The sort is stable: equal sizes stay in the order of slots.
  wanted.sort((a, b) => b.bar.size - a.bar.size);
  const next = { memory: windows.memory.base, io: windows.io.base };
  for (const { owner, bar } of wanted) {
    const space = bar.kind === "io" ? "io" as const : "memory" as const;
    const window = windows[space];
    const base = Math.ceil(next[space] / bar.size) * bar.size;
    if (base + bar.size > window.base + window.size) {
      const room = `window 0x${window.base.toString(16)} of ${window.size} bytes`;
      problems.push(
        `${locationOf(owner.place)} BAR${bar.index} of ${bar.size} bytes found no room in ${space} ${room}`,
      );
      continue;
    }
    next[space] = base + bar.size;
    owner.placed.push({ ...bar, base });
  }
}

function switchOn({ registers, sized, placed }: FoundFunction): void {
  for (const { index, kind, base } of placed) {
    registers.write(barOffset(index), base % 2 ** 32);
    if (kind === "memory64") registers.write(barOffset(index + 1), Math.floor(base / 2 ** 32));
  }
  if (placed.length < sized.length) return;
  let command = registers.read(commandOffset) & 0xffff | commandMaster;
  if (placed.some(({ kind }) => kind === "io")) command |= commandIo;
  if (placed.some(({ kind }) => kind !== "io")) command |= commandMemory;
  registers.write(commandOffset, command);
}

function describe({ registers, place, placed }: FoundFunction): PciFunction {
  const id = registers.read(idOffset);
  const classAndRevision = registers.read(classOffset);
  const subsystem = registers.read(subsystemOffset);
  const interrupt = registers.read(interruptOffset);
  return {
    location: locationOf(place),
    ...place,
    vendorId: id & 0xffff,
    deviceId: id >>> 16,
    subsystemVendorId: subsystem & 0xffff,
    subsystemId: subsystem >>> 16,
    revisionId: classAndRevision & 0xff,
    classCode: classAndRevision >>> 8,
    bars: placed.toSorted((a, b) => a.index - b.index),
    interruptLine: interrupt & 0xff,
    interruptPin: interrupt >>> 8 & 0xff,
  };
}

const locationOf = ({ bus, device, fn }: FoundFunction["place"]): string => `${bus}:${device}.${fn}`;
