/**
 * A program in execution: its image in a compartment of its own, its threads, and its cycle counter.
 *
 * The kernel makes one instance per process, starts its main function, and resumes its threads; after
 * each resumption it reads the counter, which all threads of the process share.
 * - What a program yields or throws is the program's: it may be any object, with any getters. `next`
 *   gives plain results; compare a yielded value by identity with what the kernel made, never read it.
 * - A thread is dropped by forgetting it. Never call its code to end it.
 * - A program that spends its budget in one burst, or has more memory alive than its quota, is stopped for
 *   good: each resumption throws.
 */

import { isRequest, performAtOnce, type Request } from "../calls/kernel_call.ts";
import { setTouching } from "./bulk_touches.ts";
import { scriptOf } from "./compartment_script.ts";
import { unitsOf } from "./costs.ts";
import { placesIn, registerImage } from "./fault_places.ts";
import { ElementSampler, type ProcessMemory, type SampledCache } from "./element_sampling.ts";
import type { Image } from "./image.ts";
import { surroundings } from "./lockdown.ts";
import { setRunning } from "./payer.ts";
import type { ImageControl, ImageSurroundings } from "./prelude.ts";
import { ProcessLimits, type ProgramStopped } from "./process_limits.ts";
import type { PrivateHeap } from "./private_heap.ts";

/** Cycles that a program may spend between two kernel calls unless the kernel says otherwise. */
export const burstCyclesMaxDefault = 20e9;

/** Why a program has ended by itself. */
export interface ProgramFault {
  /** One line, at most 300 characters. */
  readonly reason: string;
  /** Where, innermost first, as `file:line:column` of the source. */
  readonly places: readonly string[];
}

const reasonSizeMax = 290;
const { isError } = Error;

const generatorPrototype: object = Object.getPrototypeOf(Object.getPrototypeOf((function* () {})()));
/** The language's own, from before programs' generators were wrapped: what the host resumes is not a program's call. */
const generatorNext = generatorMethod("next");
const generatorThrow = generatorMethod("throw");

type Resume = (this: unknown, value: unknown) => IteratorResult<unknown, unknown>;

function generatorMethod(name: "next" | "throw"): Resume {
  const method: unknown = Object.getOwnPropertyDescriptor(generatorPrototype, name)?.value;
  if (typeof method !== "function") throw new Error(`The language's generators have no "${name}"`);
  return method as Resume;
}

/** Resumes a generator of the host's, as a thread's code. */
export function resumeGenerator(
  code: Iterator<unknown, unknown>,
  value: unknown,
): IteratorResult<unknown, unknown> {
  return generatorNext.call(code, value);
}

/**
 * Evaluates an image for a new process, with its memory if the image is sampled, and with the account of its
 * private heap; code of the program runs only in its threads.
 */
export function instantiate(image: Image, memory?: ProcessMemory, heap?: PrivateHeap): ProgramInstance {
  return new ProgramInstance(image, memory, heap);
}

export class ProgramInstance {
  readonly #control: ImageControl;
  readonly #sampler: ElementSampler | undefined;
  readonly #touch: ImageControl["touch"];
  /** Cycles that the program had spent when its last burst ended. */
  cycles = 0;
  #main: unknown;
  #burstCyclesMax = burstCyclesMaxDefault;
  #burstUnitsMax = unitsOf(burstCyclesMaxDefault);
  #isLoaded = false;
  /** The image asks for a call to be performed at once. */
  #isAtCall = false;
  readonly #limits: ProcessLimits;
  #lastThrow: { readonly value: unknown; readonly trace: Error } | undefined;

  constructor(image: Image, memory?: ProcessMemory, heap?: PrivateHeap) {
    this.#sampler = memory === undefined ? undefined : new ElementSampler(memory);
    this.#limits = new ProcessLimits(image.il.name, heap);
    registerImage(image);
    const make = scriptOf(image).evaluate() as (given: ImageSurroundings) => ImageControl;
    this.#control = make(surroundings({
      stop: () => this.#stop(),
      memory: this.#limits.surroundings(),
      thrown: (value) => this.#noteThrown(value),
      sampler: this.#sampler,
      performAtOnce: (request) => this.#performAtOnce(request as Request),
    }));
    this.#touch = this.#control.touch;
  }

  /** Cycles that the program has spent since it was loaded. */
  readCycles(): number {
    return this.#control.read();
  }

  /** Instructions that the program has executed since it was loaded. */
  readInstructions(): number {
    return this.#control.instructions();
  }

  /** Bytes that the program has allocated since it was loaded, dead ones included. */
  readAllocated(): number {
    return this.#control.allocated();
  }

  /** The next bursts run on the CPU with this cache. */
  runOn(cache: SampledCache | undefined): void {
    this.#sampler?.runOn(cache);
  }

  /** The process has ended: its memory is nobody's any more. */
  release(): void {
    this.#limits.release();
  }

  /** From the next burst on, a burst that spends more cycles than this stops the program. */
  setLimit(cyclesPerBurst: number): void {
    this.#burstCyclesMax = cyclesPerBurst;
    this.#burstUnitsMax = unitsOf(cyclesPerBurst);
  }

  /** The thread that runs the main function, after the top level of the program's modules. */
  start(kernel: unknown): ProgramThread {
    return new ProgramThread(this, () => {
      if (!this.#isLoaded) {
        this.#isLoaded = true;
        this.#main = this.#control.load();
      }
      return Reflect.apply(this.#main as () => unknown, undefined, [kernel]);
    });
  }

  /** A thread that runs a generator function of this program; any other value makes it end in a TypeError. */
  thread(body: unknown): ProgramThread {
    return new ProgramThread(this, () => Reflect.apply(body as () => unknown, undefined, []));
  }

  /** Why and where the program threw `error`. */
  explain(error: unknown): ProgramFault {
    if (typeof error !== "object" || error === null) {
      return { reason: `threw ${describe(error)}`, places: this.#placesOfThrow(error) };
    }
    const stack = this.#read(error, "stack");
    const places = typeof stack === "string" ? placesIn(stack) : this.#placesOfThrow(error);
    const name = this.#read(error, "name");
    const message = this.#read(error, "message");
    if (typeof message !== "string") {
      return {
        reason: isError(error) ? "threw an error without words" : "threw an object that is no error",
        places,
      };
    }
    const reason = `${typeof name === "string" ? name : "Error"}: ${message}`;
    return { reason: reason.slice(0, reasonSizeMax).replaceAll("\n", " "), places };
  }

  /** Reads what an error has; that runs code of the program if it made the object so. */
  #read(error: object, key: "name" | "message" | "stack"): unknown {
    const before = setRunning(this.#control);
    try {
      return (error as Readonly<Record<typeof key, unknown>>)[key];
    } catch {
      return undefined;
    } finally {
      this.#control.settle?.();
      setRunning(before);
    }
  }

  /** Keeps where the program threw its last value that does not know it by itself. */
  #noteThrown(value: unknown): unknown {
    if (!isError(value)) this.#lastThrow = { value, trace: new Error() };
    return value;
  }

  #placesOfThrow(value: unknown): readonly string[] {
    if (this.#lastThrow === undefined || !Object.is(this.#lastThrow.value, value)) return [];
    const stack = this.#read(this.#lastThrow.trace, "stack");
    return typeof stack === "string" ? placesIn(stack) : [];
  }

  /** Source places of an error that the program threw, innermost first. */
  mapStack(error: unknown): readonly string[] {
    return this.explain(error).places;
  }

  /** Runs a burst of the program: within its budget, and charged to it. Gives a copy of what its generator gave. */
  run(thread: ProgramThread, resume: Resume, value: unknown): IteratorResult<unknown, unknown> {
    const control = this.#control;
    if (!control.begin(this.#burstUnitsMax)) throw this.#stop();
    const before = setRunning(control);
    const touch = this.#touch;
    const touchBefore = touch === undefined ? undefined : setTouching(touch);
    let cycles = -1;
    let result: IteratorResult<unknown, unknown>;
    try {
      try {
        // With `yield*`, the object itself may be the program's.
        const given = resume.call(thread.made(), value);
        result = { done: Boolean(given.done), value: given.value };
      } finally {
        control.settle?.();
      }
      cycles = control.pause();
      if (cycles >= 0) this.#limits.burstEnded(control, cycles);
    } catch (error) {
      throw control.isStopped() ? this.#stop() : error;
    } finally {
      setRunning(before);
      if (touch !== undefined) setTouching(touchBefore);
      this.cycles = cycles >= 0 ? cycles : this.readCycles();
    }
    if (control.isStopped()) throw this.#stop();
    return result;
  }

  #performAtOnce(request: Request): unknown {
    this.#isAtCall = true;
    const answer = performAtOnce(request);
    this.#isAtCall = false;
    return answer;
  }

  /**
   * A burst may end where the image asks for that, and nowhere else: whoever calls a request's `next` gets the
   * request. Not when the program was ended, or its memory is to be looked at.
   */
  pause(): boolean {
    const control = this.#control;
    if (!this.#isAtCall) return false;
    this.#isAtCall = false;
    control.settle?.();
    const cycles = control.pause();
    if (cycles < 0 || this.#limits.isLookDue(cycles)) return false;
    this.cycles = cycles;
    setRunning(undefined);
    if (this.#touch !== undefined) setTouching(undefined);
    return true;
  }

  proceed(): void {
    const control = this.#control;
    control.begin(this.#burstUnitsMax);
    setRunning(control);
    if (this.#touch !== undefined) setTouching(this.#touch);
  }

  #stop(): ProgramStopped {
    return this.#limits.error(this.#burstCyclesMax);
  }
}

/** One thread of a program; it runs only within `next` and `throw`. */
export class ProgramThread {
  readonly #instance: ProgramInstance;
  readonly #make: () => unknown;
  #generator: unknown;

  /** `make` gives the thread's generator; it is called in the thread's first burst. */
  constructor(instance: ProgramInstance, make: () => unknown) {
    this.#instance = instance;
    this.#make = make;
  }

  /** Resumes the thread with the answer to its kernel call. */
  next(value?: unknown): IteratorResult<unknown, unknown> {
    return this.#instance.run(this, generatorNext, value);
  }

  /** Resumes the thread with an error in place of an answer. */
  throw(error: unknown): IteratorResult<unknown, unknown> {
    return this.#instance.run(this, generatorThrow, error);
  }

  /** Its generator, made in the first burst; a kernel call by itself is a thread that waits for it. */
  made(): unknown {
    if (this.#generator === undefined) {
      const made = this.#make();
      this.#generator = isRequest(made) ? waiting(made) : made;
    }
    return this.#generator;
  }
}

function* waiting(request: unknown): Generator<unknown, void, unknown> {
  yield request;
}

function describe(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value.slice(0, reasonSizeMax)) : typeof value;
}
