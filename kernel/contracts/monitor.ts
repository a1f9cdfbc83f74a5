/**
 * A contract made ready for checking: what a kernel keeps of each contract it has met.
 *
 * Contracts come from programs and are not trusted: `compileContract` reads one
 * once, checks every part of it, and keeps a copy that no program can reach.
 * - The digest tells whether two kernels, or two programs, mean the same contract.
 * - Messages and states are numbered in the order of declaration, and those numbers
 *   stand in remote message records.
 */

import { bodySizeMax, encodeText } from "../remote/record.ts";
import type { Contract, End, FieldType, ScalarType } from "./contract.ts";

export type CompiledField =
  | { readonly name: string; readonly kind: ScalarType | "string" | "bytes" }
  | { readonly name: string; readonly kind: "enum"; readonly words: readonly string[] }
  /** `contract` is undefined for an endpoint of any contract. */
  | {
    readonly name: string;
    readonly kind: "endpoint";
    readonly contract: CompiledContract | undefined;
    readonly end: End | undefined;
  };

export interface CompiledMessage {
  readonly tag: string;
  readonly index: number;
  readonly from: End;
  readonly fields: readonly CompiledField[];
  /** How many of them are blocks or endpoints. */
  readonly carries: number;
}

export interface CompiledContract {
  readonly name: string;
  readonly contractName: string;
  readonly messages: readonly CompiledMessage[];
  readonly messageOf: ReadonlyMap<string, CompiledMessage>;
  readonly stateNames: readonly string[];
  /** transitions[state][message] is the next state, or -1 when the message is not allowed. */
  readonly transitions: readonly Int16Array[];
  readonly start: number;
  /** 32-bit FNV-1a over the whole declaration. */
  readonly digest: number;
}

const scalars: ReadonlySet<string> = new Set([
  "bool",
  "u8",
  "u16",
  "u32",
  "u64",
  "i32",
  "f64",
  "string",
  "bytes",
]);
/** More would not fit the record's one byte for the message number. */
const messagesMax = 255;
/** An end that moves carries its state in one byte. */
const statesMax = 255;
const fieldsMax = 32;
const nestingMax = 4;
/** Characters of a name, and bytes of the same in UTF-8. */
const nameSizeMax = 64;
const nameBytesMax = 3 * nameSizeMax;

/** Thrown for a contract that cannot be; the message names contract and place. */
export class ContractError extends Error {
  override readonly name = "ContractError";
}

/** Checks a declaration and copies it; throws ContractError with the first thing wrong. */
export function compileContract(contract: Contract, depth = 0): CompiledContract {
  const name = textOf(contract?.name, "a contract", "name");
  const refuse = (what: string): never => {
    throw new ContractError(`Contract "${name}": ${what}`);
  };
  if (depth > nestingMax) refuse(`endpoints of endpoints are nested deeper than ${nestingMax}`);
  const messages: CompiledMessage[] = [];
  for (const [tag, definition] of Object.entries(contract.messages)) {
    if (definition.from !== "client" && definition.from !== "server") {
      refuse(`message ${tag} is from "${definition.from}"`);
    }
    const fields = Object.entries(definition.body ?? {}).map(([field, type]) =>
      compileField(field, type, (what) => refuse(`message ${tag}: ${what}`), depth)
    );
    if (fields.length > fieldsMax) {
      refuse(`message ${tag} has ${fields.length} fields, at most ${fieldsMax} are allowed`);
    }
    const size = fields.reduce((sum, field) => sum + recordSizeOf(field), 0);
    if (size > bodySizeMax) {
      refuse(`message ${tag} takes up to ${size} bytes, at most ${bodySizeMax} are allowed`);
    }
    const carries = fields.filter(({ kind }) => kind === "bytes" || kind === "endpoint").length;
    messages.push({ tag, index: messages.length, from: definition.from, fields, carries });
  }
  if (messages.length > messagesMax) {
    refuse(`it has ${messages.length} messages, at most ${messagesMax} are allowed`);
  }
  const messageOf = new Map(messages.map((message) => [message.tag, message]));
  const stateNames = Object.keys(contract.states);
  if (stateNames.length > statesMax) {
    refuse(`it has ${stateNames.length} states, at most ${statesMax} are allowed`);
  }
  const transitions = stateNames.map((state) => {
    const row = new Int16Array(messages.length).fill(-1);
    for (const [tag, next] of Object.entries(contract.states[state]!)) {
      const message = messageOf.get(tag) ??
        refuse(`state ${state} names message "${tag}", which it does not have`);
      const index = stateNames.indexOf(next);
      if (index < 0) {
        refuse(`message ${tag} in state ${state} leads to state "${next}", which it does not have`);
      }
      row[message.index] = index;
    }
    return row;
  });
  const start = stateNames.indexOf(contract.start);
  if (start < 0) refuse(`it starts in state "${contract.start}", which it does not have`);
  const compiled = {
    name,
    contractName: textOf(contract.contractName, name, "contractName"),
    messages,
    messageOf,
    stateNames,
    transitions,
    start,
  };
  return { ...compiled, digest: digestOf(compiled) };
}

function compileField(
  name: string,
  type: FieldType,
  refuse: (what: string) => never,
  depth: number,
): CompiledField {
  if (type === "endpoint") return { name, kind: "endpoint", contract: undefined, end: undefined };
  if (typeof type === "string") {
    if (!scalars.has(type)) refuse(`field ${name} has type "${type}"`);
    return { name, kind: type };
  }
  if (Array.isArray(type)) {
    const words = type.map((word) => textOf(word, `field ${name}`, "word"));
    if (words.length === 0 || words.length > 255) refuse(`field ${name} lists ${words.length} words`);
    return { name, kind: "enum", words };
  }
  const nested = type as { endpoint: Contract; end: End };
  if (nested.end !== "client" && nested.end !== "server") refuse(`field ${name} has end "${nested.end}"`);
  return { name, kind: "endpoint", contract: compileContract(nested.endpoint, depth + 1), end: nested.end };
}

/** Bytes that a field needs in a record: a text, if need be, as a block, which is a length, an address and a window. */
export function recordSizeOf(field: CompiledField): number {
  switch (field.kind) {
    case "bool":
    case "u8":
    case "enum":
      return 1;
    case "u16":
      return 2;
    case "u32":
    case "i32":
      return 4;
    case "u64":
    case "f64":
      return 8;
    case "bytes":
      return 16;
    case "string":
      return 18;
    case "endpoint":
      return 29 + (field.contract === undefined ? nameBytesMax : encodeText(field.contract.name).length);
  }
}

function textOf(value: unknown, where: string, what: string): string {
  if (typeof value !== "string" || value.length === 0 || value.length > nameSizeMax) {
    throw new ContractError(`${where}: ${what} must be a text of 1 to ${nameSizeMax} characters`);
  }
  return value;
}

function digestOf(contract: Omit<CompiledContract, "digest">): number {
  let hash = 0x811c9dc5;
  const mix = (text: string) => {
    for (let index = 0; index < text.length; index++) {
      hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
    }
    hash = Math.imul(hash ^ 0x1f, 0x01000193);
  };
  mix(contract.name);
  mix(contract.contractName);
  for (const message of contract.messages) {
    mix(`${message.tag} ${message.from}`);
    for (const field of message.fields) {
      mix(`${field.name} ${field.kind}`);
      if (field.kind === "enum") mix(field.words.join(","));
      if (field.kind === "endpoint") mix(`${field.contract?.digest ?? "any"} ${field.end ?? "any"}`);
    }
  }
  contract.transitions.forEach((row, index) => mix(`${contract.stateNames[index]} ${row.join(",")}`));
  mix(String(contract.start));
  return hash >>> 0;
}
