/**
 * Searches bytes for many patterns at once, in one pass (Aho and Corasick, 1975).
 *
 * The automaton is complete: one table look-up per byte, whatever the number of patterns.
 * To keep the table small it knows only the first eight bytes of each pattern;
 * where those occur, the rest is compared. Bytes that occur in no such beginning share
 * one column.
 * - `find` pauses after each piece of a long text.
 * - `find` gives the pattern whose beginning ends first; of several that end at the same
 *   place the longest beginning, and of equal beginnings the pattern given first.
 * - Tables are typed arrays of `stateCount * columnCount` words; they do not change after construction.
 */

import type { Call } from "../../kernel/abi/kernel.ts";
import { type Pauses, pieceBytes } from "./pauses.ts";

/** Bytes of a pattern in the automaton: enough that few harmless places begin like one. */
const beginningBytes = 8;
const none = -1;

export class PatternAutomaton {
  readonly #patterns: readonly Uint8Array[];
  /** Column of each byte value; column 0 is for bytes that no beginning has. */
  readonly #columns = new Uint8Array(256);
  #columnCount = 1;
  /**
   * Where a state's row goes on, by column: the index of the next state's row, or its
   * complement (so it is negative) when a beginning may end there.
   */
  #rows: Int32Array;
  #stateCount = 1;
  /** First pattern whose beginning is spelled by a state; the others follow in `#nextPattern`. */
  readonly #firstPattern: Int32Array;
  readonly #nextPattern: Int32Array;
  /** The nearest shorter state, along failure links, at which a beginning ends. */
  readonly #shorterEnd: Int32Array;

  /** Patterns are kept, not copied; none may be empty. */
  constructor(patterns: readonly Uint8Array[]) {
    this.#patterns = patterns;
    this.#assignColumns();
    let statesMax = 1;
    for (const pattern of patterns) statesMax += Math.min(pattern.length, beginningBytes);
    this.#rows = new Int32Array(statesMax * this.#columnCount).fill(none);
    this.#firstPattern = new Int32Array(statesMax).fill(none);
    this.#nextPattern = new Int32Array(patterns.length).fill(none);
    this.#shorterEnd = new Int32Array(statesMax).fill(none);
    // Backwards, because each pattern goes in front of those with the same beginning.
    for (let index = patterns.length - 1; index >= 0; index--) this.#insert(index);
    this.#rows = this.#rows.slice(0, this.#stateCount * this.#columnCount);
    this.#complete();
  }

  get stateCount(): number {
    return this.#stateCount;
  }

  /** Number of a pattern that occurs in `bytes`; -1 when none does. */
  *find(bytes: Uint8Array, pauses: Pauses): Call<number> {
    let row = 0;
    for (let start = 0; start < bytes.length; start += pieceBytes) {
      const end = Math.min(start + pieceBytes, bytes.length);
      row = this.#findIn(bytes, start, end, row);
      if (row < 0) return ~row;
      if (pauses.isDueAfter(end - start)) yield* pauses.pause();
    }
    return none;
  }

  /** Goes on from `row`: the row at the end of the piece, or the complement of a pattern's number. */
  #findIn(bytes: Uint8Array, start: number, end: number, startRow: number): number {
    const rows = this.#rows;
    const columns = this.#columns;
    let row = startRow;
    for (let index = start; index < end; index++) {
      row = rows[row + columns[bytes[index]!]!]!;
      if (row < 0) {
        row = ~row;
        const pattern = this.#confirm(row, bytes, index + 1);
        if (pattern !== none) return ~pattern;
      }
    }
    return row;
  }

  /** Compares the rest of every pattern whose beginning ends before `end`. */
  #confirm(row: number, bytes: Uint8Array, end: number): number {
    let state = Math.floor(row / this.#columnCount);
    if (this.#firstPattern[state] === none) state = this.#shorterEnd[state]!;
    for (; state !== none; state = this.#shorterEnd[state]!) {
      for (let index = this.#firstPattern[state]!; index !== none; index = this.#nextPattern[index]!) {
        if (this.#restFollows(this.#patterns[index]!, bytes, end)) return index;
      }
    }
    return none;
  }

  #restFollows(pattern: Uint8Array, bytes: Uint8Array, end: number): boolean {
    if (pattern.length <= beginningBytes) return true;
    const start = end - beginningBytes;
    if (start + pattern.length > bytes.length) return false;
    for (let index = beginningBytes; index < pattern.length; index++) {
      if (bytes[start + index] !== pattern[index]) return false;
    }
    return true;
  }

  #assignColumns(): void {
    const occurs = new Uint8Array(256);
    for (const pattern of this.#patterns) {
      const length = Math.min(pattern.length, beginningBytes);
      if (length === 0) throw new Error("A pattern is empty");
      for (let index = 0; index < length; index++) occurs[pattern[index]!] = 1;
    }
    let used = 0;
    for (let byte = 0; byte < 256; byte++) used += occurs[byte]!;
    // When every byte value occurs no column is left over for the others, and none is needed.
    let column = used === 256 ? 0 : 1;
    for (let byte = 0; byte < 256; byte++) {
      if (occurs[byte] === 1) this.#columns[byte] = column++;
    }
    this.#columnCount = column;
  }

  #insert(index: number): void {
    const pattern = this.#patterns[index]!;
    const length = Math.min(pattern.length, beginningBytes);
    let state = 0;
    for (let at = 0; at < length; at++) {
      const cell = state * this.#columnCount + this.#columns[pattern[at]!]!;
      let next = this.#rows[cell]!;
      if (next === none) {
        next = this.#stateCount++;
        this.#rows[cell] = next;
      }
      state = next;
    }
    this.#nextPattern[index] = this.#firstPattern[state]!;
    this.#firstPattern[state] = index;
  }

  /** Breadth first: failure links give each state the transitions that the trie lacks. */
  #complete(): void {
    const rows = this.#rows;
    const count = this.#columnCount;
    const failure = new Int32Array(this.#stateCount);
    const queue = new Int32Array(this.#stateCount);
    let queued = 1;
    for (let done = 0; done < queued; done++) {
      const state = queue[done]!;
      for (let column = 0; column < count; column++) {
        const next = rows[state * count + column]!;
        // The failure state is shallower, so its row is complete already.
        const fallback = state === 0 ? 0 : rows[failure[state]! * count + column]!;
        if (next === none) {
          rows[state * count + column] = fallback;
          continue;
        }
        failure[next] = fallback;
        const endsThere = this.#firstPattern[fallback] !== none;
        this.#shorterEnd[next] = endsThere ? fallback : this.#shorterEnd[fallback]!;
        queue[queued++] = next;
      }
    }
    for (let cell = 0; cell < rows.length; cell++) {
      const state = rows[cell]!;
      const isEnd = this.#firstPattern[state] !== none || this.#shorterEnd[state] !== none;
      rows[cell] = isEnd ? ~(state * count) : state * count;
    }
  }
}
