/**
 * A bench for kernel tests: a real machine, booted, with programs that are plain functions.
 *
 * Firmware, boot loader, kernels and their memory are those of `boot`; only phase two is
 * left out: a test's generator function runs as it stands, outside a compartment. Where the
 * image matters, `startIl` takes a program's IL through phase two.
 * - A burst costs `burstCycles`; a program that is to work longer calls `bench.work`.
 * - `settle` lets the machine run until nothing is left to happen.
 * - Three domains, one CPU each, are enough for everything that crosses kernels. With `hasCard` there is a card
 *   too, which the board driver boots; programs run on it at the cost of its ISA.
 */

import { assembleMachine } from "../../hw/machine/assemble.ts";
import type { IsaName } from "../../hw/cpu/isa.ts";
import { type MachineDescription, readMachineDescription } from "../../hw/machine/description.ts";
import { shippedMachines } from "../../hw/machines/machines.ts";
import { LineEventLog, silentLog } from "../../hw/time/event_log.ts";
import { EventQueue } from "../../hw/time/event_queue.ts";
import type { Kernel as ProgramKernel, Program } from "../abi/kernel.ts";
import { BootArchive } from "../boot/boot_archive.ts";
import { bootHelios } from "../boot/helios.ts";
import type { HostBoot } from "../boot/host_boot.ts";
import { pipeContract } from "../contracts/pipe.ts";
import driveBoard from "../programs/board_driver/main.ts";
import { resumeGenerator } from "../compiler/instantiate.ts";
import { createProgramLoader } from "../boot/program_loader.ts";
import { type Instant, later, seconds } from "../hal/hardware.ts";
import type { Kernel } from "../kernel.ts";
import type { Process, ProgramInstance, ProgramLoader, Resumable } from "../process/process.ts";
import { spawnFromKernel } from "../process/spawn.ts";
import { endWithoutLeaks } from "./leaks.ts";

export type Main = (kernel: ProgramKernel) => Program;

export interface BenchOptions {
  readonly domains?: number;
  readonly cpusPerDomain?: number;
  /** Paths that the system manifest gives to contracts, by contract name. */
  readonly paths?: Readonly<Record<string, string>>;
  /** How the kernels balance; the default unless told. */
  readonly balancer?: string;
  /** What the CPUs execute; firmware and interrupts are x86's, also when programs and costs are a card's. */
  readonly isa?: IsaName;
  /** Whether `log` is kept; a benchmark has no use for it. */
  readonly keepsLog?: boolean;
  /** An IOP348 board, whose kernel comes after those of the domains. */
  readonly hasCard?: boolean;
  /** Phase two; by default one without the host's memory, so that counting alone ends a program. */
  readonly load?: ProgramLoader;
}

/** Cycles of each burst, beside what `work` adds. */
export const burstCycles = 100;
const bootTime = seconds(1);
const boardDriver = "BoardDriver";
const boardId = 0x3310;
const boardManifest = `<application name="${boardDriver}" source="${boardDriver}">` +
  `<devices><device vendor="0x8086" device="0x3310"/></devices>` +
  `<privileges><privilege name="system"/></privileges></application>`;
const countingLoader = createProgramLoader();

export class Bench {
  readonly queue = new EventQueue();
  /** The event log's lines, without the line feed. */
  readonly log: string[] = [];
  readonly kernels: readonly Kernel[];
  /** Lines that kernels wrote to the debug port. */
  readonly debugLines: string[] = [];
  /** The status that the machine was switched off with. */
  poweredOff: number | undefined;
  readonly #programs = new Map<string, Main>();
  readonly #host: HostBoot;
  /** Panics that no test has asked for. */
  readonly #panics: unknown[] = [];

  constructor(options: BenchOptions = {}) {
    const {
      domains = 1,
      cpusPerDomain = 1,
      paths = {},
      isa = "x86-k8",
      keepsLog = true,
      hasCard = false,
      balancer,
      load = countingLoader,
    } = options;
    const log = keepsLog
      ? new LineEventLog(this.queue, (line) => void this.log.push(line.trimEnd()))
      : silentLog;
    const machine = assembleMachine(describeMachine(domains, cpusPerDomain, isa, hasCard), {
      queue: this.queue,
      log,
      medium: undefined,
    });
    machine.onDebugLine = (_complex, line) => void this.debugLines.push(line);
    machine.onPowerOff = (status) => this.poweredOff = status;
    const quiet: Main = function* () {};
    for (const name of ["ProcessManager", "Controller"]) this.#programs.set(name, quiet);
    this.#programs.set(boardDriver, driveBoard);
    const host = this.#host = bootHelios(machine, {
      archive: new BootArchive(
        ["ProcessManager", "Controller"].map((name) => ({ file: name, text: manifestOf(name) })),
        { file: "system.xml", text: systemManifestOf(paths, balancer) },
        (source) => source,
      ),
      seed: 1,
      managerArguments: [],
      onPanic: (_kernel, error) => void this.#panics.push(error),
      instantiate: (il, isa, memory, quotaBytes) => {
        const main = this.#programs.get(il);
        return main === undefined ? load(il, isa, memory, quotaBytes) : new TestInstance(main);
      },
    });
    this.queue.runUntil(bootTime as number as Instant);
    this.kernels = host.kernels;
    endWithoutLeaks(this.queue, () => host.everyKernel);
    if (this.kernels.length !== domains) {
      throw new Error(`${this.kernels.length} kernels came up, not ${domains}`);
    }
    if (hasCard) {
      this.#startBoard(this.kernels[0]!.devices.find(({ deviceId }) => deviceId === boardId)!.location);
      this.settle(1);
      if (this.card === undefined) throw new Error(`The card's kernel has not come up`);
    }
    this.log.length = 0;
    this.debugLines.length = 0;
    // The bench's process manager has nothing to do, and has ended.
    this.poweredOff = undefined;
  }

  /** Starts a program on kernel `on`; its manifest asks for nothing, but for the system calls when `privileged`. */
  start(main: Main, { on = 0, name = main.name || "Test", privileged = false } = {}): Process {
    const il = `${name} ${this.#programs.size}`;
    this.#programs.set(il, main);
    return this.#spawn(il, manifestOf(name, il, privileged), on);
  }

  /** Starts a program from its intermediate language, compiled for the bench's ISA. */
  startIl(il: string, { on = 0, name = "Test", memoryMiB = 64 } = {}): Process {
    return this.#spawn(il, `<application name="${name}" source="${name}" memoryMiB="${memoryMiB}"/>`, on);
  }

  #spawn(il: string, manifest: string, on: number): Process {
    let process: Process | undefined;
    this.queue.at(this.queue.now, () => {
      process = spawnFromKernel(this.kernelAt(on), manifest, il, []);
    });
    // Within the queue's horizon, so that a CPU does not run on by itself before the test says so.
    this.queue.runUntil(this.queue.now);
    return process!;
  }

  /** Starts a program, lets all come to rest, and throws if it ended with a fault. */
  run(main: Main, options: Parameters<Bench["start"]>[1] = {}): void {
    this.#toItsEnd(this.start(main, options));
  }

  /** The same with a program's intermediate language. */
  runIl(il: string): void {
    this.#toItsEnd(this.startIl(il));
  }

  #toItsEnd(process: Process): void {
    this.settle();
    if (process.fault !== "") throw new Error(process.fault);
    if (process.state !== "ended") throw new Error(`${process.label} still waits`);
  }

  /** Runs until nothing more happens, or for this long. Throws what a kernel has panicked with. */
  settle(limitSeconds = 100): void {
    this.queue.runUntil(later(this.queue.now, seconds(limitSeconds)));
    if (this.#panics.length > 0) throw this.#panics.shift();
  }

  /** Makes a kernel panic, as a bug in its code would. */
  panic(kernel: Kernel, reason = "a test wants it"): void {
    kernel.panic(new Error(reason));
    this.#panics.pop();
  }

  /** A kernel's CPUs stop without a word. */
  stopCpus(kernel: Kernel): void {
    for (const { cpu } of kernel.dispatchers) cpu.stop();
  }

  /** The coordinator starts a kernel again; `settle` lets it boot. */
  restart({ name }: Kernel): void {
    let card = "";
    this.queue.at(this.queue.now, () => void (card = this.#host.coordinator.restart(name)));
    this.queue.runUntil(this.queue.now);
    if (card !== "") this.#startBoard(card);
  }

  /** What the process manager does for a board. */
  #startBoard(location: string): void {
    const manifest = boardManifest;
    this.start(function* launcher(kernel) {
      const [stdin, stdout] = [
        yield* kernel.createChannel(pipeContract),
        yield* kernel.createChannel(pipeContract),
      ];
      yield* kernel.system!.spawn({
        source: { manifest, il: boardDriver },
        arguments: [],
        stdin: stdin.server,
        stdout: stdout.client,
        device: location,
      });
    }, { privileged: true });
  }

  /** The kernel that the card runs, or ran last. */
  get card(): Kernel | undefined {
    return this.#host.cardKernels.at(-1);
  }

  /** By number of the domain; the card's comes after them. */
  kernelAt(on: number): Kernel {
    return this.kernels[on] ?? this.card!;
  }

  /** Kernels that run. */
  get living(): Kernel[] {
    return this.#host.everyKernel.filter(({ isHalted }) => !isHalted);
  }

  /** Called by a program: its present burst costs so many cycles more. */
  work(cycles: number): void {
    running!.cycles += cycles;
  }

  /** What must be nought when all processes are gone: blocks that somebody still owns, and ends. */
  leftovers(): { blocks: number; ends: number; lent: number } {
    const sum = (count: (kernel: Kernel) => number) =>
      this.living.reduce((total, kernel) => total + count(kernel), 0);
    return {
      blocks: sum((kernel) => kernel.heap.liveBlocks),
      ends: sum((kernel) => kernel.channels.ends.length) - this.#endsOfBoot(),
      lent: sum((kernel) => kernel.peers.reduce((lent, peer) => lent + peer.lent.length, 0)),
    };
  }

  /**
   * Each kernel's way to the namespace is two channels, for requests and for news, as long as the machine runs.
   * So are a board driver's pipes.
   */
  #endsOfBoot(): number {
    const { processes, channels } = this.kernels[0]!;
    const drivers = processes.running.filter(({ manifest }) => manifest.name === boardDriver);
    const theirs = new Set(drivers.flatMap(({ ends }) => [...ends].map(({ channel }) => channel)));
    return 4 * this.living.length + channels.ends.filter(({ channel }) => theirs.has(channel)).length;
  }
}

/** Whose burst runs, of all benches: one runs at a time. */
let running: TestInstance | undefined;

/** A program's instance whose code is the test's own function. */
class TestInstance implements ProgramInstance {
  cycles = 0;

  readonly main: Main;

  constructor(main: Main) {
    this.main = main;
  }

  enter(): void {
    running = this;
    this.cycles += burstCycles;
  }

  start(abi: unknown): Resumable {
    return this.#counted(this.main(abi as ProgramKernel));
  }

  thread(body: unknown): Resumable {
    return this.#counted((body as () => Program)());
  }

  readCycles(): number {
    return this.cycles;
  }

  readInstructions(): number {
    return this.cycles;
  }

  readAllocated(): number {
    return 0;
  }

  pause(): boolean {
    return true;
  }

  proceed(): void {
    this.enter();
  }

  runOn(): void {}

  release(): void {}

  explain(error: unknown) {
    return { reason: String(error), places: [] };
  }

  #counted(code: Program): Resumable {
    return new TestThread(this, code);
  }
}

/** A thread of a test's program; each of its bursts costs the same. */
class TestThread implements Resumable {
  readonly instance: TestInstance;
  readonly code: Program;

  constructor(instance: TestInstance, code: Program) {
    this.instance = instance;
    this.code = code;
  }

  next(value: unknown): IteratorResult<unknown, unknown> {
    this.instance.enter();
    return resumeGenerator(this.code, value);
  }

  throw(error: unknown): IteratorResult<unknown, unknown> {
    this.instance.enter();
    return this.code.throw(error);
  }
}

function manifestOf(name: string, source = name, privileged = false): string {
  const privileges = privileged ? `<privileges><privilege name="system"/></privileges>` : "";
  return `<application name="${name}" source="${source}">${privileges}</application>`;
}

function systemManifestOf(paths: Readonly<Record<string, string>>, balancer: string | undefined): string {
  const lines = Object.entries(paths).map(([name, path]) =>
    `<contract contractName="${name}" path="${path}"/>`
  );
  const balancers = balancer === undefined ? "" : `<balancers><balancer name="${balancer}"/></balancers>`;
  return `<system><contracts>${lines.join("")}</contracts>${balancers}</system>`;
}

/** The board of `helios`, without devices of its own. */
function bareBoard(): unknown {
  const { devices } = shippedMachines.get("helios") as { devices: readonly { model: string }[] };
  return { ...devices.find(({ model }) => model === "iop348"), devices: [] };
}

/** The paper's NUMA machine, with as many domains and CPUs as asked for and no devices but a card. */
function describeMachine(
  domains: number,
  cpusPerDomain: number,
  isa: IsaName,
  hasCard: boolean,
): MachineDescription {
  const json = structuredClone(shippedMachines.get("opteron-numa")) as {
    host: { cpus: unknown[]; domains: unknown[] };
    devices: unknown[];
  };
  json.devices = hasCard ? [bareBoard()] : [];
  json.host.domains = Array.from({ length: domains }, () => ({ memoryMiB: 256 }));
  json.host.cpus = Array.from({ length: domains * cpusPerDomain }, (_, index) => ({
    apicId: index,
    domain: Math.floor(index / cpusPerDomain),
  }));
  const result = readMachineDescription(json, "bench");
  if (!result.ok) throw new Error(result.error);
  const { description } = result;
  // No machine file may say so: there is no firmware for it. What a program's image does and costs needs none.
  return { ...description, host: { ...description.host, isa: isa as typeof description.host.isa } };
}
