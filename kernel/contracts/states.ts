/**
 * A contract laid flat: its base's messages and states with its own, and one table of states.
 *
 * - A state that asks for all of several messages becomes one state for each part of
 *   them that can be left.
 * - What a derived contract adds to its base's states decides where an end of the one may
 *   stand for an end of the other: see `mayStandFor`.
 */

import type { AllOf, Contract, Credit, End, MessageDefinition, OneOf } from "./contract.ts";

/** A declaration with all that its bases say. */
export interface FlatContract {
  readonly messages: ReadonlyMap<string, MessageDefinition>;
  readonly credits: ReadonlyMap<string, Credit>;
  readonly states: ReadonlyMap<string, OneOf | AllOf>;
  readonly start: string;
}

export interface StateTable {
  readonly stateNames: readonly string[];
  /** transitions[state * messages + message] is the next state, or -1. */
  readonly transitions: Int16Array;
}

/** An end that moves carries its state in two bytes; nobody can read a contract with more. */
const statesMax = 1024;
/** Subsets of so many messages are states each. */
const allOfMax = 8;
export const basesMax = 4;

const isAllOf = (state: OneOf | AllOf): state is AllOf => Array.isArray((state as AllOf).allOf);

/** Merges a contract with its bases; `refuse` throws. */
export function flatten(contract: Contract, refuse: (what: string) => never, depth = 0): FlatContract {
  if (depth > basesMax) refuse(`it has more than ${basesMax} bases, one upon the other`);
  const base = contract.base === undefined ? undefined : flatten(contract.base, refuse, depth + 1);
  if (base !== undefined && base.start !== contract.start) {
    refuse(`it starts in state "${contract.start}", its base in "${base.start}"`);
  }
  const messages = new Map(base?.messages);
  for (const [tag, definition] of Object.entries(contract.messages)) {
    if (messages.has(tag)) refuse(`its base has a message "${tag}" already`);
    messages.set(tag, definition);
  }
  const credits = new Map(base?.credits);
  for (const [name, credit] of Object.entries(contract.credits ?? {})) {
    if (credits.has(name)) refuse(`its base has a credit "${name}" already`);
    credits.set(name, credit);
  }
  const states = new Map(base?.states);
  for (const [name, state] of Object.entries(contract.states)) {
    const known = states.get(name);
    states.set(name, known === undefined ? state : extended(name, known, state, refuse));
  }
  return { messages, credits, states, start: contract.start };
}

function extended(
  name: string,
  known: OneOf | AllOf,
  more: OneOf | AllOf,
  refuse: (what: string) => never,
): OneOf {
  if (isAllOf(known) || isAllOf(more)) refuse(`state ${name} asks for all of its messages: it takes no more`);
  for (const tag of Object.keys(more)) {
    if (Object.hasOwn(known, tag)) refuse(`its base says what follows message ${tag} in state ${name}`);
  }
  return { ...known, ...more } as OneOf;
}

/** The states by number, and what follows each message in them. */
export function tabulate(flat: FlatContract, refuse: (what: string) => never): StateTable {
  const numbers = new Map([...flat.messages.keys()].map((tag, index) => [tag, index]));
  const names: string[] = [];
  const parts = new Map<string, ReturnType<typeof allParts>>();
  for (const [name, state] of flat.states) {
    if (!isAllOf(state)) names.push(name);
    else {
      checkAllOf(name, state, flat, refuse);
      parts.set(name, allParts(name, state));
      names.push(...parts.get(name)!.map((part) => part.name));
    }
  }
  if (names.length > statesMax) refuse(`it has ${names.length} states, at most ${statesMax} are allowed`);
  const numberOfState = new Map(names.map((name, index) => [name, index]));
  const width = numbers.size;
  const transitions = new Int16Array(names.length * width).fill(-1);
  const enter = (state: string, tag: string, next: string) => {
    const message = numbers.get(tag) ??
      refuse(`state ${state} names message "${tag}", which it does not have`);
    const to = numberOfState.get(next) ??
      refuse(`message ${tag} in state ${state} leads to state "${next}", which it does not have`);
    transitions[numberOfState.get(state)! * width + message] = to;
  };
  for (const [name, state] of flat.states) {
    if (!isAllOf(state)) { for (const [tag, next] of Object.entries(state)) enter(name, tag, next); }
    else for (const part of parts.get(name)!) for (const [tag, next] of part.row) enter(part.name, tag, next);
  }
  if (!numberOfState.has(flat.start)) refuse(`it starts in state "${flat.start}", which it does not have`);
  return { stateNames: names, transitions };
}

function checkAllOf(name: string, state: AllOf, flat: FlatContract, refuse: (what: string) => never): void {
  const { allOf } = state;
  if (allOf.length < 2 || allOf.length > allOfMax) {
    refuse(`state ${name} asks for all of ${allOf.length} messages, 2 to ${allOfMax} are allowed`);
  }
  if (new Set(allOf).size < allOf.length) refuse(`state ${name} asks for a message twice`);
  for (const tag of allOf) {
    const message = flat.messages.get(tag);
    if (message === undefined) refuse(`state ${name} names message "${tag}", which it does not have`);
    if (message.uses !== undefined) refuse(`state ${name} asks for message ${tag}, which a credit bounds`);
  }
}

/** One state for each part that can be left of the messages; the whole has the state's own name. */
function allParts(name: string, { allOf, then }: AllOf): { name: string; row: [string, string][] }[] {
  const whole = 2 ** allOf.length - 1;
  const nameOf = (left: number): string => {
    if (left === 0) return then;
    const missing = allOf.filter((_, index) => (left >> index & 1) === 1);
    return left === whole ? name : `${name} (left: ${missing.join(", ")})`;
  };
  return Array.from({ length: whole }, (_, index) => {
    const left = whole - index;
    const row = allOf.flatMap((tag, bit): [string, string][] =>
      (left >> bit & 1) === 1 ? [[tag, nameOf(left & ~(1 << bit))]] : []
    );
    return { name: nameOf(left), row };
  });
}

/** True when a contract lets only `end` say more in its base's states than the base does. */
export function addsOnlyFor(contract: Contract, base: FlatContract, end: End): boolean {
  return Object.entries(contract.states).every(([name, state]) =>
    !base.states.has(name) || isAllOf(state) ||
    Object.keys(state).every((tag) => {
      const message = contract.messages[tag] ?? base.messages.get(tag);
      return message?.from === end;
    })
  );
}
