/**
 * The fields of a message as the kernel checks them: kinds, ranges, words, carried contracts.
 *
 * Numbers have their least and greatest value here, whether the declaration says a type or a
 * range, so that a check at a send is two comparisons.
 */

import { encodeText } from "../remote/record.ts";
import type { Contract, End, EndpointType, FieldType, RangeType, ScalarType } from "./contract.ts";
import type { CompiledContract } from "./monitor.ts";

export type NumberKind = Exclude<ScalarType, "bool">;

export type CompiledField =
  | { readonly name: string; readonly kind: "bool" | "string" | "bytes" }
  | { readonly name: string; readonly kind: NumberKind; readonly min: number; readonly max: number }
  | { readonly name: string; readonly kind: "enum"; readonly words: readonly string[] }
  /** `contract`, and with it `end` and `state`, is undefined for an endpoint of any contract. */
  | {
    readonly name: string;
    readonly kind: "endpoint";
    readonly contract: CompiledContract | undefined;
    readonly end: End | undefined;
    readonly state: number;
  };

const ranges: Readonly<Record<NumberKind, readonly [number, number]>> = {
  u8: [0, 0xff],
  u16: [0, 0xffff],
  u32: [0, 0xffff_ffff],
  i32: [-0x8000_0000, 0x7fff_ffff],
  u64: [0, Number.MAX_SAFE_INTEGER],
  f64: [-Infinity, Infinity],
};
/** Characters of a name, and bytes of the same in UTF-8. */
const nameSizeMax = 64;
const nameBytesMax = 3 * nameSizeMax;

/** Compiles one field; `refuse` throws, `compile` compiles the contract of an endpoint. */
export function compileField(
  name: string,
  type: FieldType,
  refuse: (what: string) => never,
  compile: (contract: Contract) => CompiledContract,
): CompiledField {
  if (type === "endpoint") return { name, kind: "endpoint", contract: undefined, end: undefined, state: -1 };
  if (type === "bool" || type === "string" || type === "bytes") return { name, kind: type };
  if (typeof type === "string") return numberField(name, type, undefined, refuse);
  if (Array.isArray(type)) {
    const words = type.map((word) => nameOf(word, () => refuse(`field ${name} has a word that is no name`)));
    if (words.length === 0 || words.length > 255) refuse(`field ${name} lists ${words.length} words`);
    return { name, kind: "enum", words };
  }
  if (typeof type !== "object" || type === null) refuse(`field ${name} has type "${type}"`);
  if ("scalar" in type) return numberField(name, type.scalar, type, refuse);
  const { endpoint, end, state } = type as EndpointType;
  if (end !== "client" && end !== "server") refuse(`field ${name} has end "${end}"`);
  const contract = compile(endpoint);
  const number = state === undefined ? contract.start : contract.stateNames.indexOf(state);
  if (number < 0) {
    refuse(`field ${name} wants an endpoint in state "${state}", which "${contract.name}" does not have`);
  }
  return { name, kind: "endpoint", contract, end, state: number };
}

function numberField(
  name: string,
  kind: string,
  range: RangeType | undefined,
  refuse: (what: string) => never,
): CompiledField {
  if (!Object.hasOwn(ranges, kind)) refuse(`field ${name} has type "${kind}"`);
  const number = kind as NumberKind;
  const [low, high] = ranges[number];
  const { min, max } = range ?? { min: low, max: high };
  const areWhole = number === "f64" || Number.isInteger(min) && Number.isInteger(max);
  if (!(min >= low && max <= high && min <= max && areWhole)) {
    refuse(`field ${name} ranges from ${min} to ${max}, which is no part of ${kind}`);
  }
  return { name, kind: number, min, max };
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
    case "endpoint": {
      const name = field.contract === undefined ? nameBytesMax : encodeText(field.contract.name).length;
      return travellingEndSize + 4 * (field.contract?.credits.length ?? creditsMax) + name;
    }
  }
}

/** Bytes of an end that travels, but for its credits and its contract's name. */
const travellingEndSize = 59;
/** Credits that a contract may have: an end that travels takes their counts along. */
export const creditsMax = 8;

/** A name of the declaration, or what `refuse` throws. */
export function nameOf(value: unknown, refuse: () => never): string {
  if (typeof value !== "string" || value.length === 0 || value.length > nameSizeMax) return refuse();
  return value;
}

/** The same for the names that stand above all others in a message. */
export const nameRule = `a text of 1 to ${nameSizeMax} characters`;
