/**
 * The contract registry of a kernel: one declaration, one contract, whoever brings it.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Contract } from "./contract.ts";
import { compileContract, ContractError } from "./monitor.ts";
import { ContractRegistry } from "./registry.ts";

/** A process, as far as the registry cares. */
const user = {};

const named = (name: string, extra: Partial<Contract> = {}): Contract => ({
  name,
  contractName: "SomeContract",
  messages: { tick: { from: "client", doc: "Time passes" }, tock: { from: "server", doc: "So it does" } },
  start: "going",
  states: { going: { tick: "coming" }, coming: { tock: "going" } },
  ...extra,
});

Deno.test("equal declarations of two programs are one contract to the kernel", () => {
  const registry = new ContractRegistry();
  const first = registry.admit(named("clock/1"), user);
  assert(registry.admit(named("clock/1"), {}) === first);
  assert(registry.find("clock/1", first.digest) === first);
  assertEquals(registry.find("clock/2", first.digest), undefined);
});

Deno.test("another declaration under a known name is another contract, whoever came first", () => {
  const registry = new ContractRegistry();
  const first = registry.admit(named("clock/1"), user);
  const other = registry.admit(
    named("clock/1", { states: { going: { tick: "coming" }, coming: { tock: "over" }, over: {} } }),
    {},
  );
  assert(other !== first && other.digest !== first.digest);
  assert(registry.find("clock/1", first.digest) === first);
  assert(registry.find("clock/1", other.digest) === other);
});

Deno.test("contracts of endpoints inside messages are known as well, at any depth", () => {
  const registry = new ContractRegistry();
  const carrying = (name: string, carried: Contract) =>
    named(name, {
      messages: {
        ...named(name).messages,
        tick: { from: "client", doc: "Take this", body: { to: { endpoint: carried, end: "server" } } },
      },
    });
  const inner = named("inner/1");
  const middle = carrying("middle/1", inner);
  for (const contract of [carrying("outer/1", middle), middle, inner]) {
    const { name, digest } = compileContract(contract);
    assertEquals(registry.find(name, digest), undefined);
  }
  registry.admit(carrying("outer/1", middle), user);
  for (const contract of [carrying("outer/1", middle), middle, inner]) {
    const { name, digest } = compileContract(contract);
    assertEquals(registry.find(name, digest)?.name, name);
  }
});

Deno.test("a declaration that changed after it was admitted is looked at again, a frozen one is not", () => {
  const registry = new ContractRegistry();
  const changing = named("clock/1") as { start: string } & Contract;
  const before = registry.admit(changing, user);
  (changing.states as Record<string, Record<string, string>>)["stopped"] = {};
  assert(registry.admit(changing, user).digest !== before.digest);
  const frozen = Object.freeze(named("calendar/1"));
  assert(registry.admit(frozen, user) === registry.admit(frozen, user));
});

Deno.test("what is no contract is refused", () => {
  const registry = new ContractRegistry();
  for (const nothing of [undefined, null, 7, "pipe/1"]) {
    assertThrows(() => registry.admit(nothing as unknown as Contract, user), ContractError, "not a contract");
  }
});

Deno.test("a process uses at most 64 contracts, and takes none from the others", () => {
  const registry = new ContractRegistry();
  for (let index = 0; index < 64; index++) registry.admit(named(`c${index}/1`), user);
  assertThrows(() => registry.admit(named("one-more/1"), user), ContractError, "at most 64 contracts");
  registry.admit(named("c7/1"), user);
  registry.admit(named("one-more/1"), {});
});

Deno.test("contracts that only dead processes used go when there are many, the oldest first", () => {
  const registry = new ContractRegistry();
  const kept = registry.admit(named("kept/1"), user);
  const digests: string[] = [];
  for (let process = 0; process < 32; process++) {
    const dead = {};
    for (let index = 0; index < 64; index++) {
      digests.push(registry.admit(named(`c${process}-${index}/1`), dead).digest);
    }
    registry.forget(dead);
  }
  assert(registry.find("kept/1", kept.digest) === kept);
  assertEquals(registry.find("c0-0/1", digests[0]!), undefined);
  assert(registry.find("c31-63/1", digests.at(-1)!) !== undefined);
});
