/**
 * The contracts that one kernel knows, by name and digest.
 *
 * A program brings its contracts with it; they enter here when it first uses one,
 * together with the contracts of all endpoints that its messages carry, so that an
 * endpoint that arrives from another kernel finds its contract.
 * - Two declarations under one name are two contracts: programs that mean different
 *   ones do not meet, since a bind and an endpoint field compare digests.
 * - A process brings at most 64; what only dead processes used goes when there are many.
 */

import type { Contract } from "./contract.ts";
import { compileContract, type CompiledContract, ContractError } from "./monitor.ts";

const contractsPerUser = 64;
/** From this many on, contracts that nobody uses any more are forgotten, the oldest first. */
const unusedKept = 1024;

interface Entry {
  readonly compiled: CompiledContract;
  readonly users: Set<object>;
}

export class ContractRegistry {
  readonly #entries = new Map<string, Entry>();
  readonly #byDeclaration = new WeakMap<object, CompiledContract>();
  readonly #counts = new Map<object, number>();

  /** The compiled form of a declaration that `user`, a process, brings; throws ContractError when it is refused. */
  admit(declaration: Contract, user: object): CompiledContract {
    if (typeof declaration !== "object" || declaration === null) {
      throw new ContractError("That is not a contract");
    }
    const known = this.#byDeclaration.get(declaration);
    if (known !== undefined) return this.#enter(known, user);
    const compiled = this.#enter(compileContract(declaration), user);
    // Only a frozen declaration still says tomorrow what it says today.
    if (Object.isFrozen(declaration)) this.#byDeclaration.set(declaration, compiled);
    return compiled;
  }

  find(name: string, digest: string): CompiledContract | undefined {
    return this.#entries.get(keyOf(name, digest))?.compiled;
  }

  /** A process has ended; its contracts may still be on their way to others. */
  forget(user: object): void {
    if (!this.#counts.delete(user)) return;
    for (const { users } of this.#entries.values()) users.delete(user);
    this.#dropUnused();
  }

  #enter(compiled: CompiledContract, user: object): CompiledContract {
    const key = keyOf(compiled.name, compiled.digest);
    const entry = this.#entries.get(key) ?? { compiled, users: new Set() };
    if (entry.users.has(user)) return entry.compiled;
    const count = (this.#counts.get(user) ?? 0) + 1;
    if (count > contractsPerUser) {
      throw new ContractError(
        `A process uses at most ${contractsPerUser} contracts, "${compiled.name}" is one more`,
      );
    }
    this.#counts.set(user, count);
    entry.users.add(user);
    this.#entries.set(key, entry);
    if (compiled.base !== undefined) this.#enter(compiled.base, user);
    for (const message of compiled.messages) {
      for (const field of message.fields) {
        if (field.kind === "endpoint" && field.contract !== undefined) this.#enter(field.contract, user);
      }
    }
    return entry.compiled;
  }

  #dropUnused(): void {
    let over = this.#entries.size - unusedKept;
    for (const [key, { users }] of this.#entries) {
      if (over <= 0) return;
      if (users.size > 0) continue;
      this.#entries.delete(key);
      over--;
    }
  }
}

const keyOf = (name: string, digest: string): string => `${digest} ${name}`;
