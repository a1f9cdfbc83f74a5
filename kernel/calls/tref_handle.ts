/**
 * A TRef: a cell that holds one value of the exchange heap for the threads of one process.
 *
 * As in Sing#, `acquire` takes the value out, and waits until it is there; `release` puts one back. Who
 * waits longest is next. The value stays the process's: when that ends, it is freed like all it owns.
 * - A thread that ends without releasing takes the value along: nobody could put it back, so all who wait,
 *   and all who come later, are told.
 * - The handles that a program has of the value are empty while it is in the cell.
 */

import type { Call } from "../abi/kernel.ts";
import type { ChannelEnd } from "../channels/channel_end.ts";
import type { Contract } from "../contracts/contract.ts";
import type { Kernel } from "../kernel.ts";
import type { Block } from "../memory/exchange_heap.ts";
import type { Process } from "../process/process.ts";
import { patienceOf, timedOut, waitInLine } from "../scheduling/timed_wait.ts";
import type { Held, Thread } from "../scheduling/thread.ts";
import { WaitQueue } from "../scheduling/wait_queue.ts";
import { BlockHandle, blockOf, takeBlock } from "./block_handle.ts";
import { endOf, EndpointHandle, releaseEnd } from "./endpoint_handle.ts";
import { CallError } from "./errors.ts";
import { submit } from "./kernel_call.ts";

const synchronisation = "synchronisation";

type Content = { readonly block: Block } | { readonly end: ChannelEnd; readonly contract: Contract };

/** What a kernel keeps of a cell. */
class Cell implements Held {
  #content: Content | undefined;
  #holder: Thread | undefined;
  #isLost = false;
  readonly waiters = new WaitQueue();

  constructor(readonly process: Process, content: Content) {
    this.#content = content;
  }

  get isLost(): boolean {
    return this.#isLost;
  }

  checkAcquire(thread: Thread): void {
    if (this.process !== thread.process) {
      throw new CallError("BadArgument", "That is no cell of this process");
    }
    if (this.#holder === thread) {
      throw new CallError("BadArgument", "Cannot acquire a cell whose value this thread holds already");
    }
  }

  checkRelease(thread: Thread): void {
    if (this.#holder === thread) return;
    throw new CallError("BadArgument", "Cannot release a cell whose value this thread does not hold");
  }

  /** Gives the value to a thread if it is there. */
  take(thread: Thread): Content | undefined {
    const content = this.#content;
    if (content === undefined) return undefined;
    this.#content = undefined;
    this.#holder = thread;
    thread.held.add(this);
    return content;
  }

  put(content: Content): void {
    this.#holder!.held.delete(this);
    this.#holder = undefined;
    this.#content = content;
    this.waiters.wakeOne();
  }

  abandon(): void {
    this.#holder = undefined;
    this.#isLost = true;
    this.waiters.wakeAll();
  }
}

export class TRefHandle {
  readonly #cell: Cell;

  /** Takes the value out of the program's hands; throws when it is not the process's. */
  constructor(value: unknown, process: Process) {
    this.#cell = new Cell(process, takeContent(value, process));
  }

  acquire(timeoutNs?: number): Call<BlockHandle | EndpointHandle> {
    const cell = this.#cell;
    return submit({
      primitive: synchronisation,
      perform(kernel: Kernel, thread: Thread) {
        cell.checkAcquire(thread);
        if (cell.isLost) throw lost();
        const content = cell.take(thread);
        if (content !== undefined) return handleOf(content);
        const patience = patienceOf(timeoutNs);
        if (patience === 0) throw timedOut("cell's value", 0);
        const attempt = () => {
          if (cell.isLost) thread.answerError(lost());
          else {
            const taken = cell.take(thread);
            if (taken === undefined) return false;
            thread.answer(handleOf(taken));
          }
          return true;
        };
        return waitInLine(kernel, thread, cell.waiters, patience, attempt, "cell's value");
      },
    });
  }

  release(value: unknown): Call<void> {
    const cell = this.#cell;
    return submit({
      primitive: synchronisation,
      perform(_kernel: Kernel, thread: Thread) {
        cell.checkRelease(thread);
        cell.put(takeContent(value, thread.process));
      },
    });
  }
}
Reflect.deleteProperty(TRefHandle.prototype, "constructor");
Object.freeze(TRefHandle.prototype);

function lost(): CallError {
  return new CallError("NotFound", "The thread that held the cell's value ended without releasing it");
}

function takeContent(value: unknown, process: Process): Content {
  const block = blockOf(value);
  if (block !== undefined && block.owner === process) return { block: takeBlock(value)! };
  const end = endOf(value);
  if (end === undefined || end.closed || end.holder !== process) {
    throw new CallError("BadArgument", "A cell holds a block or an endpoint of this process");
  }
  if (end.waiters.size > 0) {
    throw new CallError("BadArgument", "The endpoint for the cell is waited on by a thread");
  }
  const { contract } = value as EndpointHandle;
  end.group?.remove(end);
  releaseEnd(value);
  return { end, contract };
}

function handleOf(content: Content): BlockHandle | EndpointHandle {
  return "block" in content
    ? new BlockHandle(content.block)
    : new EndpointHandle(content.end, content.contract);
}
