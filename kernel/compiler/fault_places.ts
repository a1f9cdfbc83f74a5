/**
 * From a place in a running image back to file, line and column of the program's source.
 *
 * The host asks `formatStack` for the text of each error's stack. In a program, or on its behalf, the
 * text holds the program's own places and nothing of the host: the same on each machine, each time.
 * - Images are known by the script name that they were evaluated under.
 * - At most 256 names are kept; the oldest is forgotten, and its errors then have no places.
 */

import { formatPlace } from "./compile_error.ts";
import { originalColumn } from "./edits.ts";
import { sourcePlace } from "./il.ts";
import type { Image } from "./image.ts";
import { setRunning } from "./payer.ts";

/** What V8 tells about a frame; SES passes this much on. */
interface CallSite {
  getScriptNameOrSourceURL(): string | null;
  getLineNumber(): number | null;
  getColumnNumber(): number | null;
  toString(): string;
}

const imagesMax = 256;
/** What places need of an image, which the cache may have dropped since. */
const images = new Map<string, Pick<Image, "il" | "columns">>();

/** The script name under which an image is evaluated. */
export function scriptName({ isa, ilHash }: Image): string {
  return `helios-image/${isa}/${ilHash}`;
}

/** From now on, places in the image are told. */
export function registerImage(image: Image): void {
  const name = scriptName(image);
  const { il, columns } = image;
  images.delete(name);
  images.set(name, { il, columns });
  for (const oldest of images.keys()) {
    if (images.size <= imagesMax) break;
    images.delete(oldest);
  }
}

const frameOpening = "\n    at ";

/** The text of an error's stack. */
export function formatStack(error: unknown, sites: readonly CallSite[]): string {
  // What happens here is the host's work, whoever asked for it.
  const running = setRunning(undefined);
  try {
    if (running !== undefined) return `Error: ${ownMessage(error)}${sites.map(placeText).join("")}`;
    return String(error) + sites.map((site) => frameOpening + site.toString()).join("");
  } finally {
    setRunning(running);
  }
}

/** The message without running any code of the program. */
function ownMessage(error: unknown): string {
  if (typeof error !== "object" || error === null) return "";
  const message: unknown = Object.getOwnPropertyDescriptor(error, "message")?.value;
  return typeof message === "string" ? message : "";
}

function placeText(site: CallSite): string {
  const image = images.get(site.getScriptNameOrSourceURL() ?? "");
  if (image === undefined) return "";
  // The first line of a body is the prelude, in front of the IL's first.
  const line = (site.getLineNumber() ?? 1) - 1;
  const column = originalColumn(image.columns, line, site.getColumnNumber() ?? 1);
  const isOfSource = image.il.modules.some((module) =>
    line >= module.line && line < module.line + module.lines
  );
  return isOfSource ? frameOpening + formatPlace(sourcePlace(image.il, line, column)) : "";
}

/** The places, `file:line:column`, in a stack that was formatted for a program. */
export function placesIn(stack: string): string[] {
  return stack.split("\n").filter((line) => line.startsWith("    at ")).map((line) =>
    line.slice("    at ".length)
  );
}
