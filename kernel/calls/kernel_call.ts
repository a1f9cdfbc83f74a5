/**
 * A kernel call: what the kernel does for a thread that yielded one.
 *
 * Programs never hold a call. The ABI hands them generators that yield a `Token`,
 * which carries the call where only the kernel can take it out: a program that
 * drives such a generator by hand gets an empty, frozen object.
 * - `perform` runs when the burst's cycles have passed. It returns the answer, or
 *   `blocked` after giving the thread a `Wait`.
 * - Arguments come from programs and are hostile: check them in `perform`. What it
 *   throws is thrown at the program's `yield*`; a ContractViolation ends the process.
 * - `primitives` are charged from the ISA's table before the call takes effect.
 */

import type { Call } from "../abi/kernel.ts";
import type { KernelPrimitive } from "../hal/hardware.ts";
import type { Kernel } from "../kernel.ts";
import type { Thread } from "../scheduling/thread.ts";

export const blocked: unique symbol = Symbol("blocked");

export interface KernelCall<T> {
  readonly primitives: readonly KernelPrimitive[];
  /**
   * True for what is no entry into the kernel but an instruction of the program's own, which ends the burst
   * because others may see when it happens. It never blocks, and may stand where interrupts are off.
   */
  readonly isInstruction?: true;
  /** Further cycles that pass first: the kernel's own threads do their work so. */
  readonly cycles?: number;
  perform(kernel: Kernel, thread: Thread): T | typeof blocked;
}

/**
 * It is what `yield*` runs through: its first `next` yields itself, the second gives back the answer. That
 * costs half of a generator that does the same.
 */
class Token {
  readonly #call: KernelCall<unknown>;
  #isYielded = false;

  constructor(call: KernelCall<unknown>) {
    this.#call = call;
  }

  [Symbol.iterator](): this {
    return this;
  }

  next(answer: unknown): IteratorResult<unknown, unknown> {
    if (this.#isYielded) return { done: true, value: answer };
    this.#isYielded = true;
    return { done: false, value: this };
  }

  throw(error: unknown): never {
    throw error;
  }

  return(value: unknown): IteratorResult<never, unknown> {
    return { done: true, value };
  }

  static open(value: unknown): KernelCall<unknown> | undefined {
    return typeof value === "object" && value !== null && #call in value ? value.#call : undefined;
  }
}
// Otherwise `token.constructor` would let a program make calls of its own.
Reflect.deleteProperty(Token.prototype, "constructor");
Object.freeze(Token.prototype);

/** What all requests inherit; a program can get hold of it. */
export const requestPrototype: object = Token.prototype;

/** The call inside what a program yielded, or undefined if it is not of our making. */
export const openToken = Token.open;

/** The `yield*` form of a call. */
export function submit<T>(call: KernelCall<T>): Call<T> {
  return new Token(call) as unknown as Call<T>;
}
