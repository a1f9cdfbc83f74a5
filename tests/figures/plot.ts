/**
 * Pictures of figures: a Vega-Lite specification in, SVG out, the same bytes for the same rows.
 *
 * - Figures say what is drawn; how all of them look (font, grid, colours) stands here.
 * - Text is measured by estimate, since there is no browser: leave room.
 * - Colours are those of Okabe and Ito, which people who do not see all colours can tell apart.
 */

import type { Config, TopLevelSpec } from "vega-lite";

export const colours = { blue: "#0072b2", orange: "#d55e00", green: "#009e73", grey: "#777777" } as const;

const text = { labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal" } as const;

const look: Config = {
  background: "white",
  font: "Helvetica, Arial, sans-serif",
  padding: 12,
  view: { stroke: null },
  axis: { ...text, gridColor: "#e6e6e6", domainColor: "#999999", tickColor: "#999999", titlePadding: 8 },
  title: { anchor: "start", fontSize: 14, subtitleFontSize: 12, subtitleColor: "#555555", offset: 12 },
  text: { fontSize: 12 },
};

export async function drawSvg(specification: TopLevelSpec): Promise<string> {
  const worker = new Worker(new URL("./plot_worker.ts", import.meta.url), { type: "module" });
  try {
    const svg = await new Promise<string>((resolve, reject) => {
      worker.addEventListener("message", ({ data }) => resolve(data as string));
      worker.addEventListener("error", (event) => {
        event.preventDefault();
        reject(new Error(`A picture cannot be drawn: ${event.message}`));
      });
      worker.postMessage({ ...specification, config: look });
    });
    return `${svg}\n`;
  } finally {
    worker.terminate();
  }
}
