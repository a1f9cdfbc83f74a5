/**
 * The bridge between a program's loads and stores and the cache of the CPU that it runs on.
 *
 * Images note each access to a sampled line in a log, without a call: a loop with a call in it is compiled
 * badly by the host, however seldom it is made. The log is read when the budget is looked at and when a
 * burst ends; what its misses cost comes off the budget then.
 * - The sampler is the host's: images call it, programs cannot reach it.
 * - It reads arrays by the library's own accessors, as a program may put others in front of them.
 * - Addresses are noted in 32 bits, and so lie within 4 GiB of where the kernel's memory begins. The log is every
 *   program's: only one burst runs at a time.
 */

import { unitsPerCycle } from "./costs.ts";

/** The caches of a CPU; lines are told by their number among the sampled ones. */
export interface SampledCache {
  /** The latest used line of each set: an access to it changes nothing and costs nothing. */
  readonly latestLines: Int32Array;
  readonly setMask: number;
  /** Loads or stores to a line; gives the cycles that the program waits, for all lines that it stands for. */
  touch(line: number): number;
}

/** The memory of one process, as far as the cache model asks. */
export interface ProcessMemory {
  readonly lineBytes: number;
  /** Bytes from one sampled line to the next. */
  readonly sampleBytes: number;
  /** Where the memory begins: a multiple of `sampleBytes`. */
  readonly origin: number;
  /** Physical address of a buffer's first byte; the same each time. */
  addressOf(buffer: ArrayBufferLike): number;
}

/** What a program runs on that nobody has put on a CPU. */
const noCache: SampledCache = { latestLines: Int32Array.of(-1), setMask: 0, touch: () => 0 };

/** Elements of a typed array, one behind the other. */
export interface ElementRange {
  readonly array: object;
  readonly first: number;
  readonly count: number;
}

const typedArrayPrototype: object = Object.getPrototypeOf(Uint8Array.prototype);
const readBuffer = getterOf("buffer") as (view: object) => ArrayBufferLike;
const readOffset = getterOf("byteOffset") as (view: object) => number;
const readSize = getterOf("byteLength") as (view: object) => number;
const readTag = getterOf(Symbol.toStringTag) as (view: object) => string | undefined;

function getterOf(
  name: "buffer" | "byteLength" | "byteOffset" | typeof Symbol.toStringTag,
): (view: object) => unknown {
  const getter = Object.getOwnPropertyDescriptor(typedArrayPrototype, name)?.get;
  if (getter === undefined) throw new Error(`The language's typed arrays have no "${String(name)}"`);
  return (view) => Reflect.apply(getter, view, []);
}

/** Binary logarithms of the bytes of an element, by the array's kind. */
const elementShifts: ReadonlyMap<string | undefined, number> = new Map([
  ...["Int8Array", "Uint8Array", "Uint8ClampedArray"].map((kind) => [kind, 0] as const),
  ...["Int16Array", "Uint16Array"].map((kind) => [kind, 1] as const),
  ...["Int32Array", "Uint32Array"].map((kind) => [kind, 2] as const),
]);

/** Accesses that are noted before the log is read; those behind are not counted. */
const logEntriesMax = 2 ** 17;
const log = new Int32Array(logEntriesMax);
/**
 * Units that a sampled program counts before its log is read, 16,384 cycles: the log has room for eight
 * accesses in each, which no core makes.
 */
export const sampledUnitsMax = logEntriesMax / 8 * unitsPerCycle;

/** Where a typed array lies: its index, shifted by this, is added to the address, which counts from the origin. */
interface Located {
  readonly shift: number;
  readonly address: number;
}

/** What has no sampled lines: the shift drops indices, and the address is in none. */
const unsampled: Located = { shift: 31, address: 256 };

/** The shift of what has sampled lines is smaller. */
const sampledShifts = 3;

/** Bytes, from the first element of an array, that are walked over. */
const walkBytesMax = 2 ** 30;

/** Elements that a loop went over, by index: from `first` to before `end`. */
export interface Walk {
  readonly first: number;
  readonly end: number;
  readonly step: number;
}

export class ElementSampler {
  /** Where the array that was located last lies. */
  shift = unsampled.shift;
  address = unsampled.address;
  readonly log = log;
  /** The bits of an address that are 0 in sampled lines. */
  readonly mask: number;
  /** The bits of an address that are the same from one sampled line to before the next. */
  readonly sampleMask: number;
  readonly #memory: ProcessMemory;
  readonly #lineShift: number;
  /** The number of the origin's line. */
  readonly #firstLine: number;
  #cache: SampledCache = noCache;

  constructor(memory: ProcessMemory) {
    this.#memory = memory;
    this.mask = memory.sampleBytes - memory.lineBytes;
    this.sampleMask = -memory.sampleBytes;
    this.#lineShift = Math.log2(memory.sampleBytes);
    this.#firstLine = memory.origin / memory.sampleBytes;
  }

  /** From now on the program runs on the CPU with this cache. */
  runOn(cache: SampledCache | undefined): void {
    this.#cache = cache ?? noCache;
  }

  locate(value: unknown): void {
    const found = typeof value === "object" && value !== null ? this.#find(value) : unsampled;
    this.shift = found.shift;
    this.address = found.address;
  }

  #find(value: object): Located {
    const shift = ArrayBuffer.isView(value) ? elementShifts.get(readTag(value)) : undefined;
    if (shift === undefined) return unsampled;
    const address = this.#memory.addressOf(readBuffer(value)) + readOffset(value) - this.#memory.origin;
    return this.#holdsSampled(address, readSize(value)) ? { shift, address: address | 0 } : unsampled;
  }

  #holdsSampled(address: number, size: number): boolean {
    const { lineBytes, sampleBytes } = this.#memory;
    const inPeriod = address % sampleBytes;
    return size > 0 && (inPeriod < lineBytes || inPeriod + size > sampleBytes);
  }

  /** Touches what the first entries of the log say, in their order; gives what it costs in counting units. */
  readLog(count: number): number {
    const { latestLines, setMask } = this.#cache;
    const end = Math.min(count, logEntriesMax);
    let cycles = 0;
    for (let at = 0; at < end; at++) {
      const line = this.#firstLine + (log[at]! >>> this.#lineShift);
      if (latestLines[line & setMask] !== line) cycles += this.#cache.touch(line);
    }
    return Math.round(cycles * unitsPerCycle);
  }

  /**
   * Notes the sampled lines of a walk over elements, from the log's entry `at` on; gives the entry behind.
   * What is no walk, because the program counts with other things than numbers, is none.
   */
  noteWalk(at: number, { shift, address }: Located, { first, end, step }: Walk): number {
    const { sampleBytes } = this.#memory;
    const stepBytes = step * 2 ** shift;
    const isWalk = step >= 1 && shift !== unsampled.shift && first >= 0 && end * 2 ** shift < walkBytesMax;
    if (!isWalk || stepBytes > walkBytesMax) return at;
    // Whole numbers of 32 bits from here on: this is done for each inner loop of a program.
    const before = address & ~(sampleBytes - 1);
    const last = address - before + (end << shift) | 0;
    const { mask } = this;
    const wholeStep = stepBytes | 0;
    let next = at;
    let byte = address - before + (first << shift) | 0;
    if (wholeStep >= sampleBytes) {
      for (; byte < last; byte = byte + wholeStep | 0) {
        if ((byte & mask) === 0) log[next++] = before + byte | 0;
      }
      return next;
    }
    while (byte < last) {
      if ((byte & mask) === 0) log[next++] = before + byte | 0;
      // The first element from the next sampled line on.
      const rest = sampleBytes - (byte & sampleBytes - 1) | 0;
      byte = byte + (wholeStep === 1 ? rest : Math.imul((rest + wholeStep - 1) / wholeStep, wholeStep)) | 0;
    }
    return next;
  }

  /** Reports that elements are read or written; gives what that costs in counting units. */
  touchRange({ array, first, count }: ElementRange): number {
    const shift = elementShifts.get(readTag(array));
    if (shift === undefined || count <= 0) return 0;
    const address = this.#memory.addressOf(readBuffer(array)) + readOffset(array) + first * 2 ** shift;
    const { lineBytes, sampleBytes } = this.#memory;
    const last = Math.floor((address + count * 2 ** shift - 1) / sampleBytes);
    let line = Math.floor(address / sampleBytes);
    if (address % sampleBytes >= lineBytes) line++;
    let cycles = 0;
    for (; line <= last; line++) cycles += this.#cache.touch(line);
    return Math.round(cycles * unitsPerCycle);
  }
}

/**
 * The part of an image's prelude that its sampled accesses use: the log `$Y`, of which `$W` entries are
 * written, and where the array lies that `$L` located last.
 */
export function samplingText(): string {
  return `let $A,$K=${unsampled.shift},$P=${unsampled.address},$V=$K,$Q=$P,$W=0,$G=0,$v;` +
    "const $E=$e.sampler,$Y=$E.log,$M=$E.mask,$N=$E.sampleMask;" +
    "const $L=(a)=>{$E.locate(a);$K=$E.shift;$P=$E.address;};" +
    "const $O=(v)=>typeof v==='object'&&v!==null;" +
    // Where no variables can be declared: by an array's numbers, and by a memory of one array.
    `const $g=(i,k,p)=>{if(typeof i==="number"){${notingText("i", "k", "p")};}return i;};` +
    "const $u=(a,i)=>{if(a!==$A){$A=a;$L(a);$V=$K;$Q=$P;}return $g(i,$V,$Q);};" +
    "const $h=(v)=>$v=v;" +
    // A walk between two sampled lines is the most frequent: it is told from its ends.
    `const $U=(k,p,a,b,s,o=0,g=1)=>{if(k<${sampledShifts}&&typeof a==='number'&&typeof o==='number'&&typeof s==='number'){` +
    "const f=a+g*o,l=b+g*o,x=(f<<k)+p,y=(l<<k)+p;" +
    "if((x&$M)===0||((x^y)&$N)!==0)$W=$E.noteWalk($W,{shift:k,address:p},{first:f,end:l,step:s});}};";
}

/** Notes an access by a number `index` to the array that lies at `address`, if it is to a sampled line. */
export function notingText(index: string, shift: string, address: string): string {
  return `(($G=(${index}<<${shift})+${address}|0)&$M)===0&&($Y[$W++]=$G)`;
}

/**
 * Declares memories of the two arrays met last, as code often goes to and fro between two: when an array is not
 * `$A5`, `$L5(array)` makes it that, with `$K5` and `$P5` where it lies.
 */
export function memoriesText(count: number): string {
  if (count === 0) return "";
  const { shift, address } = unsampled;
  const numbers = Array.from({ length: count }, (_, index) => index);
  const forgotten = numbers.map((n) =>
    `$A${n}=$B${n}=void 0;$K${n}=$C${n}=${shift};$P${n}=$D${n}=${address};`
  ).join("");
  const locating = numbers.map((n) =>
    `const $L${n}=(a)=>{const b=$A${n},k=$K${n},p=$P${n};` +
    `if(a===$B${n}){$K${n}=$C${n};$P${n}=$D${n};}else{$L(a);$K${n}=$K;$P${n}=$P;}` +
    `$A${n}=a;$B${n}=b;$C${n}=k;$D${n}=p;};`
  ).join("");
  return `let ${
    numbers.map((n) => ["A", "B", "C", "D", "K", "P"].map((name) => `$${name}${n}`).join()).join()
  };` +
    `${forgotten}${locating}$forget=()=>{$A=void 0;$V=${shift};$Q=${address};${forgotten}};`;
}

/** Makes the array of a variable the one that a memory met last. */
export function locatingText(memory: number, array: string): string {
  return `${array}!==$A${memory}&&$L${memory}(${array})`;
}

/** Of an image's control: the reading of the log, and the touching of ranges by methods of the library. */
export function samplingControlText(overdueUnits: number): string {
  const charge = (units: string) => `const u=${units};if(($spent+=u)+$chunk-$c-$stop>${overdueUnits})$k();`;
  return `settle(){if($W>0){const n=$W;$W=0;${charge("$E.readLog(n)")}}},` +
    `touch(r){const n=$W;$W=0;${charge("$E.readLog(n)+$E.touchRange(r)")}},`;
}

/** What a look at the budget begins with. */
export const readLogText = "if($W>0){const n=$W;$W=0;$spent+=$E.readLog(n);}";
