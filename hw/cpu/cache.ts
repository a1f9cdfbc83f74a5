/**
 * The data caches of one CPU, sampled by set: L1 and L2 with least-recently-used ways, and memory behind.
 *
 * One line address in 32 is simulated, the multiples of 32. Caches find a line's set by the low bits of its
 * address, so these lines fill every 32nd set of the real cache and no other: what happens there is exact,
 * and each miss stands for 32.
 * - Lines are given by their number among the sampled ones: address / (line bytes x 32).
 * - The cost of a hit in L1 is part of what a load costs in the ISA's table; `touch` gives what comes on top.
 * - L2 is each CPU's own and filled by the misses of L1. Prefetching, write-backs and lines that other CPUs
 *   take away are not modelled; how many misses a core keeps under way is a figure of the description.
 */

/** Of so many lines one is simulated, and so the caches must have at least as many sets. */
export const linesPerSample = 32;

export interface CacheLevel {
  readonly sizeKiB: number;
  readonly ways: number;
  readonly lineBytes: number;
  /** From the address to the data. */
  readonly hitCycles: number;
}

export interface CacheDefinition {
  readonly l1: CacheLevel;
  readonly l2: CacheLevel;
  /** Misses that the core has under way at a time, so that a program waits for a share of each. */
  readonly missesAtOnce: number;
}

/** What lies around the caches: the core's clock, and memory. */
export interface CacheSurroundings {
  readonly frequencyHz: number;
  /** Latency of the memory at an address, as this CPU sees it. */
  readonly memoryLatencyNs: (address: number) => number;
}

export class CpuCaches {
  readonly lineBytes: number;
  /** Bytes from one sampled line to the next. */
  readonly sampleBytes: number;
  /** Misses since power-on, each sampled one counted for all that it stands for. */
  l1Misses = 0;
  l2Misses = 0;
  /** Cycles that programs waited for them. */
  stallCycles = 0;
  readonly #l1: Sets;
  readonly #l2: Sets;
  readonly #definition: CacheDefinition;
  readonly #surroundings: CacheSurroundings;
  readonly #l2HitCycles: number;

  /** The latest used line of each sampled set of L1, by the set's number: touching it once more changes nothing. */
  get latestLines(): Int32Array {
    return this.#l1.lines;
  }

  /** What of a line's number is the number of its sampled set of L1. */
  get setMask(): number {
    return this.#l1.setMask;
  }

  constructor(definition: CacheDefinition, surroundings: CacheSurroundings) {
    const { l1, l2 } = definition;
    this.#definition = definition;
    this.#surroundings = surroundings;
    this.lineBytes = l1.lineBytes;
    this.sampleBytes = l1.lineBytes * linesPerSample;
    this.#l1 = new Sets(l1);
    this.#l2 = new Sets(l2);
    this.#l2HitCycles = this.#waitCycles(l2.hitCycles);
  }

  /** An access to a sampled line; gives the cycles that the program waits, for all 32. */
  touch(line: number): number {
    if (this.#l1.holds(line)) return 0;
    this.l1Misses += linesPerSample;
    const cycles = this.#l2.holds(line) ? this.#l2HitCycles : this.#memoryCycles(line);
    this.stallCycles += cycles;
    return cycles;
  }

  #memoryCycles(line: number): number {
    this.l2Misses += linesPerSample;
    const { memoryLatencyNs, frequencyHz } = this.#surroundings;
    return this.#waitCycles(memoryLatencyNs(line * this.sampleBytes) * frequencyHz / 1e9);
  }

  /**
   * What 32 accesses of this latency cost beyond a hit in L1: whole cycles, because sums of instants are
   * exact for those, and so do not depend on whether a CPU spends them at once or in parts.
   */
  #waitCycles(latencyCycles: number): number {
    const { l1, missesAtOnce } = this.#definition;
    return Math.round(Math.max(0, latencyCycles - l1.hitCycles) / missesAtOnce * linesPerSample);
  }
}

/** The sampled sets of one cache, each with its lines from the latest used to the least. */
class Sets {
  readonly setMask: number;
  /** The latest used line of each set, then the one before it of each set, and so on. */
  readonly lines: Int32Array;

  constructor({ sizeKiB, ways, lineBytes }: CacheLevel) {
    const sets = sizeKiB * 1024 / (ways * lineBytes * linesPerSample);
    if (!Number.isInteger(Math.log2(sets))) throw new Error(`A cache cannot have ${sets} sampled sets`);
    this.setMask = sets - 1;
    this.lines = new Int32Array(sets * ways).fill(-1);
  }

  /** Whether the line was there; afterwards it is, as the latest used of its set. */
  holds(line: number): boolean {
    const { lines, setMask } = this;
    let moved = line;
    for (let at = line & setMask; at < lines.length; at += setMask + 1) {
      const found = lines[at]!;
      lines[at] = moved;
      if (found === line) return true;
      moved = found;
    }
    return false;
  }
}
