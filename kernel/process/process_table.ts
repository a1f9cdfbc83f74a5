/**
 * The processes of one kernel: starting them, ending them, freeing what they leave.
 *
 * A fault stays small (DESIGN section 6): a process that throws, breaks a contract or
 * runs out of memory dies alone; its blocks are freed and its peers see closed channels.
 * - Process numbers carry the kernel's index, so they are unique over the machine.
 */

import { CallError, ContractViolation } from "../calls/errors.ts";
import type { Kernel } from "../kernel.ts";
import type { Block } from "../memory/exchange_heap.ts";
import type { Manifest } from "../placement/manifest.ts";
import { type Ending, Thread } from "../scheduling/thread.ts";
import { Process, type Resumable } from "./process.ts";

const processesMax = 1000;
const pidsPerKernel = 10_000;
/**
 * Blocks that a process may own before it gets no more. A part of one can keep a page from being used for
 * anything else, so bytes alone would not bound what a process takes.
 */
export const blocksMax = 65_536;
/** Source places that a fault report shows. */
const placesMax = 8;
/** Ended processes that are remembered for those who ask how they ended. */
const endedMax = 256;

export class ProcessTable {
  readonly #kernel: Kernel;
  readonly #processes = new Map<number, Process>();
  readonly #ended = new Map<number, Process>();
  #nextSerial = 1;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** Running processes by rising number. */
  get running(): Process[] {
    return [...this.#processes.values()];
  }

  /** Ended processes that are remembered, by the time of their end. */
  get ended(): Process[] {
    return [...this.#ended.values()];
  }

  /** The number within the kernel that the next process may get. */
  get nextSerial(): number {
    return this.#nextSerial;
  }

  find(pid: number): Process | undefined {
    return this.#processes.get(pid) ?? this.#ended.get(pid);
  }

  create(manifest: Manifest, arguments_: readonly string[]): Process {
    if (this.#processes.size >= processesMax) {
      throw new CallError("OutOfMemory", `At most ${processesMax} processes run on a kernel`);
    }
    const pid = this.#nextPid();
    const process = new Process(pid, this.#kernel.name, manifest, arguments_);
    this.#processes.set(pid, process);
    this.#kernel.note(`process ${process.label} created`);
    return process;
  }

  /** Numbers come round again, but not while somebody may ask for the process that had one. */
  #nextPid(): number {
    for (;;) {
      const pid = this.#kernel.index * pidsPerKernel + this.#nextSerial;
      this.#nextSerial = this.#nextSerial % (pidsPerKernel - 1) + 1;
      if (this.find(pid) === undefined) return pid;
    }
  }

  startThread(process: Process, code: Resumable, name: string): Thread {
    const thread = new Thread(process, name, code);
    process.threads.add(thread);
    this.#kernel.scheduler.start(thread);
    return thread;
  }

  allocateFor(process: Process, size: number): Block {
    this.checkQuota(process, size);
    const block = this.#kernel.heap.allocate(size, process);
    if (block === undefined) {
      throw new CallError("OutOfMemory", `The exchange heap of ${this.#kernel.name} has no ${size} bytes`);
    }
    return block;
  }

  /** Throws when a process may not own `size` more bytes of blocks; what it sent counts until it is received. */
  checkQuota(process: Process, size: number): void {
    const { memoryQuota } = process.manifest;
    if (process.heapBytes + process.underWay.heapBytes + size > memoryQuota) {
      throw new CallError(
        "OutOfMemory",
        `${process.label} may own at most ${memoryQuota >> 20} MiB of blocks`,
      );
    }
    if (process.blocks.size >= blocksMax) {
      throw new CallError("OutOfMemory", `${process.label} owns ${blocksMax} blocks already`);
    }
  }

  /** A thread's function has returned or thrown. */
  threadEnded(thread: Thread, end: Ending): void {
    const { process } = thread;
    if (end.kind === "threw") {
      // A thread of the kernel itself: our own bug, which must not look like a program's.
      if (process.instance === undefined) throw end.error;
      this.end(process, 1, this.#describe(process, end.error));
      return;
    }
    const isMain = thread.name === "main";
    this.#retire(thread);
    if (isMain && end.kind === "returned") {
      this.end(process, typeof end.value === "number" ? end.value | 0 : 0, "");
    }
  }

  /** A call threw: true when that ends the process, false when the program may handle it. */
  faultedByCall(thread: Thread, error: unknown): boolean {
    if (error instanceof CallError) return false;
    if (error instanceof ContractViolation) {
      this.end(thread.process, 1, `${error.message} (process ${thread.process.label})`);
      return true;
    }
    // A hostile argument (a getter, a Proxy) threw inside the call: the program's own doing.
    return false;
  }

  end(process: Process, status: number, fault: string): void {
    if (process.state === "ended") return;
    process.state = "ended";
    process.status = status;
    process.fault = fault;
    const kernel = this.#kernel;
    kernel.note(`process ${process.label} ended with status ${status}${fault === "" ? "" : `: ${fault}`}`);
    for (const thread of [...process.threads]) this.#retire(thread);
    for (const finalise of process.finalisers.reverse()) finalise();
    for (const end of [...process.ends]) kernel.channels.close(end);
    for (const block of [...process.blocks]) kernel.heap.free(block);
    kernel.contracts.forget(process);
    process.instance?.release();
    this.#processes.delete(process.pid);
    this.#ended.set(process.pid, process);
    if (this.#ended.size > endedMax) this.#ended.delete(this.#ended.keys().next().value!);
    for (const onEnd of process.onEnd) onEnd();
  }

  #retire(thread: Thread): void {
    const wasRunning = thread.state === "running";
    thread.wait?.cancel();
    thread.wait = undefined;
    this.#kernel.scheduler.remove(thread);
    thread.state = "ended";
    thread.process.threads.delete(thread);
    if (wasRunning) { for (const dispatcher of this.#kernel.dispatchers) dispatcher.abandon(thread); }
    for (const onEnd of thread.onEnd) onEnd();
    // When the whole process ends, nobody is left who could be told.
    if (thread.process.state === "running") { for (const held of [...thread.held]) held.abandon(); }
  }

  #describe(process: Process, error: unknown): string {
    const { reason, places } = process.instance!.explain(error);
    return [reason, ...places.slice(0, placesMax).map((place) => `  at ${place}`)].join("\n");
  }
}
