/**
 * A kernel: the same code on every CPU of the machine, coordinator or satellite.
 *
 * It owns CPUs and the memory of its domain, schedules threads, keeps the exchange
 * heap, and passes messages; everything else is a process (paper, section 2.1).
 * - This class holds the parts together and knows which CPU is executing kernel code,
 *   so that work can be charged to it.
 * - What only the coordinator has stands in `coordinator`.
 * - An exception in its own code is a bug of ours: the kernel panics, which ends a satellite,
 *   or with the coordinator the machine.
 */

import type { Call, KernelRow } from "./abi/kernel.ts";
import type { Contract } from "./contracts/contract.ts";
import { ContractRegistry } from "./contracts/registry.ts";
import { nameWatchContract } from "./contracts/name_watch.ts";
import { namespaceContract, namespaceNewsContract, serviceProviderContract } from "./contracts/namespace.ts";
import { pipeContract } from "./contracts/pipe.ts";
import type { Coordinator } from "./coordinator.ts";
import type { KernelDevice } from "./boot/devices.ts";
import { EndpointHandle } from "./calls/endpoint_handle.ts";
import type { ChannelEnd } from "./channels/channel_end.ts";
import { ChannelTable } from "./channels/channel_table.ts";
import type { Complex, Cpu, EventLog, EventQueue, KernelPrimitive } from "./hal/hardware.ts";
import type { InterruptSource, Platform } from "./hal/platform.ts";
import { Interrupts } from "./interrupts.ts";
import { type Block, ExchangeHeap } from "./memory/exchange_heap.ts";
import { PageAllocator } from "./memory/page_allocator.ts";
import type { KernelMemory } from "./memory/layout.ts";
import { NamespaceClient } from "./namespace/namespace_client.ts";
import { memoryQuotaDefault, type SystemManifest } from "./placement/manifest.ts";
import { Process, type ProgramLoader } from "./process/process.ts";
import { ProcessTable } from "./process/process_table.ts";
import { LostKernels } from "./remote/lost_kernels.ts";
import type { HostCardTransport } from "./remote/host_card_transport.ts";
import type { Introduction } from "./remote/introduction.ts";
import type { RemotePeer } from "./remote/remote_peer.ts";
import { defaultBalancer } from "./scheduling/balancer.ts";
import { CpuUseMeter } from "./scheduling/cpu_use.ts";
import { Dispatcher } from "./scheduling/dispatcher.ts";
import { Scheduler } from "./scheduling/scheduler.ts";
import { KernelTimers } from "./scheduling/timers.ts";

export interface KernelOptions {
  /** Its number, which no other kernel of this run has or had. */
  readonly index: number;
  /** The number of its place, the same when a kernel is started there again: where its pair areas are. */
  readonly station: number;
  readonly name: string;
  readonly role: "coordinator" | "satellite";
  /** Where it runs, such as "domain 0" or "card 0". */
  readonly place: string;
  readonly domain: number;
  readonly complex: Complex;
  readonly cpus: readonly Cpu[];
  readonly clock: EventQueue;
  readonly log: EventLog;
  readonly platform: Platform;
  readonly memory: KernelMemory;
  readonly system: SystemManifest;
  readonly seed: number;
  /** Phase two: an instance of a program for an ISA, from its intermediate language. */
  instantiate: ProgramLoader;
  /** The last thing that a kernel does: tells the coordinator why; of the coordinator itself, ends the machine. */
  alarm(kernel: Kernel, reason: string): void;
  /** For whoever looks for the bug: the exception that became a panic. */
  onPanic?(kernel: string, error: unknown): void;
  /** The kernel's CPUs have stopped, or were taken from it. */
  onHalt?(kernel: Kernel): void;
}

export class Kernel {
  readonly index: number;
  readonly name: string;
  readonly options: KernelOptions;
  readonly complex: Complex;
  readonly clock: EventQueue;
  readonly platform: Platform;
  readonly dispatchers: readonly Dispatcher[];
  readonly scheduler: Scheduler;
  readonly timers: KernelTimers;
  readonly cpuUseMeter: CpuUseMeter;
  readonly interrupts: Interrupts;
  readonly pages: PageAllocator;
  readonly heap: ExchangeHeap;
  readonly contracts = new ContractRegistry();
  readonly channels: ChannelTable;
  readonly processes: ProcessTable;
  /** The kernel's own threads run in this process. */
  readonly self: Process;
  /** The CPU that executes kernel code at this moment. */
  executing: Dispatcher | undefined;
  /** Devices on the buses of this kernel, by location. */
  devices: readonly KernelDevice[] = [];
  coordinator: Coordinator | undefined;
  /** A card was introduced. */
  onMeet: ((card: Introduction) => void) | undefined;
  /** Kernels that are no more. */
  readonly lost: LostKernels;
  /** True when this kernel will never execute again. */
  isHalted = false;
  /** Pairs with cards, for a kernel of the host. */
  readonly cardTransports = new Map<number, HostCardTransport>();
  #names: NamespaceClient | undefined;
  readonly #peers = new Map<number, { readonly name: string; readonly peer: RemotePeer }>();
  /** Kernels that are gone while a copy from them is under way. */
  readonly #leaving = new Set<RemotePeer>();
  #random: number;

  constructor(options: KernelOptions) {
    this.options = options;
    this.index = options.index;
    this.name = options.name;
    this.complex = options.complex;
    this.clock = options.clock;
    this.platform = options.platform;
    this.dispatchers = options.cpus.map((cpu) => new Dispatcher(this, cpu));
    const { balancers } = options.system;
    this.scheduler = new Scheduler(this, balancers.get(this.name) ?? balancers.get("") ?? defaultBalancer);
    this.timers = new KernelTimers(this);
    this.cpuUseMeter = new CpuUseMeter(options.cpus, options.clock);
    this.interrupts = new Interrupts(this);
    const { memory } = options;
    this.pages = new PageAllocator(memory.kernel.base, memory.kernel.size);
    const { dataCache } = options.complex;
    this.heap = new ExchangeHeap(memory.heap.base, memory.heap.size, dataCache === undefined);
    dataCache?.cover(memory.heap.base, memory.heap.size, this.heap);
    memory.dram.overlay(memory.heap.base, memory.heap.size, this.heap);
    this.channels = new ChannelTable(this);
    this.processes = new ProcessTable(this);
    this.lost = new LostKernels(this);
    this.self = new Process(0, this.name, kernelManifest, []);
    this.#random = (options.seed ^ Math.imul(options.index + 1, 0x9e3779b9)) >>> 0;
    for (const contract of kernelContracts) this.contracts.admit(contract, this.self);
  }

  /** Lets the CPUs take interrupts and run threads. */
  start(): void {
    for (const dispatcher of this.dispatchers) dispatcher.start();
  }

  /** A CPU executes this kernel from now on: when it stops, so does the kernel. */
  occupies(cpu: Cpu): void {
    cpu.onStop.push(() => this.halt());
  }

  /** The kernel's own code has failed: it says so and stops. */
  panic(error: unknown): void {
    if (this.isHalted) return;
    const reason = (error instanceof Error ? error.message : String(error)).split("\n")[0]!;
    this.say(`${this.name}: kernel panic: ${reason}`);
    this.options.onPanic?.(this.name, error);
    this.options.alarm(this, reason);
    this.halt();
  }

  /** Stops all CPUs, for good: a kernel of which one CPU has stopped cannot go on, since all share its locks. */
  halt(): void {
    if (this.isHalted) return;
    this.isHalted = true;
    this.note("halted");
    for (const { cpu } of this.dispatchers) cpu.stop();
    this.options.onHalt?.(this);
  }

  /** The way to the namespace; set when the kernel has been connected to it. */
  get names(): NamespaceClient {
    if (this.#names === undefined) throw new Error(`${this.name} has no namespace yet`);
    return this.#names;
  }

  useNamespace(end: ChannelEnd): void {
    this.#names = new NamespaceClient(this, end);
  }

  /** This kernel as the tables show it. */
  get row(): KernelRow {
    const { role, place, cpus, memory } = this.options;
    const { isa } = cpus[0]!;
    return Object.freeze({
      name: this.name,
      role,
      isa: isa.name,
      platform: isa.platform,
      cpus: cpus.length,
      memoryMiB: Math.round(memory.total / 2 ** 20),
      place,
      path: `/kernels/${this.name}`,
      state: "up",
      reason: "",
    });
  }

  /** Marks a CPU as the one that executes kernel code; returns what to give to `leave`. */
  enter(dispatcher: Dispatcher): Dispatcher | undefined {
    const before = this.executing;
    this.executing = dispatcher;
    return before;
  }

  leave(before: Dispatcher | undefined): void {
    this.executing = before;
  }

  /** Adds cycles to the CPU that executes kernel code now. */
  charge(cycles: number): void {
    this.executing?.cpu.steal(cycles);
  }

  /**
   * Charges for filling `bytes` of this kernel's memory, as zeroing a block does: each line has to
   * come from memory first, and several are under way at a time.
   */
  chargeStores(bytes: number): void {
    const { cpu } = this.executing ?? this.dispatchers[0]!;
    const { domain } = this.options;
    const lineNs = this.complex.memoryLatencyNs(domain, domain) / linesInFlight;
    this.charge(Math.ceil(bytes / cacheLineSize) * lineNs * cpu.frequencyHz / 1e9);
  }

  /** Cycles of each primitive on the CPU that executes kernel code now. */
  get costs(): Readonly<Record<KernelPrimitive, number>> {
    return (this.executing ?? this.dispatchers[0]!).costs;
  }

  /** A line in the event log. */
  note(text: string): void {
    this.options.log.record(this.name, text);
  }

  /** A line for the person at the console. */
  say(text: string): void {
    this.platform.debugLine((this.executing ?? this.dispatchers[0]!).cpu, text);
  }

  /** A random 32-bit word of this kernel's own sequence (xorshift32, seeded). */
  random(): number {
    let word = this.#random === 0 ? 0x6d2b79f5 : this.#random;
    word ^= word << 13;
    word ^= word >>> 17;
    word ^= word << 5;
    this.#random = word >>> 0;
    this.note(`random word ${this.#random.toString(16)}`);
    return this.#random;
  }

  /** Busy share of the CPUs' time over the last second, 0 to 1. */
  get cpuUse(): number {
    return this.cpuUseMeter.share;
  }

  /** Another kernel has become reachable; its service thread starts. */
  connect(name: string, peer: RemotePeer): void {
    this.#peers.set(peer.index, { name, peer });
    this.processes.startThread(this.self, this.#serve(peer), `service of ${name}`);
  }

  *#serve(peer: RemotePeer): Call<void> {
    yield* peer.serve();
    this.#leaving.delete(peer);
  }

  /** Another kernel is gone: what it had here comes back, and channels to it close. */
  disconnect(index: number): void {
    const peer = this.findPeer(index);
    if (peer === undefined) return;
    this.note(`${this.nameOf(index)} is gone`);
    this.#peers.delete(index);
    this.cardTransports.delete(index);
    if (peer.arriving.size > 0) this.#leaving.add(peer);
    peer.abandon();
  }

  peer(index: number): RemotePeer {
    const peer = this.findPeer(index);
    if (peer === undefined) throw new Error(`${this.name} has no connection to kernel ${index}`);
    return peer;
  }

  /** The way to another kernel; undefined when it is gone, or cannot be reached from here. */
  findPeer(index: number): RemotePeer | undefined {
    return this.#peers.get(index)?.peer;
  }

  get peers(): RemotePeer[] {
    return [...this.#peers.values()].map(({ peer }) => peer);
  }

  /** Blocks that bytes from other kernels are on their way into, and no message has yet. */
  get arriving(): Block[] {
    return [...this.peers, ...this.#leaving].flatMap((peer) => [...peer.arriving]);
  }

  nameOf(index: number): string {
    return index === this.index ? this.name : this.#peers.get(index)?.name ?? `kernel ${index}`;
  }

  /** The path that the system manifest gives a contract. */
  pathOf(contractName: string): string | undefined {
    return this.options.system.paths.get(contractName);
  }

  /**
   * A block that the kernel fills at once, so it is not zeroed; it belongs to the kernel until it gets
   * an owner. Undefined when memory is out.
   */
  allocateKernelBlock(size: number): Block | undefined {
    this.charge(this.costs.blockAllocate);
    return this.heap.allocate(size, undefined);
  }

  /** Makes a process the holder of an end, in place of the one that had it. */
  own(end: ChannelEnd, process: Process): void {
    end.holder?.ends.delete(end);
    end.holder = process;
    process.ends.add(end);
    this.channels.learnContract(end);
  }

  /** Gives an end to a process that received it. Its contract is the kernel's copy: the declaration stayed behind. */
  handOver(end: ChannelEnd, process: Process): EndpointHandle {
    this.own(end, process);
    return new EndpointHandle(end, Object.freeze({ name: end.contract.name }) as unknown as Contract);
  }

  /** An interrupt that is not the dispatcher's own business. */
  interrupted(source: InterruptSource): void {
    if (source.kind === "device") this.interrupts.fired(source.line);
    else if (source.kind === "alarm") this.coordinator?.heedAlarms();
    // An IPI means that there is something to run, or that a card rang for this kernel.
    else if (source.kind === "ipi") {
      for (const transport of this.cardTransports.values()) transport.lookAround();
    }
  }
}

/** What kernels say to each other, and to every process. */
const kernelContracts: readonly Contract[] = [
  namespaceContract,
  namespaceNewsContract,
  serviceProviderContract,
  nameWatchContract,
  pipeContract,
];

const cacheLineSize = 64;
/** Misses that a CPU of the time keeps under way (fitted: K8's and Core 2's 8 line fill buffers, half used). */
const linesInFlight = 4;

const kernelManifest = Object.freeze({
  name: "kernel",
  source: "",
  endpoints: [],
  services: [],
  devices: [],
  privileges: [],
  memoryQuota: memoryQuotaDefault,
});
