/**
 * A figure of the paper as data: which machines are run, and which numbers come out.
 *
 * - `runs` are independent of each other; each has a name, under which `rows` finds what was measured.
 * - A row with a number of the paper's is a comparison, one without a prediction or an explanation.
 * - `plot` draws rows that it is given, and nothing else.
 */

import type { TopLevelSpec } from "vega-lite";
import type { Measured, Scenario } from "./scenario.ts";

export interface FigureRow {
  readonly label: string;
  readonly unit: string;
  /** What the paper prints; null where it prints nothing. */
  readonly paper: number | null;
  readonly ours: number;
  /** The line or group of the picture that the row belongs to, and where it lies in it. */
  readonly series?: string;
  readonly x?: number;
}

export interface Figure {
  /** As on the command line. */
  readonly name: string;
  readonly title: string;
  readonly runs: ReadonlyMap<string, Scenario>;
  rows(measured: (run: string) => Measured): FigureRow[];
  /** The picture, as Vega-Lite has it. */
  plot(rows: readonly FigureRow[]): TopLevelSpec;
}
