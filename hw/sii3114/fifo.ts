/**
 * How fast the card's 256-byte FIFO carries data from memory to the drive.
 *
 * The card refills the FIFO only once 32 n bytes of it are free, in one burst of that size. A small n
 * wastes the bus on short bursts; a large one lets the FIFO run dry before memory answers. This is the
 * cache-line-size effect of the paper's PostMark columns C1 and C2 (hardware-reference.md 4.5).
 * - n is the read-request threshold of the FIFO control register. While that is 0, the chip goes by the
 *   cache line size register of its PCI header, CLS/8 + 1, as `sata_sil` would have set it.
 * - n = 0 (neither was set) means bursts of a single 32-bit word.
 */

export interface FifoTiming {
  /** Peak rate of the card's bus. */
  readonly busBytesPerSecond: number;
  readonly linkBytesPerSecond: number;
  /** From asking for the bus to the first data. */
  readonly memoryAccessNs: number;
  /** What a FIFO that ran dry costs beyond the wait: the link stops, and starts again. */
  readonly underrunNs: number;
}

/** Rates and access time: 4.5. The price of an underrun is fitted, so that n >= 6 is clearly slow, as there. */
export const defaultFifoTiming: FifoTiming = {
  busBytesPerSecond: 133e6,
  linkBytesPerSecond: 150e6,
  memoryAccessNs: 500,
  underrunNs: 2000,
};

const fifoBytes = 256;
const unitBytes = 32;
/** Address phase, turnaround and arbitration, as bytes of bus time: efficiency is 32n / (32n + 32). */
const burstOverheadBytes = 32;
const wordBytes = 4;

/** The low-water mark in effect, in 32-byte units. */
export function lowWaterMark(readRequestControl: number, cacheLineSize: number): number {
  if (readRequestControl > 0) return Math.min(readRequestControl, fifoBytes / unitBytes);
  if (cacheLineSize === 0) return 0;
  return Math.min(Math.floor(cacheLineSize / 8) + 1, fifoBytes / unitBytes);
}

/** How long `bytes` take from memory through the FIFO to the drive. */
export function drainNs(bytes: number, mark: number, timing: FifoTiming): number {
  const burst = mark === 0 ? wordBytes : mark * unitBytes;
  const bursts = Math.ceil(bytes / burst);
  const lastsNs = (fifoBytes - burst) * 1e9 / timing.linkBytesPerSecond;
  const dryNs = lastsNs < timing.memoryAccessNs ? timing.memoryAccessNs - lastsNs + timing.underrunNs : 0;
  const busNs = (bytes + bursts * burstOverheadBytes) * 1e9 / timing.busBytesPerSecond + bursts * dryNs;
  return Math.max(busNs, bytes * 1e9 / timing.linkBytesPerSecond);
}
