/**
 * The contract registry of a kernel: one name, one contract.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Contract } from "./contract.ts";
import { ContractError } from "./monitor.ts";
import { ContractRegistry } from "./registry.ts";

const named = (name: string, extra: Partial<Contract> = {}): Contract => ({
  name,
  contractName: "SomeContract",
  messages: { tick: { from: "client", doc: "Time passes" } },
  start: "going",
  states: { going: { tick: "going" } },
  ...extra,
});

Deno.test("equal declarations of two programs are one contract to the kernel", () => {
  const registry = new ContractRegistry();
  const first = registry.admit(named("clock/1"));
  assert(registry.admit(named("clock/1")) === first);
  assert(registry.find("clock/1") === first);
  assertEquals(registry.find("clock/2"), undefined);
});

Deno.test("another declaration under a known name is refused, and the first stays", () => {
  const registry = new ContractRegistry();
  const first = registry.admit(named("clock/1"));
  const other = named("clock/1", { messages: { tick: { from: "server", doc: "Time passes" } } });
  assertThrows(
    () => registry.admit(other),
    ContractError,
    `"clock/1" is already known with another declaration`,
  );
  assert(registry.find("clock/1") === first);
});

Deno.test("contracts of endpoints inside messages are known as well, at any depth", () => {
  const registry = new ContractRegistry();
  const carrying = (name: string, carried: Contract) =>
    named(name, {
      messages: {
        tick: { from: "client", doc: "Take this", body: { to: { endpoint: carried, end: "server" } } },
      },
    });
  registry.admit(carrying("outer/1", carrying("middle/1", named("inner/1"))));
  assertEquals(["outer/1", "middle/1", "inner/1"].map((name) => registry.find(name)?.name), [
    "outer/1",
    "middle/1",
    "inner/1",
  ]);
});

Deno.test("a declaration that changed after it was admitted is looked at again, a frozen one is not", () => {
  const registry = new ContractRegistry();
  const changing = named("clock/1") as { start: string } & Contract;
  registry.admit(changing);
  (changing.states as Record<string, Record<string, string>>)["stopped"] = {};
  assertThrows(() => registry.admit(changing), ContractError, "already known");
  const frozen = Object.freeze(named("calendar/1"));
  assert(registry.admit(frozen) === registry.admit(frozen));
});

Deno.test("what is no contract is refused", () => {
  const registry = new ContractRegistry();
  for (const nothing of [undefined, null, 7, "pipe/1"]) {
    assertThrows(() => registry.admit(nothing as unknown as Contract), ContractError, "not a contract");
  }
});

Deno.test("a kernel knows at most 1,024 contracts, and refuses the next", () => {
  const registry = new ContractRegistry();
  for (let index = 0; index < 1024; index++) registry.admit(named(`c${index}/1`));
  assertThrows(() => registry.admit(named("one-more/1")), ContractError, "More than 1024 contracts");
  registry.admit(named("c7/1"));
});
