/**
 * A process: threads of one program, what they hold, and how it ended.
 *
 * All of it lives on one kernel, from start to end. What a process holds is written
 * down here (blocks, channel ends, services), so that its death can free everything.
 * - `label` names it in tables and logs: `Program:pid@kernel`.
 * - Cycles of the program's instructions are counted by its image; `takeCycles`.
 */

import type { ChannelEnd } from "../channels/channel_end.ts";
import type { ProcessMemory } from "../compiler/element_sampling.ts";
import type { CpuCaches, Isa } from "../hal/hardware.ts";
import type { Block, BlockOwner } from "../memory/exchange_heap.ts";
import type { Manifest } from "../placement/manifest.ts";
import type { Thread } from "../scheduling/thread.ts";

/** A thread's code: a generator, or a program's generator behind its budget. */
export interface Resumable {
  next(value?: unknown): IteratorResult<unknown, unknown>;
  throw(error: unknown): IteratorResult<unknown, unknown>;
}

/** What the compiler makes of a program: something that can be started and that counts. */
export interface ProgramInstance {
  /** The code of the program's main. */
  start(abi: unknown): Resumable;
  /** The code of a further thread; `body` is a function of the program. */
  thread(body: unknown): Resumable;
  /** Cycles of all instructions that had run since the program was loaded when its last burst ended. */
  readonly cycles: number;
  /** Cycles of all instructions that ran since the program was loaded. */
  readCycles(): number;
  /** Instructions of all bursts since the program was loaded. */
  readInstructions(): number;
  /** A burst may end at the call that its program has just made: brings `cycles` up to date; false if it must be left. */
  pause(): boolean;
  /** The next burst begins behind the call. */
  proceed(): void;
  /** The next bursts run on the CPU with these caches. */
  runOn(caches: CpuCaches | undefined): void;
  /** Bytes that the program has allocated for itself since it was loaded, dead ones included. */
  readAllocated(): number;
  /** The process has ended: what it had alive is nobody's any more. */
  release(): void;
  /** Why and where, in its own source files, the program threw. */
  explain(error: unknown): { readonly reason: string; readonly places: readonly string[] };
}

/** Phase two: an instance of a program for an ISA, from its IL; with its memory where CPUs have caches. */
export type ProgramLoader = (
  il: string,
  isa: Isa,
  memory?: ProcessMemory,
  quotaBytes?: number,
) => ProgramInstance;

/** What the program of a process has done so far, kernel calls not included. */
export interface ProcessCounters {
  cycles: number;
  l1Misses: number;
  l2Misses: number;
}

export type ProcessState = "running" | "ended";

/** Channel ends that a process may hold before it can open no more; a server with many clients has as many. */
export const endsMax = 4096;

export class Process implements BlockOwner {
  readonly blocks = new Set<Block>();
  heapBytes = 0;
  /**
   * Blocks that it has sent and nobody has received yet. They count against it, so that a quota cannot be
   * got round by sending; they stay when it dies, since what was sent arrives.
   */
  readonly underWay: BlockOwner = { blocks: undefined, heapBytes: 0 };
  /** Records of its messages that wait for room on their way to other kernels. */
  recordsWaiting = 0;
  readonly ends = new Set<ChannelEnd>();
  readonly threads = new Set<Thread>();
  /** Ends what the process has elsewhere: names, devices. Run at its death, newest first. */
  readonly finalisers: (() => void)[] = [];
  /** Called once, when it has ended. */
  readonly onEnd: (() => void)[] = [];
  state: ProcessState = "running";
  status = 0;
  fault = "";
  /** Cycles spent on its behalf, kernel calls included. */
  cpuCycles = 0;
  readonly counters: ProcessCounters = { cycles: 0, l1Misses: 0, l2Misses: 0 };
  instance: ProgramInstance | undefined;
  #cyclesTaken = 0;
  /** The device that a driver was given, and the listener on its interrupt line; none once the kernel took it over. */
  device: { readonly location: string; readonly interrupt: object } | undefined;

  readonly pid: number;
  readonly kernelName: string;
  readonly manifest: Manifest;
  readonly arguments_: readonly string[];

  constructor(pid: number, kernelName: string, manifest: Manifest, arguments_: readonly string[]) {
    this.pid = pid;
    this.kernelName = kernelName;
    this.manifest = manifest;
    this.arguments_ = arguments_;
  }

  /** Instructions that its program has executed. */
  get instructions(): number {
    return this.instance?.readInstructions() ?? 0;
  }

  get label(): string {
    return `${this.manifest.name}:${this.pid}@${this.kernelName}`;
  }

  /**
   * Cycles of the program since they were last taken: its burst, and what getters of its arguments ran
   * inside the kernel call before.
   */
  get untakenCycles(): number {
    return this.instance === undefined ? 0 : this.instance.cycles - this.#cyclesTaken;
  }

  takeCycles(): void {
    if (this.instance !== undefined) this.#cyclesTaken = this.instance.cycles;
  }
}
