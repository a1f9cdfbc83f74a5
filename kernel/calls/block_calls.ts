/**
 * Calls about blocks of the exchange heap: getting them, cutting them up, sharing them, giving them back.
 *
 * Only `allocate` takes memory and zeroes it; the others make, cut or drop the kernel's record of a block
 * and cost the same whatever its size. Each kills the views that the program has of the block.
 * - Quotas count capacity: parts count together what the whole did, and each holder of a shared block counts all of it.
 */

import type { Kernel } from "../kernel.ts";
import { type Block, partAlignment } from "../memory/exchange_heap.ts";
import type { Process } from "../process/process.ts";
import { BlockHandle, blockOf, forgetView, takeBlock } from "./block_handle.ts";
import { CallError } from "./errors.ts";
import { type KernelCall, submit } from "./kernel_call.ts";

const blockMax = 16 << 20;

/** The block behind a handle of this process; throws for anything else. */
export function ownBlock(handle: unknown, process: Process): Block {
  const block = blockOf(handle);
  if (block === undefined || block.owner !== process) {
    throw new CallError("BadArgument", "That is no block of this process");
  }
  return block;
}

export function createBlockCalls() {
  return {
    allocate: (size: number) => submit(allocateCall(size)),
    free: (block: unknown) => submit(freeCall(block)),
    split: (block: unknown, offset: number) => submit(splitCall(block, offset)),
    share: (block: unknown) => submit(shareCall(block)),
    truncate: (block: unknown, length: number) => submit(truncateCall(block, length)),
  };
}

const allocateCall = (size: number): KernelCall<BlockHandle> => ({
  primitive: "blockAllocate",
  perform(kernel, { process }) {
    if (!Number.isInteger(size) || size < 0 || size > blockMax) {
      throw new CallError("BadArgument", `Cannot allocate ${size} bytes, 0 to ${blockMax} are possible`);
    }
    const block = kernel.processes.allocateFor(process, size);
    kernel.chargeStores(block.capacity);
    return new BlockHandle(block);
  },
});

const freeCall = (handle: unknown): KernelCall<void> => ({
  primitive: "blockFree",
  perform(kernel, { process }) {
    ownBlock(handle, process);
    kernel.heap.free(takeBlock(handle)!);
  },
});

const splitCall = (handle: unknown, offset: number): KernelCall<BlockHandle> => ({
  primitive: "blockRecord",
  perform(kernel, { process }) {
    const block = writableBlock(handle, process, "split");
    if (
      !Number.isInteger(offset) || offset <= 0 || offset >= block.capacity || offset % partAlignment !== 0
    ) {
      throw new CallError(
        "BadArgument",
        `Cannot split a block of ${block.capacity} bytes at ${
          String(offset)
        }: a part starts on a cache line, ` +
          `at a multiple of ${partAlignment} below ${block.capacity}`,
      );
    }
    kernel.processes.checkQuota(process, 0);
    const tail = kernel.heap.split(block, offset);
    forgetView(handle);
    return new BlockHandle(tail);
  },
});

const shareCall = (handle: unknown): KernelCall<BlockHandle> => ({
  primitive: "blockRecord",
  perform(kernel: Kernel, { process }) {
    const block = ownBlock(handle, process);
    kernel.processes.checkQuota(process, block.capacity);
    const wasReadOnly = block.isReadOnly;
    const made = kernel.heap.share(block, process);
    if (!wasReadOnly) forgetView(handle);
    return new BlockHandle(made);
  },
});

const truncateCall = (handle: unknown, length: number): KernelCall<void> => ({
  primitive: "blockFree",
  perform(kernel, { process }) {
    const block = writableBlock(handle, process, "truncate");
    if (!Number.isInteger(length) || length < 0 || length > block.capacity) {
      throw new CallError(
        "BadArgument",
        `Cannot truncate a block of ${block.capacity} bytes to ${String(length)}`,
      );
    }
    Object.assign(block, block.windowWithin(0, length));
    kernel.heap.truncate(block, Math.max(1, Math.ceil(length / partAlignment)) * partAlignment);
    block.detachViews();
    forgetView(handle);
  },
});

function writableBlock(handle: unknown, process: Process, what: string): Block {
  const block = ownBlock(handle, process);
  if (!block.isReadOnly) return block;
  throw new CallError("BadArgument", `Cannot ${what} a shared block: other holders may read it`);
}
