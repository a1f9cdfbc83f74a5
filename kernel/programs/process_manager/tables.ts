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

/** Which passes of Figure 3 dropped kernels until one was left, in their order. */
export function decidedBy(steps: readonly PlacementRow[]): string {
  const passes = new Set(steps.filter(({ kept }) => !kept).map(({ pass }) => passWords[pass]));
  return passes.size === 0 ? "the only kernel" : [...passes].join(", then ");
}
