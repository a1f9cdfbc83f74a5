/**
 * The kernel ABI: all that a program can ask of the kernel it runs on.
 *
 * A program is a module whose default export is a generator function that takes
 * a `Kernel`. Every call is written `yield* kernel.something()`; it ends the
 * program's burst, and the program goes on when the kernel has answered.
 * - A program runs unchanged on every kernel and ISA; whether a channel is local
 *   or remote cannot be seen from here.
 * - A failed call throws a KernelError at the `yield*`; not catching it ends the
 *   process alone, with a fault report.
 * - Only types stand here: programs import this file with `import type`.
 *   All that a program may import at run time: other files of `kernel/abi`,
 *   contracts, and its own room's files.
 */

import type { Contract, End, OtherEnd } from "../contracts/contract.ts";
import type { nameWatchContract } from "../contracts/name_watch.ts";
import type { pipeContract } from "../contracts/pipe.ts";
import type { Block } from "./block.ts";
import type { BaseFor, BodyArguments, MessageFrom, MessageName, standsFor } from "./messages.ts";
import type { SystemCalls } from "./system.ts";
import type { AtomicCell, Condition, Mutex, Semaphore, ThreadEvent, TRef } from "./synchronisation.ts";

export type { Block, HeapRow } from "./block.ts";
export type { BaseFor, BodyArguments, MessageFrom, MessageName, MessagesOf, ValueOf } from "./messages.ts";
export type {
  ChannelRow,
  CounterRow,
  DeviceRow,
  KernelRow,
  ManifestDescription,
  PlacementAnswer,
  PlacementRow,
  ProcessRow,
  ProgramSource,
  SchedulerRow,
  SystemCalls,
  TransferRow,
} from "./system.ts";

/** What a program yields; only the functions below can make one. */
export interface KernelRequest {
  readonly operation: string;
}

/** A kernel call: `yield*` it, and its value is the answer. */
export type Call<T> = Generator<KernelRequest, T, unknown>;

/** What a program's main returns: its exit status, 0 when it returns nothing. */
export type Program = Generator<KernelRequest, number | void, unknown>;

// ---------------------------------------------------------------- channels

/** One end of a channel. `E` is the end that the holder is. */
export interface Endpoint<C extends Contract, E extends End> {
  readonly contract: C;
  readonly end: E;
  /** Never there: tells the compiler which base's end this one may stand for. */
  readonly [standsFor]?: BaseFor<C, E>;
  /** Never blocks; a message that the contract forbids here ends this process. Blocks and endpoints in the body change hands. */
  send<N extends MessageName<C, E>>(name: N, ...body: BodyArguments<C, N>): Call<void>;
  /** The next message; throws KernelError "ChannelClosed" when the peer is gone and nothing is left. */
  receive(): Call<MessageFrom<C, OtherEnd<E>>>;
  /** The next message, or undefined when the peer is gone and nothing is left. */
  receiveOrClosed(): Call<MessageFrom<C, OtherEnd<E>> | undefined>;
  /** Gives the end up; the peer sees the channel closed after all earlier messages. */
  close(): Call<void>;
}

/** A name in the namespace that this process serves: new clients arrive here. */
export interface Service<C extends Contract> {
  readonly contract: C;
  readonly path: string;
  /** Waits for the next client and takes its channel. */
  accept(): Call<Endpoint<C, "server">>;
  /** Takes the name out of the namespace; channels that exist stay. */
  deregister(): Call<void>;
}

/** A device's interrupt: level or edge, it wakes the waiter once per occurrence. */
export interface Interrupt {
  /** Waits until the device interrupts; at once if it did since the last wait. */
  wait(): Call<void>;
  /** Lets the line interrupt again; call it when the device's cause is cleared. */
  acknowledge(): Call<void>;
}

/** Many endpoints of one contract, each with what the program keeps for it. */
export interface EndpointSet<C extends Contract, E extends End, D> {
  readonly size: number;
  add(endpoint: Endpoint<C, E>, data: D): void;
  /** Takes it out without closing it. */
  remove(endpoint: Endpoint<C, E>): void;
}

/** What `select` can wait for: of each kind, what they have in common whatever their contract. */
export type Source =
  | { readonly end: End; close(): Call<void> }
  | { readonly path: string; deregister(): Call<void> }
  | Interrupt
  | Thread
  | ThreadEvent
  | { readonly size: number };

/** What happened, under the name that the source was given in the call. */
export type Occurrence<S extends Readonly<Record<string, unknown>>> =
  | { readonly [K in keyof S]: OccurrenceAt<K, S[K]> }[keyof S]
  | { readonly on: "timeout" }
  | Unsatisfiable<S[keyof S]>;

/** No source can ever fire: each is an end or a name that this process gave up, or a set without members. Devices, threads and events always can. */
type Unsatisfiable<T> = [Extract<T, Interrupt | Thread | ThreadEvent>] extends [never]
  ? { readonly on: "unsatisfiable" }
  : never;

type OccurrenceAt<K, T> = T extends EndpointSet<infer C, infer E, infer D> ?
    | {
      readonly on: K;
      readonly kind: "message";
      readonly endpoint: Endpoint<C, E>;
      readonly data: D;
      readonly message: MessageFrom<C, OtherEnd<E>>;
    }
    /** The endpoint is out of the set, and closed on this side too. */
    | { readonly on: K; readonly kind: "closed"; readonly endpoint: Endpoint<C, E>; readonly data: D }
  : T extends Endpoint<infer C, infer E> ?
      | { readonly on: K; readonly kind: "message"; readonly message: MessageFrom<C, OtherEnd<E>> }
      | { readonly on: K; readonly kind: "closed" }
  : T extends Service<infer C>
    ? { readonly on: K; readonly kind: "connection"; readonly endpoint: Endpoint<C, "server"> }
  : T extends Interrupt ? { readonly on: K; readonly kind: "interrupt" }
  : T extends Thread ? { readonly on: K; readonly kind: "ended" }
  : T extends ThreadEvent ? { readonly on: K; readonly kind: "signalled" }
  : never;

// ---------------------------------------------------------------- devices

/** The device that a driver's manifest asked for; injected by the kernel. */
export interface Device {
  /** Where it sits, such as "0:3.0", for logs. */
  readonly location: string;
  readonly vendorId: number;
  readonly deviceId: number;
  /** A register, 32 bits wide, at `offset` into base address register `bar`. */
  read32(bar: number, offset: number): Call<number>;
  write32(bar: number, offset: number, value: number): Call<void>;
  read8(bar: number, offset: number): Call<number>;
  write8(bar: number, offset: number, value: number): Call<void>;
  read16(bar: number, offset: number): Call<number>;
  write16(bar: number, offset: number, value: number): Call<void>;
  /** Copies a block's window into a memory BAR from `offset` on, as posted writes in address order; the block stays the caller's. */
  writeMemory(bar: number, offset: number, block: Block): Call<void>;
  /** PCI configuration space of this function. */
  readConfiguration32(offset: number): Call<number>;
  writeConfiguration32(offset: number, value: number): Call<void>;
  readonly interrupt: Interrupt;
  /** Memory that device and driver share (descriptor rings): zeroed, aligned to 4096 bytes, below 4 GiB. */
  shareMemory(size: number): Call<SharedMemory>;
  /**
   * Bus address of a block's first byte (not of its window); it must stay here until the device is done. The device
   * then sees what stands in the window now; look at `bytes` again only when the device is done.
   */
  addressOf(block: Block): Call<number>;
}

/** Memory that a device may change at any time, so every access is a kernel call. */
export interface SharedMemory {
  /** Bus address for the device. */
  readonly address: number;
  readonly size: number;
  /** A copy of the bytes as they are now. */
  read(offset: number, length: number): Call<Uint8Array>;
  write(offset: number, bytes: Uint8Array): Call<void>;
}

// ---------------------------------------------------------------- the kernel

/** A name: a service, the control service of a kernel, a directory, or a link to another path. */
export interface NamespaceEntry {
  readonly path: string;
  readonly kind: "service" | "kernel" | "directory" | "link";
  /** What manifests call the contract; "" for what is no service. */
  readonly contract: string;
  /** The kernel whose process made the entry; the coordinator for a directory that came with what is in it. */
  readonly kernel: string;
  /** Where a link leads; "" for all else. */
  readonly target: string;
  /** Of a service, by the kernel: contract, kernel, process, platform. All others are programs' own. */
  readonly attributes: Readonly<Record<string, string>>;
}

export interface Thread {
  /** Waits until the thread's function has returned; `select` does the same with a time-out, and among other things. */
  join(): Call<void>;
}

/** Why a call failed; `code` is for programs, `message` for people. */
export interface KernelError extends Error {
  readonly code:
    | "ChannelClosed"
    | "NotFound"
    | "AlreadyRegistered"
    | "TimedOut"
    | "OutOfMemory"
    | "NotPermitted"
    | "BadArgument"
    | "DeviceFault"
    | "UndefinedInstruction";
}

export interface Kernel {
  readonly processId: number;
  /** Program name, as in its manifest. */
  readonly programName: string;
  readonly arguments: readonly string[];
  /** The kernel that this process runs on, such as "card0", and the ISA of its CPUs, such as "armv5te"; for people. */
  readonly kernelName: string;
  readonly isa: string;
  /** Bytes for this process arrive here; each write must be answered. */
  readonly stdin: Endpoint<typeof pipeContract, "server">;
  /** Bytes from this process go here; each write is answered. */
  readonly stdout: Endpoint<typeof pipeContract, "client">;
  /** The device that the manifest asked for; undefined in programs that are not drivers. */
  readonly device: Device | undefined;

  /** Virtual time since power-on, in nanoseconds. */
  now(): Call<number>;
  /**
   * Cycles since power-on of the CPU that runs this, as an instruction reads them (RDTSC; CCNT on armv5te). No entry
   * into the kernel, so it costs less than `now`; it ends the burst like an operation of an AtomicCell.
   */
  cycleCount(): Call<number>;
  /** A random 32-bit word from the machine's seed. */
  random(): Call<number>;
  sleep(nanoseconds: number): Call<void>;
  /** Lets other threads run. */
  yieldCpu(): Call<void>;
  exit(status: number): Call<never>;

  /** A block of the exchange heap, zeroed, its window the whole `size`. */
  allocate(size: number): Call<Block>;
  free(block: Block): Call<void>;
  /**
   * Cuts a block in two without copying: `block` keeps the first `offset` bytes, the rest is given back. Views
   * taken before are dead; of the window, each part has what lay in it. A part starts on a cache line, so
   * `offset` must be a multiple of 64. A shared block cannot be split.
   */
  split(block: Block, offset: number): Call<Block>;
  /**
   * One more holder of the same memory, which goes with the last of them. From now on it can only be read, here
   * too (`isReadOnly`); views taken before are dead. Each holder counts against its owner's quota in full.
   */
  share(block: Block): Call<Block>;
  /** Gives back what is beyond the first `length` bytes, to the next cache line; views taken before are dead. */
  truncate(block: Block, length: number): Call<void>;

  /** A new channel with both ends in this process. */
  createChannel<C extends Contract>(
    contract: C,
  ): Call<{ client: Endpoint<C, "client">; server: Endpoint<C, "server"> }>;
  /**
   * Binds to a service: by path, or by the path that the system manifest gives the contract.
   * Waits for the name to appear; throws "TimedOut" when it does not within `timeoutNs` (default 10 s).
   */
  bind<C extends Contract>(contract: C, path?: string, timeoutNs?: number): Call<Endpoint<C, "client">>;
  /**
   * Puts a service into the namespace, with directories on the way as needed; throws "AlreadyRegistered".
   * Attributes are at most 16, of at most 128 characters each.
   */
  register<C extends Contract>(
    contract: C,
    path: string,
    attributes?: Readonly<Record<string, string>>,
  ): Call<Service<C>>;
  /**
   * What is below the directory `path` ("/" for all), at any depth or its own entries only, sorted by path;
   * of a service, that entry alone. Throws "NotFound".
   */
  enumerate(path: string, depth?: "children" | "all"): Call<readonly NamespaceEntry[]>;
  /**
   * Tells which names at or below `path` come and go from now on; the path need not be there yet. Send `next`
   * after each message for another. Enumerate after this call, not before, and nothing is missed.
   */
  watch(path: string): Call<Endpoint<typeof nameWatchContract, "client">>;
  /** A directory that stays when it is empty. */
  makeDirectory(path: string): Call<void>;
  /** A name for another absolute path, which need not be there; binds and all other calls follow it. */
  link(path: string, target: string): Call<void>;
  /** Takes out a link or an empty directory; a service goes by its own `deregister`. */
  removeName(path: string): Call<void>;
  /** Gives an entry an attribute; "" takes it away. A service's can be set by its process only. */
  setAttribute(path: string, name: string, value: string): Call<void>;
  endpointSet<C extends Contract, E extends End, D>(contract: C, end: E): EndpointSet<C, E, D>;
  /**
   * Waits for the first thing that happens; in the order in which the sources are named when several have. Ends at
   * once as "unsatisfiable" when nothing can happen any more, also when another thread brings that about.
   */
  select<S extends Readonly<Record<string, Source>>>(sources: S, timeoutNs?: number): Call<Occurrence<S>>;

  /** Starts a thread in this process; an exception in it ends the process. */
  createThread(body: () => Program): Call<Thread>;
  /** A cell that the threads of this process may share; it lives as long as the process, 4,096 at most do. */
  createAtomicCell(value?: number): Call<AtomicCell>;
  createMutex(): Call<Mutex>;
  /** For waits of threads that hold `mutex`. */
  createCondition(mutex: Mutex): Call<Condition>;
  createSemaphore(initial: number, maximum: number): Call<Semaphore>;
  /** A cell with a value of the exchange heap in it, which it takes; see TRef. */
  createTRef<T extends Block | { readonly end: End; close(): Call<void> }>(value: T): Call<TRef<T>>;
  createEvent(reset: "auto" | "manual", signalled?: boolean): Call<ThreadEvent>;

  /** What only the OS's own programs may do; undefined unless the manifest has `<privilege name="system"/>`. */
  readonly system: SystemCalls | undefined;
}
