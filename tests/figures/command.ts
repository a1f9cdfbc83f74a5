/**
 * The command `bench`: its words in, tables or JSON out, a file and a picture per figure when asked for.
 *
 * - What is wrong with the words, or with the folder, is said before anything is run.
 */

import { parseBenchOptions } from "../../hw/host/bench_options.ts";
import { makeResultFolder, writeResult } from "../../hw/host/program_files.ts";
import { benchFigure, formatResult } from "./bench.ts";
import { figures } from "./figures.ts";
import { drawSvg } from "./plot.ts";

export interface BenchOutput {
  /** Takes what was asked for. */
  print(text: string): void;
  /** Takes a line that is written over again and again; undefined where nobody watches. */
  readonly progress: ((text: string) => void) | undefined;
}

/** Throws UsageError or HostFileError. */
export async function benchFigures(
  words: readonly string[],
  { print, progress }: BenchOutput,
): Promise<void> {
  const options = parseBenchOptions(words, figures.map(({ name }) => name));
  if (options.out !== undefined) makeResultFolder(options.out);
  for (const figure of figures.filter(({ name }) => options.figures.includes(name))) {
    const result = benchFigure(figure, options.seed, ({ runsDone, runs, virtualSeconds }) => {
      const done = `${runsDone} of ${runs} runs, ${virtualSeconds.toFixed(3)} s of virtual time`;
      progress?.(`\r${figure.name}: ${done}`);
    });
    progress?.("\r\x1b[K");
    print(options.json ? `${JSON.stringify(result)}\n` : formatResult(result));
    if (options.out === undefined) continue;
    writeResult(options.out, `${figure.name}.json`, `${JSON.stringify(result, undefined, 2)}\n`);
    writeResult(options.out, `${figure.name}.svg`, await drawSvg(figure.plot(result.rows)));
  }
}
