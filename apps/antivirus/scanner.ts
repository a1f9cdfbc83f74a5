/**
 * The scanning engine: does a mail message carry something known?
 *
 * It searches the message as it is, then each of its MIME parts decoded.
 * - One engine serves all threads: a check keeps nothing, and lets others run in between.
 * - Time is proportional to the message's size and, at worst, to how deep its parts nest.
 */

import type { Call } from "../../kernel/abi/kernel.ts";
import { walkParts } from "./mime_walk.ts";
import { PatternAutomaton } from "./pattern_automaton.ts";
import { Pauses } from "./pauses.ts";
import type { Signature } from "./signature.ts";

export class Scanner {
  readonly #signatures: readonly Signature[];
  readonly #automaton: PatternAutomaton;
  readonly #pause: () => Call<void>;

  /** `pause` lets others run; a check calls it after each piece of its work. */
  constructor(signatures: readonly Signature[], pause: () => Call<void>) {
    this.#signatures = signatures;
    this.#pause = pause;
    this.#automaton = new PatternAutomaton(signatures.map(({ bytes }) => bytes));
  }

  /** The name of a signature that matches; undefined when the message is clean. */
  *check(message: Uint8Array): Call<string | undefined> {
    const pauses = new Pauses(this.#pause);
    const found = yield* this.#search(message, pauses);
    if (found !== undefined) return found;
    return yield* walkParts(message, (decoded) => this.#search(decoded, pauses), pauses);
  }

  *#search(bytes: Uint8Array, pauses: Pauses): Call<string | undefined> {
    return this.#signatures[yield* this.#automaton.find(bytes, pauses)]?.name;
  }
}
