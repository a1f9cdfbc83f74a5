/**
 * Who has the blocks of a kernel's exchange heap: found by going through all who can have one.
 *
 * A block belongs to a process, to a message that waits at an end, or to another kernel that has not copied
 * it yet, or its bytes are on their way here. One that is found nowhere is lost for good: a leak, our own bug.
 * - `heap` in the shell shows it, power-off notes leaks in the event log, tests end at nought.
 */

import type { HeapRow } from "../abi/kernel.ts";
import { forEachCarried } from "../channels/channel_end.ts";
import type { Kernel } from "../kernel.ts";
import type { Block } from "./exchange_heap.ts";

export interface Share {
  readonly name: string;
  readonly blocks: number;
  /** Sum of capacities; each holder of a shared block has all of it. */
  readonly bytes: number;
}

/** Processes by number, then messages, other kernels, the kernel itself, and what nobody has. */
export function heapShares(kernel: Kernel): Share[] {
  const { processes, channels, heap } = kernel;
  const underWay: Block[] = [];
  for (const end of channels.ends) {
    for (const message of end.waiting()) forEachCarried(message, (block) => underWay.push(block), () => {});
  }
  const shares = [
    ...processes.running.map(({ label, blocks }) => shareOf(label, blocks)),
    shareOf("messages", underWay),
    ...kernel.peers.map((peer) => shareOf(`lent to ${kernel.nameOf(peer.index)}`, peer.lent)),
    shareOf("arriving", kernel.arriving),
  ];
  const found = shares.reduce((sum, { blocks }) => sum + blocks, 0);
  const leaked = { name: "nobody", blocks: heap.liveBlocks - found, bytes: 0 };
  return [...shares, leaked].filter(({ blocks }) => blocks !== 0);
}

/** Blocks that nobody has any more. */
export function leakedBlocks(kernel: Kernel): number {
  return heapShares(kernel).find(({ name }) => name === "nobody")?.blocks ?? 0;
}

/** Writes what was found to be lost into the event log; nothing in a run without bugs. */
export function noteLeaks(kernel: Kernel): void {
  const blocks = leakedBlocks(kernel);
  if (blocks !== 0) kernel.note(`exchange heap: ${blocks} blocks are nobody's`);
}

/** What is in use by kernel, by size and by owner. */
export function heapRows(kernel: Kernel): HeapRow[] {
  const { heap } = kernel;
  const row = (part: HeapRow["part"], name: string, blocks: number, bytes: number): HeapRow =>
    Object.freeze({ kernel: kernel.name, part, name, blocks, bytes });
  return [
    row("total", "", 0, heap.size),
    row("free", "whole pages", 0, heap.freeBytes),
    row("live", "", heap.liveExtents, heap.liveBytes),
    ...heap.usage.filter(({ extents }) => extents > 0).map(({ classSize, extents, bytes }) =>
      row("size", classSize === Infinity ? "pages" : `${classSize} B`, extents, bytes)
    ),
    ...heapShares(kernel).map(({ name, blocks, bytes }) => row("owner", name, blocks, bytes)),
  ];
}

function shareOf(name: string, blocks: Iterable<Block>): Share {
  const all = [...blocks];
  return { name, blocks: all.length, bytes: all.reduce((sum, { capacity }) => sum + capacity, 0) };
}
