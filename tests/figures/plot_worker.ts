/**
 * Draws one picture in a worker: Vega-Lite specification in, SVG out.
 *
 * A realm of its own, because Vega changes built-in objects, and the realm of the emulator is locked (SES).
 * - One message comes, one goes; what fails shows as the worker's error.
 */

import { parse, View } from "vega";
import { compile, type TopLevelSpec } from "vega-lite";

interface Scope {
  addEventListener(type: "message", listener: (event: MessageEvent<TopLevelSpec>) => void): void;
  postMessage(svg: string): void;
}

// The libraries of the type checker are those of a main module.
const scope = globalThis as unknown as Scope;

scope.addEventListener("message", async ({ data }) => {
  const view = new View(parse(compile(data).spec), { renderer: "none" });
  scope.postMessage(await view.toSVG());
  view.finalize();
});
