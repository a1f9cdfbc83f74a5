/**
 * The runner of `bench`: a figure's runs one after the other, and the report of what came out.
 *
 * - Everything but `hostSeconds` is the same in each run with the same seed.
 * - The event-log hash of a figure is that over the hashes of its runs, in their order.
 */

import { createHash } from "node:crypto";
import type { Figure, FigureRow } from "./figure.ts";
import { type Measured, runScenario } from "./scenario.ts";

export interface FigureResult {
  readonly command: "bench";
  readonly figure: string;
  readonly title: string;
  /** `deviation` is ours against the paper's, as a share of the paper's; null where it prints nothing. */
  readonly rows: readonly (FigureRow & { readonly deviation: number | null })[];
  readonly virtualSeconds: number;
  readonly hostSeconds: number;
  readonly seed: number;
  readonly eventLogHash: string;
}

/** How far a figure is: whole runs, and the virtual time that has passed in them. */
export interface Progress {
  readonly runsDone: number;
  readonly runs: number;
  readonly virtualSeconds: number;
}

export function benchFigure(
  figure: Figure,
  seed: number,
  onProgress: (progress: Progress) => void = () => {},
): FigureResult {
  const startedMs = performance.now();
  const measured = new Map<string, Measured>();
  const hash = createHash("sha256");
  let virtualSeconds = 0;
  for (const [name, scenario] of figure.runs) {
    onProgress({ runsDone: measured.size, runs: figure.runs.size, virtualSeconds });
    const result = runScenario(scenario, seed);
    measured.set(name, result);
    virtualSeconds += result.virtualSeconds;
    hash.update(result.eventLogHash);
  }
  const rows = figure.rows((run) => {
    const found = measured.get(run);
    if (found === undefined) throw new Error(`${figure.name} has no run "${run}"`);
    return found;
  });
  return {
    command: "bench",
    figure: figure.name,
    title: figure.title,
    rows: rows.map((row) => ({
      ...row,
      deviation: row.paper === null ? null : (row.ours - row.paper) / row.paper,
    })),
    virtualSeconds,
    hostSeconds: (performance.now() - startedMs) / 1000,
    seed,
    eventLogHash: hash.digest("hex"),
  };
}

/** The result as a person reads it: ours beside the paper's. */
export function formatResult({ figure, title, rows, ...facts }: FigureResult): string {
  const cells = rows.map(({ label, unit, paper, ours, deviation }) => [
    label,
    unit,
    paper === null ? "" : String(paper),
    formatNumber(ours),
    deviation === null ? "" : `${deviation >= 0 ? "+" : ""}${(deviation * 100).toFixed(1)} %`,
  ]);
  const table = [["", "UNIT", "PAPER", "OURS", "DEVIATION"], ...cells];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((line) => line[column]!.length)));
  const lines = table.map((line) =>
    line.map((cell, column) => column < 2 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))
      .join("  ").trimEnd()
  );
  const { virtualSeconds, hostSeconds, seed, eventLogHash } = facts;
  const footer = `${virtualSeconds.toFixed(6)} s of virtual time, ${
    hostSeconds.toFixed(2)
  } s here; seed ${seed}, event logs ${eventLogHash}`;
  return `${figure}: ${title}\n${lines.join("\n")}\n${footer}\n`;
}

/** Three places after the point for what is small, fewer for what is large. */
function formatNumber(value: number): string {
  return value.toFixed(Math.abs(value) < 10 ? 3 : 1);
}
