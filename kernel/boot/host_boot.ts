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
import { Coordinator, describeKernel } from "../coordinator.ts";
import { namespaceContract } from "../contracts/namespace.ts";
import type { Complex, Cpu, EventLog, EventQueue } from "../hal/hardware.ts";
import { X86Platform } from "../hal/x86_platform.ts";
import { Kernel } from "../kernel.ts";
import { noteLeaks } from "../memory/heap_use.ts";
import { layOutMemory } from "../memory/layout.ts";
import { Namespace } from "../namespace/namespace.ts";
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
    cpu.occupy(loaderCycles + bytes * loaderCyclesPerByte, () => this.#bootDomain(cpu, 0));
  }

  /** Boots the kernel of one domain, on that domain's lowest CPU. */
  #bootDomain(cpu: Cpu, index: number): void {
    const domain = this.#domains[index]!;
    if (index === 0) return this.#bootCoordinator(cpu, domain);
    const memory = layOutMemory(this.#complex, rangesOf(domain));
    // The loader's copy of the boot data, in the domain's own memory.
    const image = buildBootImage(this.#options.archive, cpu.isa.name as SatelliteIsa, memory.boot.base);
    const { space } = this.#complex;
    space.write(memory.boot.base, image);
    cpu.occupy(loaderCycles + image.length * loaderCyclesPerByte, () => {
      const boot = readBootImage((address, length) => space.read(address, length), memory.boot.base);
      const kernel = this.#createKernel(index, domain, boot.system);
      for (const earlier of this.kernels) connectDomains(earlier, kernel);
      this.kernels.push(kernel);
      const { coordinator } = this;
      this.#register(coordinator, kernel);
      const contract = kernel.contracts.admit(namespaceContract, kernel.self);
      const serverEnd = coordinator.kernel.channels.createFixed(
        index,
        namespaceSerial,
        "server",
        coordinator.kernel.contracts.admit(namespaceContract, coordinator.kernel.self),
        index,
      );
      coordinator.namespace.serve(serverEnd, index);
      kernel.useNamespace(kernel.channels.createFixed(index, namespaceSerial, "client", contract, 0));
      kernel.start();
      this.#startOtherCpus(kernel, cpu, domain);
      spawnFromKernel(kernel, boot.controller.manifest, boot.controller.il, []);
      this.#wakeNextDomain(cpu, index + 1);
    });
  }

  #bootCoordinator(cpu: Cpu, domain: Domain): void {
    const { archive } = this.#options;
    const kernel = this.#createKernel(0, domain, archive.systemText);
    const namespace = new Namespace(kernel);
    const platform = kernel.platform as X86Platform;
    const coordinator = new Coordinator(kernel, namespace, archive, (status) => {
      for (const each of this.everyKernel) noteLeaks(each);
      platform.powerOff(status);
    });
    kernel.coordinator = coordinator;
    this.kernels.push(kernel);
    this.#tell(kernel);
    this.#register(coordinator, kernel);
    const contract = kernel.contracts.admit(namespaceContract, kernel.self);
    const { client, server } = kernel.channels.create(contract);
    namespace.serve(server, 0);
    kernel.useNamespace(client);
    kernel.start();
    kernel.interrupts.listen(powerButtonLine, coordinator, () => coordinator.pressPowerButton());
    this.#startOtherCpus(kernel, cpu, domain);
    this.#wakeNextDomain(cpu, 1);
    kernel.processes.startThread(kernel.self, this.#bringUp(kernel), "boot");
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

  #createKernel(index: number, domain: Domain, system: string): Kernel {
    const { clock, log, seed, instantiate } = this.#options;
    const cpus = domain.cpus.map((apicId) => {
      const cpu = this.#complex.cpus.find((candidate) => candidate.apicId === apicId);
      if (cpu === undefined) {
        throw new Error(`MADT names a CPU with APIC id ${apicId}, which does not answer`);
      }
      return cpu;
    });
    return new Kernel({
      index,
      name: index === 0 ? "coordinator" : `numa${domain.domain}`,
      role: index === 0 ? "coordinator" : "satellite",
      place: `domain ${domain.domain}`,
      domain: domain.domain,
      complex: this.#complex,
      cpus,
      clock,
      log,
      platform: new X86Platform(this.#complex, this.#ecam, () => clock.now),
      memory: layOutMemory(this.#complex, rangesOf(domain)),
      system: parseSystemManifest(system, "system.xml"),
      seed,
      instantiate,
    });
  }

  #register(coordinator: Coordinator, kernel: Kernel): void {
    const { messages } = kernel.options.memory;
    coordinator.kernels.push({ index: kernel.index, row: kernel.row });
    coordinator.hosts.set(kernel.index, { messages, apicId: kernel.options.cpus[0]!.apicId });
    kernel.onMeet = (card) => meetCard(kernel, card, messages);
    coordinator.kernel.say(describeKernel(kernel.row));
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
    dispatcher.run();
  }

  #wakeNextDomain(cpu: Cpu, index: number): void {
    const next = this.#domains[index];
    if (next === undefined) return;
    this.#complex.space.write32(mailbox, index);
    const platform = this.kernels[0]!.platform as X86Platform;
    platform.startCpu(cpu, next.cpus[0]!, domainPage);
  }
}

function rangesOf(domain: Domain): { base: number; size: number }[] {
  return domain.memory.map(({ base, length }) => ({ base, size: length }));
}
