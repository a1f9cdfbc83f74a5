/**
 * The scanning engine: does a mail message carry something known?
 *
 * It searches the message as it is, then each of its MIME parts decoded.
 * - One engine serves all threads: a check runs in one burst and keeps nothing.
 * - Time is proportional to the message's size and, at worst, to how deep its parts nest.
 */

import { walkParts } from "./mime_walk.ts";
import { PatternAutomaton } from "./pattern_automaton.ts";
import type { Signature } from "./signature.ts";

export class Scanner {
  readonly #signatures: readonly Signature[];
  readonly #automaton: PatternAutomaton;

  constructor(signatures: readonly Signature[]) {
    this.#signatures = signatures;
    this.#automaton = new PatternAutomaton(signatures.map(({ bytes }) => bytes));
  }

  /** The name of a signature that matches; undefined when the message is clean. */
  check(message: Uint8Array): string | undefined {
    return this.#search(message) ?? walkParts(message, (decoded) => this.#search(decoded));
  }

  #search(bytes: Uint8Array): string | undefined {
    return this.#signatures[this.#automaton.find(bytes)]?.name;
  }
}
