/**
 * Puts a machine together from its description: host, buses, devices, boards, LAN.
 *
 * Wiring only: every part is made here or in devices.ts, given what it uses, and
 * mapped where hardware-reference.md or host_memory_map.ts says.
 * - The description has been checked; what does not fit is a bug of ours and throws.
 * - Nothing happens before `powerOn`, which may be called once.
 */

import { InterruptBus } from "../apic/interrupt_bus.ts";
import { IoApic, ioApicBase, ioApicSize } from "../apic/io_apic.ts";
import { LocalApic } from "../apic/local_apic.ts";
import { localApicBase, localApicSize } from "../apic/local_apic_registers.ts";
import {
  messageInterruptBase,
  messageInterruptSize,
  messageInterruptTarget,
} from "../apic/message_interrupts.ts";
import { CpuCaches } from "../cpu/cache.ts";
import { Cpu } from "../cpu/cpu.ts";
import { isaWith } from "../cpu/isa_tables.ts";
import { debugPort, debugTextPort, powerOffPort, powerOffTarget } from "../debug_port/debug_port.ts";
import type { DiskMedium } from "../disk/medium.ts";
import type { Cable, Station } from "../ethernet/link.ts";
import { EthernetSwitch } from "../ethernet/switch.ts";
import type { Board } from "../iop348/board.ts";
import { AddressSpace } from "../memory/address_space.ts";
import type { BusTarget, InterruptLine } from "../memory/bus_target.ts";
import { DramBlock } from "../memory/dram.ts";
import { PciBus } from "../pci/bus.ts";
import {
  configurationPort,
  configurationPorts,
  configurationPortsSize,
  ecamBusSize,
  ecamTarget,
} from "../pci/host_bridge.ts";
import type { EventLog } from "../time/event_log.ts";
import type { EventQueue } from "../time/event_queue.ts";
import { type Duration, nanoseconds } from "../time/time.ts";
import { uartInterrupt, uartPort, uartSize } from "../uart/registers.ts";
import { Uart } from "../uart/uart.ts";
import type { HostDescription, MachineDescription } from "./description.ts";
import { attachDevices } from "./devices.ts";
import { installFirmwareTables, ioApicIdOf } from "./firmware.ts";
import { firstPciInterrupt, hostMemoryMap, hostPortMap, pciInterrupt } from "./host_memory_map.ts";
import { type Complex, type ConsoleLine, type Machine, resetAddress } from "./machine.ts";

export interface Surroundings {
  readonly queue: EventQueue;
  readonly log: EventLog;
  /** The disk's sectors; without one the machine has no disk. */
  readonly medium: DiskMedium | undefined;
}

const mebibyte = 2 ** 20;
/** The interrupt of ACPI's fixed events (hardware-reference.md section 5.3). */
const powerButtonInterrupt = 9;
/** A local APIC register takes 40 to 60 cycles of the core (hardware-reference.md 6.5): 50 of 2 GHz. */
const localApicLatencyNs = 25;
/** An I/O APIC register, or a legacy port, is behind the chipset: 1500 cycles (hardware-reference.md 6.5). */
const chipsetLatencyNs = 750;

export function assembleMachine(description: MachineDescription, surroundings: Surroundings): Machine {
  return new AssembledMachine(description, surroundings);
}

class AssembledMachine implements Machine {
  readonly description: MachineDescription;
  readonly queue: EventQueue;
  readonly log: EventLog;
  readonly host: Complex;
  readonly cards: readonly Complex[];
  readonly console: ConsoleLine;
  onFrame: ((frame: Uint8Array) => void) | undefined;
  onDebugLine: ((complex: string, line: string) => void) | undefined;
  onPowerOff: ((status: number) => void) | undefined;
  readonly #lan: EthernetSwitch;
  readonly #boards: Board[] = [];
  readonly #powerButton: InterruptLine;
  #on = false;

  constructor(description: MachineDescription, { queue, log, medium }: Surroundings) {
    this.description = description;
    this.queue = queue;
    this.log = log;
    const { host, lan, pci, devices } = description;
    const { linkBitsPerSecond, switchLatencyNs } = lan;
    this.#lan = new EthernetSwitch({
      name: "lan",
      clock: queue,
      log,
      bitsPerSecond: linkBitsPerSecond,
      latencyNs: switchLatencyNs,
    });
    this.#lan.onFrame = (frame) => this.onFrame?.(frame);
    const space = new AddressSpace("host");
    const ports = new AddressSpace("host ports");
    const interrupts = new InterruptBus(queue, log, host.interrupts);
    const ioApic = new IoApic(interrupts, ioApicIdOf(host));
    this.#powerButton = ioApic.input(powerButtonInterrupt);
    const uart = new Uart("uart0", queue, log, ioApic.input(uartInterrupt));
    this.console = uart;
    const dram = createDram(host, space);
    this.host = {
      name: "host",
      cpus: createCpus(host, dram, { queue, log, interrupts }),
      space,
      ports,
      dram,
      dataCache: undefined,
      memoryLatencyNs: (from, to) => memoryLatencyNs(host, from, to),
      ipiLatency: (from, to) => ipiLatency(host, from.index, to.index),
    };
    const translate = (address: number) => address;
    const bus = hostBus(description, { queue, log }, space, ioApic, translate);
    mapInterruptChips(space, ioApic, interrupts);
    mapPci(space, ports, bus, pci);
    mapLegacyPorts(ports, uart.registers, {
      debugText: debugTextPort((line) => this.onDebugLine?.("host", line)),
      powerOff: powerOffTarget(log, (status) => this.onPowerOff?.(status)),
    });
    const onDebugLine = (complex: string, line: string) => this.onDebugLine?.(complex, line);
    const hostMemory = { space, translate };
    const parts = { queue, log, lan: this.#lan, medium, hostMemory, boards: this.#boards, onDebugLine };
    attachDevices(bus, pci, devices, parts, "");
    this.cards = this.#boards.map(({ complex }) => complex);
  }

  plug(station: Station): Cable {
    return this.#lan.plug(station);
  }

  pressPowerButton(): void {
    this.log.record("power", "button pressed");
    this.#powerButton.set(true);
    this.#powerButton.set(false);
  }

  powerOn(code: Parameters<Machine["powerOn"]>[0]): void {
    if (this.#on) throw new Error(`${this.description.name} is on already`);
    this.#on = true;
    this.log.record("machine", `${this.description.name} powers on`);
    installFirmwareTables(this.host.space, this.description, this.host.dram);
    for (const board of this.#boards) board.powerOn(code.runCard);
    for (const cpu of this.host.cpus) cpu.execute = (address) => code.runHost(cpu, address);
    this.host.cpus[0]!.jump(resetAddress);
  }
}

interface CpuSurroundings {
  readonly queue: EventQueue;
  readonly log: EventLog;
  readonly interrupts: InterruptBus;
}

function createCpus(
  host: HostDescription,
  dram: readonly DramBlock[],
  { queue, log, interrupts: bus }: CpuSurroundings,
): Cpu[] {
  const { frequencyHz, caches } = host;
  // No method of the library: a program that misses would pay for it as for its own calls.
  const domainAt = (address: number) => {
    for (const { base, size, domain } of dram) if (address >= base && address < base + size) return domain;
    return 0;
  };
  const isa = isaWith(host.isa, host.primitives);
  return host.cpus.map(({ apicId, domain, instructionCostScale }, index) => {
    const localBus = new AddressSpace(`cpu${index} local bus`);
    const cpu = new Cpu(queue, {
      name: `cpu${index}`,
      index,
      apicId,
      isa,
      frequencyHz,
      instructionCostScale,
      localBus,
      caches: caches && new CpuCaches(caches, {
        frequencyHz,
        memoryLatencyNs: (address) => memoryLatencyNs(host, domain, domainAt(address)),
      }),
    });
    const { busClockHz } = host;
    const apic = new LocalApic({ cpu, clock: queue, log, bus, busClockHz, bootProcessor: index === 0 });
    bus.join(apic, domain);
    cpu.connect(apic);
    localBus.map({
      name: apic.name,
      base: localApicBase,
      size: localApicSize,
      target: apic.registers,
      readLatencyNs: localApicLatencyNs,
      writeLatencyNs: localApicLatencyNs,
    });
    return cpu;
  });
}

function memoryLatencyNs({ memory }: HostDescription, from: number, to: number): number {
  const nearNs = memory.interleaved ? memory.interleavedNs! : memory.localNs;
  return from === to ? nearNs : memory.remoteNs ?? nearNs;
}

function ipiLatency({ cpus, interrupts }: HostDescription, from: number, to: number): Duration {
  const isSameDomain = cpus[from]!.domain === cpus[to]!.domain;
  return nanoseconds(isSameDomain ? interrupts.ipiSameDomainNs : interrupts.ipiOtherDomainNs);
}

function createDram(host: HostDescription, space: AddressSpace): DramBlock[] {
  const latencyNs = memoryLatencyNs(host, 0, 0);
  const latencies = { readLatencyNs: latencyNs, writeLatencyNs: latencyNs };
  return dramRanges(host.domains.map(({ memoryMiB }) => memoryMiB * mebibyte)).map((range) => {
    const block = new DramBlock({ ...range, latencyNs });
    const { name, base, size } = block;
    space.map({ name, base, size, target: block, ...latencies });
    return block;
  });
}

/** One domain's memory after the other; one that meets the PCI window goes on above 4 GiB, as a second block. */
function dramRanges(
  sizes: readonly number[],
): { name: string; domain: number; base: number; size: number }[] {
  const { pciMemory, memoryAbove } = hostMemoryMap;
  const ranges = [];
  let base = 0;
  for (const [domain, whole] of sizes.entries()) {
    const name = `dram${domain}`;
    let size = whole;
    if (base < pciMemory && base + size > pciMemory) {
      const below = pciMemory - base;
      ranges.push({ name, domain, base, size: below });
      base = memoryAbove;
      size -= below;
      ranges.push({ name: `${name}.above`, domain, base, size });
    } else {
      if (base === pciMemory) base = memoryAbove;
      ranges.push({ name, domain, base, size });
    }
    base += size;
  }
  return ranges;
}

function hostBus(
  description: MachineDescription,
  { queue, log }: { readonly queue: EventQueue; readonly log: EventLog },
  memory: AddressSpace,
  ioApic: IoApic,
  translate: (address: number) => number,
): PciBus {
  const lines = [0, 1, 2, 3].map((wire) => ioApic.input(firstPciInterrupt + wire));
  const { pci } = description;
  return new PciBus({
    name: "pci0",
    clock: queue,
    log,
    timing: pci,
    memory,
    translate,
    interruptLine: (device, pin) => lines[pciInterrupt(device, pin) - firstPciInterrupt]!,
    firmware: { cacheLineSize: pci.cacheLineSize, interruptNumber: pciInterrupt },
  });
}

function mapInterruptChips(space: AddressSpace, ioApic: IoApic, interrupts: InterruptBus): void {
  const chipset = { readLatencyNs: chipsetLatencyNs, writeLatencyNs: chipsetLatencyNs };
  space.map({ name: "ioapic", base: ioApicBase, size: ioApicSize, target: ioApic.registers, ...chipset });
  space.map({
    name: "message interrupts",
    base: messageInterruptBase,
    size: messageInterruptSize,
    target: messageInterruptTarget(interrupts),
    ...chipset,
  });
}

function mapPci(
  space: AddressSpace,
  ports: AddressSpace,
  bus: PciBus,
  timing: MachineDescription["pci"],
): void {
  const { pciMemory, pciMemorySize, ecam, ecamBusCount } = hostMemoryMap;
  const { readLatencyNs, writeLatencyNs } = timing;
  const latencies = { readLatencyNs, writeLatencyNs };
  /** Configuration writes and port writes are not posted: the CPU waits for them. */
  const unposted = { readLatencyNs, writeLatencyNs: readLatencyNs };
  const buses = new Map([[0, bus]]);
  const memory = bus.memoryWindow(pciMemory);
  space.map({ name: "pci memory", base: pciMemory, size: pciMemorySize, target: memory, ...latencies });
  space.map({
    name: "ecam",
    base: ecam,
    size: ecamBusCount * ecamBusSize,
    target: ecamTarget(buses),
    ...unposted,
  });
  ports.map({
    name: "pci configuration",
    base: configurationPort,
    size: configurationPortsSize,
    target: configurationPorts(buses),
    ...unposted,
  });
  const { pci, pciSize } = hostPortMap;
  ports.map({ name: "pci io", base: pci, size: pciSize, target: bus.ioWindow(pci), ...unposted });
}

function mapLegacyPorts(
  ports: AddressSpace,
  uart: BusTarget,
  { debugText, powerOff }: { readonly debugText: BusTarget; readonly powerOff: BusTarget },
): void {
  const chipset = { readLatencyNs: chipsetLatencyNs, writeLatencyNs: chipsetLatencyNs };
  ports.map({ name: "uart0", base: uartPort, size: uartSize, target: uart, ...chipset });
  ports.map({ name: "debug", base: debugPort, size: 1, target: debugText, ...chipset });
  ports.map({ name: "power", base: powerOffPort, size: 2, target: powerOff, ...chipset });
}
