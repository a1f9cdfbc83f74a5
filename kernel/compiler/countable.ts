/**
 * Counts what a program hands to library code that takes elements one by one.
 *
 * Spreading, copying constructors and `Array.from` go on for as long as an iterator gives elements. One
 * of the library's own over an array-like of any length would never end, and no code of the program
 * would run in which a check could stand.
 * - What has its length to itself (arrays, buffers, maps, sets, strings) is charged by size before.
 * - All else is wrapped, and each element charged as it is taken.
 */

import { payer } from "./payer.ts";

/** Bytes that an element takes where it is put: its place, and the room by which arrays grow. */
const elementBytes = 16;

const typedArrayPrototype: object = Object.getPrototypeOf(Uint8Array.prototype);
const iterateArray: unknown = Array.prototype[Symbol.iterator];
const iterateTyped: unknown = Reflect.get(typedArrayPrototype, Symbol.iterator);
const iterateMap: unknown = Map.prototype[Symbol.iterator];
const iterateSet: unknown = Set.prototype[Symbol.iterator];

/** The value itself when its size says how much it gives; else an iterator that counts. */
export function countable(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const iterate: unknown = Reflect.get(value, Symbol.iterator);
  if (typeof iterate !== "function" || isOfKnownSize(value, iterate)) return value;
  return counted({ [Symbol.iterator]: () => Reflect.apply(iterate, value, []) as Iterator<unknown> });
}

function isOfKnownSize(value: object, iterate: unknown): boolean {
  if (iterate === iterateArray) return Array.isArray(value);
  if (iterate === iterateTyped) return ArrayBuffer.isView(value);
  if (iterate === iterateMap) return value instanceof Map;
  return iterate === iterateSet && value instanceof Set;
}

function* counted(values: Iterable<unknown>): Generator<unknown, void, unknown> {
  for (const value of values) {
    payer()?.allocate(elementBytes);
    payer()?.bulk(elementBytes);
    yield value;
  }
}

/** What the methods of Set take: one of the language's own sets or maps. */
export function genuineSet(value: unknown): unknown {
  if (value instanceof Set || value instanceof Map) return value;
  throw new TypeError("A program's sets can be compared with sets and maps only");
}
