/**
 * How records and blocks cross between two kernels: one implementation per kind of pair.
 *
 * The paper's two: memory copies between NUMA domains, with a thread that polls, and
 * the card's DMA engine with interrupts. The rest of remote message passing does not
 * know which one it uses.
 * - Generators run on the pair's service thread and may block it.
 */

import type { Call } from "../abi/kernel.ts";
import type { Block } from "../memory/exchange_heap.ts";
import type { RecordSender } from "./rings.ts";

/** Bytes to bring here: from the peer's memory into a block of this kernel. */
export interface Copy {
  /** The block over there, which may be freed when the bytes are here. */
  readonly release: number;
  readonly from: number;
  readonly length: number;
  readonly to: Block;
}

export interface Transport {
  readonly name: "memcpy" | "adma";
  /** Records that wait for room in the ring. */
  readonly backlog: number;
  /** Puts a record on its way, for a process that answers for it while it waits; never blocks. */
  post(record: Uint8Array, sender?: RecordSender): void;
  /** The bytes that the next record will stand in, if it can be written there at once; `post` has to follow. */
  slot?(): Uint8Array | undefined;
  /** Tells the peer that a block of its memory is no longer needed. */
  postRelease(address: number): void;
  /** Makes `wait` return, and `take` give something, even if nothing came. */
  poke(): void;
  /** The peer is gone: whatever waits for it here returns, and nothing is sent any more. */
  close(): void;
  /** Waits until there may be something from the peer. */
  wait(): Call<void>;
  /** The records that have come, or undefined when none has and nobody has poked. */
  take(): readonly Uint8Array[] | undefined;
  /** Addresses of blocks that the peer needs no longer. */
  takeReleases(): readonly number[];
  /** Copies blocks and tells the peer that it may free them; returns when all bytes are here. */
  pull(copies: readonly Copy[]): Call<void>;
  /** Card only: copies bytes of this kernel's memory into the host's, as a record asked. */
  push(
    copies: readonly { readonly from: number; readonly to: number; readonly length: number }[],
  ): Call<void>;
  /** All records of this round are dealt with: lets the peer know. */
  settle(): void;
}
