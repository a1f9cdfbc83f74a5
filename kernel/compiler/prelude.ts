/**
 * The first line of each image: the counter, the checks, and what else accounting code calls.
 *
 * The allowed names that a program uses become constants of the image, because a free name is looked up
 * through the compartment's proxies each time.
 * - prelude_memory.ts has the part that counts allocations.
 * - `$c` counts down from `$chunk`, so that it stays a small whole number; `$spent` holds what went
 *   before, `$stop` where the budget ends.
 * - `$i` counts instructions, `$done` holds those from before.
 * - Once the budget is spent, each later check throws again: no `catch` or `finally` gets away.
 */

import { type CompilationTarget, unitsPerCycle } from "./costs.ts";
import {
  type ElementRange,
  type ElementSampler,
  readLogText,
  sampledUnitsMax,
  samplingControlText,
  samplingText,
} from "./element_sampling.ts";
import { stackWordsMax } from "./frame.ts";
import type { Payer } from "./payer.ts";
import {
  constructorsText,
  memoryControlText,
  memoryPreludeText,
  type MemorySurroundings,
} from "./prelude_memory.ts";

/** Units that `$c` counts before they are added to the total, and after which memory is looked at. */
const chunkUnits = 2 ** 29;
/** A charge by size above this, 1 million cycles, is looked at before the work is done. */
const largeChargeUnits = 2 ** 26;
/**
 * A charge by size looks at the budget when this much, 4 million cycles, was charged without a look. A
 * program that calls the kernel has just been looked at, so the kernel's own code is never cut short.
 */
const overdueUnits = 2 ** 28;

/** What an image gives to the code that runs it. */
export interface ImageControl extends Payer {
  /** Starts a burst that may spend this many units, see `unitsOf`; false and nothing started when the program was ended. */
  begin(unitsMax: number): boolean;
  /** A burst has ended: cycles counted since the image was made, -1 when the program was ended. */
  pause(): number;
  /** Cycles counted since the image was made. */
  read(): number;
  /** Instructions counted since the image was made. */
  instructions(): number;
  /** Touches elements in the caches; absent in images that are not sampled. */
  touch?(range: ElementRange): void;
  /** Charges for what a burst has loaded and stored; absent in images that are not sampled. */
  settle?(): void;
  /** Bytes allocated since the image was made. */
  allocated(): number;
  /** Looks at the process's memory, and ends the program when it has too much alive. */
  look(pending: number): void;
  /** Whether a burst has spent its budget, or the program was ended otherwise. */
  isStopped(): boolean;
  /** Runs the program's modules and gives the main function. */
  load(): unknown;
}

/** What an image is given: the language's library, and what its accounting calls. */
export interface ImageSurroundings {
  readonly library: Readonly<Record<string, unknown>>;
  /** Makes the error that ends a program whose budget is spent. */
  readonly stop: () => Error;
  /** Bytes that copying a value moves. */
  readonly sizeOf: (value: unknown) => number;
  /** The length of a string, an array or a typed array, unless reading it may run code of the program. */
  readonly fixedLength: (value: unknown) => number | undefined;
  /** The cache model, for images that are compiled for it. */
  readonly sampler: ElementSampler | undefined;
  /** Gives a constructor back unless it allocates by size. */
  readonly checkConstructor: (value: unknown) => unknown;
  /** Gives back what the program is about to throw. */
  readonly thrown: (value: unknown) => unknown;
  /** Whether a value is one of the kernel's requests, which need no iterator to be yielded. */
  readonly isRequest: (value: unknown) => boolean;
  /** Performs a request of the kernel's within the burst: gives its answer, or `suspended` when it is to be yielded. */
  readonly performAtOnce: (request: unknown) => unknown;
  readonly suspended: symbol;
  /** What stands for a value that is no request. */
  readonly foreign: symbol;
  /** Gives what is about to be spread or copied, such that its length is known or counted. */
  readonly countable: (value: unknown) => unknown;
  readonly memory: MemorySurroundings;
}

/** The look at the budget; in sampled images it comes more often than the one at the memory. */
function lookText(isSampled: boolean): string {
  const chunk = isSampled ? sampledUnitsMax : chunkUnits;
  const looking = isSampled ? `if($spent>=$looked){$looked=$spent+${chunkUnits};$look(0);}` : "$look(0);";
  return `const $k=()=>{$spent+=$chunk-$c;$c=$chunk=0;$done+=$i;$i=0;${isSampled ? readLogText : ""}` +
    `if($spent>=$stop){$chunk=$c=-1;$stopped=true;throw $e.stop();}${looking}` +
    `$chunk=$stop-$spent<${chunk}?$stop-$spent:${chunk};$c=$chunk;};`;
}

const scanned = [
  "const $o=()=>{throw $e.memory.tooDeep();};",
  "const $y=(v,d)=>{$d=d;return v;};let $r,$X,$n=0;const $S=$e.suspended,$F=$e.foreign;",
  // Within a generator that the program resumes itself, whoever resumes it gets to see each request.
  "const $p=(v)=>$e.isRequest(v)?$n>0?$S:$e.performAtOnce(v):$F;",
  "const $s=(v)=>{const n=$e.sizeOf(v);$b(n);$allocate(n);return $e.countable(v);};",
  `const $a=(v,k)=>{const a=[...$s(v)];if($d+a.length*k>${stackWordsMax})$o();return a;};`,
  "const $z=(v)=>{const b=v*8;if(typeof v==='number'&&b>0){$allocate(b);$b(b);}return v;};",
  "const $spread=(v)=>{const n=$e.sizeOf(v);if(n>0){$b(n);$allocate(n*4);}return v;};",
  // The limit of a counted loop's inner turns, not a number if what it counts with is none or too large.
  "const $l=(i,b,s,t)=>{if(typeof i!=='number'||typeof b!=='number'||typeof s!=='number'||!(s>=1)){$joined(i);return 0/0;}",
  "const e=i+s*t;return i>-1e15&&e<1e15?b<e?b:e:0/0;};",
  "const $j=(i,v,s,t)=>$l(i,$e.fixedLength(v),s,t);",
  "const $w=$e.checkConstructor;",
  "const $t=$e.thrown;",
].join("");

/** The text in front of a program's own; it holds no line end but its last. */
export function preludeText(libraryNames: readonly string[], target: CompilationTarget): string {
  const { isSampled } = target;
  const chunk = isSampled ? sampledUnitsMax : chunkUnits;
  const unitsPerByte = target.costs.bulkByte * unitsPerCycle;
  const bulk = `const $b=(n)=>{const i=n*${target.instructions?.bulkByte ?? 0}+.5;$done+=i-i%1;` +
    `const u=n*${unitsPerByte}+.5;if(u<${largeChargeUnits}){if(($c-=u|0)<-${overdueUnits})$k();return;}` +
    "$spent+=u-u%1+$chunk-$c;$chunk=$c=0;$k();};";
  const control = `begin(n){if($stopped)return false;$spent+=$chunk-$c;$done+=$i;$i=0;$stop=$spent+n;` +
    `$chunk=n<${chunk}?n:${chunk};$c=$chunk;$d=$floor=0;return true;},pause:()=>$stopped?-1:$read(),` +
    `read:$read,instructions:()=>$done+$i,bulk:$b,` + memoryControlText +
    (target.isSampled ? samplingControlText(overdueUnits) : "") + "isStopped:()=>$stopped,load:(()=>{\n";
  return "(($e)=>{" +
    `const{${libraryNames.join()}}=$e.library,$R=$e.library.RangeError;` +
    "let $c=0,$i=0,$done=0,$d=0,$floor=0,$chunk=0,$spent=0,$stop=0,$looked=0,$stopped=false,$forget=()=>{};" +
    memoryPreludeText(target) + lookText(isSampled) + scanned + constructorsText(libraryNames) + bulk +
    (isSampled ? samplingText() : "") + `return{${control}`;
}

/** The text behind a program's own. */
export const postludeText = "\n})};})";
