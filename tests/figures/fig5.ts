/**
 * Figure 5: what it takes to send and receive a message, against its size.
 *
 * SingBench on the paper's two machines: local messages (LMP) and remote ones to the other NUMA domain on
 * the Opteron, remote ones to the card on the Core 2 with the IOP348. docs/remote-messages.md tells what is fitted.
 * - The paper prints a curve without numbers; the one that it tells is the size from which on the card is the
 *   cheaper one.
 */

import type { Figure, FigureRow } from "./figure.ts";
import { plotMessageTimes } from "./fig5_plot.ts";
import type { Measured, Scenario } from "./scenario.ts";

/** What of SingBench's rows the figure needs. */
interface MessageRow {
  readonly operation: string;
  readonly bytes: number;
  readonly peer: string;
  readonly nanoseconds: number;
}

const series = [
  { label: "LMP", run: "opteron-numa", peer: "near child" },
  { label: "RMP NUMA", run: "opteron-numa", peer: "far child" },
  { label: "RMP XScale", run: "core2-iop348", peer: "card child" },
] as const;
/** "once messages are greater than 32 KB in size" (section 4.3) */
const crossingOfPaper = 32_768;

/** SingBench alone on one of the paper's machines. */
function singBenchOn(machine: string): Scenario {
  return {
    machine,
    balancer: "wake-last",
    services: false,
    programs: [{ name: "SingBench", manifest: "SingBench", arguments: "--json" }],
    awaited: `{"command":"SingBench"`,
    virtualSecondsMax: 10,
  };
}

/** Nanoseconds by size, of the messages to one kind of peer. */
export function messageTimes({ lines }: Pick<Measured, "lines">, peer: string): ReadonlyMap<number, number> {
  const { rows } = JSON.parse(lines[0]!) as { rows: readonly MessageRow[] };
  const messages = rows.filter((row) => row.operation === "send and receive" && row.peer === peer);
  return new Map(
    messages.filter(({ bytes }) => bytes > 0).map(({ bytes, nanoseconds }) => [bytes, nanoseconds]),
  );
}

export const fig5: Figure = {
  name: "fig5",
  title: "send and receive of one message, local, to another domain, and to the card",
  runs: new Map(["opteron-numa", "core2-iop348"].map((machine) => [machine, singBenchOn(machine)])),
  rows(measured) {
    const times = series.map(({ label, run, peer }) => ({ label, times: messageTimes(measured(run), peer) }));
    const rows = times.flatMap(({ label, times }) =>
      [...times].map(([bytes, ns]): FigureRow => ({
        label: `${label}, ${bytes} B`,
        unit: "us",
        paper: null,
        ours: ns / 1000,
        series: label,
        x: bytes,
      }))
    );
    const [numa, card] = [times[1]!.times, times[2]!.times];
    const cheaper = [...card].find(([bytes, ns]) => ns < numa.get(bytes)!);
    rows.push({
      label: "card cheaper than NUMA from",
      unit: "B",
      paper: crossingOfPaper,
      ours: cheaper?.[0] ?? Infinity,
    });
    return rows;
  },
  plot: (rows) => plotMessageTimes(rows, series.map(({ label }) => label), crossingOfPaper),
};
