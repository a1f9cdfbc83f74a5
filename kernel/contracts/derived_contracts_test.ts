/**
 * Contracts that extend others: what they have of the base, and which end may stand for which.
 */

import { assertEquals, assertThrows } from "@std/assert";
import type { Contract, End } from "./contract.ts";
import { compileContract, ContractError, digestsForClients, mayStandFor } from "./monitor.ts";

const base = {
  name: "shop/1",
  contractName: "ShopContract",
  messages: {
    buy: { from: "client", doc: "Wants something" },
    sold: { from: "server", doc: "Here it is" },
  },
  start: "open",
  states: { open: { buy: "selling" }, selling: { sold: "open" } },
} as const satisfies Contract;

const clientMore: Contract = {
  name: "shop-more/1",
  contractName: "ShopMoreContract",
  base,
  messages: { ask: { from: "client", doc: "Wants the price" }, price: { from: "server", doc: "This" } },
  start: "open",
  states: { open: { ask: "asked" }, asked: { price: "open" } },
};

const serverMore: Contract = {
  name: "shop-less/1",
  contractName: "ShopLessContract",
  base,
  messages: { soldOut: { from: "server", doc: "There is none" } },
  start: "open",
  states: { selling: { soldOut: "open" } },
};

const evenMore: Contract = {
  ...clientMore,
  name: "shop-all/1",
  base: clientMore,
  messages: { leave: { from: "client", doc: "Has enough" } },
  states: { open: { leave: "gone" }, gone: {} },
};

Deno.test("a derived contract has the base's messages and states first, under the same numbers", () => {
  const [small, large] = [compileContract(base), compileContract(evenMore)];
  assertEquals(large.messages.slice(0, 2).map(({ tag }) => tag), small.messages.map(({ tag }) => tag));
  assertEquals(large.messages.map(({ tag }) => tag), ["buy", "sold", "ask", "price", "leave"]);
  assertEquals(large.stateNames, [...small.stateNames, "asked", "gone"]);
  assertEquals([large.start, large.queueMax], [small.start, { client: 1, server: 1 }]);
});

const ends: [string, Contract, Contract, End, boolean][] = [
  ["an end of a contract stands for one of the same", base, { ...base }, "client", true],
  [
    "a client of what lets only clients say more stands for a client of the base",
    clientMore,
    base,
    "client",
    true,
  ],
  ["a server of it does not: its peer could say what it does not know", clientMore, base, "server", false],
  [
    "a server of what lets only servers say more stands for a server of the base",
    serverMore,
    base,
    "server",
    true,
  ],
  ["a client of it does not", serverMore, base, "client", false],
  ["a server of the base stands for one that can hear more", base, clientMore, "server", true],
  ["a client of the base does not stand for one that may say more", base, clientMore, "client", false],
  ["a client of the base stands for one that can hear more", base, serverMore, "client", true],
  ["it goes through several steps", evenMore, base, "client", true],
  ["two contracts of one base have nothing to do with each other", clientMore, serverMore, "client", false],
];

for (const [what, actual, wanted, end, expected] of ends) {
  Deno.test(`of derived contracts: ${what}`, () => {
    assertEquals(mayStandFor(compileContract(actual), compileContract(wanted), end), expected);
  });
}

Deno.test("a client may bind to a service by each base that a client of the service's contract may stand for", () => {
  const digest = (contract: Contract) => compileContract(contract).digest;
  assertEquals(digestsForClients(compileContract(evenMore)), [evenMore, clientMore, base].map(digest));
  assertEquals(digestsForClients(compileContract(serverMore)), [digest(serverMore)]);
});

const refusals: [string, Partial<Contract>, string][] = [
  [
    "says anew what a message is",
    { messages: { buy: { from: "server", doc: "" } } },
    `its base has a message "buy"`,
  ],
  [
    "says anew what follows a message",
    { states: { open: { buy: "asked" }, asked: {} } },
    "what follows message buy",
  ],
  ["starts elsewhere", { start: "selling" }, `it starts in state "selling", its base in "open"`],
  [
    "adds to a state that asks for all of its messages",
    { base: { ...base, states: { open: { allOf: ["buy", "sold"], then: "over" }, over: {} } } },
    "state open asks for all of its messages",
  ],
];

for (const [what, change, reason] of refusals) {
  Deno.test(`a derived contract that ${what} is refused`, () => {
    assertThrows(() => compileContract({ ...clientMore, ...change }), ContractError, reason);
  });
}

Deno.test("a contract has at most four bases, one upon the other", () => {
  const above = (contract: Contract, level: number): Contract => ({
    name: `level${level}/1`,
    contractName: "LevelContract",
    base: contract,
    messages: {},
    start: "open",
    states: {},
  });
  let contract: Contract = base;
  for (let level = 1; level <= 4; level++) contract = above(contract, level);
  compileContract(contract);
  assertThrows(() => compileContract(above(contract, 5)), ContractError, "more than 4 bases");
});

Deno.test("a contract and the same with its base's messages written out are two contracts", () => {
  const flat: Contract = {
    ...clientMore,
    messages: { ...base.messages, ...clientMore.messages },
    states: { ...base.states, ...clientMore.states, open: { buy: "selling", ask: "asked" } },
  };
  const { base: _, ...alone } = flat;
  const [derived, written] = [compileContract(clientMore), compileContract(alone)];
  assertEquals(derived.transitions, written.transitions);
  assertEquals(derived.digest === written.digest, false);
});
