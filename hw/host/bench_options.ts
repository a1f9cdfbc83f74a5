/**
 * The words of `bench`: names of figures, and options.
 *
 * Which figures there are is for the caller to say, as is what they do; "all" means each
 * of them, in its order.
 * - What is wrong throws a UsageError, whose message is one line and names the value.
 */

import { parseArgs } from "@std/cli";
import { parseSeed, UsageError } from "./boot_options.ts";

export interface BenchOptions {
  readonly figures: readonly string[];
  readonly json: boolean;
  /** Folder for a file per figure. */
  readonly out: string | undefined;
  readonly seed: number;
}

export function parseBenchOptions(words: readonly string[], known: readonly string[]): BenchOptions {
  const given = parseArgs([...words], {
    string: ["out", "seed"],
    boolean: ["json"],
    collect: ["out", "seed"],
    unknown: (word) => {
      if (word.startsWith("-")) throw new UsageError(`"${word}" is not an option of bench; try --help`);
      return true;
    },
  }) as { _: (string | number)[]; json: boolean; out: string[]; seed: string[] };
  const one = (name: "out" | "seed"): string | undefined => {
    const [value, second] = given[name];
    if (second !== undefined) {
      throw new UsageError(`--${name} is given more than once: "${value}", "${second}"`);
    }
    if (value === "") throw new UsageError(`--${name} needs a value`);
    return value;
  };
  const names = given._.map(String);
  for (const name of names) {
    if (name === "all" || known.includes(name)) continue;
    throw new UsageError(`no figure is named "${name}"; there are ${known.join(", ")}, and all`);
  }
  if (names.length === 0) {
    throw new UsageError(`bench needs the name of a figure; there are ${known.join(", ")}, and all`);
  }
  const figures = names.includes("all") ? known : known.filter((name) => names.includes(name));
  return { figures, json: given.json, out: one("out"), seed: parseSeed(one("seed")) };
}
