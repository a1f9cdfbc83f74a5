/**
 * The timer of a local APIC: counts down bus clocks, once or again and again.
 *
 * - Writing the initial count starts it and 0 stops it; the mode is looked at when
 *   the count reaches 0.
 * - Expiry instants of a periodic timer lie exact periods apart: they are added up
 *   from the start, never from the instant of the previous event.
 * - Changing the divisor keeps the current count and goes on at the new rate.
 */

import type { Clock, ScheduledEvent } from "../time/event_queue.ts";
import { cycles, type Duration, elapsed, type Instant, later } from "../time/time.ts";

export interface TimerOutputs {
  /** Does the count start again when it reaches 0? */
  periodic(): boolean;
  raise(): void;
}

export class ApicTimer {
  readonly #clock: Clock;
  readonly #busClockHz: number;
  readonly #outputs: TimerOutputs;
  #initial = 0;
  #divideRegister = 0;
  #running: { deadline: Instant; event: ScheduledEvent } | undefined;

  constructor(clock: Clock, busClockHz: number, outputs: TimerOutputs) {
    this.#clock = clock;
    this.#busClockHz = busClockHz;
    this.#outputs = outputs;
  }

  get initial(): number {
    return this.#initial;
  }

  set initial(count: number) {
    this.#stop();
    this.#initial = count;
    if (count !== 0) this.#expireAt(later(this.#clock.now, this.#time(count)));
  }

  get current(): number {
    if (this.#running === undefined) return 0;
    const left = elapsed(this.#clock.now, this.#running.deadline) / this.#time(1);
    // The tolerance keeps whole counts whole: instants are sums of fractions.
    return Math.max(0, Math.ceil(left - 1e-6));
  }

  get divide(): number {
    return this.#divideRegister;
  }

  set divide(value: number) {
    const left = this.#running === undefined
      ? 0
      : elapsed(this.#clock.now, this.#running.deadline) / this.#time(1);
    this.#stop();
    this.#divideRegister = value & 0b1011;
    if (left > 0) this.#expireAt(later(this.#clock.now, this.#time(left)));
  }

  reset(): void {
    this.#stop();
    this.#initial = 0;
    this.#divideRegister = 0;
  }

  #expireAt(deadline: Instant): void {
    const event = this.#clock.at(deadline, () => {
      this.#running = undefined;
      // First the next period: raising runs the handler at once, and it may stop the timer.
      if (this.#outputs.periodic()) this.#expireAt(later(deadline, this.#time(this.#initial)));
      this.#outputs.raise();
    });
    this.#running = { deadline, event };
  }

  #stop(): void {
    if (this.#running !== undefined) this.#clock.cancel(this.#running.event);
    this.#running = undefined;
  }

  #time(count: number): Duration {
    return cycles(count * this.#divisor, this.#busClockHz);
  }

  /** Bits 3, 1 and 0 as a number: 0 /2, 1 /4, 2 /8, ... 6 /128, 7 /1. */
  get #divisor(): number {
    const selected = this.#divideRegister >> 1 & 4 | this.#divideRegister & 3;
    return selected === 7 ? 1 : 2 << selected;
  }
}
