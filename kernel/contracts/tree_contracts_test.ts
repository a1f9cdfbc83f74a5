/**
 * Every contract of the tree is whole: the kernel takes it, and no part of it is dead.
 *
 * The folders themselves are listed, so a new contract is checked without being entered here.
 * - Contracts that are carried only inside others are found by their exports all the same.
 */

import { assert, assertEquals } from "@std/assert";
import type { Contract } from "./contract.ts";
import { compileContract } from "./monitor.ts";

const folders = ["kernel/contracts", "net/contracts", "fs/contracts", "apps/contracts"];
const top = new URL("../../", import.meta.url);

const isContract = (value: unknown): value is Contract =>
  typeof value === "object" && value !== null && "messages" in value && "states" in value && "start" in value;

async function contractsOfTree(): Promise<Contract[]> {
  const found = new Set<Contract>();
  for (const folder of folders) {
    for (const { name } of Deno.readDirSync(new URL(folder, top))) {
      if (!name.endsWith(".ts") || name.endsWith("_test.ts")) continue;
      const module: Record<string, unknown> = await import(new URL(`${folder}/${name}`, top).href);
      for (const value of Object.values(module)) if (isContract(value)) found.add(value);
    }
  }
  return [...found].sort((a, b) => a.name < b.name ? -1 : 1);
}

const contracts = await contractsOfTree();

/** States that can follow `state`, itself included. */
function reachedFrom(contract: Contract, state: string): Set<string> {
  const reached = new Set([state]);
  for (const one of reached) for (const next of Object.values(contract.states[one]!)) reached.add(next);
  return reached;
}

const sendersIn = (contract: Contract, state: string): string[] =>
  Object.keys(contract.states[state]!).map((message) => contract.messages[message]!.from);

for (const contract of contracts) {
  const { name, messages, states } = contract;

  Deno.test(`contract ${name} is accepted by the kernel, and each of its states can be reached`, () => {
    compileContract(contract);
    assertEquals([...reachedFrom(contract, contract.start)].sort(), Object.keys(states).sort());
  });

  Deno.test(`contract ${name} documents each message and allows it in some state`, () => {
    const used = new Set(Object.values(states).flatMap((row) => Object.keys(row)));
    assertEquals([...used].sort(), Object.keys(messages).sort());
    for (const [message, { doc }] of Object.entries(messages)) assert(doc.trim() !== "", message);
  });

  Deno.test(`contract ${name} never leaves an end that speaks without a turn, as long as anything may be sent`, () => {
    const speakers = new Set(Object.values(messages).map(({ from }) => from));
    for (const state of Object.keys(states)) {
      if (sendersIn(contract, state).length === 0) continue;
      const later = [...reachedFrom(contract, state)];
      const isOver = later.some((one) => Object.keys(states[one]!).length === 0);
      for (const end of speakers) {
        const speaks = later.some((one) => sendersIn(contract, one).includes(end));
        assert(speaks || isOver, `after state ${state} the ${end} is never heard again`);
      }
    }
  });

  Deno.test(`contract ${name} has names that fit code, manifests and log lines`, () => {
    assert(/^[a-z][a-z0-9-]*\/\d+$/.test(name), name);
    assert(/^[A-Z]\w*Contract$/.test(contract.contractName), contract.contractName);
    for (const word of [...Object.keys(messages), ...Object.keys(states)]) {
      assert(/^[a-z][A-Za-z0-9]*$/.test(word), word);
    }
  });
}

Deno.test("no two contracts of the tree share a name, a manifest's name or a digest", () => {
  assert(contracts.length >= 10, `only ${contracts.length} were found`);
  for (const keyOf of [(one: Contract) => one.name, (one: Contract) => one.contractName]) {
    assertEquals(new Set(contracts.map(keyOf)).size, contracts.length);
  }
  assertEquals(new Set(contracts.map((one) => compileContract(one).digest)).size, contracts.length);
});
