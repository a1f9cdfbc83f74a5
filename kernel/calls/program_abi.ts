/**
 * The ABI object that a program's main receives: every method makes a kernel call.
 *
 * One per process. What it holds of the kernel is inside closures and private fields;
 * the object itself is frozen before the program sees it.
 * - The shapes are those of kernel/abi/kernel.ts; this is their other side.
 */

import type { Device, Kernel as ProgramKernel, Program, SystemCalls } from "../abi/kernel.ts";
import type { Contract } from "../contracts/contract.ts";
import { harden } from "../compiler/lockdown.ts";
import type { Kernel } from "../kernel.ts";
import type { Process } from "../process/process.ts";
import { sleep } from "../scheduling/kernel_event.ts";
import { admit, checkRoomForEnds } from "./admission.ts";
import { AtomicCellHandle, atomicCellMaker } from "./atomic_cell_handle.ts";
import { createBlockCalls } from "./block_calls.ts";
import { BlockHandle } from "./block_handle.ts";
import { EndpointHandle } from "./endpoint_handle.ts";
import { EndpointSetHandle } from "./endpoint_set_handle.ts";
import { CallError } from "./errors.ts";
import { InterruptHandle } from "./interrupt_handle.ts";
import { blocked, chargeOf, issue, type KernelCall, requestPrototype, submit } from "./kernel_call.ts";
import { createNameCalls } from "./name_calls.ts";
import { EventHandle } from "./event_handle.ts";
import { ConditionHandle, MutexHandle } from "./mutex_handle.ts";
import { Select } from "./select.ts";
import { SemaphoreHandle } from "./semaphore_handle.ts";
import { ServiceHandle } from "./service_handle.ts";
import { ThreadHandle } from "./thread_handle.ts";
import { TRefHandle } from "./tref_handle.ts";

/** What the ABI objects of all processes have in common and a program can get hold of. */
const sharedParts = [
  requestPrototype,
  CallError,
  AtomicCellHandle.prototype,
  BlockHandle.prototype,
  EndpointHandle.prototype,
  EndpointSetHandle.prototype,
  InterruptHandle.prototype,
  MutexHandle.prototype,
  ConditionHandle.prototype,
  SemaphoreHandle.prototype,
  EventHandle.prototype,
  ServiceHandle.prototype,
  ThreadHandle.prototype,
  TRefHandle.prototype,
];
const threadsMax = 256;

/** What a process is started with. */
export interface ProcessResources {
  readonly kernelName: string;
  readonly isa: string;
  readonly stdin: EndpointHandle;
  readonly stdout: EndpointHandle;
  readonly device: Device | undefined;
  readonly system: SystemCalls | undefined;
}

export function createProgramAbi(process: Process, resources: ProcessResources): ProgramKernel {
  const abi = {
    processId: process.pid,
    programName: process.manifest.name,
    arguments: Object.freeze([...process.arguments_]),
    ...resources,
    now: () => issue(chargeOf(undefined), now, undefined, undefined, undefined),
    cycleCount: () => submit(cycleCountCall),
    random: () => submit({ perform: (kernel: Kernel) => kernel.random() }),
    sleep: (duration: number) => sleep(duration),
    yieldCpu: () => submit(yieldCall),
    exit: (status: number) => submit(exitCall(status)),
    ...createBlockCalls(),
    createChannel: (contract: Contract) => submit(createChannelCall(contract)),
    ...createNameCalls(),
    endpointSet: () => new EndpointSetHandle(),
    select: (sources: unknown, timeoutNs?: number) => submit(new Select(sources, timeoutNs)),
    createThread: (body: () => Program) => submit(createThreadCall(body)),
    createAtomicCell: atomicCellMaker(),
    createMutex: () => submit(created((process) => new MutexHandle(process))),
    createCondition: (mutex: unknown) => submit(created((process) => new ConditionHandle(mutex, process))),
    createSemaphore: (initial: number, maximum: number) =>
      submit(created(() => new SemaphoreHandle(initial, maximum))),
    createTRef: (value: unknown) => submit(created((process) => new TRefHandle(value, process))),
    createEvent: (reset: "auto" | "manual", isSignalled?: boolean) =>
      submit(created(() => new EventHandle(reset, isSignalled === true))),
  };
  // What processes share must not carry messages between them, nor change under their feet.
  harden(sharedParts);
  return harden(abi) as unknown as ProgramKernel;
}

const now = ({ clock }: Kernel): number => clock.now;

/** All CPUs of a kernel have one clock and started together, so it does not matter which one reads. */
const cycleCountCall: KernelCall<number> = {
  primitive: "cycleCounter",
  isInstruction: true,
  perform: ({ clock, options }) => Math.floor(clock.now * options.cpus[0]!.frequencyHz / 1e9),
};

const yieldCall: KernelCall<void> = {
  perform(kernel, thread) {
    kernel.executing?.yieldCurrent(thread);
  },
};

const exitCall = (status: number): KernelCall<never> => ({
  perform(kernel, thread) {
    kernel.processes.end(thread.process, Number(status) | 0, "");
    return blocked;
  },
});

const createChannelCall = (contract: Contract): KernelCall<object> => ({
  primitive: "channelCreate",
  perform(kernel, { process }) {
    checkRoomForEnds(process);
    const ends = kernel.channels.create(admit(kernel, contract, process));
    const handle = (end: typeof ends.client) => {
      kernel.own(end, process);
      return new EndpointHandle(end, contract);
    };
    return Object.freeze({ client: handle(ends.client), server: handle(ends.server) });
  },
});

/** Things among the threads of a process: they take nothing of the kernel but their maker's heap. */
const created = <T>(make: (owner: Process) => T): KernelCall<T> => ({
  primitive: "synchronisation",
  perform: (_kernel, { process }) => make(process),
});

const createThreadCall = (body: () => Program): KernelCall<object> => ({
  primitive: "threadCreate",
  perform(kernel, { process }) {
    if (process.threads.size >= threadsMax) {
      throw new CallError("OutOfMemory", `A process has at most ${threadsMax} threads`);
    }
    const thread = kernel.processes.startThread(
      process,
      process.instance!.thread(body),
      `thread ${process.threads.size}`,
    );
    return new ThreadHandle(thread);
  },
});
