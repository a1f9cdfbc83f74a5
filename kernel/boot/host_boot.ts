/**
 * The boot loader of the host: from the reset vector to a kernel in every NUMA domain.
 *
 * It reads the ACPI tables from memory, boots the coordinator on the first domain's
 * CPUs, and then lets the lowest CPU of each next domain in, which copies the boot data
 * into its own memory and boots a satellite there (paper, section 3.4).
 * - CPUs are woken by INIT and start-up IPI; the page tells them which part of the
 *   loader to enter, the mailbox which domain is meant.
 * - Without a usable SRAT there is one domain, and so one kernel over all CPUs.
 */

import type { Call } from "../abi/kernel.ts";
import { Coordinator, type KnownKernel } from "../coordinator.ts";
import { namespaceContract } from "../contracts/namespace.ts";
import type { Complex, Cpu, EventLog, EventQueue } from "../hal/hardware.ts";
import { TimerCalibration, X86Platform } from "../hal/x86_platform.ts";
import { Kernel } from "../kernel.ts";
import { noteLeaks } from "../memory/heap_use.ts";
import { type KernelMemory, layOutMemory, pairAreaAddress } from "../memory/layout.ts";
import { Namespace } from "../namespace/namespace.ts";
import { freshCounters, pairAreaSize } from "../remote/pair_area.ts";
import { parseSystemManifest } from "../placement/manifest.ts";
import type { ProgramLoader } from "../process/process.ts";
import { spawnFromKernel } from "../process/spawn.ts";
import { sleep } from "../scheduling/kernel_event.ts";
import { type AcpiTables, type Domain, domainsOf, readAcpiTables } from "./acpi.ts";
import type { BootArchive } from "./boot_archive.ts";
import { buildBootImage, readBootImage } from "./boot_image.ts";
import { meetCard, namespaceSerial } from "./card.ts";
import { describeDevice, findPciDevices, findUart } from "./devices.ts";
import { connectDomains } from "./domain_pairs.ts";
import { hostKernelName } from "./kernel_names.ts";
import { buildPageTables, relocatePageTables } from "./page_tables.ts";
import { writePanicRecord } from "./panic_record.ts";
import type { SatelliteIsa } from "./satellite_image.ts";

/** What booting needs from outside. */
export interface BootOptions {
  readonly clock: EventQueue;
  readonly log: EventLog;
  readonly archive: BootArchive;
  readonly seed: number;
  /** Arguments of the process manager: what it is to start at the end. */
  readonly managerArguments: readonly string[];
  instantiate: ProgramLoader;
  /** For whoever looks for the bug: the exception that became a kernel's panic. */
  onPanic?(kernel: string, error: unknown): void;
}

/** Start-up IPI pages: where another CPU of a running kernel, and a new domain's first CPU, enter. */
const joinPage = 0x08;
const domainPage = 0x09;
const pageShift = 12;
/** The domain that the next CPU to enter `domainPage` boots. */
const mailbox = 0x9000;
/** MCFG is how firmware tells of ECAM; without it the usual place (hardware-reference.md section 1.4). */
const defaultEcam = 0xe000_0000;
/** Reading, checking and copying boot data: a load, a store and the loop per word (fitted). */
const loaderCyclesPerByte = 2;
/** What the loader itself does per domain and per CPU, beside bytes (fitted: some thousand instructions). */
const loaderCycles = 20_000;
/** For 512 GiB, which is a top table of two levels and their directories. */
const pageTablesRoom = 4 << 20;
const lineSize = 64;
/** Where ACPI's events arrive; the power button is the only one. */
const powerButtonLine = 9;
/** A card that boots answers configuration cycles with Retry; PCI Express gives it one second. */
const cardWaitNs = 1e9;
const retryNs = 1e6;

export class HostBoot {
  readonly kernels: Kernel[] = [];
  /** Those that have booted on cards, for looking at. */
  readonly cardKernels: Kernel[] = [];
  readonly #complex: Complex;
  readonly #options: BootOptions;
  #acpi: AcpiTables | undefined;
  #domains: readonly Domain[] = [];
  #coordinatorMemory: KernelMemory | undefined;
  #pageTablesSize = 0;
  #timerTicksPerNs = 0;
  #lastWoken = 0;
  #ecam = defaultEcam;

  constructor(complex: Complex, options: BootOptions) {
    this.#complex = complex;
    this.#options = options;
  }

  /** A CPU of the host starts at an address. */
  run(cpu: Cpu, address: number): void {
    if (address === joinPage << pageShift) return this.#join(cpu);
    if (address === domainPage << pageShift) {
      return this.#bootDomain(cpu, this.#complex.space.read32(mailbox));
    }
    this.#start(cpu);
  }

  /** Those that have died and were not started again are among them. */
  get everyKernel(): readonly Kernel[] {
    return [...this.kernels, ...this.cardKernels];
  }

  get coordinator(): Coordinator {
    const coordinator = this.kernels[0]?.coordinator;
    if (coordinator === undefined) throw new Error("The coordinator kernel has not booted yet");
    return coordinator;
  }

  #start(cpu: Cpu): void {
    const { space } = this.#complex;
    let bytes = 0;
    this.#acpi = readAcpiTables((address, length) => {
      if (space.lookup(address) === undefined) return undefined;
      bytes += length;
      return space.read(address, length);
    });
    this.#domains = domainsOf(this.#acpi, cpu.apicId);
    this.#ecam = this.#acpi.mcfg?.[0]?.base ?? defaultEcam;
    const calibration = new TimerCalibration(cpu, this.#options.clock.now);
    cpu.occupy(loaderCycles + bytes * loaderCyclesPerByte, () => {
      this.#timerTicksPerNs = calibration.ticksPerNs(this.#options.clock.now);
      this.#bootDomain(cpu, 0);
    });
  }

  /** Boots the kernel of one domain, on that domain's lowest CPU. */
  #bootDomain(cpu: Cpu, station: number): void {
    const domain = this.#domains[station]!;
    if (station === 0) return this.#bootCoordinator(cpu, domain);
    try {
      const memory = layOutMemory(this.#complex, rangesOf(domain));
      const cycles = this.#copyBootData(cpu, domain, memory);
      cpu.occupy(loaderCycles + cycles, () => {
        try {
          this.#startSatellite(cpu, station, domain, memory);
        } catch (error) {
          this.#giveUp(cpu, station, domain, error);
        }
      });
    } catch (error) {
      this.#giveUp(cpu, station, domain, error);
    }
  }

  /**
   * Page tables and boot image, into the domain's own memory; cycles that this takes. The tables come over from
   * the first domain, a line at a time.
   */
  #copyBootData(cpu: Cpu, { domain }: Domain, memory: KernelMemory): number {
    const { space } = this.#complex;
    const from = pageTablesOf(this.#coordinatorMemory!);
    const to = pageTablesOf(memory);
    const tables = space.read(from, this.#pageTablesSize);
    relocatePageTables(tables, from, to);
    space.write(to, tables);
    const image = buildBootImage(this.#options.archive, cpu.isa.name as SatelliteIsa, memory.boot.base);
    space.write(memory.boot.base, image);
    const lines = Math.ceil(tables.length / lineSize);
    const remoteNs = this.#complex.memoryLatencyNs(domain, this.#domains[0]!.domain);
    return (tables.length + image.length) * loaderCyclesPerByte + lines * remoteNs * cpu.frequencyHz / 1e9;
  }

  #startSatellite(cpu: Cpu, station: number, domain: Domain, memory: KernelMemory): void {
    const { space } = this.#complex;
    const { coordinator } = this;
    const boot = readBootImage((address, length) => space.read(address, length), memory.boot.base);
    const kernel = this.#createKernel(coordinator.takeIndex(), station, domain, boot.system);
    kernel.start();
    kernel.occupies(cpu);
    for (const { index } of coordinator.hosts) connectDomains(this.#kernelOf(index), kernel);
    this.kernels[station] = kernel;
    this.#register(coordinator, kernel);
    for (const known of coordinator.kernels) {
      if (known.messagingUnit !== undefined) this.#introduce(kernel, known);
    }
    const contract = kernel.contracts.admit(namespaceContract, kernel.self);
    const serverEnd = coordinator.kernel.channels.createFixed(
      kernel.index,
      namespaceSerial,
      "server",
      coordinator.kernel.contracts.admit(namespaceContract, coordinator.kernel.self),
      kernel.index,
    );
    coordinator.namespace.serve(serverEnd, kernel.index);
    kernel.useNamespace(kernel.channels.createFixed(kernel.index, namespaceSerial, "client", contract, 0));
    this.#startOtherCpus(kernel, cpu, domain);
    spawnFromKernel(kernel, boot.controller.manifest, boot.controller.il, []);
    this.#wakeNextDomain(cpu, station);
  }

  /** A domain whose kernel cannot be booted costs a line, not the machine. */
  #giveUp(cpu: Cpu, station: number, { domain }: Domain, error: unknown): void {
    this.coordinator.kernel.say(`Cannot boot a kernel in domain ${domain}: ${(error as Error).message}`);
    this.#wakeNextDomain(cpu, station);
  }

  #kernelOf(index: number): Kernel {
    return this.kernels.find((kernel) => kernel?.index === index)!;
  }

  /** A kernel that comes when there are cards already makes its pairs with them. */
  #introduce(kernel: Kernel, { index, station, row, messagingUnit }: KnownKernel): void {
    const { messages } = kernel.options.memory;
    const area = pairAreaAddress(messages, station, pairAreaSize);
    this.#complex.space.write(area, freshCounters);
    meetCard(kernel, { index, station, name: row.name, address: messagingUnit! }, messages);
    const host = { index: kernel.index, station: kernel.options.station, name: kernel.name, address: area };
    this.coordinator.kernel.peer(index).sendMeet(host);
  }

  #bootCoordinator(cpu: Cpu, domain: Domain): void {
    const { archive } = this.#options;
    const kernel = this.#createKernel(0, 0, domain, archive.systemText);
    const { memory } = kernel.options;
    this.#coordinatorMemory = memory;
    const tables = buildPageTables(pageTablesOf(memory), this.#addressEnd());
    this.#pageTablesSize = tables.length;
    this.#complex.space.write(pageTablesOf(memory), tables);
    const namespace = new Namespace(kernel);
    const platform = kernel.platform as X86Platform;
    const coordinator = new Coordinator(kernel, namespace, archive, (status) => {
      for (const each of this.everyKernel) if (!each.isHalted) noteLeaks(each);
      platform.powerOff(status);
    });
    coordinator.bootDomain = (station) => this.#wakeDomain(kernel.options.cpus[0]!, station);
    coordinator.domains = this.#domains.length;
    kernel.coordinator = coordinator;
    this.kernels.push(kernel);
    this.#tell(kernel);
    this.#register(coordinator, kernel);
    const contract = kernel.contracts.admit(namespaceContract, kernel.self);
    const { client, server } = kernel.channels.create(contract);
    namespace.serve(server, 0);
    kernel.useNamespace(client);
    kernel.start();
    kernel.occupies(cpu);
    kernel.interrupts.listen(powerButtonLine, coordinator, () => coordinator.pressPowerButton());
    this.#startOtherCpus(kernel, cpu, domain);
    this.#wakeNextDomain(cpu, 0);
    kernel.processes.startThread(kernel.self, this.#bringUp(kernel), "boot");
  }

  /** Where physical addresses end that software uses: memory, and what lies below 4 GiB. */
  #addressEnd(): number {
    const ends = this.#complex.dram.map(({ base, size }) => base + size);
    return Math.max(2 ** 32, ...ends);
  }

  /** The coordinator's first thread: finds the devices, then starts the process manager. */
  *#bringUp(kernel: Kernel): Call<void> {
    const { archive, managerArguments } = this.#options;
    let found = findPciDevices(kernel.platform);
    for (let waited = 0; found.notReady.length > 0 && waited < cardWaitNs; waited += retryNs) {
      yield* sleep(retryNs);
      found = findPciDevices(kernel.platform);
    }
    kernel.devices = [...findUart(this.#complex), ...found.devices];
    for (const device of kernel.devices) kernel.say(describeDevice(device));
    for (const location of found.notReady) kernel.say(`device ${location} does not get ready`);
    for (const problem of found.problems) kernel.say(`PCI: ${problem}`);
    const manager = archive.program("ProcessManager");
    if (manager === undefined) throw new Error("The boot archive has no program ProcessManager");
    const process = spawnFromKernel(kernel, manager.manifestText, manager.il, managerArguments);
    process.onEnd.push(() => {
      kernel.say(
        `the process manager has ended: ${process.fault === "" ? `status ${process.status}` : process.fault}`,
      );
      kernel.coordinator?.powerOff(1);
    });
  }

  /** What the loader found, for the person at the console. */
  #tell(kernel: Kernel): void {
    const acpi = this.#acpi!;
    for (const refused of acpi.refused) kernel.say(`boot loader: ${refused}`);
    const source = acpi.srat === undefined ? "no SRAT: one domain" : `SRAT: ${this.#domains.length} domains`;
    kernel.say(`boot loader: ${source}`);
    for (const domain of this.#domains) {
      const mebibytes = domain.memory.reduce((sum, range) => sum + range.length, 0) / 2 ** 20;
      kernel.say(`domain ${domain.domain}: CPUs ${domain.cpus.join(", ")}, ${Math.round(mebibytes)} MiB`);
    }
  }

  #createKernel(index: number, station: number, domain: Domain, system: string): Kernel {
    const { clock, log, seed, instantiate, onPanic } = this.#options;
    const cpus = domain.cpus.map((apicId) => {
      const cpu = this.#complex.cpus.find((candidate) => candidate.apicId === apicId);
      if (cpu === undefined) {
        throw new Error(`MADT names a CPU with APIC id ${apicId}, which does not answer`);
      }
      return cpu;
    });
    return new Kernel({
      index,
      station,
      name: hostKernelName(station, domain.domain),
      role: station === 0 ? "coordinator" : "satellite",
      place: `domain ${domain.domain}`,
      domain: domain.domain,
      complex: this.#complex,
      cpus,
      clock,
      log,
      platform: new X86Platform(this.#complex, this.#ecam, this.#timerTicksPerNs),
      memory: layOutMemory(this.#complex, rangesOf(domain)),
      system: parseSystemManifest(system, "system.xml"),
      seed,
      instantiate,
      alarm,
      ...(onPanic && { onPanic }),
      onHalt: ({ index }) => {
        if (index !== 0) this.coordinator.heartbeatStops(index);
      },
    });
  }

  #register(coordinator: Coordinator, kernel: Kernel): void {
    const { station, memory: { messages }, cpus, name } = kernel.options;
    const { cpu } = coordinator.kernel.dispatchers[0]!;
    const platform = coordinator.kernel.platform as X86Platform;
    coordinator.enter({
      index: kernel.index,
      station,
      row: kernel.row,
      panicRecord: messages.base,
      host: { messages, apicId: cpus[0]!.apicId },
      stop: () => {
        for (const { apicId } of cpus) platform.stopCpu(cpu, apicId);
      },
    });
    kernel.onMeet = (card) => meetCard(kernel, card, messages);
    const hex = (address: number) => `0x${address.toString(16)}`;
    coordinator.kernel.say(
      `${name}: page tables at ${hex(pageTablesOf(kernel.options.memory))}, ` +
        `message area ${hex(messages.base)} to ${hex(messages.base + messages.size - 1)}`,
    );
  }

  #startOtherCpus(kernel: Kernel, cpu: Cpu, domain: Domain): void {
    const platform = kernel.platform as X86Platform;
    for (const apicId of domain.cpus) if (apicId !== cpu.apicId) platform.startCpu(cpu, apicId, joinPage);
  }

  /** Another CPU of a kernel that runs already: it takes its place and looks for work. */
  #join(cpu: Cpu): void {
    const kernel = this.kernels.find((candidate) => candidate.options.cpus.includes(cpu));
    const dispatcher = kernel?.dispatchers.find((candidate) => candidate.cpu === cpu);
    if (dispatcher === undefined) throw new Error(`${cpu.name} was started, but no kernel waits for it`);
    dispatcher.start();
    kernel!.occupies(cpu);
    dispatcher.run();
  }

  /** The domain after `station` is woken, unless it was before: then a single kernel has been started again. */
  #wakeNextDomain(cpu: Cpu, station: number): void {
    const next = station + 1;
    if (next >= this.#domains.length || next <= this.#lastWoken) return;
    this.#lastWoken = next;
    this.#wakeDomain(cpu, next);
  }

  #wakeDomain(cpu: Cpu, station: number): void {
    this.#complex.space.write32(mailbox, station);
    const platform = this.kernels[0]!.platform as X86Platform;
    platform.startCpu(cpu, this.#domains[station]!.cpus[0]!, domainPage);
  }
}

/** The last that a kernel of the host does: of a satellite the coordinator hears, with the coordinator goes the machine. */
function alarm(kernel: Kernel, reason: string): void {
  const platform = kernel.platform as X86Platform;
  if (kernel.coordinator !== undefined) return platform.powerOff(1);
  writePanicRecord(kernel.complex.space, kernel.options.memory.messages.base, reason);
  platform.sendAlarm((kernel.executing ?? kernel.dispatchers[0]!).cpu, coordinatorApicIdOf(kernel));
}

/** The boot processor's, which is the first of the machine. */
const coordinatorApicIdOf = ({ complex }: Kernel): number => complex.cpus[0]!.apicId;

/** In the boot area, above the image. */
const pageTablesOf = ({ boot }: KernelMemory): number => boot.base + boot.size - pageTablesRoom;

function rangesOf(domain: Domain): { base: number; size: number }[] {
  return domain.memory.map(({ base, length }) => ({ base, size: length }));
}
