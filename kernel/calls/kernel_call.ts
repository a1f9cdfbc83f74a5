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

export interface KernelCall<T> {
  /** Charged from the ISA's table before the call takes effect, beside the entry into the kernel. */
  readonly primitive?: KernelPrimitive;
  /**
   * True for what is no entry into the kernel but an instruction of the program's own, which ends the burst
   * because others may see when it happens. It never blocks, and may stand where interrupts are off.
   */
  readonly isInstruction?: true;
  /** Further cycles that pass first: the kernel's own threads do their work so. */
  readonly cycles?: number;
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
/** Of a call with further cycles. */
export const workCharge = 2 * chargesMax;

/** `idle` when nothing is asked for; `shown` when `next` has given the request to who drives it. */
const state = { idle: 0, issued: 1, shown: 2 } as const;

/**
 * It is what `yield*` runs through: the first `next` yields the request itself, the second gives back the
 * answer. A thread uses its request again once its call has been performed, because a new object for each call,
 * pointed to by old ones, costs the host more than the call. A program that kept one gets hold of nothing but the
 * next call of its own process.
 */
export class Request {
  #state: number = state.issued;
  #charge: Charge = 0;
  #operation: Operation | undefined;
  #first: unknown;
  #second: unknown;
  #third: unknown;
  readonly #shown = Object.freeze({ done: false, value: this });

  [Symbol.iterator](): this {
    return this;
  }

  next(answer: unknown): IteratorResult<unknown, unknown> {
    if (this.#state !== state.issued) return { done: true, value: answer };
    this.#state = state.shown;
    return this.#shown;
  }

  throw(error: unknown): never {
    throw error;
  }

  return(value: unknown): IteratorResult<never, unknown> {
    return { done: true, value };
  }

  static issue(
    charge: Charge,
    operation: Operation,
    first: unknown,
    second: unknown,
    third: unknown,
  ): Request {
    const request = running?.spare ?? new Request();
    if (running !== undefined) running.spare = undefined;
    request.#state = state.issued;
    request.#charge = charge;
    request.#operation = operation;
    request.#first = first;
    request.#second = second;
    request.#third = third;
    return request;
  }

  /** The request that a program yielded, or undefined if it is none of our making, or was yielded before. */
  static take(value: unknown): Request | undefined {
    if (typeof value !== "object" || value === null || !(#state in value)) return undefined;
    if (value.#state === state.idle) return undefined;
    value.#state = state.idle;
    return value;
  }

  static isRequest(value: unknown): boolean {
    return typeof value === "object" && value !== null && #state in value;
  }

  static chargeOf(request: Request): Charge {
    return request.#charge;
  }

  /** Further cycles of a call that has some. */
  static cyclesOf(request: Request): number {
    return (request.#first as KernelCall<unknown>).cycles ?? 0;
  }

  /** Does what is asked for; the request is the thread's to use again. */
  static perform(request: Request, kernel: Kernel, thread: Thread): unknown {
    thread.spare = request;
    return request.#operation!(kernel, thread, request.#first, request.#second, request.#third);
  }
}
// Otherwise `request.constructor` would let a program make calls of its own.
Reflect.deleteProperty(Request.prototype, "constructor");
Object.freeze(Request.prototype);

/** The thread whose burst is running: its next call uses its request. */
let running: Thread | undefined;

/** Tells which thread's burst begins, or that it has ended. */
export function setRunningThread(thread: Thread | undefined): void {
  running = thread;
}

/** What all requests inherit; a program can get hold of it. */
export const requestPrototype: object = Request.prototype;

export const { take: takeRequest, isRequest, chargeOf: chargeOfRequest, cyclesOf, perform: performRequest } =
  Request;

const performCall: Operation<KernelCall<unknown>> = (kernel, thread, call) => call.perform(kernel, thread);

/** The `yield*` form of a call. */
export function submit<T>(call: KernelCall<T>): Call<T> {
  return requestFor(call) as unknown as Call<T>;
}

/** The request for a call, for the kernel's own use. */
export function requestFor(call: KernelCall<unknown>): Request {
  const charge = call.cycles !== undefined
    ? workCharge
    : chargeOf(call.primitive) + (call.isInstruction === true ? instructionCharge : 0);
  return Request.issue(charge, performCall as Operation, call, undefined, undefined);
}

/** The `yield*` form of an operation on what a program gave. */
export function issue<T, A, B, C>(
  charge: Charge,
  operation: Operation<A, B, C>,
  first: A,
  second: B,
  third: C,
): Call<T> {
  return Request.issue(charge, operation as Operation, first, second, third) as unknown as Call<T>;
}
