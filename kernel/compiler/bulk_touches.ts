/**
 * The library's methods that move bytes of typed arrays, told to the caches of the CPU that runs the program.
 *
 * `set`, `fill`, `slice` and `copyWithin` of typed arrays are wrapped, once, before SES freezes them; what
 * they read and write is touched by range, which takes time for the sampled lines alone.
 * - Nothing is touched while the host's own code runs, or a program whose image is not sampled.
 * - Each wrapper has code of its own, so that the host can put the library's method in its place.
 */

import type { ElementRange } from "./element_sampling.ts";

/** Touches elements of an array for the program whose burst is running. */
export type Touch = (range: ElementRange) => void;

const running: { touch: Touch | undefined } = { touch: undefined };

/** From now on accesses count for `touch`, for nobody when undefined; gives for whom before. */
export function setTouching(touch: Touch | undefined): Touch | undefined {
  const before = running.touch;
  running.touch = touch;
  return before;
}

type TypedArray = Uint8Array;

const prototype: TypedArray = Object.getPrototypeOf(Uint8Array.prototype);
const lengthGetter = Object.getOwnPropertyDescriptor(prototype, "length")?.get;

function lengthOf(array: TypedArray): number {
  return lengthGetter === undefined ? 0 : Reflect.apply(lengthGetter, array, []);
}

/** An index as the library reads it; what is no number counts as missing, as reading it again could run code. */
function position(value: unknown, missing: number, length: number): number {
  if (typeof value !== "number") return missing;
  const index = Math.trunc(value) || 0;
  return index < 0 ? Math.max(0, length + index) : Math.min(index, length);
}

/** Wraps the methods; to be called once, before the library is frozen. */
export function installTouching(): void {
  const { set, fill, slice, copyWithin } = prototype;
  const methods = {
    set(this: TypedArray, source: ArrayLike<number>, offset?: number): void {
      set.call(this, source, offset);
      const { touch } = running;
      if (touch === undefined) return;
      const isArray = ArrayBuffer.isView(source) && !(source instanceof DataView);
      const count = isArray ? lengthOf(source as TypedArray) : 0;
      if (isArray) touch({ array: source, first: 0, count });
      touch({ array: this, first: position(offset, 0, lengthOf(this)), count });
    },
    fill(this: TypedArray, value: number, start?: number, end?: number): TypedArray {
      const result = fill.call(this, value, start, end);
      if (running.touch !== undefined) touchPart(running.touch, this, start, end);
      return result;
    },
    slice(this: TypedArray, start?: number, end?: number): TypedArray {
      const result = slice.call(this, start, end);
      const { touch } = running;
      if (touch === undefined) return result;
      touchPart(touch, this, start, end);
      touch({ array: result, first: 0, count: lengthOf(result) });
      return result;
    },
    copyWithin(this: TypedArray, target: number, start: number, end?: number): TypedArray {
      const result = copyWithin.call(this, target, start, end);
      const { touch } = running;
      if (touch === undefined) return result;
      const length = lengthOf(this);
      const count = touchPart(touch, this, start, end);
      const first = position(target, 0, length);
      touch({ array: this, first, count: Math.min(count, length - first) });
      return result;
    },
  };
  for (const name of ["set", "fill", "slice", "copyWithin"] as const) {
    const value = methods[name];
    Object.defineProperty(value, "length", { value: prototype[name].length, configurable: true });
    Object.defineProperty(prototype, name, { value, writable: true, configurable: true, enumerable: false });
  }
}

function touchPart(touch: Touch, array: TypedArray, start: unknown, end: unknown): number {
  const length = lengthOf(array);
  const first = position(start, 0, length);
  const count = Math.max(0, position(end, length, length) - first);
  touch({ array, first, count });
  return count;
}
