/**
 * The event queue: the one order in which things happen in the machine.
 *
 * Every device, CPU and link schedules here; nothing else moves virtual time.
 * - Key is (time, sequence): events at the same instant run first-in first-out.
 * - An event can be cancelled until it has run.
 * - `tryAdvance` lets a CPU run on without touching the queue, as long as
 *   nothing else is due first: this is what makes the emulator fast.
 * - An event in the past is a bug of ours and throws.
 */

import { type Duration, type Instant, later, powerOn } from "./time.ts";

/** A scheduled action; keep it to cancel it. */
export interface ScheduledEvent {
  readonly instant: Instant;
  readonly sequence: number;
  /** Undefined once it ran or was cancelled. */
  action: (() => void) | undefined;
}

/** What devices need of time: the present, and a way to act later. */
export interface Clock {
  readonly now: Instant;
  at(instant: Instant, action: () => void): ScheduledEvent;
  after(duration: Duration, action: () => void): ScheduledEvent;
  cancel(event: ScheduledEvent): void;
}

export class EventQueue implements Clock {
  #now: Instant = powerOn;
  #sequence = 0;
  #live = 0;
  readonly #heap: ScheduledEvent[] = [];
  /** No event may run, and no CPU run on, past this instant. */
  #horizon = Infinity as Instant;

  get now(): Instant {
    return this.#now;
  }

  /** How many events wait. */
  get size(): number {
    return this.#live;
  }

  at(instant: Instant, action: () => void): ScheduledEvent {
    if (!(instant >= this.#now)) {
      throw new Error(`Cannot schedule at ${instant} ns: it is already ${this.#now} ns`);
    }
    const event: ScheduledEvent = { instant, sequence: this.#sequence++, action };
    this.#live++;
    this.#push(event);
    return event;
  }

  after(duration: Duration, action: () => void): ScheduledEvent {
    return this.at(later(this.#now, duration), action);
  }

  cancel(event: ScheduledEvent): void {
    if (event.action === undefined) return;
    event.action = undefined;
    this.#live--;
  }

  /** When the next event is due, or undefined when none waits. */
  nextInstant(): Instant | undefined {
    this.#dropCancelled();
    return this.#heap[0]?.instant;
  }

  /** Runs the next event; false when none waits at or before the horizon. */
  runNext(): boolean {
    this.#dropCancelled();
    const event = this.#heap[0];
    if (event === undefined || event.instant > this.#horizon) return false;
    this.#pop();
    this.#now = event.instant;
    const action = event.action!;
    event.action = undefined;
    this.#live--;
    action();
    return true;
  }

  /**
   * Runs all events up to and including `instant`, then stands at `instant`. Given `stop`, asks it after
   * each event; when it says true, time stays at that event and the answer is true.
   */
  runUntil(instant: Instant, stop?: () => boolean): boolean {
    const before = this.#horizon;
    this.#horizon = instant;
    try {
      while (this.runNext()) if (stop?.()) return true;
    } finally {
      this.#horizon = before;
    }
    if (this.#now < instant && instant !== Infinity) this.#now = instant;
    return false;
  }

  /**
   * Moves to `instant` if no event is due before or at it; else changes nothing.
   * A CPU calls this at the end of a burst instead of scheduling the end.
   */
  tryAdvance(instant: Instant): boolean {
    if (instant > this.#horizon) return false;
    this.#dropCancelled();
    const next = this.#heap[0];
    if (next !== undefined && next.instant <= instant) return false;
    this.#now = instant;
    return true;
  }

  #dropCancelled(): void {
    while (this.#heap.length > 0 && this.#heap[0]!.action === undefined) this.#pop();
  }

  #push(event: ScheduledEvent): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(event);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(event, heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
  }
}

function isBefore(a: ScheduledEvent, b: ScheduledEvent): boolean {
  return a.instant < b.instant || (a.instant === b.instant && a.sequence < b.sequence);
}
