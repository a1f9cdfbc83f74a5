/**
 * Where accounting code is being inserted: a function, a class's field or the top of the image, with the
 * texts that count there.
 *
 * `$c` is what is left of the budget, a variable of the image. Inside of loops that never wait for the
 * kernel, functions count in a variable of their own, `$n`, because the host keeps that in a register;
 * it is given to `$c` when the loop ends, when the function is left, and each time it grows large.
 * - `$d` is the depth of calls in words of stack, `$x` its value when the function was entered.
 * - All counting is in statements or expressions of their own with constant operands.
 */

import { toUnits } from "./costs.ts";

/** A loop's own count is handed over when it exceeds this many units: 1,024 cycles. */
const localUnitsMax = 65536;
/** Words of stack that a program's calls may take: 480 KB, half of what hosts give. */
export const stackWordsMax = 60_000;

export interface FrameOptions {
  /** Words of a call on the stack, or undefined when depth is not counted here. */
  readonly weight: number | undefined;
  readonly hasFinally: boolean;
  /** Whether the place can hold variables of the accounting's own. */
  readonly mayCountLocally: boolean;
}

export class Frame {
  readonly weight: number | undefined;
  readonly hasFinally: boolean;
  readonly mayCountLocally: boolean;
  /** Whether charges go to `$n` here. */
  isLocal = false;
  usesLocal = false;
  usesResult = false;
  /** What can be decided only when the whole function has been seen. */
  readonly atEnd: (() => void)[] = [];

  constructor(options: FrameOptions) {
    this.weight = options.weight;
    this.hasFinally = options.hasFinally;
    this.mayCountLocally = options.mayCountLocally;
  }

  /** Whether each way out of the function sets the depth back. */
  get restoresDepth(): boolean {
    return this.weight !== undefined && !this.hasFinally;
  }

  /** The same in front of the last expression of a function, as a part of a sequence. */
  get handOverInFront(): string {
    return this.isLocal ? "$c-=$n,$n=0," : "";
  }

  /** A basic block's charge, as a statement. */
  charge(cycles: number): string {
    const units = toUnits(cycles);
    if (units === 0) return "";
    return this.isLocal ? `$n=$n+${units}|0;` : `$c-=${units};`;
  }

  /** The same as an expression in front of another, or nothing. */
  chargeInFront(cycles: number): string {
    const units = toUnits(cycles);
    if (units === 0) return "";
    return this.isLocal ? `$n=$n+${units}|0,` : `$c-=${units},`;
  }

  /** The charge of one turn of a loop, which also notices a program that never ends. */
  chargeTurn(cycles: number): string {
    const units = Math.max(1, toUnits(cycles));
    if (!this.isLocal) return `if(($c-=${units})<0)$k();`;
    return `if(($n=$n+${units}|0)>${localUnitsMax}){$c-=$n;$n=0;if($c<0)$k();}`;
  }

  /** What a function does first. */
  entry(cycles: number): string {
    let text = `if(($c-=${Math.max(1, toUnits(cycles))})<0)$k();`;
    if (this.weight !== undefined) text += `const $x=$d;if(($d+=${this.weight})>${stackWordsMax})$o();`;
    if (this.usesLocal) text += "let $n=0;";
    if (this.usesResult) text += "let $r;";
    return this.weight !== undefined && this.hasFinally ? `${text}try{` : text;
  }

  /** What a function does when it runs off its end. */
  exit(): string {
    if (this.weight === undefined) return "";
    return this.hasFinally ? ";}finally{$d=$x;}" : ";$d=$x;";
  }

  /** Hands a loop's count over where the loop may have been left; looks at the budget, as a turn would have. */
  handOver(): string {
    return this.usesLocal ? "$c-=$n;$n=0;if($c<0)$k();" : "";
  }

  /** What a catch or finally block does first: callees that threw have not set the depth back. */
  handler(): string {
    const check = this.usesLocal ? this.handOver() : "if($c<0)$k();";
    return check + (this.weight === undefined ? "" : `$d=${this.depth};`);
  }

  /** The function's own depth. */
  get depth(): string {
    return this.weight === undefined ? "0" : `$x+${this.weight}`;
  }
}
