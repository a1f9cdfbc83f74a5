/**
 * A text that the host compiles once and evaluates in any number of compartments, one per process.
 *
 * SES evaluates by `eval`, and the host then shares what it learns of a text between all who evaluate it: from the
 * second process on, code with private names was measured ten times as slow. A script that is run again shares its
 * bytecode and nothing else, so each start is short and each process as fast as the first.
 * - The scope is that of SES's evaluator: the compartment's globals, behind them an object that has every name with
 *   no value, and behind that the host's globals, which no name can reach.
 * - `name` is what stacks call the script. It must hold the hash of what the text was made from: see `wrap`.
 */

import { Script } from "node:vm";
import { scriptName } from "./fault_places.ts";
import type { Image } from "./image.ts";
import { emptyCompartment } from "./lockdown.ts";

/** What the wrapper of a text is called on. */
interface Scopes {
  readonly terminator: object;
  readonly globals: object;
}

/** Ends the search for a name, as SES's strict scope terminator does: reading gives nothing, writing throws. */
const terminator: object = new Proxy(
  Object.freeze({ __proto__: null }),
  Object.freeze({
    __proto__: null,
    has: () => true,
    get: () => undefined,
    set(_target: object, name: string | symbol): never {
      throw new ReferenceError(`${String(name)} is not defined`);
    },
  }),
);

export class CompartmentScript {
  readonly #script: Script;

  /** Throws SyntaxError unless `text` is one expression of strict code. */
  constructor(text: string, name: string) {
    this.#script = new Script(wrap(text, name), { filename: name });
  }

  /** Evaluates the text in a compartment of its own, which has no globals at all. */
  evaluate(): unknown {
    const inScopes = this.#script.runInThisContext() as (this: Scopes) => () => unknown;
    return inScopes.call({ terminator, globals: emptyCompartment().globalThis })();
  }
}

/**
 * The wrapper, without a line end in front of the text, so that lines stay.
 *
 * A text that closed the wrapper's braces could go on outside of its scopes. So a jump to a label stands behind it,
 * which is a syntax error wherever that label is not; and whoever wrote the text cannot have written the label, with
 * the hash of that very text in it. Both functions are in parentheses, or the host would parse them twice.
 */
function wrap(text: string, name: string): string {
  const label = `$${name.replaceAll(/\W/g, "$")}`;
  return `(function(){with(this.terminator){with(this.globals){return(function(){"use strict";${label}:{return ${text}` +
    `\n;break ${label};}});}}})`;
}

const scripts = new WeakMap<Image, CompartmentScript>();

/** The script of an image, compiled when it is first asked for. */
export function scriptOf(image: Image): CompartmentScript {
  const script = scripts.get(image) ?? new CompartmentScript(image.body, scriptName(image));
  scripts.set(image, script);
  return script;
}
