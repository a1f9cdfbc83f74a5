/**
 * Privileged calls: what only the OS's own programs may ask of a kernel, and the rows of the tables they get.
 *
 * A program has them in `kernel.system` when its manifest has `<privilege name="system"/>`.
 * - A row is a snapshot; it stays as it was when the call was answered.
 * - Calls that say "coordinator only" throw NotPermitted on a satellite.
 * - Only types stand here; programs import them from `kernel/abi/kernel.ts`.
 */

import type { pipeContract } from "../contracts/pipe.ts";
import type { Block, HeapRow } from "./block.ts";
import type { Call, Endpoint } from "./kernel.ts";

export interface KernelRow {
  readonly name: string;
  readonly role: "coordinator" | "satellite";
  readonly isa: string;
  readonly platform: string;
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly place: string;
  readonly path: string;
  readonly state: "up" | "down";
  /** Why it is down; empty while it is up. */
  readonly reason: string;
}

export interface ProcessRow {
  readonly pid: number;
  readonly program: string;
  readonly kernel: string;
  readonly state: string;
  readonly threads: number;
  readonly cpuMs: number;
  /** Blocks of the exchange heap that it owns. */
  readonly memoryKiB: number;
  /** What it has allocated for itself since it started, dead objects included. */
  readonly allocatedKiB: number;
}

/** What a program has done; kernel calls are not part of it. */
export interface CounterRow {
  readonly pid: number;
  readonly program: string;
  readonly kernel: string;
  readonly state: "running" | "ended";
  readonly instructions: number;
  /** Of its instructions and of the cache misses that it waited for. */
  readonly cycles: number;
  /** Instructions per cycle; 0 before the first. */
  readonly ipc: number;
  /** Loads and stores of typed arrays that missed, projected from the sampled lines. */
  readonly l1Misses: number;
  readonly l2Misses: number;
}

/** What has crossed between a kernel and another one, since they know each other. */
export interface TransferRow {
  readonly kernel: string;
  readonly peer: string;
  readonly transport: "memcpy" | "adma";
  readonly sentMessages: number;
  readonly receivedMessages: number;
  /** Bytes of blocks that were brought here from the peer. */
  readonly blockBytes: number;
  /** Records that wait for room in the ring to the peer. */
  readonly waiting: number;
  /** Of a card: chains that its DMA engine was given, and the descriptors in them. */
  readonly chains: number;
  readonly descriptors: number;
  /** Of a card: writes to its messaging unit at the end of a chain, which interrupt the host. */
  readonly chainedWrites: number;
  /** Of a card: all bytes that its engine or its CPU carried both ways, ring slots and counters too. */
  readonly carriedBytes: number;
}

/** What the scheduler of a kernel has counted since boot, on all its CPUs. */
export interface SchedulerRow {
  readonly kernel: string;
  readonly balancer: string;
  readonly cpus: number;
  readonly contextSwitches: number;
  /** Quanta that ended before their thread gave the CPU up. */
  readonly quantumEnds: number;
  readonly lockAcquisitions: number;
  /** Acquisitions by another CPU than the last holder: each costs one `dispatchLock`. */
  readonly lockTransfers: number;
  /** Cycles that CPUs waited for the dispatch lock. */
  readonly lockSpinCycles: number;
  /** Cycles that CPUs waited for a thread whose context another CPU was still saving. */
  readonly handOverCycles: number;
  /** Each costs one `ipiSend`, and its taker an interrupt. */
  readonly ipisSent: number;
  readonly ipisTaken: number;
  /** Those before which a CPU had to wait. */
  readonly ipiWaits: number;
  /** Cycles that CPUs waited until the IPI before had been delivered. */
  readonly ipiWaitCycles: number;
}

/** A channel as one kernel sees it: an end that is elsewhere is named by its kernel alone. */
export interface ChannelRow {
  /** The same on both kernels of a remote channel. */
  readonly id: string;
  readonly contract: string;
  /** `Program:pid@kernel`, or `@kernel` for the end that another kernel holds. */
  readonly client: string;
  readonly server: string;
  readonly kind: "local" | "remote";
}

export interface DeviceRow {
  readonly location: string;
  readonly vendorId: number;
  readonly deviceId: number;
  /** 0xBBSSPP: base class, subclass, programming interface. */
  readonly classCode: number;
}

/** What `placement` decided, and how: the kernels left after each pass of Figure 3, with sums. */
export interface PlacementRow {
  readonly pass: "platform" | "positive" | "negative" | "cpu";
  readonly kernel: string;
  readonly sum: number;
  readonly kept: boolean;
}

/** Where a program is to run, and why. */
export interface PlacementAnswer {
  readonly kernel: string;
  readonly path: string;
  readonly steps: readonly PlacementRow[];
  /** Contracts of its affinities that nobody serves now. */
  readonly unserved: readonly string[];
}

export interface ProgramSource {
  /** The manifest as XML text. */
  readonly manifest: string;
  /** The program's intermediate language. */
  readonly il: string;
}

/** What a manifest says about names; paths are those that the system manifest gives the contracts, "" when it gives none. */
export interface ManifestDescription {
  /** The program's name. */
  readonly name: string;
  readonly privileges: readonly string[];
  /** One for each endpoint and pipe element. */
  readonly affinities: readonly {
    readonly contract: string;
    readonly path: string;
    readonly affinity: number;
  }[];
  /** What the program registers. */
  readonly services: readonly { readonly contract: string; readonly path: string }[];
}

export interface SystemCalls {
  /** This kernel's own row. */
  thisKernel(): Call<KernelRow>;
  /** All kernels of the machine, coordinator first, those that are down last; coordinator only. */
  kernels(): Call<readonly KernelRow[]>;
  /** Starts a satellite afresh; gives its card's location, for the driver, or "". NotFound, BadArgument; coordinator only. */
  restartKernel(name: string): Call<string>;
  /** Processes of this kernel. */
  processes(): Call<readonly ProcessRow[]>;
  /** What this kernel counted for its processes, and for those that ended lately. */
  counters(): Call<readonly CounterRow[]>;
  /** What has crossed between this kernel and each other one. */
  transfers(): Call<readonly TransferRow[]>;
  /** What this kernel's scheduler has counted. */
  scheduler(): Call<SchedulerRow>;
  /** Channels with an end on this kernel. */
  channels(): Call<readonly ChannelRow[]>;
  /** The use of this kernel's exchange heap. */
  heap(): Call<readonly HeapRow[]>;
  /** Chooses a kernel for a manifest (Figure 3); throws BadArgument with the reason; coordinator only. */
  place(
    manifest: string,
  ): Call<PlacementAnswer>;
  /** Reads a manifest, called `file` in the reason of the BadArgument that it throws; coordinator only. */
  describeManifest(manifest: string, file?: string): Call<ManifestDescription>;
  /** Manifest and IL of a program in the boot archive; throws NotFound; coordinator only. */
  bootProgram(name: string): Call<ProgramSource>;
  /** The same of any program that ships, for a machine without a boot volume; coordinator only. */
  spareProgram(name: string): Call<ProgramSource>;
  /** The manifest that a person chose for this run, which goes before the boot volume's; "" when none; coordinator only. */
  manifestForThisRun(name: string): Call<string>;
  /** The system manifest's boot list, and what each line asks; coordinator only. */
  bootList(): Call<
    readonly {
      readonly program: string;
      readonly arguments: readonly string[];
      readonly isInArchive: boolean;
    }[]
  >;
  /**
   * Starts a process here; its stdin and stdout ends change hands, a block with its IL stays the caller's.
   * `device` names a PCI function for a driver.
   */
  spawn(launch: {
    readonly source: { readonly manifest: string; readonly il: string | Block };
    readonly arguments: readonly string[];
    readonly stdin: Endpoint<typeof pipeContract, "server">;
    readonly stdout: Endpoint<typeof pipeContract, "client">;
    readonly device?: string;
  }): Call<number>;
  /** Waits until process `pid` of this kernel has ended: its exit status and, after a fault, why. */
  waitProcess(pid: number): Call<{ readonly status: number; readonly fault: string }>;
  /** Ends a process of this kernel; throws NotFound. */
  kill(pid: number): Call<void>;
  /** Devices that this kernel found on its buses, by location; a location goes into `spawn`. */
  devices(): Call<readonly DeviceRow[]>;
  /** The program whose manifest asks for this device, or "" when none does; coordinator only. */
  driverFor(vendorId: number, deviceId: number): Call<string>;
  /** Waits until the machine's power button is pressed; coordinator only. */
  powerButton(): Call<void>;
  /** A line for the boot log, which the person at the console sees. */
  log(text: string): Call<void>;
  /** The image that boots a satellite of `isa`; coordinator only. */
  satelliteImage(isa: string): Call<Block>;
  /** Tells the kernel that a card booted: from now on it exchanges messages with it through this device's messaging unit. */
  attachCard(card: {
    readonly messagingUnitBar: number;
    readonly memoryBar: number;
    /** Where in the card's memory its boot-info block lies. */
    readonly bootInfo: number;
  }): Call<{ readonly kernel: string }>;
  /** Switches the machine off at once, with an exit status; coordinator only. Sync the file systems first. */
  powerOff(status: number): Call<never>;
}
