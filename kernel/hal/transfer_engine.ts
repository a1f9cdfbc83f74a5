/**
 * What carries bytes between a card's memory and the host's: its DMA engine, or its CPU.
 *
 * The paper's two implementations (section 3.6): first memcpy across PCI Express, then ADMA.
 * The transport over them is the same.
 */

import type { Call } from "../abi/kernel.ts";

export interface Transfer {
  readonly direction: "host to local" | "local to host" | "local to internal";
  readonly source: number;
  readonly destination: number;
  readonly length: number;
  /** The CPU may look at the destination meanwhile, so its lines are invalidated again at the end. */
  readonly isWatched?: boolean;
}

/** A transfer that did not happen: an address that nobody claims, or an abort on the way. */
export class TransferFault extends Error {
  override readonly name = "TransferFault";
}

export const transferEngineNames = ["adma", "memcpy"] as const;
export type TransferEngineName = typeof transferEngineNames[number];

export interface TransferEngine {
  readonly name: TransferEngineName;
  /** Cycles of the card's CPU that transfers have taken so far. */
  readonly cpuCycles: number;
  /** Carries all in order; returns when the last one is done. Throws TransferFault. */
  run(transfers: readonly Transfer[]): Call<void>;
}
