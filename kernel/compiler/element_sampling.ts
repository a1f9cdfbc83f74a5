/**
 * The bridge between a program's loads and stores and the cache of the CPU that it runs on.
 *
 * Images ask the sampler where a typed array lies, test each index against the bits that tell the sampled
 * lines, and report those lines; what a miss costs comes off the program's budget.
 * - The sampler is the host's: images call it, programs cannot reach it.
 * - It reads arrays by the library's own accessors, as a program may put others in front of them.
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
  /** Physical address of a buffer's first byte, a multiple of 16; the same each time. */
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
const readTag = getterOf(Symbol.toStringTag) as (view: object) => string | undefined;

function getterOf(name: "buffer" | "byteOffset" | typeof Symbol.toStringTag): (view: object) => unknown {
  const getter = Object.getOwnPropertyDescriptor(typedArrayPrototype, name)?.get;
  if (getter === undefined) throw new Error(`The language's typed arrays have no "${String(name)}"`);
  return (view) => Reflect.apply(getter, view, []);
}

/** Bytes of an element by the array's kind. */
const elementBytes: ReadonlyMap<string | undefined, number> = new Map([
  ...["Int8Array", "Uint8Array", "Uint8ClampedArray"].map((kind) => [kind, 1] as const),
  ...["Int16Array", "Uint16Array"].map((kind) => [kind, 2] as const),
  ...["Int32Array", "Uint32Array"].map((kind) => [kind, 4] as const),
]);

export class ElementSampler {
  /** Where the array that was located last lies, in elements. */
  base = 0;
  /** Which bits of an element's place are 0 in sampled lines; 0 for what is no typed array. */
  mask = 0;
  readonly #memory: ProcessMemory;
  #cache: SampledCache = noCache;

  constructor(memory: ProcessMemory) {
    this.#memory = memory;
  }

  /** From now on the program runs on the CPU with this cache. */
  runOn(cache: SampledCache | undefined): void {
    this.#cache = cache ?? noCache;
  }

  get latestLines(): Int32Array {
    return this.#cache.latestLines;
  }

  get setMask(): number {
    return this.#cache.setMask;
  }

  locate(value: object): void {
    const size = ArrayBuffer.isView(value) ? elementBytes.get(readTag(value)) : undefined;
    if (size === undefined) {
      this.base = this.mask = 0;
      return;
    }
    this.base = ((this.#memory.addressOf(readBuffer(value)) + readOffset(value)) / size) | 0;
    this.mask = (this.#memory.sampleBytes - this.#memory.lineBytes) / size;
  }

  /** Reports an access to a sampled line; gives what it costs in counting units. */
  touch(line: number): number {
    return (this.#cache.touch(line) * unitsPerCycle + 0.5) | 0;
  }

  /** Reports that elements are read or written; gives what that costs in counting units. */
  touchRange({ array, first, count }: ElementRange): number {
    const size = elementBytes.get(readTag(array));
    if (size === undefined || count <= 0) return 0;
    const address = this.#memory.addressOf(readBuffer(array)) + readOffset(array) + first * size;
    const { lineBytes, sampleBytes } = this.#memory;
    const last = Math.floor((address + count * size - 1) / sampleBytes);
    let line = Math.floor(address / sampleBytes);
    if (address % sampleBytes >= lineBytes) line++;
    let units = 0;
    for (; line <= last; line++) units += this.touch(line);
    return units;
  }
}

/**
 * The part of an image's prelude that its sampled accesses call. `$h` is short, so that the host puts it in
 * place: mostly the line is the latest of its set, which `$F` tells, and there is nothing to do.
 */
export function samplingText(overdueUnits: number): string {
  return "let $A,$P=0,$M=0,$T=-1,$v,$F=$e.sampler.latestLines,$S=0;" +
    "const $E=$e.sampler,$Z=$e.library.Math.clz32;" +
    // The array's numbers, with a memory of one; -1 is what no index masked with 0 is. A view that begins
    // within a line counts as if it began with the line: what comes in front of its index stays a constant.
    "const $L=(a)=>{if(typeof a!=='object'||a===null){$A=void 0;$P=$M=0;$T=-1;}" +
    "else if(a!==$A){$E.locate(a);$A=a;$P=$E.base;$M=$E.mask;$T=$M===0?-1:-$P&$M;}return $M;};" +
    "const $O=(v)=>typeof v==='object'&&v!==null;" +
    `const $H=(n)=>{const u=$E.touch(n);if(u>0&&($c-=u)<-${overdueUnits})$k();};` +
    `const $h=(x,m)=>{const n=x>>>32-$Z(m);if($F[n&$S]!==n)$H(n);};` +
    'const $g=(i,p,m,t)=>{if(typeof i==="number"&&(i&m)===t)$h(i+p|0,m);return i;};' +
    "const $V=(v)=>$v=v;" +
    'const $u=(a,i)=>{if(typeof i==="number"){const m=$L(a);if((i&m)===$T)$h(i+$P|0,m);}return i;};';
}

/** Of an image's control: the touching of ranges, by methods of the library. */
export function touchControlText(overdueUnits: number): string {
  return `touch(r){const u=$E.touchRange(r);if(u>0&&($c-=u)<-${overdueUnits})$k();},`;
}

/** What a burst begins with: it may be on another CPU than the one before. */
export const samplingBurstText = "$F=$E.latestLines;$S=$E.setMask;";
