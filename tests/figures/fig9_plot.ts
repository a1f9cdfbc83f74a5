/**
 * The picture of Figure 9: the comparison of the paper, and beside it what the model foretells of more CPUs.
 *
 * - The paper prints a ratio, so times are shares of that on one kernel; its ratio is the dashed line.
 */

import type { TopLevelSpec } from "vega-lite";
import type { FigureRow } from "./figure.ts";
import { colours } from "./plot.ts";

/** A bar: the time on so many kernels as a share of that on one, and the paper's where it prints one. */
export interface Share {
  readonly kernels: string;
  readonly share: number;
  readonly paper: number | null;
}

type Panel = Extract<TopLevelSpec, { hconcat: unknown }>["hconcat"][number];

/** The same colour for the same number of kernels, in both panels. */
const coloured = (field: string, domain: readonly string[]) => ({
  field,
  type: "nominal" as const,
  scale: { domain: [...domain], range: [colours.blue, colours.orange] },
  legend: null,
});
const height = 300;

export function plotYields(
  rows: readonly FigureRow[],
  series: readonly string[],
  shares: readonly Share[],
): TopLevelSpec {
  return {
    title: { text: "Figure 9: 16 threads that yield", subtitle: 'balancer "announce"' },
    spacing: 50,
    hconcat: [comparison(shares), predictions(rows, series)],
  };
}

function comparison(shares: readonly Share[]): Panel {
  const share = { field: "share", type: "quantitative" as const, title: null };
  const ofPaper = shares.filter(({ paper }) => paper !== null).map(({ paper }) => ({ paper }));
  const paper = { field: "paper", type: "quantitative" as const };
  return {
    title: { text: "Time, of that on one kernel", fontSize: 12 },
    width: 240,
    height,
    layer: [
      {
        data: { values: [...shares] },
        mark: { type: "bar", width: 70 },
        encoding: {
          x: {
            field: "kernels",
            type: "nominal",
            sort: null,
            title: null,
            axis: { labelAngle: 0, labelExpr: "split(datum.label, ' on ')" },
          },
          y: share,
          color: coloured("kernels", shares.map(({ kernels }) => kernels)),
        },
      },
      {
        data: { values: [...shares] },
        mark: { type: "text", dy: 14, color: "white" },
        encoding: {
          x: { field: "kernels", type: "nominal", sort: null },
          y: share,
          text: { field: "share", format: ".3f" },
        },
      },
      {
        data: { values: ofPaper },
        mark: { type: "rule", strokeDash: [4, 4] },
        encoding: { y: paper },
      },
      {
        data: { values: ofPaper },
        transform: [{ calculate: "'paper: ' + datum.paper", as: "note" }],
        mark: { type: "text", align: "right", dy: -16 },
        encoding: { x: { value: 240 }, y: paper, text: { field: "note" } },
      },
    ],
  };
}

function predictions(rows: readonly FigureRow[], series: readonly string[]): Panel {
  const x = {
    field: "x",
    type: "quantitative" as const,
    title: "CPUs in two sockets",
    axis: { grid: false, tickCount: 8 },
  };
  const y = { field: "ours", type: "quantitative" as const, title: "ns" };
  return {
    title: { text: "Time of a yield on more CPUs, as the same model foretells it", fontSize: 12 },
    width: 380,
    height,
    data: { values: rows.filter(({ x }) => x !== undefined) },
    layer: [
      {
        mark: { type: "line", point: { size: 36, filled: true } },
        encoding: { x, y, color: coloured("series", series) },
      },
      {
        transform: [{ filter: "datum.x === 10" }],
        mark: { type: "text", align: "right", dy: -14 },
        encoding: { x, y, color: coloured("series", series), text: { field: "series" } },
      },
    ],
  };
}
