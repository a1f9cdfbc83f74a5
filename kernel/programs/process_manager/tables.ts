/**
 * Tables over all kernels, and what they say in words.
 *
 * Each kernel knows its own processes and the channels that have an end on it; a
 * remote channel is in two tables, each naming one end and the other's kernel.
 * - Merging keeps the end that is named as `Program:pid@kernel`; of an end that no
 *   table names (its kernel does not answer) the kernel alone stays.
 */

import type { ChannelRow, PlacementRow } from "../../abi/kernel.ts";

/** One row for each channel, in the order in which they are met. */
export function mergeChannels(rows: readonly ChannelRow[]): ChannelRow[] {
  const merged = new Map<string, ChannelRow>();
  for (const row of rows) {
    const other = merged.get(row.id);
    merged.set(
      row.id,
      other === undefined ? row : {
        ...other,
        client: betterName(other.client, row.client),
        server: betterName(other.server, row.server),
      },
    );
  }
  return [...merged.values()];
}

function betterName(one: string, other: string): string {
  return one.startsWith("@") ? other : one;
}

const passWords: Readonly<Record<PlacementRow["pass"], string>> = {
  platform: "platform affinity",
  positive: "positive affinity",
  negative: "negative affinity",
  cpu: "CPU use",
};

/** Which pass of Figure 3 left one kernel: the last one that dropped another. */
export function decidedBy(steps: readonly PlacementRow[]): string {
  const step = steps.findLast(({ kept }) => !kept);
  return step === undefined ? "the only kernel" : passWords[step.pass];
}
