/**
 * The bound on what can be under way, worked out by hand, and the contracts that have none.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import type { AllOf, Contract, Credit, End, MessageDefinition, OneOf } from "./contract.ts";
import { compileContract, type CompiledContract, ContractError } from "./monitor.ts";

type States = Readonly<Record<string, OneOf | AllOf>>;

const message = (from: End, more: Partial<MessageDefinition> = {}): MessageDefinition => ({
  from,
  doc: "Something",
  ...more,
});

/** A contract whose messages c1, c2, ... are the client's and s1, s2, ... the server's. */
function contract(states: States, more: Partial<Contract> = {}): Contract {
  const tags = new Set(
    Object.values(states).flatMap((state) => "allOf" in state ? state.allOf as string[] : Object.keys(state)),
  );
  const messages = Object.fromEntries(
    [...tags].map((tag) => [tag, message(tag.startsWith("c") ? "client" : "server")]),
  );
  return {
    name: "some/1",
    contractName: "SomeContract",
    start: Object.keys(states)[0]!,
    states,
    ...more,
    messages: { ...messages, ...more.messages },
  };
}

const credit = (user: End, limit: number, initial = limit): Credit => ({
  doc: "Leave",
  user,
  limit,
  initial,
});

const bounds: [string, Contract, { client: number; server: number }][] = [
  ["a question and an answer", contract({ a: { c1: "b" }, b: { s1: "a" } }), { client: 1, server: 1 }],
  [
    "three questions in a row before an answer",
    contract({ a: { c1: "b" }, b: { c2: "c" }, c: { c3: "d" }, d: { s1: "a" } }),
    { client: 1, server: 3 },
  ],
  [
    "a long way and a short way to the answer",
    contract({ a: { c1: "d", c2: "b" }, b: { c1: "c" }, c: { c1: "d" }, d: { s1: "a" } }),
    { client: 1, server: 3 },
  ],
  [
    "an answer in four parts",
    contract({ a: { c1: "b" }, b: { s1: "c" }, c: { s2: "d" }, d: { s3: "e" }, e: { s4: "a" } }),
    { client: 4, server: 1 },
  ],
  [
    "two dialogues side by side",
    contract({
      a: { c1: "b", c2: "c" },
      b: { s1: "a", c2: "d" },
      c: { s2: "a", c1: "d" },
      d: { s1: "c", s2: "b" },
    }),
    { client: 2, server: 2 },
  ],
  [
    "all of three questions, in any order, and then an answer",
    contract({ a: { allOf: ["c1", "c2", "c3"], then: "b" }, b: { s1: "a" } }),
    { client: 1, server: 3 },
  ],
  [
    "all of one message from either end, again and again",
    contract({ a: { allOf: ["c1", "s1"], then: "a" } }),
    // Who has the other's message begins the next round, before the other has looked.
    { client: 2, server: 2 },
  ],
  [
    "ten messages by credit, and their answers one by one",
    contract({ a: { c1: "a", s1: "a" } }, {
      messages: {
        c1: message("client", { uses: "k" }),
        s1: message("server", { gives: { credit: "k", amount: 1 } }),
      },
      credits: { k: credit("client", 10) },
    }),
    { client: 10, server: 10 },
  ],
  [
    "two messages that use one credit, beside a plain dialogue",
    contract({ a: { c1: "a", c2: "a", s1: "a", c3: "b" }, b: { s2: "a", s1: "b", c1: "b", c2: "b" } }, {
      messages: {
        c1: message("client", { uses: "k" }),
        c2: message("client", { uses: "k" }),
        s1: message("server", { gives: { credit: "k", amount: 2 } }),
      },
      credits: { k: credit("client", 8, 0) },
    }),
    { client: 9, server: 9 },
  ],
];

for (const [what, declaration, expected] of bounds) {
  Deno.test(`${what}: at most ${expected.client} messages are under way to the client, ${expected.server} to the server`, () => {
    assertEquals(compileContract(declaration).queueMax, expected);
  });
}

const refusals: [string, Contract, string][] = [
  [
    "a message of the client may follow itself",
    contract({ a: { c1: "a", s1: "a" } }),
    "the client can send c1 again and again from state a without an answer",
  ],
  [
    "the server may go round three states alone",
    contract({ a: { c1: "b" }, b: { s1: "c" }, c: { s2: "d" }, d: { s3: "b" } }),
    "the server can send s1, s2, s3 again and again from state b without an answer",
  ],
  [
    "a message may cross one after which it is not allowed",
    contract({ a: { c1: "b" }, b: { s1: "c", c2: "d" }, c: { c1: "b" }, d: { s2: "a" } }),
    "message s1 can reach the client in state d, which does not allow it: what the client sent before may cross it",
  ],
  [
    "the ends may part where their messages cross",
    contract({ a: { c1: "b", s1: "c" }, b: { s1: "d" }, c: { c1: "e" }, d: { c2: "a" }, e: { c2: "a" } }),
    "after messages that crossed, the client can be in state d and the server in e",
  ],
  [
    "a credit is given by a message that may give none of it",
    contract({ a: { c1: "a", s1: "a" } }, {
      messages: {
        c1: message("client", { uses: "k" }),
        s1: message("server", { body: { count: "u8" }, gives: { credit: "k", amount: "count" } }),
      },
      credits: { k: credit("client", 4) },
    }),
    "the server can send s1 again and again from state a without an answer",
  ],
  [
    "a credit is used by the end that gives it",
    contract({ a: { c1: "b" }, b: { s1: "a" } }, {
      messages: { s1: message("server", { uses: "k" }) },
      credits: { k: credit("client", 4) },
    }),
    "message s1 is from the server, which cannot be who uses credit k",
  ],
  [
    "a credit is named that there is not",
    contract({ a: { c1: "b" }, b: { s1: "a" } }, { messages: { c1: message("client", { uses: "k" }) } }),
    `message c1 uses credit "k", which it does not have`,
  ],
  [
    "a credit has more from the start than its limit",
    contract({ a: { c1: "b" }, b: { s1: "a" } }, { credits: { k: credit("client", 4, 5) } }),
    "credit k is 5 from the start, not 0 to 4",
  ],
  [
    "all of one message is asked for",
    contract({ a: { allOf: ["c1"], then: "b" }, b: { s1: "a" } }),
    "state a asks for all of 1 messages, 2 to 8 are allowed",
  ],
  [
    "all of a message twice is asked for",
    contract({ a: { allOf: ["c1", "c1"], then: "b" }, b: { s1: "a" } }),
    "state a asks for a message twice",
  ],
];

for (const [what, declaration, reason] of refusals) {
  Deno.test(`a contract in which ${what} is refused when it is declared`, () => {
    assertThrows(() => compileContract(declaration), ContractError, reason);
  });
}

Deno.test("a hostile contract of many states is judged in bounded time", () => {
  const states = Object.fromEntries(
    Array.from({ length: 60 }, (_, index) => [
      `x${index}`,
      { allOf: [1, 2, 3, 4].flatMap((n) => [`c${index}x${n}`, `s${index}x${n}`]), then: `x${index + 1}` },
    ]),
  );
  assertThrows(() => compileContract(contract({ ...states, x60: {} })), ContractError);
  const lattice = contract({ x0: states["x0"]!, x1: states["x1"]!, x2: {} });
  assertThrows(() => compileContract(lattice), ContractError, "more than 16384 situations");
});

/** Lets the two ends send and receive as `choices` say; gives the longest queues, checks what arrives. */
function play(compiled: CompiledContract, choices: readonly number[]): { client: number; server: number } {
  const { transitions, messages } = compiled;
  const views = { client: compiled.start, server: compiled.start };
  const queues = { client: [] as number[], server: [] as number[] };
  const longest = { client: 0, server: 0 };
  for (const choice of choices) {
    const end: End = choice % 2 === 0 ? "client" : "server";
    const peer = end === "client" ? "server" : "client";
    const next = (index: number) => transitions[views[end] * messages.length + index]!;
    const sends = messages.filter(({ from, index }) => from === end && next(index) >= 0);
    const turn = (choice >> 1) % (sends.length + 1);
    if (turn < sends.length) {
      views[end] = next(sends[turn]!.index);
      queues[peer].push(sends[turn]!.index);
      longest[peer] = Math.max(longest[peer], queues[peer].length);
    } else {
      const head = queues[end].shift();
      if (head === undefined) continue;
      assert(next(head) >= 0, "a message came that the contract does not allow");
      views[end] = next(head);
    }
  }
  return longest;
}

Deno.test("whatever the two ends do, no queue of a contract that was accepted is longer than its bound", () => {
  const names = ["a", "b", "c", "d"];
  const row = fc.dictionary(fc.constantFrom("c1", "c2", "s1", "s2"), fc.constantFrom(...names), {
    maxKeys: 3,
  });
  const states = fc.tuple(row, row, row, row).map((rows) =>
    Object.fromEntries(rows.map((one, index) => [names[index]!, one]))
  );
  let accepted = 0;
  fc.assert(
    fc.property(states, fc.array(fc.nat(63), { minLength: 50, maxLength: 200 }), (table, choices) => {
      let compiled: CompiledContract;
      try {
        compiled = compileContract(contract(table));
      } catch (error) {
        if (error instanceof ContractError) return;
        throw error;
      }
      accepted++;
      const longest = play(compiled, choices);
      assert(longest.client <= compiled.queueMax.client && longest.server <= compiled.queueMax.server);
    }),
    { numRuns: 2000 },
  );
  assert(accepted > 100, `only ${accepted} contracts were accepted`);
});
