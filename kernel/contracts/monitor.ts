/**
 * A contract made ready for checking: what a kernel keeps of each contract it has met.
 *
 * Contracts come from programs and are not trusted: `compileContract` reads one
 * once, checks every part of it, and keeps a copy that no program can reach.
 * - The digest tells whether two kernels, or two programs, mean the same contract.
 * - Messages and states are numbered, a base's first, in the order of declaration; those
 *   numbers stand in remote message records.
 * - `queueMax` bounds what can be under way to each end; a contract without a bound is refused.
 */

import { sha256 } from "../compiler/checksum.ts";
import { bodySizeMax, encodeText } from "../remote/record.ts";
import type { Contract, Credit, End, MessageDefinition } from "./contract.ts";
import { type MessageCode, messageCode } from "./message_code.ts";
import { type CompiledField, compileField, creditsMax, nameOf, nameRule, recordSizeOf } from "./fields.ts";
import { type QueueBounds, queueBounds } from "./queue_bounds.ts";
import { addsOnlyFor, flatten, tabulate } from "./states.ts";

export interface CompiledMessage {
  readonly tag: string;
  readonly index: number;
  readonly from: End;
  readonly fields: readonly CompiledField[];
  readonly code: MessageCode;
  /** Whether all fields are numbers, words and truth values, which stand in a remote record as they are. */
  readonly isPlain: boolean;
  /** How many of them are blocks or endpoints. */
  readonly carries: number;
  /** Index of the credit that the message takes one of, or -1. */
  readonly uses: number;
  /** Index of the credit that the message gives, or -1; how much is in field `givesField`, or `givesAmount` if that is -1. */
  readonly gives: number;
  readonly givesField: number;
  readonly givesAmount: number;
}

export interface CompiledCredit {
  readonly name: string;
  readonly user: End;
  readonly limit: number;
  readonly initial: number;
}

export interface CompiledContract {
  readonly name: string;
  readonly contractName: string;
  readonly base: CompiledContract | undefined;
  /** For each end: whether, in the base's states, the contract lets only that end say more than the base does. */
  readonly addsOnlyFor: Readonly<Record<End, boolean>>;
  readonly messages: readonly CompiledMessage[];
  readonly messageOf: ReadonlyMap<string, CompiledMessage>;
  readonly credits: readonly CompiledCredit[];
  readonly stateNames: readonly string[];
  /** transitions[state * messages.length + message] is the next state, or -1 when the message is not allowed. */
  readonly transitions: Int16Array;
  readonly start: number;
  /** The most messages that can be under way to each end, those that wait there included. */
  readonly queueMax: QueueBounds;
  /** SHA-256 over the whole declaration, its documentation left out: 64 hexadecimal digits. */
  readonly digest: string;
}

/** More would not fit the record's one byte for the message number. */
const messagesMax = 255;
const fieldsMax = 32;
const nestingMax = 4;
/** Characters of a declaration as JSON; the longest of the tree has some 5,000. */
const declarationSizeMax = 100_000;
/** A message that fits a contract's queue must fit the kernel's memory too. */
const creditLimitMax = 4096;
/** Compiled contracts that are kept by the text of their declaration, the oldest given up first. */
const keptMax = 512;

/** Thrown for a contract that cannot be; the message names contract and place. */
export class ContractError extends Error {
  override readonly name = "ContractError";
}

const kept = new Map<string, CompiledContract>();

/**
 * Checks a declaration and copies it; throws ContractError with the first thing wrong. The same text gives the
 * same compiled contract, which nothing can change: all kernels may share it.
 */
export function compileContract(contract: Contract): CompiledContract {
  const text = textOf(contract);
  const known = kept.get(text);
  if (known !== undefined) return known;
  const compiled = compile(JSON.parse(text), 0);
  kept.set(text, compiled);
  if (kept.size > keptMax) kept.delete(kept.keys().next().value!);
  return compiled;
}

/** Reads a program's object once, whatever its getters do. */
function textOf(contract: Contract): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(contract);
  } catch (error) {
    throw new ContractError(`A contract cannot be read: ${String((error as Error | undefined)?.message)}`);
  }
  if (text === undefined || text.length > declarationSizeMax) {
    throw new ContractError(`A contract is a record of at most ${declarationSizeMax} characters as JSON`);
  }
  return text;
}

function compile(contract: Contract, depth: number): CompiledContract {
  const name = nameOf(contract?.name, () => {
    throw new ContractError(`a contract: name must be ${nameRule}`);
  });
  const refuse = (what: string): never => {
    throw new ContractError(`Contract "${name}": ${what}`);
  };
  if (depth > nestingMax) refuse(`endpoints of endpoints are nested deeper than ${nestingMax}`);
  const flat = flatten(contract, refuse);
  const credits = compileCredits(flat.credits, refuse);
  const messages = [...flat.messages].map(([tag, definition], index) =>
    compileMessage(tag, index, definition, credits, depth, refuse)
  );
  if (messages.length > messagesMax) {
    refuse(`it has ${messages.length} messages, at most ${messagesMax} are allowed`);
  }
  const { stateNames, transitions } = tabulate(flat, refuse);
  const start = stateNames.indexOf(flat.start);
  const parts = {
    name,
    contractName: nameOf(contract.contractName, () => refuse(`contractName must be ${nameRule}`)),
    base: contract.base === undefined ? undefined : compile(contract.base, depth),
    addsOnlyFor: addedFor(contract, refuse),
    messages,
    messageOf: new Map(messages.map((message) => [message.tag, message])),
    credits,
    stateNames,
    transitions,
    start,
  };
  const queueMax = boundsOf(parts, refuse);
  return { ...parts, queueMax, digest: digestOf(parts) };
}

function addedFor(contract: Contract, refuse: (what: string) => never): Record<End, boolean> {
  if (contract.base === undefined) return { client: true, server: true };
  const base = flatten(contract.base, refuse);
  return {
    client: addsOnlyFor(contract, base, "client"),
    server: addsOnlyFor(contract, base, "server"),
  };
}

function compileCredits(
  credits: ReadonlyMap<string, Credit>,
  refuse: (what: string) => never,
): CompiledCredit[] {
  if (credits.size > creditsMax) {
    refuse(`it has ${credits.size} credits, at most ${creditsMax} are allowed`);
  }
  return [...credits].map(([name, { user, limit, initial }]) => {
    if (user !== "client" && user !== "server") refuse(`credit ${name} is used by "${user}"`);
    if (!Number.isInteger(limit) || limit < 1 || limit > creditLimitMax) {
      refuse(`credit ${name} has the limit ${limit}, not 1 to ${creditLimitMax}`);
    }
    if (!Number.isInteger(initial) || initial < 0 || initial > limit) {
      refuse(`credit ${name} is ${initial} from the start, not 0 to ${limit}`);
    }
    return { name, user, limit, initial };
  });
}

function compileMessage(
  tag: string,
  index: number,
  definition: MessageDefinition,
  credits: readonly CompiledCredit[],
  depth: number,
  refuse: (what: string) => never,
): CompiledMessage {
  const { from } = definition;
  if (from !== "client" && from !== "server") refuse(`message ${tag} is from "${from}"`);
  const fields = Object.entries(definition.body ?? {}).map(([field, type]) =>
    compileField(
      field,
      type,
      (what) => refuse(`message ${tag}: ${what}`),
      (contract) => compile(contract, depth + 1),
    )
  );
  if (fields.length > fieldsMax) {
    refuse(`message ${tag} has ${fields.length} fields, at most ${fieldsMax} are allowed`);
  }
  const size = fields.reduce((sum, field) => sum + recordSizeOf(field), 0);
  if (size > bodySizeMax) {
    refuse(`message ${tag} takes up to ${size} bytes, at most ${bodySizeMax} are allowed`);
  }
  const creditNamed = (credit: string, what: string, isRight: (user: End) => boolean): number => {
    const found = credits.findIndex((one) => one.name === credit);
    if (found < 0) refuse(`message ${tag} ${what} credit "${credit}", which it does not have`);
    if (!isRight(credits[found]!.user)) {
      refuse(`message ${tag} is from the ${from}, which cannot be who ${what} credit ${credit}`);
    }
    return found;
  };
  const { uses, gives } = definition;
  const amount = gives?.amount ?? 0;
  const givesField = typeof amount === "string" ? fields.findIndex((field) => field.name === amount) : -1;
  if (typeof amount === "string" ? !("min" in (fields[givesField] ?? {})) : !Number.isInteger(amount)) {
    refuse(`message ${tag} gives "${amount}" of a credit, which is no number and no field with one`);
  }
  return {
    tag,
    index,
    from,
    fields,
    code: messageCode(tag, fields),
    isPlain: fields.every(({ kind }) => kind !== "bytes" && kind !== "endpoint" && kind !== "string"),
    carries: fields.filter(({ kind }) => kind === "bytes" || kind === "endpoint").length,
    uses: uses === undefined ? -1 : creditNamed(uses, "uses", (user) => user === from),
    gives: gives === undefined ? -1 : creditNamed(gives.credit, "gives", (user) => user !== from),
    givesField,
    givesAmount: typeof amount === "number" ? amount : 0,
  };
}

/** The least that a message gives of its credit. */
function leastGiven({ givesField, givesAmount, fields }: CompiledMessage): number {
  const field = fields[givesField];
  return field !== undefined && "min" in field ? field.min : givesAmount;
}

/** Bounds from the walk through all situations, and on top of it what the credits let through. */
function boundsOf(
  contract: Omit<CompiledContract, "queueMax" | "digest">,
  refuse: (what: string) => never,
): QueueBounds {
  const { messages, stateNames, transitions, start, credits } = contract;
  const staysWhereItIs = (index: number) =>
    stateNames.every((_, state) => {
      const next = transitions[state * messages.length + index]!;
      return next < 0 || next === state;
    });
  const bounded = messages.filter((message) =>
    (message.uses >= 0 || message.gives >= 0 && leastGiven(message) > 0) && staysWhereItIs(message.index)
  );
  const walked = queueBounds({
    tags: messages.map(({ tag }) => tag),
    from: messages.map(({ from }) => from),
    stateNames,
    transitions,
    start,
    bounded: new Set(bounded.map(({ index }) => index)),
  }, refuse);
  const bounds = { ...walked };
  // At most `limit` uses are out at a time, and at most as many gifts, each of one or more, can answer them.
  const counted = new Set<string>();
  for (const { from, uses, gives } of bounded) {
    const key = uses >= 0 ? `uses ${uses}` : `gives ${gives}`;
    if (counted.has(key)) continue;
    counted.add(key);
    bounds[from === "client" ? "server" : "client"] += credits[uses >= 0 ? uses : gives]!.limit;
  }
  return bounds;
}

/**
 * Whether an end of contract `actual` may be held as one of `wanted`: its holder then can say no more than the
 * channel allows, and hears no more than it knows. So an end may lose what only itself could say beyond the
 * base, and may gain what only its peer could; the channel keeps its contract.
 */
export function mayStandFor(actual: CompiledContract, wanted: CompiledContract, end: End): boolean {
  const peer = end === "client" ? "server" : "client";
  return derivesFor(actual, wanted, end) || derivesFor(wanted, actual, peer);
}

function derivesFor(derived: CompiledContract, base: CompiledContract, end: End): boolean {
  for (let one: CompiledContract | undefined = derived; one !== undefined; one = one.base) {
    if (one.digest === base.digest) return true;
    if (!one.addsOnlyFor[end]) return false;
  }
  return false;
}

/** Digests of the contracts that a client may speak to a service of this one: its own, then those of its bases. */
export function digestsForClients(contract: CompiledContract): string[] {
  const digests: string[] = [];
  for (let one: CompiledContract | undefined = contract; one !== undefined; one = one.base) {
    digests.push(one.digest);
    if (!one.addsOnlyFor.client) break;
  }
  return digests;
}

function digestOf(contract: Omit<CompiledContract, "queueMax" | "digest">): string {
  const fieldText = (field: CompiledField): unknown => {
    if (field.kind !== "endpoint") return Object.values(field);
    return [field.name, "endpoint", field.contract?.digest ?? "any", field.end ?? "any", field.state];
  };
  const { name, contractName, base, messages, credits, stateNames, transitions, start } = contract;
  const text = JSON.stringify([
    name,
    contractName,
    base?.digest ?? "",
    messages.map((
      { fields, code: _code, isPlain: _isPlain, ...message },
    ) => [Object.values(message), fields.map(fieldText)]),
    credits.map((credit) => Object.values(credit)),
    stateNames,
    [...transitions],
    start,
  ]);
  return sha256(encodeText(text));
}
