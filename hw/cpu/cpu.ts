/**
 * A CPU: a clock, an ISA, an interrupt input, and the time that work takes on it.
 *
 * What runs is JavaScript and runs at once on the host; the CPU accounts for the
 * time. It is idle, or occupied until an instant; an interrupt that arrives
 * meanwhile is handled at that instant and pushes the end of the occupation back.
 * - `spend` is the fast way: it moves time on if nothing else is due first.
 * - `occupy` schedules the end and calls back; there is one occupation at a time.
 * - `steal` adds cycles to whatever goes on: interrupt handlers charge with it.
 * - `stop` ends all execution, as a halt with interrupts off or a fault of the core does; only
 *   `reset` (INIT, or a card's watchdog) makes the CPU usable again.
 */

import type { AddressSpace } from "../memory/address_space.ts";
import type { EventQueue, ScheduledEvent } from "../time/event_queue.ts";
import { cycles, type Duration, elapsed, type Instant, later } from "../time/time.ts";
import type { CpuCaches } from "./cache.ts";
import type { Isa } from "./isa.ts";

/** The chip that feeds a CPU's interrupt input: local APIC, or the card's controller. */
export interface InterruptController {
  /** True while an interrupt waits that the CPU would take. */
  readonly pending: boolean;
  /** Takes the highest one: its vector (APIC) or source number (card). */
  acknowledge(): number;
}

/** Registers reached by coprocessor instructions (card: CP6). */
export interface Coprocessor {
  read(register: number, page: number): number;
  write(register: number, page: number, value: number): void;
}

export interface CpuDefinition {
  readonly name: string;
  readonly index: number;
  /** Local APIC id; 0 on a card. */
  readonly apicId: number;
  readonly isa: Isa;
  readonly frequencyHz: number;
  /** Every instruction of programs costs this many times its table value; 1 unless a machine file says otherwise. */
  readonly instructionCostScale: number;
  readonly coprocessors?: ReadonlyMap<number, Coprocessor>;
  readonly localBus?: AddressSpace;
  readonly caches?: CpuCaches | undefined;
}

export class Cpu {
  readonly name: string;
  readonly index: number;
  readonly apicId: number;
  readonly isa: Isa;
  readonly frequencyHz: number;
  readonly instructionCostScale: number;
  readonly coprocessors: ReadonlyMap<number, Coprocessor>;
  /** What only this CPU sees: its local APIC at FEE00000h. Undefined on a card. */
  readonly localBus: AddressSpace | undefined;
  /** Its data caches; undefined where the machine's description names none. */
  readonly caches: CpuCaches | undefined;
  /** Who takes interrupts; set by the code that runs here. */
  interruptHandler: ((vector: number) => void) | undefined;
  /** Called when all that was pending has been handled; what it does can be interrupted again. */
  afterInterrupts: (() => void) | undefined;
  /** What "jump to this address" means; set by whoever put code into memory. */
  execute: ((address: number) => void) | undefined;
  /** Called when the CPU stops, or is reset: what ran here runs no more. */
  readonly onStop: (() => void)[] = [];
  /** Cycles that this CPU has been busy since power-on. */
  busyCycles = 0;

  readonly #queue: EventQueue;
  #controller: InterruptController | undefined;
  #end: { instant: Instant; done: () => void; event: ScheduledEvent } | undefined;
  /** The same for each occupation: many are short, and a closure for each would cost the host more than they do. */
  readonly #endReached = () => {
    const { done } = this.#end!;
    this.#end = undefined;
    done();
  };
  #stolenUntil: Instant = 0 as Instant;
  #inHandler = false;
  #stopped = false;
  #interruptsEnabled = true;
  /** The controller has had something since nothing was left the last time: only then is it asked. */
  #mayBePending = true;

  constructor(queue: EventQueue, definition: CpuDefinition) {
    this.#queue = queue;
    this.name = definition.name;
    this.index = definition.index;
    this.apicId = definition.apicId;
    this.isa = definition.isa;
    this.frequencyHz = definition.frequencyHz;
    this.instructionCostScale = definition.instructionCostScale;
    this.coprocessors = definition.coprocessors ?? new Map();
    this.localBus = definition.localBus;
    this.caches = definition.caches;
  }

  get occupied(): boolean {
    return this.#end !== undefined;
  }

  /** When an interrupt that ran on an idle CPU is over; never before now. */
  get freeAt(): Instant {
    return Math.max(this.#stolenUntil, this.#queue.now) as Instant;
  }

  /** Whether an interrupt that ran on an idle CPU is not over yet. */
  get isBehind(): boolean {
    return this.#stolenUntil > this.#queue.now;
  }

  /** The busy cycles that have passed by now: without what is still to come of the present work. */
  get passedBusyCycles(): number {
    const end = this.#end?.instant ?? this.#stolenUntil;
    return this.busyCycles - Math.max(0, elapsed(this.#queue.now, end)) * this.frequencyHz / 1e9;
  }

  /** True from `stop` until `reset`. */
  get stopped(): boolean {
    return this.#stopped;
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#endExecution();
  }

  /** Everything that ran here is gone; the CPU waits to be started. */
  reset(): void {
    this.#endExecution();
    this.#stopped = false;
    this.#interruptsEnabled = true;
  }

  #endExecution(): void {
    if (this.occupied) this.preempt();
    this.#stolenUntil = this.#queue.now;
    this.interruptHandler = undefined;
    this.afterInterrupts = undefined;
    for (const notify of this.onStop.splice(0)) notify();
  }

  duration(count: number): Duration {
    return cycles(count, this.frequencyHz);
  }

  connect(controller: InterruptController): void {
    this.#controller = controller;
    this.#mayBePending = true;
  }

  /** Code of this CPU starts at `address` (reset, start-up IPI, jump). */
  jump(address: number): void {
    if (this.execute === undefined) {
      throw new Error(`${this.name} has no code to run at 0x${address.toString(16)}`);
    }
    this.execute(address);
  }

  /** Spends cycles at once if nothing else is due before they are over; false and no change if something is. */
  spend(count: number): boolean {
    if (this.#end !== undefined) throw new Error(`${this.name} cannot spend cycles while it is occupied`);
    if (!this.#queue.tryAdvance(later(this.freeAt, this.duration(count)))) return false;
    this.busyCycles += count;
    return true;
  }

  /** Is busy for `count` cycles, then calls `done`. */
  occupy(count: number, done: () => void): void {
    if (this.#end !== undefined) throw new Error(`${this.name} is occupied already`);
    this.busyCycles += count;
    this.#schedule(later(this.freeAt, this.duration(count)), done);
  }

  /** Ends the occupation early: how many cycles were left. `done` is not called. */
  preempt(): number {
    const end = this.#end;
    if (end === undefined) throw new Error(`${this.name} has nothing to preempt`);
    this.#queue.cancel(end.event);
    this.#end = undefined;
    const left = Math.max(0, elapsed(this.#queue.now, end.instant)) * this.frequencyHz / 1e9;
    this.busyCycles -= left;
    return left;
  }

  /** Adds `count` cycles to what goes on, or to the idle time that follows. */
  steal(count: number): void {
    this.busyCycles += count;
    const extra = this.duration(count);
    const end = this.#end;
    if (end === undefined) {
      this.#stolenUntil = later(this.freeAt, extra);
      return;
    }
    this.#queue.cancel(end.event);
    this.#schedule(later(end.instant, extra), end.done);
  }

  /** Holds interrupts back until they are enabled again. */
  disableInterrupts(): void {
    this.#interruptsEnabled = false;
  }

  enableInterrupts(): void {
    this.#interruptsEnabled = true;
    this.deliverPending();
  }

  /** Whether an interrupt may wait to be taken. */
  get mayBePending(): boolean {
    return this.#mayBePending;
  }

  /** The interrupt controller calls this when an interrupt becomes pending. */
  interruptRaised(): void {
    this.#mayBePending = true;
    if (this.#interruptsEnabled) this.deliverPending();
  }

  /** Takes what is pending now, one after the other, even while interrupts are disabled. */
  deliverPending(): void {
    if (this.#mayBePending) this.#deliver();
  }

  #deliver(): void {
    const controller = this.#controller;
    if (this.#inHandler || this.interruptHandler === undefined || controller === undefined) return;
    if (!controller.pending) {
      this.#mayBePending = false;
      return;
    }
    this.#inHandler = true;
    try {
      // What runs in the interrupt may stop the CPU.
      while (this.interruptHandler !== undefined && controller.pending) {
        this.interruptHandler(controller.acknowledge());
      }
    } finally {
      this.#inHandler = false;
    }
    this.afterInterrupts?.();
  }

  #schedule(instant: Instant, done: () => void): void {
    this.#end = { instant, done, event: this.#queue.at(instant, this.#endReached) };
  }
}
