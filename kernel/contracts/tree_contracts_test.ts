/**
 * Every contract of the tree is whole: the kernel takes it, no part of it is dead, and what can be
 * under way has a bound.
 *
 * The folders themselves are listed, so a new contract is checked without being entered here.
 * - Contracts that are carried only inside others are found by their exports all the same.
 */

import { assert, assertEquals } from "@std/assert";
import type { Contract } from "./contract.ts";
import { compileContract, type CompiledContract, type CompiledMessage } from "./monitor.ts";

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
function reachedFrom({ transitions, messages }: CompiledContract, state: number): Set<number> {
  const reached = new Set([state]);
  const width = messages.length;
  for (const one of reached) {
    for (const next of transitions.subarray(one * width, (one + 1) * width)) if (next >= 0) reached.add(next);
  }
  return reached;
}

const messagesIn = ({ transitions, messages }: CompiledContract, state: number): CompiledMessage[] =>
  messages.filter(({ index }) => transitions[state * messages.length + index]! >= 0);

for (const contract of contracts) {
  const compiled = compileContract(contract);
  const { name, messages, stateNames, start, queueMax } = compiled;

  Deno.test(`contract ${name}: each of its states can be reached`, () => {
    const reached = [...reachedFrom(compiled, start)].map((state) => stateNames[state]);
    assertEquals(reached.sort(), [...stateNames].sort());
  });

  Deno.test(`contract ${name}: each message is documented and allowed in some state`, () => {
    const used = new Set(stateNames.flatMap((_, state) => messagesIn(compiled, state)));
    assertEquals(used.size, messages.length);
    for (const [message, { doc }] of Object.entries(contract.messages)) assert(doc.trim() !== "", message);
    for (const [credit, { doc }] of Object.entries(contract.credits ?? {})) assert(doc.trim() !== "", credit);
  });

  Deno.test(`contract ${name}: from each state it goes back to the start, to where nothing more may be sent, or to where both ends work till they close`, () => {
    for (const [state, stateName] of stateNames.entries()) {
      const later = [...reachedFrom(compiled, state)];
      const isOver = later.some((one) => messagesIn(compiled, one).length === 0);
      // Round and round, and both ends speak: they work till one of them closes.
      const isWork = (one: number) =>
        messagesIn(compiled, one).some(({ index }) =>
          reachedFrom(compiled, compiled.transitions[one * messages.length + index]!).has(one)
        ) && new Set(
            [...reachedFrom(compiled, one)].flatMap((next) => messagesIn(compiled, next)).map(({ from }) =>
              from
            ),
          ).size === 2;
      assert(later.includes(start) || isOver || later.some(isWork), `nothing follows ${stateName}`);
    }
  });

  Deno.test(`contract ${name} never leaves an end that speaks without a turn, as long as anything may be sent`, () => {
    const speakers = new Set(messages.map(({ from }) => from));
    for (const [state, stateName] of stateNames.entries()) {
      const later = [...reachedFrom(compiled, state)];
      if (later.some((one) => messagesIn(compiled, one).length === 0)) continue;
      for (const end of speakers) {
        const speaks = later.some((one) => messagesIn(compiled, one).some(({ from }) => from === end));
        assert(speaks, `after state ${stateName} the ${end} is never heard again`);
      }
    }
  });

  Deno.test(`contract ${name}: what can be under way to an end has a bound, and every credit comes back`, () => {
    for (const end of ["client", "server"] as const) {
      const hears = messages.some(({ from }) => from !== end);
      assertEquals(
        [queueMax[end] > 0, queueMax[end] < 8192],
        [hears, true],
        `${queueMax[end]} to the ${end}`,
      );
    }
    for (const [index, credit] of compiled.credits.entries()) {
      assert(messages.some(({ uses }) => uses === index), `nothing uses ${credit.name}`);
      assert(messages.some(({ gives }) => gives === index), `nothing gives ${credit.name}`);
    }
  });

  Deno.test(`contract ${name} has names that fit code, manifests and log lines`, () => {
    assert(/^[a-z][a-z0-9-]*\/\d+$/.test(name), name);
    assert(/^[A-Z]\w*Contract$/.test(contract.contractName), contract.contractName);
    for (const word of [...Object.keys(contract.messages), ...Object.keys(contract.states)]) {
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
