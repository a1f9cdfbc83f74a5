/**
 * Deep equality as `assertEquals` of `@std/assert` means it, by Node's `isDeepStrictEqual`.
 *
 * Node compares typed arrays, maps, sets, dates, regular expressions, cycles and undefined properties
 * as the real package does. Two things it sees otherwise, so values that Node finds different are
 * brought to one form and compared again:
 * - 0 and -0 are the same value here;
 * - an object without prototype equals a plain one with the same content (XML attributes are such).
 * URLs are compared by their text before anything else.
 */
import { isDeepStrictEqual } from "node:util";

export function equal(a: unknown, b: unknown): boolean {
  if (a instanceof URL && b instanceof URL) return a.href === b.href;
  return isDeepStrictEqual(a, b) || isDeepStrictEqual(levelled(a, new Map()), levelled(b, new Map()));
}

/** A copy without negative zeros and without missing prototypes; other kinds of objects stay themselves. */
function levelled(value: unknown, seen: Map<object, unknown>): unknown {
  if (typeof value === "number") return value === 0 ? 0 : value;
  if (typeof value !== "object" || value === null) return value;
  const known = seen.get(value);
  if (known !== undefined) return known;
  if (value instanceof Float64Array || value instanceof Float32Array) return value.map((cell) => cell + 0);
  const copy = emptyLike(value);
  if (copy === undefined) return value;
  seen.set(value, copy);
  if (value instanceof Map && copy instanceof Map) {
    for (const [key, content] of value) copy.set(levelled(key, seen), levelled(content, seen));
  } else if (value instanceof Set && copy instanceof Set) {
    for (const member of value) copy.add(levelled(member, seen));
  } else {
    for (const key of Reflect.ownKeys(value)) {
      const property = Object.getOwnPropertyDescriptor(value, key);
      if (property?.enumerable) Reflect.set(copy, key, levelled(Reflect.get(value, key), seen));
    }
    if (Array.isArray(value)) Reflect.set(copy, "length", value.length);
  }
  return copy;
}

function emptyLike(value: object): object | undefined {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (Array.isArray(value)) return [];
  if (prototype === Map.prototype) return new Map();
  if (prototype === Set.prototype) return new Set();
  if (prototype === Object.prototype || prototype === null) return {};
  // Instances of classes without internal slots compare by their own enumerable properties.
  return isSlotted(value) ? undefined : Object.create(Object(prototype));
}

function isSlotted(value: object): boolean {
  return ArrayBuffer.isView(value) || value instanceof ArrayBuffer || value instanceof Date ||
    value instanceof RegExp || value instanceof Error || value instanceof Promise || value instanceof Map ||
    value instanceof Set || value instanceof WeakMap || value instanceof WeakSet || value instanceof URL ||
    value instanceof Boolean || value instanceof Number || value instanceof String;
}
