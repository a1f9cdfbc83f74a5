/**
 * The memory that two kernels share to exchange messages: four rings and two lines of
 * counters, at fixed offsets from one physical address.
 *
 * Side "a" is the kernel with the lower index; for a card it is the host's side, and
 * the area lies in the host's memory. Each side writes only its own line of counters.
 * - Rings: messages a to b, messages b to a, releases a to b, releases b to a (the
 *   paper's message FIFOs, and the RDK's free lists of its boot-info block).
 * - Counters only grow, modulo 2^32; a ring is full when head - tail equals its slots.
 * - A release names a block whose bytes the receiver has copied, by physical address.
 */

import { slotSize } from "./record.ts";

export type Side = "a" | "b";

export const messageSlots = 128;
export const releaseSlots = 1024;
export const releaseSize = 8;
const counterLineSize = 64;

/** Counters in a side's line, as byte offsets. */
export const counter = {
  /** Messages that this side has put in its outgoing ring. */
  messageHead: 0,
  /** Messages that this side has taken from its incoming ring. */
  messageTail: 4,
  releaseHead: 8,
  releaseTail: 12,
  /** Card side only: how many copy requests are done. */
  copiesDone: 16,
} as const;

export const counterLine = (side: Side): { offset: number; size: number } => ({
  offset: side === "a" ? 0 : counterLineSize,
  size: counterLineSize,
});

const messageRingSize = messageSlots * slotSize;
const releaseRingSize = releaseSlots * releaseSize;
const ringsOffset = 4096;
/** What to write when a pair begins: with all counters nought its rings are empty, whatever the slots hold. */
export const freshCounters: Uint8Array = new Uint8Array(2 * counterLineSize);

/** Where in the area the slot of message number `index`, sent by `from`, lies. */
export const messageSlot = (from: Side, index: number): number =>
  ringsOffset + (from === "a" ? 0 : messageRingSize) + (index % messageSlots) * slotSize;

export const releaseSlot = (from: Side, index: number): number =>
  ringsOffset + 2 * messageRingSize + (from === "a" ? 0 : releaseRingSize) +
  (index % releaseSlots) * releaseSize;

export const pairAreaSize = ringsOffset + 2 * messageRingSize + 2 * releaseRingSize;

export const otherSide = (side: Side): Side => side === "a" ? "b" : "a";
