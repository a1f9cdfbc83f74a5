/**
 * Counts how deep the language's library nests by itself, as calls of the program are counted.
 *
 * Where the host's stack ends depends on the host and on what ran before; a program must meet its limit at
 * the same place everywhere. No function of the program stands between the levels of `[[[1]]].join()`.
 * - Methods that may come to be called by themselves take words for as long as they run (metering.ts).
 * - What nests inside of one method is measured before it runs: `flat`, and JSON in both directions.
 * - Values that getters and `toJSON` make while JSON is written are counted as they come.
 */

import { jsonShape } from "./json_size.ts";
import { meter, type Payer } from "./payer.ts";

/** Words of stack for one level of a value, a third more than was measured: 14 for `flat`, 24 and 39 for JSON. */
const flatWords = 20;
const writtenWords = 32;
const revivedWords = 52;

/** Methods that convert what they are given, or call it: the next of them may be called by this one. */
export const nestingMethods: readonly (readonly [owner: object, names: readonly string[]])[] = [
  [Array.prototype, ["join", "toString", "toLocaleString", "sort", "toSorted", "flatMap"]],
  ...[Array.prototype, Object.getPrototypeOf(Uint8Array.prototype) as object].map((owner) =>
    [owner, [
      ...["every", "filter", "find", "findIndex", "findLast", "findLastIndex", "forEach", "map"],
      ...["reduce", "reduceRight", "some"],
    ]] as const
  ),
  ...[Map.prototype, Set.prototype].map((owner) => [owner, ["forEach"]] as const),
  [Array, ["from"]],
  [String.prototype, ["replace", "replaceAll"]],
  [Error.prototype, ["toString"]],
];

/** Bytes that `flat` reads; throws when it would nest too deep. Infinite when it is more than can be alive. */
export function flatSize(self: unknown, length: number, depth: unknown, payer: Payer): number {
  // Reading a depth that is no number could run code of the program: as deep as it goes is no less.
  const levelsMax = depth === undefined ? 1 : typeof depth === "number" ? depth || 0 : Infinity;
  const waiting = [{ values: Object(self) as object, length, level: 0 }];
  let bytes = 0;
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { values, length, level } = next;
    payer.nest(level * flatWords);
    bytes += length * 8;
    if (bytes > payer.quotaBytes) return Infinity;
    if (level >= levelsMax) continue;
    for (let index = 0; index < length; index++) {
      const element: unknown = Object.getOwnPropertyDescriptor(values, index)?.value;
      if (Array.isArray(element)) waiting.push({ values: element, length: element.length, level: level + 1 });
    }
  }
  return bytes;
}

/** Wraps JSON's two functions; to be called once, before the library is frozen. */
export function wrapJson(): void {
  const { stringify, parse } = JSON;
  const wrapped = {
    stringify(value: unknown, replacer?: unknown, space?: unknown): string | undefined {
      const { payer } = meter;
      const write = (by: unknown): string => Reflect.apply(stringify, JSON, [value, by, space]);
      if (payer === undefined) return write(replacer);
      const { levels, isOpaque } = jsonShape(value, payer.quotaBytes);
      payer.nest(levels * writtenWords);
      return write(isOpaque && !Array.isArray(replacer) ? countingReplacer(payer, replacer) : replacer);
    },
    parse(text: unknown, reviver?: unknown): unknown {
      const { payer } = meter;
      if (payer === undefined || typeof reviver !== "function") {
        return Reflect.apply(parse, JSON, [text, reviver]);
      }
      const read = `${text}`;
      payer.nest(nestingOf(read) * revivedWords);
      return Reflect.apply(parse, JSON, [read, reviver]);
    },
  };
  for (const name of ["stringify", "parse"] as const) {
    Object.defineProperty(wrapped[name], "length", { value: JSON[name].length, configurable: true });
    Reflect.set(JSON, name, wrapped[name]);
  }
}

/** A replacer that looks at the level of each object on its way out. */
function countingReplacer(payer: Payer, replacer: unknown): unknown {
  const levels = new Map<unknown, number>();
  return function (this: unknown, key: string, value: unknown): unknown {
    const level = (levels.get(this) ?? 0) + 1;
    const given: unknown = typeof replacer === "function"
      ? Reflect.apply(replacer, this, [key, value])
      : value;
    if (typeof given === "object" && given !== null) {
      payer.nest(level * writtenWords);
      levels.set(given, level);
    }
    return given;
  };
}

/** How deep the brackets of a JSON text nest. */
function nestingOf(text: string): number {
  let level = 0;
  let most = 0;
  let isString = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (isString) {
      if (character === "\\") at++;
      else if (character === '"') isString = false;
    } else if (character === '"') isString = true;
    else if (character === "[" || character === "{") most = Math.max(most, ++level);
    else if (character === "]" || character === "}") level--;
  }
  return most;
}
