/**
 * Explaining a placement to a person: the kernels left after each pass, with sums.
 *
 * A wish towards a contract that nobody serves counts nowhere. It is no error, since the service may be one that
 * is not started; but a misspelt name looks the same, so each such contract is named.
 */

import type { PlacementRow } from "../abi/kernel.ts";
import { answerTime, type Coordinator } from "../coordinator.ts";
import { later } from "../hal/hardware.ts";
import { parseManifest } from "../placement/manifest.ts";

export interface Explanation {
  readonly program: string;
  readonly kernel: string;
  readonly rows: readonly PlacementRow[];
  /** Contracts with an affinity that no running service speaks. */
  readonly unserved: readonly string[];
  readonly text: string;
}

const passTitles: Readonly<Record<PlacementRow["pass"], string>> = {
  platform: "platform preference",
  positive: "positive affinity",
  negative: "negative affinity",
  cpu: "CPU use",
};

/**
 * Where a manifest's program would run on a machine that has booted; throws ManifestError or PlacementError.
 * Virtual time goes on for as long as the kernels may take to tell how busy they are.
 */
export function explainManifest(coordinator: Coordinator, text: string, file: string): Explanation {
  const manifest = parseManifest(text, file);
  const { clock } = coordinator.kernel;
  coordinator.measureCpuUse(() => {});
  clock.runUntil(later(clock.now, answerTime));
  const { kernel, steps } = coordinator.place(manifest);
  const lines = steps.map(({ pass, kernel: name, sum, kept }) =>
    `  ${passTitles[pass].padEnd(20)} ${name.padEnd(12)} ${formatSum(pass, sum).padStart(8)}  ${
      kept ? "kept" : "dropped"
    }`
  );
  const unserved = coordinator.unservedWishes(manifest);
  const notes = unserved.map((name) => `  nobody serves ${name} now, so the affinity to it counts nowhere\n`);
  const reason = lines.length === 0 ? "  there is one kernel only" : lines.join("\n");
  return {
    program: manifest.name,
    kernel: kernel.name,
    rows: steps,
    unserved,
    text: `${manifest.name} would run on ${kernel.name}\n${reason}\n${notes.join("")}`,
  };
}

function formatSum(pass: PlacementRow["pass"], sum: number): string {
  return pass === "cpu" ? `${(sum * 100).toFixed(1)} %` : String(sum);
}
