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
  /** Where the queue keeps the action; another event has that place later, with another number. */
  readonly place: number;
  readonly sequence: number;
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
  /** A binary heap: the instants apart from the actions, which stay in their places, so that sifting moves numbers only. */
  #instants = new Float64Array(roomAtFirst);
  /** Where the action of each heap entry is. */
  #places = new Int32Array(roomAtFirst);
  #length = 0;
  /** By place: the event's number, and its action, undefined once it ran or was cancelled. */
  #sequences = new Float64Array(roomAtFirst);
  readonly #actions: ((() => void) | undefined)[] = [];
  /** Places below `#placesUsed` that no entry of the heap has; those above never had one. */
  #freePlaces = new Int32Array(roomAtFirst);
  #freeCount = 0;
  #placesUsed = 0;
  /** The first entry has run and its place is free: the next event that is scheduled goes in there at once. */
  #isTopFree = false;
  /** Nothing is due before this instant, and it is within the horizon; -Infinity when that has to be found out. */
  #quietUntil = -Infinity;
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
    if (instant < this.#quietUntil) this.#quietUntil = instant;
    this.#live++;
    const sequence = this.#sequence++;
    const isTopFree = this.#isTopFree;
    this.#isTopFree = false;
    if (!isTopFree && this.#length === this.#instants.length) this.#grow();
    const place = isTopFree ? this.#places[0]! : this.#takePlace();
    this.#sequences[place] = sequence;
    this.#actions[place] = action;
    this.#siftUp(isTopFree ? this.#freeLeaf(this.#length) : this.#length++, instant, place);
    return { place, sequence };
  }

  after(duration: Duration, action: () => void): ScheduledEvent {
    return this.at(later(this.#now, duration), action);
  }

  cancel(event: ScheduledEvent): void {
    const { place, sequence } = event;
    if (this.#sequences[place] !== sequence || this.#actions[place] === undefined) return;
    this.#actions[place] = undefined;
    this.#live--;
  }

  /** When the next event is due, or undefined when none waits. */
  nextInstant(): Instant | undefined {
    return this.#hasNext() ? this.#instants[0] as Instant : undefined;
  }

  /** Runs the next event; false when none waits at or before the horizon. */
  runNext(): boolean {
    if (!this.#hasNext()) return false;
    const instant = this.#instants[0]! as Instant;
    if (instant > this.#horizon) return false;
    this.#isTopFree = true;
    this.#quietUntil = -Infinity;
    this.#now = instant;
    const place = this.#places[0]!;
    const action = this.#actions[place]!;
    this.#actions[place] = undefined;
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
    this.#quietUntil = -Infinity;
    try {
      while (this.runNext()) if (stop?.()) return true;
    } finally {
      this.#horizon = before;
      this.#quietUntil = -Infinity;
    }
    if (this.#now < instant && instant !== Infinity) this.#now = instant;
    return false;
  }

  /**
   * Moves to `instant` if no event is due before or at it; else changes nothing.
   * A CPU calls this at the end of a burst instead of scheduling the end.
   */
  tryAdvance(instant: Instant): boolean {
    if (instant < this.#quietUntil) {
      this.#now = instant;
      return true;
    }
    return this.#advanceToEdge(instant);
  }

  #advanceToEdge(instant: Instant): boolean {
    if (instant > this.#horizon) return false;
    const next = this.#hasNext() ? this.#instants[0]! : Infinity;
    this.#quietUntil = Math.min(this.#horizon, next);
    if (next <= instant) return false;
    this.#now = instant;
    return true;
  }

  /** Whether an event waits; the first entry is then one that was not cancelled. */
  #hasNext(): boolean {
    if (this.#isTopFree) this.#dropTop();
    while (this.#length > 0) {
      if (this.#actions[this.#places[0]!] !== undefined) return true;
      this.#dropTop();
    }
    return false;
  }

  #takePlace(): number {
    return this.#freeCount > 0 ? this.#freePlaces[--this.#freeCount]! : this.#placesUsed++;
  }

  #dropTop(): void {
    this.#isTopFree = false;
    this.#freePlaces[this.#freeCount++] = this.#places[0]!;
    const last = --this.#length;
    if (last === 0) return;
    const place = this.#places[last]!;
    this.#siftUp(this.#freeLeaf(last), this.#instants[last]!, place);
  }

  /**
   * Moves the free place of the first entry down to a leaf, each time in exchange for the earlier one below
   * it, and gives the leaf. What goes in there is late as a rule and rises little: that takes half the
   * comparisons of looking for its place on the way down.
   */
  #freeLeaf(length: number): number {
    const instants = this.#instants;
    const places = this.#places;
    let index = 0;
    let child = 1;
    while (child + 1 < length) {
      const left = instants[child]!;
      const right = instants[child + 1]!;
      // Without a branch: which of them is earlier cannot be foretold, and a wrong guess costs more than the rest.
      child += Number(right < left);
      if (right === left && this.#isLater(places[child]!, places[child + 1]!)) child++;
      instants[index] = instants[child]!;
      places[index] = places[child]!;
      index = child;
      child = 2 * index + 1;
    }
    if (child >= length) return index;
    instants[index] = instants[child]!;
    places[index] = places[child]!;
    return child;
  }

  #siftUp(from: number, instant: number, place: number): void {
    const instants = this.#instants;
    const places = this.#places;
    let index = from;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = instants[parent]!;
      if (above < instant || (above === instant && !this.#isLater(places[parent]!, place))) break;
      instants[index] = above;
      places[index] = places[parent]!;
      index = parent;
    }
    instants[index] = instant;
    places[index] = place;
  }

  /** Of two events at one instant, whether that in place `a` was scheduled after that in place `b`. */
  #isLater(a: number, b: number): boolean {
    return this.#sequences[a]! > this.#sequences[b]!;
  }

  #grow(): void {
    const room = 2 * this.#length;
    const [instants, places, sequences, freePlaces] = [
      this.#instants,
      this.#places,
      this.#sequences,
      this.#freePlaces,
    ];
    this.#instants = new Float64Array(room);
    this.#instants.set(instants);
    this.#places = new Int32Array(room);
    this.#places.set(places);
    this.#sequences = new Float64Array(room);
    this.#sequences.set(sequences);
    this.#freePlaces = new Int32Array(room);
    this.#freePlaces.set(freePlaces);
  }
}

const roomAtFirst = 64;
