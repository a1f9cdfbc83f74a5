/**
 * The IOP348 board: its units, their wiring, and what the machine plugs in where.
 *
 * `createBoard` gives the card as the machine sees it: a device for a slot of the
 * host's bus, CPUs and memory for the satellite kernel, a PCI-X bus for its devices.
 * - Put the device into its slot before `powerOn`; PCI-X devices too, slots 0 to 15.
 * - Nothing else reaches into the board: host and kernel use registers.
 * - Machine figures come from the machine description, wiring from hardware-reference.md 2.
 */

import { CpuCaches } from "../cpu/cache.ts";
import { Cpu } from "../cpu/cpu.ts";
import type { Isa } from "../cpu/isa.ts";
import type { BoardDescription } from "../machine/description.ts";
import type { Complex } from "../machine/machine.ts";
import { AddressSpace } from "../memory/address_space.ts";
import type { InterruptLine } from "../memory/bus_target.ts";
import { DataCache } from "../memory/data_cache.ts";
import { DramBlock } from "../memory/dram.ts";
import { PciBus } from "../pci/bus.ts";
import type { PciDeviceFactory } from "../pci/device.ts";
import type { EventLog } from "../time/event_log.ts";
import type { EventQueue } from "../time/event_queue.ts";
import { milliseconds, nanoseconds } from "../time/time.ts";
import { AdmaChannel } from "./adma.ts";
import { admaChannelSpacing } from "./adma_registers.ts";
import { AtuPcie, type HostMemory } from "./atu_pcie.ts";
import { AtuPcix, atuPcixRegisters } from "./atu_pcix.ts";
import { BusBridge, memoryControllerTarget, strapTarget } from "./board_registers.ts";
import { Firmware, pcixResetRecovery } from "./firmware.ts";
import { InterruptControllerUnit, interruptSources as sources } from "./interrupt_controller.ts";
import { memoryMap, peripherals } from "./memory_map.ts";
import { messagingApertureSize } from "./messaging_registers.ts";
import { MessagingUnit } from "./messaging_unit.ts";
import { type PeripheralBlock, PeripheralSpace } from "./peripheral_space.ts";
import { Timers } from "./timers.ts";
import { Uart } from "./uart.ts";

export interface BoardOptions {
  /** "card0" and so on. */
  readonly name: string;
  readonly queue: EventQueue;
  readonly log: EventLog;
  readonly isa: Isa;
  readonly description: Omit<BoardDescription, "slot" | "model" | "isa" | "devices">;
  readonly hostMemory: HostMemory;
  /** A line was written to the board's debug UART. */
  readonly onDebugLine: (line: string) => void;
}

export type RunCard = (card: Complex, cpu: Cpu, imageAddress: number) => void;

export interface Board {
  /** For the host bus. */
  readonly device: PciDeviceFactory;
  /** For the board's own devices. */
  readonly pcix: PciBus;
  readonly complex: Complex;
  /** Starts the ROM; `runCard` is called when it jumps to an image. */
  powerOn(runCard: RunCard): void;
}

/** A store to a register is posted and retires in tens of cycles (hardware-reference.md 1.6): 24 of 1.2 GHz. */
const postedStoreNs = 20;
/** Both levels have lines of 32 bytes; the second, 512 KB, holds what the first does (hardware-reference.md 7.1). */
const cacheLineSize = 32;
const secondLevelLines = 512 * 1024 / cacheLineSize;
/**
 * From the core's last instruction to its reset by the watchdog. Software that runs serves the watchdog all the
 * time; as with idle polls, that is taken for granted and not emulated (fitted: some ticks of 10 ms).
 */
const watchdogTime = milliseconds(50);
const uartBlockSize = 0x40;
const atuBlockSize = 0x1000;
const mebibyte = 2 ** 20;

export function createBoard(options: BoardOptions): Board {
  const { name, queue, log, isa, description } = options;
  const interrupts = new InterruptControllerUnit(`${name}.icu`);
  const cpu = new Cpu(queue, {
    name: `${name}.cpu0`,
    index: 0,
    apicId: 0,
    isa,
    frequencyHz: description.frequencyHz,
    instructionCostScale: description.instructionCostScale,
    coprocessors: new Map([[6, interrupts]]),
    caches: description.caches && new CpuCaches(description.caches, {
      frequencyHz: description.frequencyHz,
      memoryLatencyNs: () => description.memoryLatencyNs,
    }),
  });
  cpu.connect(interrupts);
  const timers = new Timers({
    clock: queue,
    busHz: description.internalBusHz,
    interrupts: [interrupts.line(sources.timer0), interrupts.line(sources.timer1)],
    watchdogExpired: (resets) => {
      interrupts.recordWatchdogReset();
      log.record(name, resets ? "watchdog ran out, asks for a reset" : "watchdog ran out");
    },
  });
  interrupts.connect(() => cpu.interruptRaised(), timers.registers);
  const space = new AddressSpace(name);
  const dram = new DramBlock({
    name: `${name}.dram`,
    domain: 0,
    base: 0,
    size: description.memoryMiB * mebibyte,
    latencyNs: description.memoryLatencyNs,
    defects: description.dramFaults,
  });
  const units = createUnits(options, space, interrupts);
  mapUnits(options, space, dram, units);
  const firmware = new Firmware({
    name: `${name}.rom`,
    cpu,
    space,
    log,
    memorySize: dram.size,
    bootTime: milliseconds(description.bootMs),
    pcixCacheLineSize: description.pciX.cacheLineSize,
    interruptSource: externalSource,
  });
  const dataCache = new DataCache(space, cacheLineSize, secondLevelLines);
  const complex: Complex = {
    name,
    cpus: [cpu],
    space,
    ports: new AddressSpace(`${name}.ports`),
    dram: [dram],
    dataCache,
    memoryLatencyNs: () => description.memoryLatencyNs,
    // Its one CPU has nobody to interrupt.
    ipiLatency: () => nanoseconds(0),
  };
  return {
    device: (slot) => units.atuPcie.plug(slot),
    pcix: units.pcix,
    complex,
    powerOn(runCard) {
      cpu.execute = (address) => runCard(complex, cpu, address);
      armWatchdog(queue, cpu, dataCache, firmware);
      firmware.run();
    },
  };
}

/** A core that has stopped is reset, and its ROM waits for an image again. */
function armWatchdog(queue: EventQueue, cpu: Cpu, dataCache: DataCache, firmware: Firmware): void {
  cpu.onStop.push(() =>
    queue.after(watchdogTime, () => {
      cpu.reset();
      dataCache.reset();
      armWatchdog(queue, cpu, dataCache, firmware);
      firmware.restart();
    })
  );
}

/** XINT0-3 take the slots' pins as on Intel's reference board: device 1 INTA# is XINT1 (2.9). */
const externalSource = (device: number, pin: number): number =>
  sources.externalInterrupt0 + (device + pin - 1 & 3);

interface Units {
  readonly atuPcie: AtuPcie;
  readonly atuPcix: AtuPcix;
  readonly pcix: PciBus;
  readonly messaging: MessagingUnit;
  readonly channels: readonly AdmaChannel[];
  readonly bridge: BusBridge;
}

function createUnits(options: BoardOptions, space: AddressSpace, interrupts: InterruptControllerUnit): Units {
  const { name, queue, log, description } = options;
  const atuPcie = new AtuPcie({
    name,
    internalBus: space,
    hostMemory: options.hostMemory,
    claimedOutbound: memoryMap.pcieMemory / 2 ** 32,
    error: interrupts.line(sources.atuEError),
  });
  const bridge = new BusBridge();
  const externalLines: readonly InterruptLine[] = [0, 1, 2, 3].map((index) =>
    interrupts.line(sources.externalInterrupt0 + index)
  );
  const pcix: PciBus = new PciBus({
    name: `${name}.pcix`,
    clock: queue,
    log,
    timing: description.pciX,
    memory: space,
    translate: (address, length) => atuPcix.inbound(address, length),
    interruptLine: (device, pin) => externalLines[externalSource(device, pin) - sources.externalInterrupt0]!,
  });
  const atuPcix = new AtuPcix({
    name: `${name}.atux`,
    clock: queue,
    resetRecovery: pcixResetRecovery,
    bus: pcix,
    claimedOutbound: memoryMap.pcixMemory / 2 ** 32,
    error: interrupts.line(sources.atuXError),
    dataAbort: (address) => bridge.recordDataAbort(address),
    configurationDataAddress: memoryMap.pmmr + peripherals.atuPcix + atuPcixRegisters.OCCDR.offset,
  });
  const messaging = new MessagingUnit({
    name: `${name}.mu`,
    log,
    memory: space,
    hostInterrupt: atuPcie.hostInterrupt,
    normalInterrupt: interrupts.line(sources.messagingUnit),
    inboundPostInterrupt: interrupts.line(sources.messagingInboundPost),
    errorInterrupt: interrupts.line(sources.messagingError),
    inboundMsi: (vector) => interrupts.inboundMsi(vector),
    apertureBase: memoryMap.messagingHostAperture,
  });
  const channels = admaSources.map(({ endOfTransfer, endOfChain, error }, index) =>
    new AdmaChannel({
      name: `${name}.adma${index}`,
      clock: queue,
      log,
      timing: description.adma,
      internalBus: space,
      pcie: atuPcie.dma,
      endOfTransfer: interrupts.line(endOfTransfer),
      endOfChain: interrupts.line(endOfChain),
      error: interrupts.line(error),
    })
  );
  return { atuPcie, atuPcix, pcix, messaging, channels, bridge };
}

const admaSources = [
  {
    endOfTransfer: sources.adma0EndOfTransfer,
    endOfChain: sources.adma0EndOfChain,
    error: sources.adma0Error,
  },
  {
    endOfTransfer: sources.adma1EndOfTransfer,
    endOfChain: sources.adma1EndOfChain,
    error: sources.adma1Error,
  },
  {
    endOfTransfer: sources.adma2EndOfTransfer,
    endOfChain: sources.adma2EndOfChain,
    error: sources.adma2Error,
  },
] as const;

/** The address map of hardware-reference.md 2.2; flash and CPLD are left out, nothing here reads them. */
function mapUnits(options: BoardOptions, space: AddressSpace, dram: DramBlock, units: Units): void {
  const { description, name } = options;
  const { memoryLatencyNs, registerLatencyNs, link, pciX } = description;
  const memory = { readLatencyNs: memoryLatencyNs, writeLatencyNs: postedStoreNs };
  const register = { readLatencyNs: registerLatencyNs, writeLatencyNs: postedStoreNs };
  const window = { size: memoryMap.outboundWindowSize };
  space.map({ name: dram.name, base: 0, size: dram.size, target: dram, ...memory });
  space.map({
    name: `${name}.mu host aperture`,
    base: memoryMap.messagingHostAperture,
    size: messagingApertureSize,
    target: units.messaging.hostAperture,
    ...register,
  });
  space.map({
    name: `${name}.pmmr`,
    base: memoryMap.pmmr,
    size: memoryMap.pmmrSize,
    target: new PeripheralSpace(peripheralBlocks(options, dram, units)),
    ...register,
  });
  const sram = new DramBlock({
    name: `${name}.sram`,
    domain: 0,
    base: memoryMap.sram,
    size: memoryMap.sramSize,
    latencyNs: registerLatencyNs,
  });
  space.map({ name: sram.name, base: sram.base, size: sram.size, target: sram, ...register });
  space.map({
    name: `${name}.pcix io`,
    base: memoryMap.pcixIo,
    size: memoryMap.pcixIoSize,
    target: units.atuPcix.outboundIo,
    readLatencyNs: pciX.readLatencyNs,
    writeLatencyNs: pciX.writeLatencyNs,
  });
  space.map({
    name: `${name}.pcix memory`,
    base: memoryMap.pcixMemory,
    target: units.atuPcix.outboundMemory,
    readLatencyNs: pciX.readLatencyNs,
    writeLatencyNs: pciX.writeLatencyNs,
    ...window,
  });
  space.map({
    name: `${name}.pcie memory`,
    base: memoryMap.pcieMemory,
    target: units.atuPcie.outboundMemory,
    readLatencyNs: link.readLatencyNs,
    writeLatencyNs: link.writeLatencyNs,
    ...window,
  });
}

function peripheralBlocks(options: BoardOptions, dram: DramBlock, units: Units): PeripheralBlock[] {
  const { name, description, onDebugLine } = options;
  const uart = new Uart(`${name}.uart0`, onDebugLine);
  const straps = strapTarget(description.frequencyHz, description.internalBusHz);
  return [
    ...units.channels.map((channel, index) => ({
      name: `${name}.adma${index}`,
      offset: peripherals.adma0 + index * admaChannelSpacing,
      size: admaChannelSpacing,
      target: channel.registers,
    })),
    { name: "bridge", offset: peripherals.busBridge, size: 0x40, target: units.bridge.registers },
    {
      name: "memory controller",
      offset: peripherals.memoryController,
      size: 0x100,
      target: memoryControllerTarget(dram.size),
    },
    { name: "straps", offset: peripherals.straps, size: 0x10, target: straps },
    { name: `${name}.uart0`, offset: peripherals.uart0, size: uartBlockSize, target: uart.registers },
    {
      name: `${name}.mu`,
      offset: peripherals.messagingUnit,
      size: messagingApertureSize,
      target: units.messaging.coreAperture,
    },
    { name, offset: peripherals.atuPcie, size: atuBlockSize, target: units.atuPcie.registers },
    {
      name: `${name}.atux`,
      offset: peripherals.atuPcix,
      size: atuBlockSize,
      target: units.atuPcix.registers,
    },
  ];
}
