/**
 * A figure of the paper as data: which machines are run, and which numbers come out.
 *
 * - `runs` are independent of each other; each has a name, under which `rows` finds what was measured.
 * - A row with a number of the paper's is a comparison, one without a prediction or an explanation.
 */

import type { Measured, Scenario } from "./scenario.ts";

export interface FigureRow {
  readonly label: string;
  readonly unit: string;
  /** What the paper prints; null where it prints nothing. */
  readonly paper: number | null;
  readonly ours: number;
}

export interface Figure {
  /** As on the command line. */
  readonly name: string;
  readonly title: string;
  readonly runs: ReadonlyMap<string, Scenario>;
  rows(measured: (run: string) => Measured): FigureRow[];
}
