/**
 * The event log: one line for each thing of note that happened, in order.
 *
 * `--trace` writes it and its SHA-256 is the event-log hash, so whatever stands
 * here must be the same in every run: virtual time, names, numbers; never an
 * object's identity, a host path or a host clock.
 * - A line is `<nanoseconds> <source> <what happened>`.
 * - Log commands, transfers, interrupts, messages and switches; not register reads.
 */

import type { Clock } from "./event_queue.ts";

export interface EventLog {
  /** Adds a line; `source` is a device or kernel name such as "board0.adma0". */
  record(source: string, text: string): void;
}

/** A log that formats lines and hands them on, newline included. */
export class LineEventLog implements EventLog {
  readonly #clock: Pick<Clock, "now">;
  readonly #write: (line: string) => void;

  constructor(clock: Pick<Clock, "now">, write: (line: string) => void) {
    this.#clock = clock;
    this.#write = write;
  }

  record(source: string, text: string): void {
    this.#write(`${this.#clock.now} ${source} ${text}\n`);
  }
}

/** For benches and tests that do not look at the log. */
export const silentLog: EventLog = { record() {} };
