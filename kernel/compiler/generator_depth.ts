/**
 * Keeps the count of nested calls right across generators that a program resumes by itself.
 *
 * A generator runs on the stack of whoever resumes it, not of whoever made it; and when it pauses, it
 * leaves without passing its end, where a function sets the depth back.
 * - The host's own generators, and those that a kernel resumes, are not touched by this.
 */

import { meter } from "./payer.ts";

const generatorPrototype: object = Object.getPrototypeOf(Object.getPrototypeOf((function* () {})()));

type Resume = (this: unknown, value: unknown) => unknown;

/** Wraps what resumes generators; to be called once, before the library is frozen. */
export function wrapGenerators(): void {
  for (const name of ["next", "return", "throw"]) {
    const descriptor = Object.getOwnPropertyDescriptor(generatorPrototype, name);
    if (descriptor === undefined) throw new Error(`The language's generators have no "${name}"`);
    const original = descriptor.value as Resume;
    const wrapped = {
      [name](this: unknown, value: unknown): unknown {
        const { payer } = meter;
        if (payer === undefined) return original.call(this, value);
        const floor = payer.floor();
        const depth = payer.enter();
        try {
          return original.call(this, value);
        } finally {
          payer.leave(depth, floor);
        }
      },
    }[name];
    Object.defineProperty(generatorPrototype, name, { ...descriptor, value: wrapped });
  }
}
