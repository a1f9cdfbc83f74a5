/**
 * Charges programs for library methods that take time by size: copying, searching, sorting, joining.
 *
 * Programs share the language's library with the host, and may reach a method by any way that JavaScript
 * has; so the methods themselves are wrapped, once, before SES freezes them.
 * - A wrapper charges whoever's burst is running, and nobody while the host's own code runs.
 * - Sizes are bytes: 8 for an element of an array, 1 for a character, its own for a buffer's element.
 * - Methods that would run code later or match regular expressions are refused to programs here.
 */

import { countable, genuineSet } from "./countable.ts";
import { wrapGenerators } from "./generator_depth.ts";
import { jsonShape } from "./json_size.ts";
import { flatSize, nestingMethods, wrapJson } from "./native_depth.ts";
import { meter } from "./payer.ts";

type Size = (self: unknown, given: ArrayLike<unknown>) => number;
type TouchedSize = (result: unknown, self: unknown, given: ArrayLike<unknown>) => number;

const typedArrayPrototype: object = Object.getPrototypeOf(Uint8Array.prototype);
const mapSize = getterOf(Map.prototype, "size");
const setSize = getterOf(Set.prototype, "size");
const typedArrayLength = getterOf(typedArrayPrototype, "length");
const bufferSize = getterOf(ArrayBuffer.prototype, "byteLength");
const typedArraySize = getterOf(typedArrayPrototype, "byteLength");
const dataViewSize = getterOf(DataView.prototype, "byteLength");

function getterOf(owner: object, name: string): (self: unknown) => number {
  const getter = Object.getOwnPropertyDescriptor(owner, name)?.get;
  if (getter === undefined) throw new Error(`The language's library has no accessor "${name}"`);
  return (self) => Reflect.apply(getter, self, []);
}

const typedArrayPrototypes: ReadonlySet<unknown> = new Set([
  ...[Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array],
].map(({ prototype }) => prototype));

/** The length of a string, array or typed array; undefined where a program may have put its own in front. */
export function fixedLength(value: unknown): number | undefined {
  if (typeof value === "string" || Array.isArray(value)) return value.length;
  if (typeof value !== "object" || value === null) return undefined;
  if (!typedArrayPrototypes.has(Object.getPrototypeOf(value)) || Object.hasOwn(value, "length")) {
    return undefined;
  }
  return (value as Uint8Array).length;
}

/** Bytes that reading all of a value takes; 0 for what has no size. */
export function sizeOf(value: unknown): number {
  if (typeof value === "string") return value.length;
  if (typeof value !== "object" || value === null) return 0;
  // Not `value.byteLength`: a program could put a property of that name in front of the library's.
  if (ArrayBuffer.isView(value)) {
    return value instanceof DataView ? dataViewSize(value) : typedArraySize(value);
  }
  if (Array.isArray(value)) return value.length * 8;
  if (value instanceof Map) return mapSize(value) * 16;
  if (value instanceof Set) return setSize(value) * 8;
  if (value instanceof ArrayBuffer) return bufferSize(value);
  const length = Number((value as { readonly length?: unknown }).length);
  return length > 0 ? length * 8 : 0;
}

const whole: Size = (self) => sizeOf(self);
const argument: Size = (_self, given) => sizeOf(given[0]);
const allArguments: Size = (_self, given) => given.length * 8;
const both: Size = (self, given) => {
  let sum = sizeOf(self);
  for (let index = 0; index < given.length; index++) sum += sizeOf(given[index]);
  return sum;
};
const sorting: Size = (self) => {
  const size = sizeOf(self);
  return size * Math.ceil(Math.log2(size + 2));
};
const resultOnly: Size = () => 0;

/** `slice(start, end)` takes a part, which may be holes. */
const slicing: Size = (self, given) => {
  const length = lengthOf(self);
  const start = position(given[0], 0, length);
  return Math.max(0, position(given[1], length, length) - start) * elementSize(self, length);
};

/** `fill(value, start, end)` touches a part. */
const filling: Size = (self, given) => {
  const length = lengthOf(self);
  const start = position(given[1], 0, length);
  return Math.max(0, position(given[2], length, length) - start) * elementSize(self, length);
};

/** A search of any array-like from `given[1]` on, charged before: it may be sparse, and of any length. */
const rest: Size = (self, given) => {
  const length = lengthOf(self);
  return (length - position(given[1], 0, length)) * elementSize(self, length);
};
const restBackwards: Size = (self, given) => {
  const length = lengthOf(self);
  return (position(given[1], length - 1, length) + 1) * elementSize(self, length);
};

/** Which elements a search has looked at: from where it began to the end of what it found, or to the end. */
const lookedAt: TouchedSize = (result, self, given) => {
  const length = lengthOf(self);
  const last = typeof result === "number" && result >= 0 ? result + foundLength(self, given[0]) : length;
  return Math.max(0, last - position(given[1], 0, length)) * elementSize(self, length);
};
const lookedAtBackwards: TouchedSize = (result, self, given) => {
  const length = lengthOf(self);
  const first = typeof result === "number" && result >= 0 ? result : 0;
  const last = position(given[1], length - 1, length) + foundLength(self, given[0]);
  return Math.max(0, last - first) * elementSize(self, length);
};

/** Elements that one match takes; of a string that is sought as something else, as many as there are. */
function foundLength(self: unknown, sought: unknown): number {
  if (typeof self !== "string") return 1;
  return typeof sought === "string" ? sought.length : self.length;
}

/** Elements or characters; as a program may lie about them, a buffer's own count. */
function lengthOf(self: unknown): number {
  if (typeof self === "string") return self.length;
  if (typeof self !== "object" || self === null) return 0;
  if (ArrayBuffer.isView(self) && !(self instanceof DataView)) return typedArrayLength(self);
  const length = Number((self as { readonly length?: unknown }).length);
  return length > 0 ? length : 0;
}

function elementSize(self: unknown, length: number): number {
  return length > 0 ? sizeOf(self) / length : 0;
}

/** An index that a program gave; what is no number counts as missing, as reading it could run the program's code. */
function position(value: unknown, missing: number, length: number): number {
  if (typeof value !== "number" || value !== value) return missing;
  const index = Math.trunc(value);
  return index < 0 ? Math.max(0, length + index) : Math.min(index, length);
}

const repeating: Size = (self, given) => {
  const size = sizeOf(self) * Number(given[0]);
  return size > 0 && Number.isFinite(size) ? size : 0;
};
const padding: Size = (_self, given) => {
  const size = Number(given[0]);
  return size > 0 && Number.isFinite(size) ? size : 0;
};
const rawParts: Size = (_self, given) => lengthOf((given[0] as { readonly raw?: unknown } | null)?.raw) * 8;
/** Names of the elements of a buffer or a string are strings, one each. */
const elementNames: Size = (_self, given) => {
  const [value] = Array.from(given);
  return typeof value === "string" || ArrayBuffer.isView(value) ? lengthOf(value) * 40 : 0;
};

/** Text that is parsed becomes objects several times its size. */
const parsed: Size = (_self, given) => sizeOf(given[0]) * 4;
const written: Size = (_self, given) => jsonShape(given[0], meter.payer?.quotaBytes ?? Infinity).size;

/** Writing a value out reads all of it: about 64 bytes' time for each character. */
const traversed: Size = (self, given) => Math.min(2 ** 40, written(self, given) * 64);

/** What is in the levels that go, and more than that at once is ended before it is looked at. */
const flattened: Size = (self, given) => {
  const { payer } = meter;
  const bytes = payer === undefined ? 0 : flatSize(self, lengthOf(self), given[0], payer);
  if (bytes < Infinity) payer?.bulk(bytes);
  return bytes;
};

/** Methods by owner: the size that is charged before the call. */
function methodSizes(): readonly (readonly [owner: object, sizes: Readonly<Record<string, Size>>])[] {
  const searching = {
    ...{ every: whole, filter: whole, find: whole, findIndex: whole, findLast: whole, findLastIndex: whole },
    ...{ forEach: whole, join: whole, map: whole },
    ...{ reduce: whole, reduceRight: whole, reverse: whole, some: whole, toReversed: whole, with: whole },
    ...{ copyWithin: whole, fill: filling, sort: sorting, toSorted: sorting },
  };
  return [
    [Array.prototype, {
      ...searching,
      ...{ includes: rest, indexOf: rest, lastIndexOf: restBackwards },
      ...{ concat: both, flatMap: whole, shift: whole, splice: whole, toSpliced: whole },
      ...{ slice: slicing, toLocaleString: whole, toString: whole, unshift: both },
    }],
    [typedArrayPrototype, { ...searching, set: argument }],
    [String.prototype, {
      ...{ concat: both, endsWith: argument },
      ...{ localeCompare: both, normalize: whole, padEnd: padding, padStart: padding, repeat: repeating },
      ...{ replace: whole, replaceAll: whole, split: whole, startsWith: argument, toLowerCase: whole },
      ...{ toUpperCase: whole, trim: whole, trimEnd: whole, trimStart: whole },
    }],
    [Map.prototype, { forEach: whole, clear: whole }],
    [Set.prototype, { forEach: whole, clear: whole, union: both, intersection: both, difference: both }],
    [Set.prototype, {
      symmetricDifference: both,
      isSubsetOf: both,
      isSupersetOf: both,
      isDisjointFrom: both,
    }],
    [Array, { from: argument, of: allArguments }],
    [Object.getPrototypeOf(Uint8Array), { from: argument, of: allArguments }],
    [String, { fromCharCode: allArguments, fromCodePoint: allArguments, raw: rawParts }],
    [JSON, { parse: argument, stringify: traversed }],
  ];
}

/** Methods whose work shows in what they give back; that is charged after the call. */
const chargedByResult: readonly (readonly [object, readonly string[]])[] = [
  [Array.prototype, ["concat"]],
  [typedArrayPrototype, ["slice"]],
  [ArrayBuffer.prototype, ["slice"]],
  [String.prototype, ["slice", "substring", "replace", "replaceAll", "split"]],
  [Object, ["keys", "values", "entries", "getOwnPropertyNames", "fromEntries", "assign"]],
  [JSON, ["stringify"]],
];

/** Searches of buffers and strings, whose length is bounded: charged after the call for what they touched. */
const chargedByTouch: readonly (readonly [object, Readonly<Record<string, TouchedSize>>])[] = [
  typedArrayPrototype,
  String.prototype,
].map((owner) => [owner, { includes: lookedAt, indexOf: lookedAt, lastIndexOf: lookedAtBackwards }] as const);

/** Methods whose result is memory of the program's; counted after the call, as what goes in bounds it. */
const allocating: readonly (readonly [object, readonly string[]])[] = [
  [Array.prototype, ["concat", "filter", "flatMap", "join", "map", "slice", "splice", "toReversed"]],
  [Array.prototype, ["toSorted", "toSpliced", "toString", "with"]],
  [typedArrayPrototype, ["filter", "join", "map", "slice", "toReversed", "toSorted", "with"]],
  [Array, ["from", "of"]],
  [Object.getPrototypeOf(Uint8Array), ["from", "of"]],
  [ArrayBuffer.prototype, ["slice"]],
  [String.prototype, ["concat", "normalize", "replace", "replaceAll", "split", "toLowerCase", "toUpperCase"]],
  [String, ["fromCharCode", "fromCodePoint", "raw"]],
  [Object, ["keys", "values", "entries", "getOwnPropertyNames"]],
];

/** Methods that could make far more out of what they are given: counted before the call. */
const amplifying: readonly (readonly [object, Readonly<Record<string, Size>>])[] = [
  [Array.prototype, { flat: flattened }],
  [String.prototype, { padEnd: padding, padStart: padding, repeat: repeating }],
  [Object, { keys: elementNames, entries: elementNames, getOwnPropertyNames: elementNames }],
  [JSON, { parse: parsed, stringify: written }],
];

/** Methods that take elements one by one from what they are given first. */
const taking: readonly (readonly [object, readonly string[], (value: unknown) => unknown])[] = [
  [Array, ["from"], countable],
  [Object.getPrototypeOf(Uint8Array), ["from"], countable],
  [Object, ["fromEntries", "groupBy"], countable],
  [Map, ["groupBy"], countable],
  [Set.prototype, ["union", "intersection", "difference", "symmetricDifference"], genuineSet],
  [Set.prototype, ["isSubsetOf", "isSupersetOf", "isDisjointFrom"], genuineSet],
];

const iteratorPrototype: object = Object.getPrototypeOf(Object.getPrototypeOf([].values()));

/** Methods that programs must not call, with the reason. */
const refused: readonly (readonly [object, readonly string[], string])[] = [
  [String.prototype, ["match", "matchAll", "search"], "programs have no regular expressions"],
  [Array, ["fromAsync"], "programs have no promises"],
  [
    DataView.prototype,
    ["getBigInt64", "getBigUint64", "setBigInt64", "setBigUint64"],
    "programs have no BigInt, which may grow without bound",
  ],
  [
    ArrayBuffer.prototype,
    ["resize", "transfer", "transferToFixedLength", "sliceToImmutable", "transferToImmutable"],
    "a program's buffers keep their size",
  ],
  [
    iteratorPrototype,
    ["drop", "every", "filter", "find", "flatMap", "forEach", "map", "reduce", "some", "take", "toArray"],
    "the helpers of iterators may run for ever without code of the program",
  ],
];

/** Wraps the library's methods; to be called once, before the library is frozen. */
export function installMetering(): void {
  wrapGenerators();
  wrapJson();
  const payments = new Map<object, Map<string, Payment>>();
  const add = (owner: object, name: string, payment: Payment) => {
    const ofOwner = payments.get(owner) ?? new Map<string, Payment>();
    payments.set(owner, ofOwner.set(name, { ...ofOwner.get(name), ...payment }));
  };
  for (const [owner, sizes] of methodSizes()) {
    for (const name in sizes) add(owner, name, { before: sizes[name] ?? resultOnly });
  }
  for (const [owner, names] of chargedByResult) for (const name of names) add(owner, name, { after: sizeOf });
  for (const [owner, sizes] of chargedByTouch) {
    for (const name in sizes) add(owner, name, { touched: sizes[name] ?? (() => 0) });
  }
  for (const [owner, names] of allocating) for (const name of names) add(owner, name, { allocates: true });
  for (const [owner, sizes] of amplifying) {
    for (const name in sizes) add(owner, name, { memory: sizes[name] ?? resultOnly });
  }
  for (const [owner, names] of nestingMethods) for (const name of names) add(owner, name, { nests: true });
  for (const [owner, names, argument] of taking) for (const name of names) add(owner, name, { argument });
  for (const [owner, names, reason] of refused) {
    const before = (name: string) => () => {
      throw new TypeError(`Cannot call ${name}: ${reason}`);
    };
    for (const name of names) add(owner, name, { before: before(name) });
  }
  for (const [owner, ofOwner] of payments) {
    for (const [name, payment] of ofOwner) replace(owner, name, payment);
  }
}

/** What a wrapper does for a program: pay before the call by what goes in, or after it by what comes out or was touched. */
interface Payment {
  readonly before?: Size;
  readonly after?: (result: unknown) => number;
  readonly touched?: TouchedSize;
  /** Bytes that the call allocates, counted before it. */
  readonly memory?: Size;
  /** Whether what the call gives back is memory of the program's. */
  readonly allocates?: boolean;
  /** Whether it may come to be called by itself. */
  readonly nests?: boolean;
  /** What is handed to the library in place of the first argument. */
  readonly argument?: (value: unknown) => unknown;
}

type Method = (...given: never[]) => unknown;
type MakeWrapper = (
  original: Method,
  meterOfAll: typeof meter,
  payment: Payment,
  apply: typeof Reflect.apply,
  sizeOfResult: typeof sizeOf,
) => Method;

/**
 * Each wrapper is generated: with code of its own it learns the types of its own calls, and the engine
 * can put the library's method in its place. One shared wrapper cost the emulator a tenth of its time.
 */
function makeWrapper(name: string, payment: Payment): MakeWrapper {
  const { before, after, touched, memory, allocates, nests, argument } = payment;
  const forProgram = (text: string) => `if (meter.payer !== undefined) { ${text} }`;
  const pay = (what: string) => forProgram(`meter.payer.bulk(payment.${what});`);
  // A method, unlike a function, cannot be constructed and has no prototype.
  return new Function(
    "original",
    "meter",
    "payment",
    "apply",
    "sizeOf",
    // Strict, or a string would come as an object, and be charged as one.
    `"use strict"; return { ${JSON.stringify(name)}(a, b) {
      ${argument === undefined ? "" : forProgram("arguments[0] = a = payment.argument(a);")}
      ${memory === undefined ? "" : forProgram("meter.payer.allocate(payment.memory(this, arguments));")}
      ${before === undefined ? "" : pay("before(this, arguments)")}
      let result;
      ${nests ? "const { payer } = meter; const depth = payer?.descend();" : ""}
      switch (arguments.length) {
        case 0: result = original.call(this); break;
        case 1: result = original.call(this, a); break;
        case 2: result = original.call(this, a, b); break;
        default: result = apply(original, this, arguments);
      }
      ${nests ? "payer?.ascend(depth);" : ""}
      ${after === undefined ? "" : pay("after(result)")}
      ${touched === undefined ? "" : pay("touched(result, this, arguments)")}
      ${allocates ? forProgram("meter.payer.allocate(sizeOf(result)); meter.payer.keep(result);") : ""}
      return result;
    } }[${JSON.stringify(name)}];`,
  ) as MakeWrapper;
}

function replace(owner: object, name: string, payment: Payment): void {
  const descriptor = Object.getOwnPropertyDescriptor(owner, name);
  // Hosts differ in which of the newer methods they have; SES brings a fixed version of some.
  if (typeof descriptor?.value !== "function" || !descriptor.configurable) return;
  const original: Method = descriptor.value;
  const method = makeWrapper(name, payment)(original, meter, payment, Reflect.apply, sizeOf);
  Object.defineProperty(method, "length", { value: original.length, configurable: true });
  Object.defineProperty(owner, name, { ...descriptor, value: method });
}
