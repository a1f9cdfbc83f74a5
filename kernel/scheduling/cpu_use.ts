/**
 * How busy a kernel's CPUs have been of late: the tie breaker of placement (paper, section 3.7.3).
 *
 * The share of the last second of virtual time that the CPUs of the kernel were busy; of
 * the time since power-on while that is shorter. The paper names no window: a second is
 * long beside a quantum (10 ms), so that one burst does not decide, and short beside the
 * time that people notice.
 * - No timer: busy time is noted when a CPU looks for its next thread, which it does
 *   whenever it becomes idle or busy, at most once in `noteInterval`. In between it is
 *   taken to grow evenly, which is wrong by `noteInterval` at most, 1 % of the window.
 * - The result is in whole thousandths, as it travels between kernels, so that kernels
 *   which are equally busy tie wherever they are.
 */

import { type Clock, type Cpu, elapsed, type Instant, milliseconds, seconds } from "../hal/hardware.ts";

export const cpuUseWindow = seconds(1);
const noteInterval = milliseconds(10);

interface Note {
  readonly instant: Instant;
  /** Nanoseconds that all CPUs together had been busy. */
  readonly busyNs: number;
}

export class CpuUseMeter {
  readonly #cpus: readonly Cpu[];
  readonly #clock: Clock;
  /** By rising instant; the first is from before the window, or from power-on. */
  readonly #notes: Note[] = [{ instant: 0 as Instant, busyNs: 0 }];
  #lastNote = 0 as Instant;

  constructor(cpus: readonly Cpu[], clock: Clock) {
    this.#cpus = cpus;
    this.#clock = clock;
  }

  /** Call when a CPU may become idle or busy. */
  note(): void {
    const instant = this.#clock.now;
    if (elapsed(this.#lastNote, instant) < noteInterval) return;
    this.#lastNote = instant;
    const notes = this.#notes;
    notes.push({ instant, busyNs: this.#busyNs });
    while (elapsed(notes[1]!.instant, instant) >= cpuUseWindow) notes.shift();
  }

  /** Busy share over the window, 0 to 1. */
  get share(): number {
    const { now } = this.#clock;
    const windowNs = Math.min(now, cpuUseWindow);
    if (windowNs === 0) return 0;
    const busyNs = this.#busyNs - this.#busyNsAt((now - windowNs) as Instant);
    const share = busyNs / (windowNs * this.#cpus.length);
    return Math.round(Math.min(1, Math.max(0, share)) * 1000) / 1000;
  }

  get #busyNs(): number {
    return this.#cpus.reduce((sum, cpu) => sum + cpu.duration(cpu.passedBusyCycles), 0);
  }

  #busyNsAt(instant: Instant): number {
    const notes = this.#notes;
    const next = notes.findIndex((note) => note.instant > instant);
    const after = next < 0 ? { instant: this.#clock.now, busyNs: this.#busyNs } : notes[next]!;
    const before = notes.at(next < 0 ? -1 : next - 1)!;
    const span = elapsed(before.instant, after.instant);
    if (span === 0) return before.busyNs;
    return before.busyNs +
      (after.busyNs - before.busyNs) * (elapsed(before.instant, instant) / span);
  }
}
