/**
 * The picture of Figure 5: time against size, a line for each kind of message.
 *
 * - Sizes are powers of two, so their axis is logarithmic, as the paper's.
 * - The paper prints no values; what it says, from which size on the card is the cheaper one, is a vertical line.
 */

import type { TopLevelSpec } from "vega-lite";
import type { FigureRow } from "./figure.ts";
import { colours } from "./plot.ts";

const sizeLabel = "datum.value < 1024 ? datum.value + ' B' : datum.value / 1024 + ' KB'";
const sizesShown = [1, 16, 256, 4096, 32_768, 262_144];

export function plotMessageTimes(
  rows: readonly FigureRow[],
  names: readonly string[],
  crossingBytes: number,
): TopLevelSpec {
  const points = rows.filter(({ x }) => x !== undefined);
  const largest = Math.max(...points.map(({ x }) => x!));
  const x = {
    field: "x",
    type: "quantitative" as const,
    scale: { type: "log" as const, base: 2, domain: [1, largest] },
    title: "message size",
    axis: { values: sizesShown, labelExpr: sizeLabel, grid: false },
  };
  const y = { field: "ours", type: "quantitative" as const, title: "time of one message (us)" };
  const color = {
    field: "series",
    type: "nominal" as const,
    scale: { domain: [...names], range: [colours.green, colours.blue, colours.orange] },
    legend: null,
  };
  const note = `paper: the card is the cheaper one beyond ${crossingBytes / 1024} KB`;
  return {
    title: { text: "Figure 5: sending and receiving one message", subtitle: "half a round trip, mean of 20" },
    width: 560,
    height: 340,
    data: { values: points },
    layer: [
      {
        data: { values: [{ x: crossingBytes }] },
        mark: { type: "rule", color: colours.grey, strokeDash: [4, 4] },
        encoding: { x },
      },
      {
        data: { values: [{ x: crossingBytes }] },
        mark: { type: "text", align: "right", dx: -6, color: colours.grey },
        encoding: { x, y: { value: 12 }, text: { value: note } },
      },
      { mark: { type: "line", point: { size: 36, filled: true } }, encoding: { x, y, color } },
      {
        transform: [{ filter: `datum.x === ${largest}` }],
        mark: { type: "text", align: "left", dx: 10 },
        encoding: { x, y, color, text: { field: "series" } },
      },
    ],
  };
}
