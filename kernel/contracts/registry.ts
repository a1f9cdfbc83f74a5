/**
 * The contracts that one kernel knows, by name.
 *
 * A program brings its contracts with it; they enter here when it first uses one,
 * together with the contracts of all endpoints that its messages carry, so that an
 * endpoint that arrives from another kernel finds its contract.
 * - One name means one contract on the whole machine: another declaration under a
 *   known name is refused, and the digest is compared when kernels talk.
 * - At most 1,024 names.
 */

import type { Contract } from "./contract.ts";
import { compileContract, type CompiledContract, ContractError } from "./monitor.ts";

const contractsMax = 1024;

export class ContractRegistry {
  readonly #byName = new Map<string, CompiledContract>();
  readonly #byDeclaration = new WeakMap<object, CompiledContract>();

  /** The compiled form of a declaration; throws ContractError when it is refused. */
  admit(declaration: Contract): CompiledContract {
    if (typeof declaration !== "object" || declaration === null) {
      throw new ContractError("That is not a contract");
    }
    const known = this.#byDeclaration.get(declaration);
    if (known !== undefined) return known;
    const compiled = this.#enter(compileContract(declaration));
    // Only a frozen declaration still says tomorrow what it says today.
    if (Object.isFrozen(declaration)) this.#byDeclaration.set(declaration, compiled);
    return compiled;
  }

  find(name: string): CompiledContract | undefined {
    return this.#byName.get(name);
  }

  #enter(compiled: CompiledContract): CompiledContract {
    const known = this.#byName.get(compiled.name);
    if (known !== undefined) {
      if (known.digest === compiled.digest) return known;
      throw new ContractError(`Contract "${compiled.name}" is already known with another declaration`);
    }
    if (this.#byName.size >= contractsMax) throw new ContractError(`More than ${contractsMax} contracts`);
    this.#byName.set(compiled.name, compiled);
    for (const message of compiled.messages) {
      for (const field of message.fields) {
        if (field.kind === "endpoint" && field.contract !== undefined) this.#enter(field.contract);
      }
    }
    return compiled;
  }
}
