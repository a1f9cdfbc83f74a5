/**
 * Where accounting code is being inserted: a function, a class's field or the top of the image, with the
 * texts that count there.
 *
 * `$c` is what is left of the budget, a variable of the image. Loops that never wait for the kernel count
 * in a variable of their own, `$n`, because the host keeps that in a register; it is handed to `$c` when
 * the loop is left, in whatever way, and when it has grown very large. A check that hardly ever succeeds
 * costs hardly anything: the host compiles the loop as if it never did.
 * - `$d` is the depth of calls in words of stack, `$x` its value when the function was entered, `$floor` where
 *   the generator that runs was resumed.
 * - All counting is in statements or expressions of their own with constant operands.
 */

import type { CountedLoop } from "./counted_loops.ts";
import { countsOf, type Price } from "./costs.ts";
import { sampledUnitsMax } from "./element_sampling.ts";

/** A loop's own count is handed over when it exceeds this many units, 16 million cycles. */
const localUnitsMax = 1e9;
/** A loop whose turns are in the text needs no look at the budget if they take less, 16,000 cycles. */
export const shortLoopUnitsMax = 1e6;
/** Words of stack that a program's calls may take: 640 KB of the 984 KB that V8 gives. */
export const stackWordsMax = 80_000;

const handOver = "$i+=$q;$q=0;if(($c-=$n)<0)$k();$n=0;";

export interface FrameOptions {
  /** Words of a call on the stack, or undefined when depth is not counted here. */
  readonly weight: number | undefined;
  readonly hasFinally: boolean;
  /** A generator may be resumed deeper than where it was called. */
  readonly isGenerator?: boolean;
  /** Whether loads and stores are sampled here; then the budget is looked at more often. */
  readonly isSampled?: boolean;
  /** Whether a function's body is around, which can declare variables. */
  readonly isInFunction?: boolean;
}

export class Frame {
  readonly weight: number | undefined;
  readonly hasFinally: boolean;
  /** Whether charges go to `$n` here. */
  isLocal = false;
  usesResult = false;
  /** Whether accesses to elements need variables of the function. */
  notesElements = false;
  /** What has to be noted before the function is left by `return`. */
  beforeReturn = "";
  readonly isInFunction: boolean;
  /** Sum of all charges to `$n` in the text so far: what is not in an inner loop takes no more. */
  unitsCharged = 0;
  readonly #isGenerator: boolean;
  readonly #localUnitsMax: number;

  constructor(options: FrameOptions) {
    this.#isGenerator = options.isGenerator === true;
    this.isInFunction = options.isInFunction === true;
    this.#localUnitsMax = options.isSampled ? sampledUnitsMax : localUnitsMax;
    this.weight = options.weight;
    this.hasFinally = options.hasFinally;
  }

  /** Whether each way out of the function sets the depth back. */
  get restoresDepth(): boolean {
    return this.weight !== undefined && !this.hasFinally;
  }

  /** A basic block's charge, as a statement. */
  charge(price: Price): string {
    return this.#counting(price, ";");
  }

  /** The same as an expression in front of another, or nothing. */
  chargeInFront(price: Price): string {
    return this.#counting(price, ",");
  }

  /** `end` is what stands behind each part. */
  #counting(price: Price, end: ";" | ","): string {
    const { units, instructions } = countsOf(price);
    this.unitsCharged += units;
    const cycles = this.isLocal ? `$n=$n+${units}|0` : `$c-=${units}`;
    return (units > 0 ? cycles + end : "") + this.#countingInstructions(instructions, end);
  }

  #countingInstructions(instructions: number, end: ";" | ","): string {
    if (instructions === 0) return "";
    return (this.isLocal ? `$q=$q+${instructions}|0` : `$i+=${instructions}`) + end;
  }

  /** The charge of one turn of a loop, which also notices a program that never ends; `noting` comes before a look. */
  chargeTurn(price: Price, noting = ""): string {
    const { units, instructions } = countsOf(price);
    const charged = Math.max(1, units);
    const counted = this.#countingInstructions(instructions, ";");
    if (!this.isLocal) return `${counted}if(($c-=${charged})<0){${noting}$k();}`;
    return `${counted}if(($n=$n+${charged}|0)>${this.#localUnitsMax}){${noting}${handOver}}`;
  }

  /**
   * What makes one loop two. The inner counts without a look at the budget, up to a limit that it reaches
   * before `$n` is too large; the outer has the program's test. The limit of a counter that is no number is
   * none either, and the inner loop then has one turn. `walks` notes what a pass of the inner loop went over.
   */
  aroundCounted(
    { counter, operator, bound, length, step, update }: CountedLoop,
    turnUnits: number,
    walks: string,
  ): { readonly inFront: string; readonly behind: string } {
    const turnsMax = Math.max(1, Math.floor(this.#localUnitsMax / Math.max(1, turnUnits)));
    const limit = `${length ? "$j" : "$l"}(${counter},${bound},${step},${turnsMax})`;
    return {
      inFront: `{const $limit=${limit}${walks === "" ? "" : `,$first=${counter}`};do`,
      behind: `while(${update},${counter}${operator}$limit);${walks}${this.afterCounted()}}`,
    };
  }

  /** Hands `$n` over where it may have grown without a look at the budget. */
  afterCounted(): string {
    return this.isLocal ? `if($n>${this.#localUnitsMax}){${handOver}}` : "";
  }

  /** What stands around a loop that counts by itself. */
  static readonly aroundLoop = ["{let $n=0,$q=0;try{", "}finally{$c-=$n;$i+=$q;}}"] as const;

  /** What a function does first. */
  entry(price: Price): string {
    const { units, instructions } = countsOf(price);
    let text = `${instructions > 0 ? `$i+=${instructions};` : ""}if(($c-=${Math.max(1, units)})<0)$k();`;
    if (this.weight !== undefined) text += `const $x=$d;if(($d+=${this.weight})>${stackWordsMax})$o();`;
    if (this.usesResult) text += "let $r;";
    if (this.notesElements) text += "let $index,$v,$G;";
    return this.weight !== undefined && this.hasFinally ? `${text}try{` : text;
  }

  /** What a function does when it runs off its end. */
  exit(): string {
    if (this.weight === undefined) return "";
    return this.hasFinally ? ";}finally{$d=$x;}" : ";$d=$x;";
  }

  /**
   * What a catch or finally block does first: a program whose budget is spent gets no further, and
   * callees that threw have not set the depth back.
   */
  handler(): string {
    return "if($c<0)$k();" + this.afterCounted() + (this.weight === undefined ? "" : `$d=${this.depth};`);
  }

  /** The function's own depth. */
  get depth(): string {
    if (this.weight === undefined) return "0";
    return this.#isGenerator ? `($x>$floor?$x:$floor)+${this.weight}` : `$x+${this.weight}`;
  }
}
