/**
 * The contract monitor: what it makes of a declaration, and what it refuses, in which words.
 */

import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import type { Contract, MessageDefinition } from "./contract.ts";
import { compileContract, ContractError } from "./monitor.ts";
import { pipeContract } from "./pipe.ts";

const ping: MessageDefinition = { from: "client", doc: "Are you there?" };
const simple: Contract = {
  name: "simple/1",
  contractName: "SimpleContract",
  messages: { ping, pong: { from: "server", doc: "I am" } },
  start: "idle",
  states: { idle: { ping: "busy" }, busy: { pong: "idle" } },
};

const refusals: [string, unknown, string][] = [
  ["has no name", { ...simple, name: "" }, `a contract: name must be a text of 1 to 64 characters`],
  [
    "has an object as its name",
    { ...simple, name: { toString: () => "simple/1" } },
    `a contract: name must be a text`,
  ],
  [
    "has a manifest name of 65 characters",
    { ...simple, contractName: "x".repeat(65) },
    `contractName must be a text`,
  ],
  ["starts nowhere", { ...simple, start: "moon" }, `it starts in state "moon", which it does not have`],
  [
    "uses a message that it does not have",
    { ...simple, states: { idle: { pang: "idle" } } },
    `state idle names message "pang", which it does not have`,
  ],
  [
    "leads to a state that it does not have",
    { ...simple, states: { idle: { ping: "moon" } } },
    `message ping in state idle leads to state "moon", which it does not have`,
  ],
  [
    "lets a stranger speak",
    { ...simple, messages: { ...simple.messages, ping: { ...ping, from: "kernel" } } },
    `message ping is from "kernel"`,
  ],
  [
    "has a field of no known type",
    { ...simple, messages: { ...simple.messages, ping: { ...ping, body: { size: "u128" } } } },
    `message ping: field size has type "u128"`,
  ],
  [
    "has a list of no words",
    { ...simple, messages: { ...simple.messages, ping: { ...ping, body: { code: [] } } } },
    `message ping: field code lists 0 words`,
  ],
  [
    "carries an endpoint without an end",
    {
      ...simple,
      messages: { ...simple.messages, ping: { ...ping, body: { to: { endpoint: simple, end: "middle" } } } },
    },
    `message ping: field to has end "middle"`,
  ],
];

for (const [what, contract, reason] of refusals) {
  Deno.test(`a contract that ${what} is refused with the place in it`, () => {
    assertThrows(() => compileContract(contract as Contract), ContractError, reason);
  });
}

function manyMessages(count: number): Contract {
  const tags = Array.from({ length: count }, (_, index) => `m${index}`);
  return {
    ...simple,
    messages: Object.fromEntries(tags.map((tag) => [tag, ping])),
    start: "all",
    states: { all: Object.fromEntries(tags.map((tag) => [tag, "over"])), over: {} },
  };
}

Deno.test("a contract has at most 255 messages, which the record's one byte can tell apart", () => {
  assertEquals(compileContract(manyMessages(255)).messages.at(-1)!.index, 254);
  assertThrows(() => compileContract(manyMessages(256)), ContractError, "256 messages, at most 255");
});

Deno.test("a contract has at most 1,024 states", () => {
  const withStates = (count: number): Contract => {
    const names = Array.from({ length: count }, (_, index) => `s${index}`);
    const states = Object.fromEntries(
      names.map((
        name,
        index,
      ) => [name, { [index % 2 === 0 ? "ping" : "pong"]: names[(index + 1) % count]! }]),
    );
    return { ...simple, start: "s0", states };
  };
  assertEquals(compileContract(withStates(1024)).stateNames.length, 1024);
  assertThrows(() => compileContract(withStates(1026)), ContractError, "1026 states, at most 1024");
});

Deno.test("a message has at most 32 fields", () => {
  const withFields = (count: number): Contract => {
    const body = Object.fromEntries(
      Array.from({ length: count }, (_, index) => [`f${index}`, "u8" as const]),
    );
    return { ...simple, messages: { ...simple.messages, ping: { ...ping, body } } };
  };
  assertEquals(compileContract(withFields(32)).messages[0]!.fields.length, 32);
  assertThrows(() => compileContract(withFields(33)), ContractError, "message ping has 33 fields");
});

Deno.test("endpoints of endpoints are nested four deep and no deeper", () => {
  const nested = (depth: number): Contract =>
    depth === 0 ? simple : {
      ...simple,
      name: `nested${depth}/1`,
      messages: {
        ...simple.messages,
        ping: { ...ping, body: { to: { endpoint: nested(depth - 1), end: "client" } } },
      },
    };
  compileContract(nested(4));
  assertThrows(() => compileContract(nested(5)), ContractError, "nested deeper than 4");
});

Deno.test("a contract that carries itself is refused, not followed for ever", () => {
  const messages: Record<string, MessageDefinition> = {};
  const ring: Contract = { ...simple, messages };
  messages["ping"] = { ...ping, body: { to: { endpoint: ring, end: "client" } } };
  messages["pong"] = simple.messages["pong"]!;
  assertThrows(() => compileContract(ring), ContractError, "A contract cannot be read: ");
});

Deno.test("the table gives the state that follows each message, and -1 where it is forbidden", () => {
  const { transitions, stateNames, messageOf, start } = compileContract(pipeContract);
  const after = (state: number, message: number) => transitions[state * messageOf.size + message];
  assertEquals([stateNames, start], [["ready", "writing"], 0]);
  const [write, written] = [messageOf.get("write")!.index, messageOf.get("written")!.index];
  assertEquals([after(0, write), after(0, written)], [1, -1]);
  assertEquals([after(1, write), after(1, written)], [-1, 0]);
});

Deno.test("a contract's copy does not change when its declaration does", () => {
  const changing = structuredClone(simple) as { states: Record<string, Record<string, string>> } & Contract;
  const compiled = compileContract(changing);
  changing.states["idle"]!["pong"] = "idle";
  assertEquals(compiled.transitions[compiled.messageOf.get("pong")!.index], -1);
});

Deno.test("the digest is the same for the same declaration, and another after any change that matters", () => {
  const digest = (change: Partial<Contract>) => compileContract({ ...simple, ...change }).digest;
  const original = digest({});
  assertEquals(digest(structuredClone(simple)), original);
  const withBody = (body: MessageDefinition["body"]) => ({
    messages: { ...simple.messages, ping: { ...ping, body: body! } },
  });
  const changed = [
    digest({ name: "simple/2" }),
    digest({ contractName: "OtherContract" }),
    digest({ start: "busy" }),
    digest({ states: { idle: { ping: "busy" }, busy: { pong: "busier" }, busier: { ping: "busy" } } }),
    digest({ messages: { ping: { ...ping, from: "server" }, pong: { ...ping, from: "client" } } }),
    digest(withBody({ size: "u8" })),
    digest(withBody({ size: "u16" })),
    digest(withBody({ code: ["a", "b"] })),
    digest(withBody({ code: ["b", "a"] })),
    digest(withBody({ to: { endpoint: pipeContract, end: "client" } })),
    digest(withBody({ to: { endpoint: pipeContract, end: "server" } })),
  ];
  for (const one of changed) assertNotEquals(one, original);
  assertEquals(new Set(changed).size, changed.length);
});
