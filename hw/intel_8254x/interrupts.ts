/**
 * The NIC's interrupt unit: causes, mask, throttle, and the delay timers that feed it.
 *
 * The line is (ICR & IMS) != 0, but two assertions are at least the throttle apart (ITR, in units of
 * 256 ns; hardware-reference.md 3.5).
 * - Reading ICR returns and clears all causes and drops the line.
 * - A `DelayTimer` holds a cause back: a while after the latest event, but not longer than another
 *   while after the first.
 */

import type { InterruptLine } from "../memory/bus_target.ts";
import type { EventLog } from "../time/event_log.ts";
import type { Clock, ScheduledEvent } from "../time/event_queue.ts";
import { type Instant, later, nanoseconds } from "../time/time.ts";
import { causes, delayUnitNs, throttleUnitNs } from "./registers.ts";
import type { Statistics } from "./statistics.ts";

export interface InterruptOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly log: EventLog;
  readonly line: InterruptLine;
  readonly statistics: Statistics;
}

export class InterruptUnit {
  readonly #options: InterruptOptions;
  #causes = 0;
  #mask = 0;
  #throttle = 0;
  #asserted = false;
  #lastAssertion = -Infinity as Instant;
  #deferred: ScheduledEvent | undefined;

  constructor(options: InterruptOptions) {
    this.#options = options;
  }

  get mask(): number {
    return this.#mask;
  }

  get throttle(): number {
    return this.#throttle;
  }

  raise(mask: number): void {
    this.#causes = (this.#causes | mask) >>> 0;
    if (mask & causes.RXDMT0) this.#options.statistics.count("ICRXDMTC");
    if (mask & causes.RXO) this.#options.statistics.count("ICRXOC");
    if (mask & causes.TXQE) this.#options.statistics.count("ICTXQEC");
    this.#update();
  }

  /** ICR as software reads it. */
  take(): number {
    const value = this.#causes;
    this.clear(0xffff_ffff);
    return value;
  }

  clear(mask: number): void {
    this.#causes = (this.#causes & ~mask) >>> 0;
    this.#update();
  }

  enable(mask: number): void {
    this.#mask = (this.#mask | mask) >>> 0;
    this.#update();
  }

  disable(mask: number): void {
    this.#mask = (this.#mask & ~mask) >>> 0;
    this.#update();
  }

  setThrottle(units: number): void {
    this.#throttle = units & 0xffff;
    this.#cancelDeferred();
    this.#update();
  }

  reset(): void {
    this.#causes = 0;
    this.#mask = 0;
    this.#lastAssertion = -Infinity as Instant;
    this.setThrottle(0);
  }

  #update(): void {
    const { clock } = this.#options;
    if ((this.#causes & this.#mask) === 0) {
      this.#cancelDeferred();
      this.#set(false);
      return;
    }
    if (this.#asserted || this.#deferred !== undefined) return;
    const earliest = later(this.#lastAssertion, nanoseconds(this.#throttle * throttleUnitNs));
    if (this.#throttle === 0 || earliest <= clock.now) return this.#assert();
    this.#deferred = clock.at(earliest, () => {
      this.#deferred = undefined;
      this.#assert();
    });
  }

  #assert(): void {
    const { clock, log, name, statistics } = this.#options;
    this.#lastAssertion = clock.now;
    statistics.count("IAC");
    log.record(name, `interrupt, causes 0x${this.#causes.toString(16)}`);
    this.#set(true);
  }

  #set(asserted: boolean): void {
    if (asserted === this.#asserted) return;
    this.#asserted = asserted;
    this.#options.line.set(asserted);
  }

  #cancelDeferred(): void {
    if (this.#deferred !== undefined) this.#options.clock.cancel(this.#deferred);
    this.#deferred = undefined;
  }
}

/** Fires `delay` after the latest `start`, at most `absolute` after the first; 0 switches either off. */
export class DelayTimer {
  /** In units of 1.024 us, as the registers have them. */
  delay = 0;
  absolute = 0;
  readonly #clock: Clock;
  readonly #fire: (which: "delay" | "absolute") => void;
  #delayed: ScheduledEvent | undefined;
  #limit: ScheduledEvent | undefined;

  constructor(clock: Clock, fire: (which: "delay" | "absolute") => void) {
    this.#clock = clock;
    this.#fire = fire;
  }

  /** An event happened: fires at once when no delay is set. */
  start(): void {
    if (this.delay === 0) return this.flush();
    if (this.#delayed !== undefined) this.#clock.cancel(this.#delayed);
    this.#delayed = this.#clock.after(nanoseconds(this.delay * delayUnitNs), () => this.#end("delay"));
    if (this.absolute === 0 || this.#limit !== undefined) return;
    this.#limit = this.#clock.after(nanoseconds(this.absolute * delayUnitNs), () => this.#end("absolute"));
  }

  get running(): boolean {
    return this.#delayed !== undefined;
  }

  /** Fires now. */
  flush(): void {
    this.#end("delay");
  }

  reset(): void {
    this.stop();
    this.delay = 0;
    this.absolute = 0;
  }

  stop(): void {
    if (this.#delayed !== undefined) this.#clock.cancel(this.#delayed);
    if (this.#limit !== undefined) this.#clock.cancel(this.#limit);
    this.#delayed = undefined;
    this.#limit = undefined;
  }

  #end(which: "delay" | "absolute"): void {
    this.stop();
    this.#fire(which);
  }
}
