/**
 * The kernel's timers: sleeps and time-outs, on the hardware timer of the first CPU.
 *
 * - A timer fires once, at or a little after its instant: never before it, later by
 *   the interrupt's latency and the granularity of the hardware timer.
 * - Timers due at the same interrupt fire in the order of their instants, then of
 *   their creation.
 */

import type { Instant } from "../hal/hardware.ts";
import type { Kernel } from "../kernel.ts";

export interface KernelTimer {
  readonly instant: Instant;
  action: (() => void) | undefined;
}

export class KernelTimers {
  readonly #kernel: Kernel;
  /** By falling instant, so that the earliest is at the end. */
  readonly #timers: KernelTimer[] = [];

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** When the earliest timer is due. */
  get next(): Instant | undefined {
    this.#dropCancelled();
    return this.#timers.at(-1)?.instant;
  }

  at(instant: Instant, action: () => void): KernelTimer {
    const timer: KernelTimer = { instant, action };
    let low = 0;
    let high = this.#timers.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#timers[middle]!.instant > instant) low = middle + 1;
      else high = middle;
    }
    this.#timers.splice(low, 0, timer);
    if (low === this.#timers.length - 1) this.#kernel.dispatchers[0]!.armTimer(undefined);
    return timer;
  }

  cancel(timer: KernelTimer): void {
    timer.action = undefined;
  }

  /** Fires all that are due. */
  expire(): void {
    const { now } = this.#kernel.clock;
    for (;;) {
      this.#dropCancelled();
      const timer = this.#timers.at(-1);
      if (timer === undefined || timer.instant > now) return;
      this.#timers.pop();
      const action = timer.action!;
      timer.action = undefined;
      action();
    }
  }

  #dropCancelled(): void {
    while (this.#timers.length > 0 && this.#timers.at(-1)!.action === undefined) this.#timers.pop();
  }
}
