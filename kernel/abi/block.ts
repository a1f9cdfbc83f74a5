/**
 * Blocks of the exchange heap as a program holds them, and the table of who has how many.
 *
 * The calls that make, cut, share and free blocks are `Kernel`'s.
 * - Only types stand here; programs import them from kernel.ts.
 */

/**
 * A block of the exchange heap. Sending it in a message moves it: every view
 * taken from `bytes` before is dead (length 0), and `bytes` throws.
 */
export interface Block {
  /** The window that readers of the block see; fresh on each access, so hold it in a variable within a burst. */
  readonly bytes: Uint8Array;
  /** Bytes in the window. */
  readonly length: number;
  /** Bytes that the block can hold. */
  readonly capacity: number;
  /**
   * It was shared, so nobody can change its bytes any more: what a holder writes into `bytes` is in that view
   * alone and gone with it.
   */
  readonly isReadOnly: boolean;
  /** Narrows or moves the window within the capacity, without copying. */
  window(offset: number, length: number): void;
}

/** What is in use of one kernel's exchange heap. */
export interface HeapRow {
  readonly kernel: string;
  /** "size": memory in use by size class; "owner": blocks by who has them. */
  readonly part: "total" | "free" | "live" | "size" | "owner";
  /** The size class, or the owner: a process, "messages", "lent to" another kernel, "arriving" from one. */
  readonly name: string;
  /** A shared block is one in "live" and "size", and one for each holder in "owner". */
  readonly blocks: number;
  readonly bytes: number;
}
