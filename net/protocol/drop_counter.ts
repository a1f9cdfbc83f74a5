/**
 * Drop counter: how many pieces of outside input were dropped, by reason.
 *
 * Outside bytes that are malformed, unwanted or too many are never an error of ours:
 * they are counted here and forgotten.
 * - Reasons are a fixed set of literals in the code, so the table is bounded.
 */

export class DropCounter<Reason extends string> {
  readonly #counts = new Map<Reason, number>();

  count(reason: Reason): void {
    this.#counts.set(reason, this.of(reason) + 1);
  }

  of(reason: Reason): number {
    return this.#counts.get(reason) ?? 0;
  }

  /** All reasons seen so far, in the order in which they first came. */
  entries(): readonly (readonly [reason: Reason, count: number])[] {
    return Array.from(this.#counts);
  }
}
