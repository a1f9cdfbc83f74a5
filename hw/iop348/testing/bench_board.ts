/**
 * A board on a bench, for tests: host memory, a host bus and the board in slot 5.
 *
 * The "host" of a test is the test itself: it uses configuration cycles and BARs as
 * a driver would, the "core" uses the board's address space and coprocessor 6.
 * - `boot` runs the ROM until it answers, enumerates and enables the card.
 * - Host DRAM is 1 MiB at 0; PCI addresses above it are claimed by nobody.
 */

import { armv5te } from "../../cpu/isa_armv5te.ts";
import { AddressSpace } from "../../memory/address_space.ts";
import type { BusTarget } from "../../memory/bus_target.ts";
import { DramBlock } from "../../memory/dram.ts";
import { PciBus } from "../../pci/bus.ts";
import type { PciDeviceFactory } from "../../pci/device.ts";
import { LineEventLog } from "../../time/event_log.ts";
import { EventQueue } from "../../time/event_queue.ts";
import { type Instant, later, milliseconds } from "../../time/time.ts";
import { type Board, createBoard } from "../board.ts";
import { memoryMap, peripherals } from "../memory_map.ts";

export const hostMemorySize = 0x100000;
export const boardSlot = 5;
/** Where the bench's host puts the BARs. */
export const bars = { messagingUnit: 0xd000_0000, memory: 0xe000_0000 } as const;
export const cardMemorySize = 64 * 2 ** 20;

const description = {
  frequencyHz: 1.2e9,
  primitives: {},
  internalBusHz: 400e6,
  caches: undefined,
  instructionCostScale: 1,
  memoryMiB: 64,
  memoryLatencyNs: 115,
  registerLatencyNs: 50,
  bootMs: 5,
  adma: { setupNs: 500, descriptorNs: 300, bytesPerSecond: 1e9 },
  link: { bytesPerSecond: 1.5e9, transactionLatencyNs: 400, readLatencyNs: 1200, writeLatencyNs: 40 },
  pciX: {
    bytesPerSecond: 266e6,
    transactionLatencyNs: 300,
    readLatencyNs: 500,
    writeLatencyNs: 40,
    cacheLineSize: 8,
  },
  dramFaults: [],
} as const;

export interface Bench {
  readonly queue: EventQueue;
  readonly board: Board;
  readonly host: AddressSpace;
  readonly bus: PciBus;
  /** BAR windows of the host bus: offset 0 is PCI address 0. */
  readonly hostWindow: BusTarget;
  readonly logLines: string[];
  readonly debugLines: string[];
  /** Level of the host's interrupt wire. */
  hostInterrupt(): boolean;
  /** Addresses at which `runCard` was called. */
  readonly started: number[];
  run(ms: number): void;
}

export function boardOnABench(pcixDevices: readonly [slot: number, factory: PciDeviceFactory][] = []): Bench {
  const queue = new EventQueue();
  const logLines: string[] = [];
  const debugLines: string[] = [];
  const log = new LineEventLog(queue, (line) => logLines.push(line.trimEnd()));
  const host = new AddressSpace("host");
  const dram = new DramBlock({ name: "dram0", domain: 0, base: 0, size: hostMemorySize, latencyNs: 65 });
  host.map({
    name: "dram0",
    base: 0,
    size: hostMemorySize,
    target: dram,
    readLatencyNs: 65,
    writeLatencyNs: 65,
  });
  const translate = (address: number, length: number) =>
    address + length <= hostMemorySize ? address : undefined;
  let hostInterrupt = false;
  const wire = { set: (asserted: boolean) => void (hostInterrupt = asserted) };
  const bus = new PciBus({
    name: "pci0",
    clock: queue,
    log,
    timing: { bytesPerSecond: 133e6, transactionLatencyNs: 300 },
    memory: host,
    translate,
    interruptLine: () => wire,
  });
  const board = createBoard({
    name: "card0",
    queue,
    log,
    isa: armv5te,
    description,
    hostMemory: { space: host, translate },
    onDebugLine: (line) => debugLines.push(line),
  });
  for (const [slot, factory] of pcixDevices) board.pcix.attach(slot, factory);
  bus.attach(boardSlot, board.device, description.link);
  // The host's firmware scans the bus at power-on, long before the card is ready.
  bus.read32(boardSlot, 0, 0);
  const started: number[] = [];
  board.powerOn((_card, _cpu, address) => started.push(address));
  return {
    queue,
    board,
    host,
    bus,
    hostWindow: bus.memoryWindow(0),
    logLines,
    debugLines,
    hostInterrupt: () => hostInterrupt,
    started,
    run: (ms) => queue.runUntil(later(queue.now, milliseconds(ms))),
  };
}

/** Runs the ROM, then does what a driver does first: places the BARs and enables the card. */
export function boot(bench: Bench): void {
  bench.queue.runUntil(milliseconds(10) as number as Instant);
  const { bus } = bench;
  bus.write32(boardSlot, 0, 0x10, bars.messagingUnit);
  bus.write32(boardSlot, 0, 0x14, 0);
  bus.write32(boardSlot, 0, 0x18, bars.memory);
  bus.write32(boardSlot, 0, 0x1c, 0);
  bus.write(boardSlot, 0, 0x04, 2, 0x6);
}

export function read32(target: BusTarget, offset: number): number {
  const bytes = new Uint8Array(4);
  target.read(offset, bytes);
  return new DataView(bytes.buffer).getUint32(0, true);
}

export function write32(target: BusTarget, offset: number, value: number): void {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  target.write(offset, bytes);
}

/** The core's address of a register of one of its peripherals. */
export const peripheral = (unit: keyof typeof peripherals, register: { readonly offset: number }): number =>
  memoryMap.pmmr + peripherals[unit] + register.offset;
