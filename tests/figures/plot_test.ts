/**
 * Pictures of the figures: that they are drawn, by whom they are asked for, and always the same.
 *
 * What they look like is for eyes; here the marks are counted that must be there.
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { fig5 } from "./fig5.ts";
import { fig9 } from "./fig9.ts";
import type { FigureRow } from "./figure.ts";
import { drawSvg } from "./plot.ts";

const row = (label: string, ours: number, more: Partial<FigureRow> = {}): FigureRow => {
  return { label, unit: "us", paper: null, ours, ...more };
};
const countOf = (svg: string, part: string): number => svg.split(part).length - 1;

const messages = ["LMP", "RMP NUMA", "RMP XScale"].flatMap((series, index) =>
  [1, 1024, 262_144].map((x) => row(`${series}, ${x} B`, 1 + index * Math.log(x), { series, x }))
);
const yields = [
  row("time on two kernels over time on one", 0.3, { paper: 0.32 }),
  ...["one kernel", "two kernels"].flatMap((series) => [2, 10, 16].map((x) => row("a", x, { series, x }))),
];

Deno.test("the picture of Figure 5 has a line for each kind of message, and what the paper says of them", async () => {
  const svg = await drawSvg(fig5.plot([...messages, row("card cheaper than NUMA from", 32_768)]));
  assertEquals(countOf(svg, 'aria-roledescription="line mark container"') >= 1, true);
  assertEquals(countOf(svg, 'aria-roledescription="point"'), messages.length);
  for (const text of ["LMP", "RMP NUMA", "RMP XScale", "32 KB", "beyond 32 KB"]) {
    assert(svg.includes(text), text);
  }
});

Deno.test("the picture of Figure 9 has the paper's ratio beside ours", async () => {
  const svg = await drawSvg(fig9.plot(yields));
  for (const text of ["paper: 0.32", "0.300", "two kernels", "Figure 9"]) assert(svg.includes(text), text);
});

Deno.test("the same rows give the same picture to the byte, whatever was drawn before", async () => {
  const first = await drawSvg(fig9.plot(yields));
  await drawSvg(fig5.plot(messages));
  assertEquals(await drawSvg(fig9.plot(yields)), first);
});

Deno.test("a picture that cannot be drawn is an error", async () => {
  const broken = { mark: "no such mark" } as unknown as Parameters<typeof drawSvg>[0];
  await assertRejects(() => drawSvg(broken), Error, "A picture cannot be drawn");
});
