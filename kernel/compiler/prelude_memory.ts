/**
 * The part of each image's first line that counts allocations and ends a program for good.
 *
 * `$room` counts down what is left of a nursery; when it is empty, the collector's share of its bytes is
 * charged, and from time to time the process's memory is looked at. Both happen at fixed counts of bytes.
 * - `$allocate` counts an allocation whose size is known only when it happens; a function for each constructor of
 *   buffers does so before it calls it, and notes the buffer. `$buffer` lets views of a buffer through.
 * - `$joined` looks at what `+` made: strings that grow by doubling cost nothing until somebody reads them.
 * - `$caught` looks at what was caught: the host's own stack overflow is not the program's to handle.
 */

import { elementSizes } from "./allowed_names.ts";
import { type CompilationTarget, unitsPerCycle } from "./costs.ts";
import { stackWordsMax } from "./frame.ts";

/** Bytes that are counted before the collector's share is charged, about a second-level cache (fitted). */
const nurseryBytes = 2 ** 18;
/** Strings that `+` makes are looked at from this length on; a shorter one costs the host nothing to speak of. */
const longString = 2 ** 18;

/** Words of stack between who resumes a generator and the generator (fitted: twice what was measured). */
const resumptionWords = 40;
/** Words of a method of the library and its wrapper; an error's `toString`, the largest, took 137 in all. */
const methodWords = 120;

/** What the memory part of an image calls. */
export interface MemorySurroundings {
  readonly quotaBytes: number;
  /** Looks at the process's memory, given its own counters; true when it has too much alive. */
  readonly check: (allocated: number, cycles: number, pending: number) => boolean;
  readonly mayNotHold: (bytes: number) => boolean;
  /** Notes a buffer or a view that was allocated; gives it back. */
  readonly keep: <T>(value: T) => T;
  /** Says why the program ends, before `stop` makes the error. */
  readonly endedBy: (cause: "memory" | "stack") => void;
  /** The error of a program that nests its calls too deep. */
  readonly tooDeep: () => Error;
  /** Whether an error is the host's own stack overflow. */
  readonly isHostOverflow: (error: unknown) => boolean;
}

/**
 * Declares what counts memory; uses `$spent`, `$done`, `$chunk`, `$c`, `$stop` and `$stopped` of the prelude. What
 * `$forget` forgets would else count as alive.
 */
export function memoryPreludeText({ costs, instructions }: CompilationTarget): string {
  const unitsPerByte = costs.collectedByte * unitsPerCycle;
  return [
    `let $room=${nurseryBytes},$got=0,$next=$e.memory.quotaBytes/4,$long=0,$longer=$e.memory.quotaBytes;const $quota=$e.memory.quotaBytes;`,
    `const $read=()=>($spent+$chunk-$c)/${unitsPerCycle};`,
    "const $end=(w)=>{$e.memory.endedBy(w);$spent+=$chunk-$c;$chunk=$c=$stop=-1;$stopped=true;throw $e.stop();};",
    "const $look=(n)=>{$forget();if($e.memory.check($got+$long,$read(),n))$end('memory');};",
    `const $collect=()=>{const n=${nurseryBytes}-$room;$got+=n;$room=${nurseryBytes};const u=n*${unitsPerByte};$spent+=u-u%1;` +
    `const i=n*${instructions?.collectedByte ?? 0};$done+=i-i%1;`,
    "if($got>=$next){$next=$got-$got%($quota/4)+$quota/4;$look(0);}};",
    "const $allocate=(n)=>{if(n>$quota)$end('memory');if(($room-=n-n%1)<0)$collect();};",
    "const $buffer=(v)=>{if(!(v instanceof $e.library.ArrayBuffer))throw new $e.library.TypeError(" +
    "'With more than one argument, the first must be an ArrayBuffer');return v;};",
    `const $joined=(v)=>{if(typeof v==='string'&&v.length>${longString})$joinedLong(v.length);return v;};`,
    "const $joinedLong=(n)=>{if(n>$quota)$end('memory');if(($long+=n)>$longer){$longer=$long+$quota;$look(0);}};",
    "const $caught=(v)=>{if(v instanceof $R&&$e.memory.isHostOverflow(v))$end('stack');};",
  ].join("");
}

/** What the image's control has of it: a payer's parts, and what the process's limits call. */
export const memoryControlText = `allocate:$allocate,allocated:()=>$got+${nurseryBytes}-$room,look:$look,` +
  "quotaBytes:$quota,keep:$e.memory.keep,floor:()=>$floor," +
  `enter(){const d=$d;if(($d+=${resumptionWords})>${stackWordsMax})$o();$floor=$d;$n++;return d;},` +
  "leave(d,f){$d=d;$floor=f;$n--;}," +
  `descend(){const d=$d;if(d+${methodWords}>${stackWordsMax})$o();$d=d+${methodWords};return d;},ascend(d){$d=d;},` +
  `nest(n){if($d+n>${stackWordsMax})$o();},`;

/** A function for each constructor of buffers that a program uses; each learns its own types. */
export function constructorsText(libraryNames: readonly string[]): string {
  return libraryNames.filter((name) => elementSizes.has(name)).map((name) =>
    `const $new${name}=(v)=>{const o=typeof v==='object',b=o?v instanceof $e.library.ArrayBuffer?0:$e.sizeOf(v)` +
    `:v*${elementSizes.get(name)};if(b>0){$allocate(b);$b(b);if(b>511&&$e.memory.mayNotHold(b))$look(b);}` +
    `const r=new ${name}(o?$e.countable(v):v);if(b>511||(o&&b===0&&r.byteLength>511&&!(v instanceof $e.library.ArrayBuffer)))` +
    "$e.memory.keep(r);return r;};"
  ).join("");
}
