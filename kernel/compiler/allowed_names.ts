/**
 * The names of the language's own library that programs may use; nothing else is free in a program.
 *
 * Left out on purpose: whatever runs code later or from text (`Promise`, `Function`, `eval`), clocks,
 * randomness, the host's surroundings, `Proxy` and `Reflect` (they would see and fake what the kernel
 * does with a program's objects), `BigInt` and `RegExp` (a single operation may take any time), arrays
 * of floats (they show the bits of NaN, which the host chooses), and what shows when the garbage collector
 * ran.
 */

const bufferViews = [
  ...["Int8Array", "Uint8Array", "Uint8ClampedArray", "Int16Array", "Uint16Array", "Int32Array"],
  "Uint32Array",
];

/** Constructors whose argument may be a size: their allocation is charged before it happens. */
export const sizedConstructors: ReadonlySet<string> = new Set([...bufferViews, "ArrayBuffer", "Array"]);

/** Bytes of an element of each kind of buffer. */
export const elementSizes: ReadonlyMap<string, number> = new Map([
  ...["Int8Array", "Uint8Array", "Uint8ClampedArray", "ArrayBuffer"].map((name) => [name, 1] as const),
  ...["Int16Array", "Uint16Array"].map((name) => [name, 2] as const),
  ...["Int32Array", "Uint32Array"].map((name) => [name, 4] as const),
]);

/** Constructors that take as long as what they are given is long. */
export const copyingConstructors: ReadonlySet<string> = new Set(["Map", "Set", "WeakMap", "WeakSet"]);

export const allowedNames: ReadonlySet<string> = new Set([
  ...sizedConstructors,
  ...copyingConstructors,
  ...["Infinity", "NaN", "undefined", "isFinite", "isNaN", "parseFloat", "parseInt"],
  ...["Boolean", "DataView", "JSON", "Math", "Number", "Object", "String", "Symbol"],
  ...["AggregateError", "Error", "EvalError", "RangeError", "ReferenceError", "SyntaxError", "TypeError"],
  "URIError",
]);

/** Members of allowed names that are refused all the same, with the reason. */
export const refusedMembers: ReadonlyMap<string, string> = new Map([
  ["Math.random", "a program asks the kernel for random numbers: yield* kernel.random()"],
  ["Array.fromAsync", "programs have no promises"],
]);
