/**
 * The leak test: whatever a test did to its machine, no block is left when all processes are gone.
 *
 * Every machine that a test makes is given to `endWithoutLeaks`. When the test is over its processes are
 * ended, what is under way between kernels is given time, and then each exchange heap must be empty. A machine
 * that several tests of a file share is looked at when all of them are over.
 * - Before that, each block must belong to a process, to a message or to another kernel.
 * - The memory of a kernel that has died is nobody's.
 */

import type { EventQueue } from "../../hw/time/event_queue.ts";
import { later, seconds } from "../hal/hardware.ts";
import type { Kernel } from "../kernel.ts";
import { heapShares, leakedBlocks } from "../memory/heap_use.ts";

interface Watched {
  readonly queue: EventQueue;
  readonly kernels: () => readonly Kernel[];
}

/** Longer than any kernel needs to copy and release what was sent to it. */
const drainTime = seconds(5);
const watched: Watched[] = [];
const shared: Watched[] = [];
let isInTest = false;

/** At the end of the test that runs now, or else of the file's tests, nothing may be left on these kernels. */
export function endWithoutLeaks(queue: EventQueue, kernels: () => readonly Kernel[]): void {
  (isInTest ? watched : shared).push({ queue, kernels });
}

function checkMachine({ queue, kernels }: Watched): void {
  const living = () => kernels().filter(({ isHalted }) => !isHalted);
  for (const kernel of living()) failIfAny(kernel, leakedBlocks(kernel), "while processes run");
  for (const kernel of living()) {
    for (const process of kernel.processes.running) kernel.processes.end(process, 137, "");
  }
  queue.runUntil(later(queue.now, drainTime));
  for (const kernel of living()) failIfAny(kernel, kernel.heap.liveBlocks, "when all processes are gone");
}

function failIfAny(kernel: Kernel, blocks: number, when: string): void {
  if (blocks === 0) return;
  const owners = heapShares(kernel).map((share) => `${share.blocks} of ${share.name}`).join(", ");
  throw new Error(`${kernel.name} leaks ${blocks} blocks ${when}: ${owners}`);
}

Deno.test.beforeEach(() => {
  isInTest = true;
});

Deno.test.afterEach(() => {
  isInTest = false;
  for (const machine of watched.splice(0)) checkMachine(machine);
});

Deno.test.afterAll(() => {
  for (const machine of shared.splice(0)) checkMachine(machine);
});
