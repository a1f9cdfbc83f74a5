/**
 * A kernel call: what the kernel does for a thread that yielded a request for it.
 *
 * Programs never hold a call. The ABI hands them requests, which carry the call where only the kernel can
 * take it out: to a program a request is an empty, frozen-prototyped object that can be yielded once.
 * - `perform` runs when the burst's cycles have passed. It returns the answer, or
 *   `blocked` after giving the thread a `Wait`.
 * - Arguments come from programs and are hostile: check them in `perform`. What it
 *   throws is thrown at the program's `yield*`; a ContractViolation ends the process.
 * - Sends and receives use `issue`, which spares them an object; all others `submit` a call.
 */

import type { Call } from "../abi/kernel.ts";
import type { KernelPrimitive } from "../hal/hardware.ts";
import type { Kernel } from "../kernel.ts";
import type { Thread } from "../scheduling/thread.ts";

export const blocked: unique symbol = Symbol("blocked");

/** What a request gives in place of an answer when its thread cannot go on within its burst. */
export const suspended: unique symbol = Symbol("suspended");

export interface KernelCall<T> {
  /** Charged from the ISA's table before the call takes effect, beside the entry into the kernel. */
  readonly primitive?: KernelPrimitive;
  /**
   * True for what is no entry into the kernel but an instruction of the program's own, which ends the burst
   * because others may see when it happens. It never blocks, and may stand where interrupts are off.
   */
  readonly isInstruction?: true;
  perform(kernel: Kernel, thread: Thread): T | typeof blocked;
}

/** What a request makes the kernel do, with up to three values that came from the program. */
export type Operation<A = unknown, B = unknown, C = unknown> = (
  kernel: Kernel,
  thread: Thread,
  first: A,
  second: B,
  third: C,
) => unknown;

/** What a request costs, as a number that each CPU has the cycles of. */
export type Charge = number;

const primitiveNumbers = new Map<KernelPrimitive, number>();

/** Of a primitive; 0 of none. */
export function chargeOf(primitive: KernelPrimitive | undefined): Charge {
  if (primitive === undefined) return 0;
  const known = primitiveNumbers.get(primitive);
  if (known !== undefined) return known;
  const number = primitiveNumbers.size + 1;
  primitiveNumbers.set(primitive, number);
  return number;
}

/** More than there are primitives: beyond are instructions, and what has further cycles. */
export const chargesMax = 64;
/** Added to the charge of an instruction. */
export const instructionCharge = chargesMax;
/** Of work that the kernel's own threads do: so many cycles as `first` says. */
export const workCharge = 2 * chargesMax;

/** `shown` when `next` has given the request to who drives it, `done` when a kernel has taken it. */
const state = { issued: 0, shown: 1, done: 2 } as const;

/**
 * It is what `yield*` runs through: the first `next` performs the call at once, or yields the request itself and
 * gives back the answer when it is called again. To a program that keeps one it is worth nothing.
 */
export class Request {
  #state: number = state.issued;
  #charge: Charge;
  #operation: Operation;
  #first: unknown;
  #second: unknown;
  #third: unknown;

  constructor(charge: Charge, operation: Operation, first: unknown, second: unknown, third: unknown) {
    this.#charge = charge;
    this.#operation = operation;
    this.#first = first;
    this.#second = second;
    this.#third = third;
  }

  [Symbol.iterator](): this {
    return this;
  }

  next(answer: unknown): IteratorResult<unknown, unknown> {
    if (this.#state !== state.issued) return { done: true, value: answer };
    const given = Request.performAtOnce(this);
    if (given !== suspended) return { done: true, value: given };
    this.#state = state.shown;
    return { done: false, value: this };
  }

  throw(error: unknown): never {
    throw error;
  }

  return(value: unknown): IteratorResult<never, unknown> {
    return { done: true, value };
  }

  /** The request that a program yielded, or undefined if it is none of our making, or was yielded before. */
  static take(value: unknown): Request | undefined {
    if (typeof value !== "object" || value === null || !(#state in value)) return undefined;
    if (value.#state === state.done) return undefined;
    value.#state = state.done;
    return value;
  }

  static isRequest(value: unknown): boolean {
    return typeof value === "object" && value !== null && #state in value;
  }

  static chargeOf(request: Request): Charge {
    return request.#charge;
  }

  /**
   * Performs a request in the midst of the burst that made it, when nothing speaks against it; gives `suspended`
   * when the thread has to wait, or the request has to be yielded. What is performed so runs on the program's
   * stack: sends, receives and work of the kernel's own threads, which nest a few calls.
   */
  static performAtOnce(request: Request): unknown {
    if (running === undefined) return suspended;
    if (request.#operation === performCall) return suspended;
    return running.lastDispatcher!.performAtOnce(running, request);
  }

  /** Cycles of the kernel's own work: what `first` is then. */
  static cyclesOf(request: Request): number {
    return request.#first as number;
  }

  /** Does what is asked for. */
  static perform(request: Request, kernel: Kernel, thread: Thread): unknown {
    request.#state = state.done;
    return request.#operation(kernel, thread, request.#first, request.#second, request.#third);
  }
}
// Otherwise `request.constructor` would let a program make calls of its own.
Reflect.deleteProperty(Request.prototype, "constructor");
Object.freeze(Request.prototype);

/** The thread whose burst is running and may be ended in the midst of its code. */
let running: Thread | undefined;

/** Tells which thread's burst begins, or that it has ended. */
export function setRunningThread(thread: Thread | undefined): void {
  running = thread;
}

/** What all requests inherit; a program can get hold of it. */
export const requestPrototype: object = Request.prototype;

export const {
  take: takeRequest,
  isRequest,
  performAtOnce,
  chargeOf: chargeOfRequest,
  cyclesOf,
  perform: performRequest,
} = Request;

const performCall: Operation<KernelCall<unknown>> = (kernel, thread, call) => call.perform(kernel, thread);

/** The `yield*` form of a call. */
export function submit<T>(call: KernelCall<T>): Call<T> {
  return requestFor(call) as unknown as Call<T>;
}

/** The request for a call, for the kernel's own use. */
export function requestFor(call: KernelCall<unknown>): Request {
  const charge = chargeOf(call.primitive) + (call.isInstruction === true ? instructionCharge : 0);
  return new Request(charge, performCall as Operation, call, undefined, undefined);
}

/** The `yield*` form of an operation on what a program gave. */
export function issue<T, A, B, C>(
  charge: Charge,
  operation: Operation<A, B, C>,
  first: A,
  second: B,
  third: C,
): Call<T> {
  return new Request(charge, operation as Operation, first, second, third) as unknown as Call<T>;
}
