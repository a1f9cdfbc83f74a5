/**
 * The core's two timers and its watchdog, page 9 of coprocessor 6.
 *
 * Counts are computed from virtual time when read, never ticked; one event waits
 * for each timer that will reach zero and whose flag is not up already.
 * - A timer counts down at the internal bus clock over its divider; at zero its TISR
 *   bit rises, and one tick later it holds TRR again (bit 2) or has stopped.
 * - The watchdog counts 2^32 bus clocks; running out asks for a reset of the card.
 *
 * Follows hardware-reference.md 2.8.
 */

import type { BusTarget, InterruptLine } from "../memory/bus_target.ts";
import {
  hasBit,
  type RegisterHandlers,
  type RegisterMap,
  RegisterWindow,
  withBit,
} from "../register/register_map.ts";
import type { Clock, ScheduledEvent } from "../time/event_queue.ts";
import { elapsed, type Instant, later, nanoseconds } from "../time/time.ts";
import { cp6Offset } from "./coprocessor_page.ts";
import { StoredRegister } from "./stored_register.ts";

const modeBits = { terminalCount: 0, enable: 1, autoReload: 2, privileged: 3 } as const;

export const timerRegisters = {
  TMR0: {
    offset: cp6Offset(9, 0),
    access: "read-write",
    doc: "Timer 0 mode; 5:4 divide by 1, 4, 8, 16",
    bits: modeBits,
  },
  TMR1: { offset: cp6Offset(9, 1), access: "read-write", doc: "Timer 1 mode", bits: modeBits },
  TCR0: { offset: cp6Offset(9, 2), access: "read-write", doc: "Timer 0 count" },
  TCR1: { offset: cp6Offset(9, 3), access: "read-write", doc: "Timer 1 count" },
  TRR0: { offset: cp6Offset(9, 4), access: "read-write", doc: "Timer 0 reload value" },
  TRR1: { offset: cp6Offset(9, 5), access: "read-write", doc: "Timer 1 reload value" },
  TISR: {
    offset: cp6Offset(9, 6),
    access: "read-write",
    doc: "Which timers reached zero, write 1 to clear",
    bits: { timer0: 0, timer1: 1 },
  },
  WDTCR: {
    offset: cp6Offset(9, 7),
    access: "read-write",
    doc: "Watchdog: start and stop sequences; reads the count",
  },
  WDTSR: {
    offset: cp6Offset(9, 8),
    access: "read-write",
    doc: "What the watchdog does when it runs out",
    bits: { internalBusReset: 0 },
  },
} as const satisfies RegisterMap;

const dividers = [1, 4, 8, 16] as const;
const watchdogSequences = { start: [0x1e1e1e1e, 0xe1e1e1e1], stop: [0x1f1f1f1f, 0xf1f1f1f1] } as const;
/** "0xffffffff / tick rate" in Linux's iop watchdog. */
const watchdogTicks = 2 ** 32;
/** Instants are floats: how much of a tick a count may be short of whole and still be it. */
const tickTolerance = 1e-3;

class Timer {
  readonly #clock: Clock;
  readonly #busHz: number;
  readonly #flag: () => boolean;
  readonly #reachedZero: () => void;
  #mode = 0;
  #reload = 0;
  #terminalCount = false;
  /** The count was `#anchorCount` at `#anchor`. */
  #anchor: Instant;
  #anchorCount = 0;
  #event: ScheduledEvent | undefined;

  /** `flag` tells whether the TISR bit is up, `reachedZero` raises it. */
  constructor(clock: Clock, busHz: number, flag: () => boolean, reachedZero: () => void) {
    this.#clock = clock;
    this.#busHz = busHz;
    this.#flag = flag;
    this.#reachedZero = reachedZero;
    this.#anchor = clock.now;
  }

  /** TMR. Writing it clears the terminal-count bit (unverified). */
  readonly mode = {
    read: () => withBit(this.#mode, modeBits.terminalCount, this.#terminalCount),
    write: (value: number) => {
      this.#anchorAtLastTick();
      this.#mode = withBit(value & 0x3f, modeBits.terminalCount, false);
      this.#terminalCount = false;
      this.schedule();
    },
  };

  /** TCR. */
  readonly count = {
    read: () => this.#count(),
    write: (value: number) => {
      this.#anchor = this.#clock.now;
      this.#anchorCount = value;
      this.schedule();
    },
  };

  /** TRR. The round that runs now ends when it would have. */
  readonly reload = {
    read: () => this.#reload,
    write: (value: number) => {
      this.#anchorAtLastTick();
      this.#reload = value;
      this.schedule();
    },
  };

  /** Waits for the next zero, unless the flag is up: then its clearing calls this again. */
  schedule(): void {
    if (this.#event !== undefined) this.#clock.cancel(this.#event);
    this.#event = undefined;
    if (!this.#enabled || this.#flag()) return;
    const zero = later(this.#anchor, nanoseconds(this.#nextZero() * this.#tickNs));
    this.#event = this.#clock.at(Math.max(zero, this.#clock.now) as Instant, () => {
      this.#event = undefined;
      this.#terminalCount = true;
      if (!this.#autoReload) this.#stopAtZero();
      this.#reachedZero();
    });
  }

  get #enabled(): boolean {
    return hasBit(this.#mode, modeBits.enable);
  }

  get #autoReload(): boolean {
    return hasBit(this.#mode, modeBits.autoReload);
  }

  get #tickNs(): number {
    return dividers[this.#mode >>> 4 & 3]! * 1e9 / this.#busHz;
  }

  /** Whole ticks since the anchor. */
  #ticks(): number {
    return Math.floor(elapsed(this.#anchor, this.#clock.now) / this.#tickNs + tickTolerance);
  }

  #count(): number {
    if (!this.#enabled) return this.#anchorCount;
    const ticks = this.#ticks();
    if (ticks <= this.#anchorCount) return this.#anchorCount - ticks;
    if (!this.#autoReload) return 0;
    return this.#reload - (ticks - this.#anchorCount - 1) % (this.#reload + 1);
  }

  /** Ticks from the anchor to the first zero after now; a round lasts TRR + 1 ticks, as Linux programs it. */
  #nextZero(): number {
    const ticks = this.#ticks();
    if (ticks < this.#anchorCount || !this.#autoReload) return this.#anchorCount;
    const period = this.#reload + 1;
    return this.#anchorCount + (Math.floor((ticks - this.#anchorCount) / period) + 1) * period;
  }

  /** Keeps the fraction of a tick that has gone by, so that nothing drifts. */
  #anchorAtLastTick(): void {
    const count = this.#count();
    if (this.#enabled) this.#anchor = later(this.#anchor, nanoseconds(this.#ticks() * this.#tickNs));
    else this.#anchor = this.#clock.now;
    this.#anchorCount = count;
  }

  #stopAtZero(): void {
    this.#mode = withBit(this.#mode, modeBits.enable, false);
    this.#anchorCount = 0;
  }
}

export interface TimersOptions {
  readonly clock: Clock;
  /** The internal bus clock that the timers count. */
  readonly busHz: number;
  /** Towards the interrupt controller: sources 8 and 9. */
  readonly interrupts: readonly [InterruptLine, InterruptLine];
  /** The watchdog ran out; true if it may reset the card (WDTSR). */
  readonly watchdogExpired: (resets: boolean) => void;
}

export class Timers {
  /** Offsets of `cp6Offset`. */
  readonly registers: BusTarget;
  readonly #options: TimersOptions;
  readonly #timers: readonly [Timer, Timer];
  readonly #WDTSR = new StoredRegister(1 << timerRegisters.WDTSR.bits.internalBusReset);
  #TISR = 0;
  #lastWatchdogWord = 0;
  #watchdog: ScheduledEvent | undefined;
  /** When it runs out. */
  #watchdogEnd = 0 as Instant;

  constructor(options: TimersOptions) {
    this.#options = options;
    const timer = (index: 0 | 1) =>
      new Timer(
        options.clock,
        options.busHz,
        () => hasBit(this.#TISR, index),
        () => this.#reachedZero(index),
      );
    this.#timers = [timer(0), timer(1)];
    this.registers = new RegisterWindow("timers", timerRegisters, this.#handlers());
  }

  #handlers(): RegisterHandlers<typeof timerRegisters> {
    const [timer0, timer1] = this.#timers;
    return {
      TMR0: timer0.mode,
      TMR1: timer1.mode,
      TCR0: timer0.count,
      TCR1: timer1.count,
      TRR0: timer0.reload,
      TRR1: timer1.reload,
      TISR: { read: () => this.#TISR, write: (bits) => this.#clearFlags(bits) },
      WDTCR: { read: () => this.#watchdogCount(), write: (word) => this.#feedWatchdog(word) },
      WDTSR: this.#WDTSR,
    };
  }

  #reachedZero(index: 0 | 1): void {
    this.#TISR = withBit(this.#TISR, index, true);
    this.#options.interrupts[index].set(true);
  }

  #clearFlags(bits: number): void {
    for (const index of [0, 1] as const) {
      if (!hasBit(bits, index) || !hasBit(this.#TISR, index)) continue;
      this.#TISR = withBit(this.#TISR, index, false);
      this.#options.interrupts[index].set(false);
      this.#timers[index].schedule();
    }
  }

  #watchdogCount(): number {
    if (this.#watchdog === undefined) return 0;
    const left = elapsed(this.#options.clock.now, this.#watchdogEnd);
    return Math.min(watchdogTicks - 1, Math.floor(left * this.#options.busHz / 1e9));
  }

  /** The second word of a sequence acts only straight after the first. */
  #feedWatchdog(word: number): void {
    const { start, stop } = watchdogSequences;
    const before = this.#lastWatchdogWord;
    this.#lastWatchdogWord = word;
    const starts = before === start[0] && word === start[1];
    if (!starts && !(before === stop[0] && word === stop[1])) return;
    if (this.#watchdog !== undefined) this.#options.clock.cancel(this.#watchdog);
    this.#watchdog = undefined;
    if (!starts) return;
    const { clock, busHz } = this.#options;
    this.#watchdogEnd = later(clock.now, nanoseconds(watchdogTicks * 1e9 / busHz));
    this.#watchdog = clock.at(this.#watchdogEnd, () => {
      this.#watchdog = undefined;
      this.#options.watchdogExpired(hasBit(this.#WDTSR.value, timerRegisters.WDTSR.bits.internalBusReset));
    });
  }
}
