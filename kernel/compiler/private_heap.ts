/**
 * How much memory a process has alive, and whether that is more than its quota.
 *
 * JavaScript does not tell what is dead. So a process's allocations are counted, and when what was alive
 * and what came since may exceed its quota, the host is asked to collect and to say what is left.
 * - Buffers are known one by one, exactly, through weak references. The rest is the growth of the host's
 *   heap since the last collection, less what other processes can have allocated since: never too much.
 * - Only one thing may depend on it: that a process with too much alive is ended. Times and counts must not.
 * - Without a HostMemory (tests, benches) only what is certain by counting ends a process.
 */

/** What the host knows of its memory; hw/host has the implementation. */
export interface HostMemory {
  /** Bytes of objects in the host's heap, dead ones included; cheap. */
  usedBytes(): number;
  /** The most that the heap may hold before the host's program ends. */
  readonly limitBytes: number;
  /** Lets go of what weak references that were made or read in this job keep alive. */
  releaseKept(): void;
  /** Collects all that is dead; bytes of objects that are left. */
  collect(): number;
}

/** New buffers that weak references may keep from being collected as young objects are. */
const keptBytesMax = 2 ** 21;
/** Smaller buffers live in the host's heap, with all else that is small. */
const ledgerBytesMin = 512;
/**
 * The heap's growth that a process is not blamed for: what the host allocates for itself meanwhile
 * (compiled code, what it learned about types, tables of the kernels). Fitted: 3 to 12 MB were seen.
 */
const marginBytes = 32 * 2 ** 20;
/** A process that may leave more than this makes the next look collect. */
const staleBytesMin = 8 * 2 ** 20;
/** Above this share of the host's limit something has to be ended, whoever is to blame. */
const criticalShare = 0.6;
/** What a cycle can allocate without being counted: 32 bytes of a string that grows, in two cycles (fitted). */
const bytesPerCycle = 16;
/** Counts of small objects are estimates; the host's objects may be twice as large. */
const estimateFactor = 2;

/** All processes that share the host's heap. */
export class MemoryAccounts {
  readonly #host: HostMemory | undefined;
  readonly #open = new Set<PrivateHeap>();
  /** Bytes in the heap after the last collection. */
  #baseline: number;
  /** Whether a process has ended since then that may have left much: its bytes would hide another's. */
  #isStale = false;

  constructor(host: HostMemory | undefined) {
    this.#host = host;
    this.#baseline = host?.usedBytes() ?? 0;
  }

  /** The account of a new process; close it when the process has ended. */
  open(quotaBytes: number): PrivateHeap {
    const memory = new PrivateHeap(this, quotaBytes);
    this.#open.add(memory);
    return memory;
  }

  close(memory: PrivateHeap): void {
    if (this.#open.delete(memory) && memory.mostHeapBytes > staleBytesMin) this.#isStale = true;
  }

  /** Without a host that can tell, nobody is found to have too much alive. */
  get canTell(): boolean {
    return this.#host !== undefined;
  }

  releaseKept(): void {
    this.#host?.releaseKept();
  }

  /** What a process can have added to the heap since the last collection, at the most. */
  get growth(): number {
    if (this.#host === undefined) return 0;
    return this.#isStale ? Infinity : this.#host.usedBytes() - this.#baseline;
  }

  /** Whether the host is about to run out of memory, whoever uses it. */
  get isCritical(): boolean {
    return this.#host !== undefined && this.#host.usedBytes() > criticalShare * this.#host.limitBytes;
  }

  /** Collects, and settles with each process what it can be told to have alive. */
  collect(): void {
    if (this.#host === undefined) return;
    const before = this.#baseline;
    this.#baseline = this.#host.collect();
    this.#isStale = false;
    const growth = this.#baseline - before;
    let all = 0;
    for (const memory of this.#open) all += memory.possibleGrowth;
    for (const memory of [...this.#open]) memory.settle(growth - (all - memory.possibleGrowth));
  }
}

/** The memory of one process. */
export class PrivateHeap {
  readonly quotaBytes: number;
  /** Whether the process was found to have more alive than it may; it stays so. */
  isExceeded = false;
  readonly #accounts: MemoryAccounts;
  #buffers: WeakRef<ArrayBufferLike>[] = [];
  #sizes: number[] = [];
  /** Bytes of buffers that weak references of this job keep alive. */
  #keptBytes = 0;
  /** Bytes of buffers that were alive when the ledger was last looked through, and of all since. */
  #bufferBytes = 0;
  /** Bytes of other objects that are alive, at the least, at the last collection. */
  #heapBytes = 0;
  /** The first collection only tells where the process starts from: the host has grown since it booted. */
  #isSettled = false;
  #allocated = 0;
  #cycles = 0;
  #allocatedBefore = 0;
  #cyclesBefore = 0;

  constructor(accounts: MemoryAccounts, quotaBytes: number) {
    this.#accounts = accounts;
    this.quotaBytes = quotaBytes;
  }

  /** What the process can have added to the heap since the last collection. */
  get possibleGrowth(): number {
    return estimateFactor * (this.#allocated - this.#allocatedBefore);
  }

  /** Bytes that it may have in the heap. */
  get mostHeapBytes(): number {
    return this.#heapBytes + this.possibleGrowth + bytesPerCycle * (this.#cycles - this.#cyclesBefore);
  }

  /**
   * Looks whether too much is alive; true when it is. `allocated` and `cycles` are the process's own
   * counters, all that it has done so far; `pending` bytes of buffers are about to be allocated.
   */
  check(allocated: number, cycles: number, pending = 0): boolean {
    this.#allocated = allocated;
    this.#cycles = cycles;
    if (this.isExceeded || !this.#accounts.canTell) return this.isExceeded;
    this.#accounts.releaseKept();
    if (this.#isPossiblyExceeded(pending)) {
      this.#prune();
      if (this.#isPossiblyExceeded(pending)) this.#collect(pending);
    }
    return this.isExceeded;
  }

  /** Notes a buffer that the process has allocated. */
  keep(buffer: ArrayBufferLike): void {
    const bytes = buffer.byteLength;
    if (bytes < ledgerBytesMin || !this.#accounts.canTell) return;
    this.#buffers.push(new WeakRef(buffer));
    this.#sizes.push(bytes);
    this.#bufferBytes += bytes;
    this.#keptBytes += bytes;
    if (this.#keptBytes < keptBytesMax) return;
    this.#keptBytes = 0;
    this.#accounts.releaseKept();
  }

  /** Whether a buffer of this size may put the process over its quota, so that `check` has to say. */
  mayNotHold(bytes: number): boolean {
    return this.#bufferBytes + bytes > this.quotaBytes;
  }

  /** The host's heap has been collected; `growth` is what of its growth must be this process's. */
  settle(growth: number): void {
    // A process that hardly ran cannot have allocated what came to the heap meanwhile.
    const most = this.possibleGrowth + bytesPerCycle * (this.#cycles - this.#cyclesBefore);
    if (this.#isSettled) this.#heapBytes = Math.max(0, this.#heapBytes + Math.min(growth, most));
    this.#allocatedBefore = this.#allocated;
    this.#cyclesBefore = this.#cycles;
  }

  #isPossiblyExceeded(pending: number): boolean {
    if (this.#accounts.isCritical) return true;
    if (this.#bufferBytes + pending > this.quotaBytes) return true;
    const heapBytes = this.#heapBytes + Math.max(0, this.#accounts.growth);
    return this.#bufferBytes + heapBytes + pending > this.quotaBytes + marginBytes;
  }

  #collect(pending: number): void {
    this.#accounts.collect();
    this.#isSettled = true;
    this.#prune();
    const buffers = this.#bufferBytes + pending;
    this.isExceeded = buffers > this.quotaBytes || this.#accounts.isCritical ||
      buffers + this.#heapBytes > this.quotaBytes + marginBytes;
  }

  #prune(): void {
    const sizes = this.#sizes;
    let alive = 0;
    this.#bufferBytes = 0;
    this.#buffers.forEach((buffer, index) => {
      if (buffer.deref() === undefined) return;
      const bytes = sizes[index]!;
      this.#bufferBytes += bytes;
      this.#buffers[alive] = buffer;
      sizes[alive++] = bytes;
    });
    this.#buffers.length = sizes.length = alive;
    this.#accounts.releaseKept();
  }

  close(): void {
    this.#accounts.close(this);
    this.#buffers = [];
  }
}
