/**
 * The two ways to let a machine run: free, or paced by the wall clock.
 *
 * Free: virtual time jumps from event to event; for figures and tests. Paced: virtual time never runs
 * ahead of the wall clock; used as soon as something of the host's is attached.
 * - Both run the same events in the same order: without input from the host, the event log does not
 *   tell which of the two it was.
 * - Paced, events run in slices of about 5 ms of host time; in between the host's event loop serves
 *   sockets and the terminal. With nothing due, the run sleeps.
 * - Whoever has input from the host calls `wake()` first and hands it over then: `wake` brings virtual
 *   time up to the present, so the input is stamped with when it came.
 * - On a host that is too slow virtual time lags; a lag above 100 ms is forgiven, not made up for.
 */

import { clearTimeout, setImmediate, setTimeout } from "node:timers";
import type { EventQueue } from "../time/event_queue.ts";
import { elapsed, type Instant, later, milliseconds } from "../time/time.ts";

/** What pacing needs of the host; tests bring their own. */
export interface HostClock {
  /** Milliseconds, from anywhere; never goes back. */
  now(): number;
  /** Calls `action` after `delayMs`; answers how to call it off. */
  after(delayMs: number, action: () => void): () => void;
  /** Calls `action` once the host has served its sockets. */
  soon(action: () => void): void;
}

export interface PacedOptions {
  /** Asked after each event; the run ends when it says true. */
  until(): boolean;
  /** The run ends when virtual time gets here. */
  readonly horizon?: Instant;
  readonly hostClock?: HostClock;
}

/** A paced run that is under way. */
export interface PacedRun {
  /** Resolves when the run has ended; rejects with what an event threw. */
  readonly finished: Promise<void>;
  /** Something of the host's has arrived, or `until` may have changed. */
  wake(): void;
}

const sliceMs = 5;
/** Virtual time run between two looks at the host's clock. */
const step = milliseconds(0.25);
const lagMax = milliseconds(100);
/** Longer waits are cut, so that the host's timers take them; nothing else happens then. */
const sleepMsMax = 60_000;

/** Runs events until `until` says true, none waits, or the horizon is reached. */
export function runFree(queue: EventQueue, until: () => boolean, horizon = Infinity as Instant): void {
  if (!until()) queue.runUntil(horizon, until);
}

export function runPaced(queue: EventQueue, options: PacedOptions): PacedRun {
  return new Pacer(queue, options);
}

const realClock: HostClock = {
  now: () => performance.now(),
  after: (delayMs, action) => {
    const timer = setTimeout(action, delayMs);
    return () => clearTimeout(timer);
  },
  soon: (action) => void setImmediate(action),
};

class Pacer implements PacedRun {
  readonly finished: Promise<void>;
  readonly #queue: EventQueue;
  readonly #until: () => boolean;
  readonly #horizon: Instant;
  readonly #host: HostClock;
  /** Virtual time `#origin` was at host time `#originMs`. */
  #origin: Instant;
  #originMs: number;
  #state: "sleeping" | "soon" | "running" | "ended" = "soon";
  #callOff: (() => void) | undefined;
  #end!: { resolve(): void; reject(reason: unknown): void };

  constructor(queue: EventQueue, options: PacedOptions) {
    this.#queue = queue;
    this.#until = options.until;
    this.#horizon = options.horizon ?? Infinity as Instant;
    this.#host = options.hostClock ?? realClock;
    this.#origin = queue.now;
    this.#originMs = this.#host.now();
    this.finished = new Promise((resolve, reject) => this.#end = { resolve, reject });
    this.#host.soon(() => this.#turn());
  }

  wake(): void {
    if (this.#state === "running" || this.#state === "ended") return;
    this.#queue.tryAdvance(this.#present());
    if (this.#state === "sleeping") this.#turnSoon();
  }

  /** The virtual instant that the wall clock allows. */
  #present(): Instant {
    const wall = later(this.#origin, milliseconds(this.#host.now() - this.#originMs));
    return Math.max(this.#queue.now, Math.min(wall, this.#horizon)) as Instant;
  }

  #turnSoon(): void {
    this.#callOff?.();
    this.#callOff = undefined;
    this.#state = "soon";
    this.#host.soon(() => this.#turn());
  }

  #turn(): void {
    this.#state = "running";
    try {
      if (this.#runSlice()) return this.#finish();
    } catch (error) {
      this.#state = "ended";
      this.#end.reject(error);
    }
  }

  #finish(): void {
    this.#state = "ended";
    this.#end.resolve();
  }

  /** True when the run is over. */
  #runSlice(): boolean {
    const endMs = this.#host.now() + sliceMs;
    this.#forgiveLag();
    for (;;) {
      if (this.#until()) return true;
      const present = this.#present();
      const next = this.#queue.nextInstant();
      if (next === undefined || next > present) {
        this.#queue.tryAdvance(present);
        if (present >= this.#horizon) return true;
        this.#sleep(next);
        return false;
      }
      const stepEnd = later(Math.max(next, this.#queue.now) as Instant, step);
      if (this.#queue.runUntil(Math.min(stepEnd, present) as Instant, this.#until)) return true;
      if (this.#host.now() >= endMs) {
        this.#turnSoon();
        return false;
      }
    }
  }

  #forgiveLag(): void {
    const next = this.#queue.nextInstant();
    // Time that passed while nothing was due is no lag.
    if (next === undefined || elapsed(next, this.#present()) <= lagMax) return;
    this.#origin = later(next, lagMax);
    this.#originMs = this.#host.now();
  }

  #sleep(next: Instant | undefined): void {
    const target = Math.min(next ?? Infinity, this.#horizon);
    const delayMs = Math.ceil((target - this.#present()) / 1e6);
    this.#state = "sleeping";
    this.#callOff = this.#host.after(Math.min(Math.max(delayMs, 1), sleepMsMax), () => {
      this.#callOff = undefined;
      this.#turn();
    });
  }
}
