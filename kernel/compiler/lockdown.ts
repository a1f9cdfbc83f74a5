/**
 * Locks the realm down with SES, once, and makes the empty compartments that programs run in.
 *
 * Afterwards the language's library is frozen for everyone, the host's program included; it goes on
 * working, because libraries may still override what they inherit (`overrideTaming: "severe"`).
 * - Nothing here runs before the first program is to be loaded, so tools that load none are untouched.
 * - `harden` what programs get from the kernel, classes included: what they share, they could change.
 */

import "ses";
import { isRequest, suspended } from "../calls/kernel_call.ts";
import { allowedNames, sizedConstructors } from "./allowed_names.ts";
import { installTouching } from "./bulk_touches.ts";
import { countable } from "./countable.ts";
import type { ElementSampler } from "./element_sampling.ts";
import { formatStack } from "./fault_places.ts";
import { fixedLength, installMetering, sizeOf } from "./metering.ts";
import type { ImageSurroundings } from "./prelude.ts";
import type { MemorySurroundings } from "./prelude_memory.ts";

let library: Readonly<Record<string, unknown>> | undefined;
const allocating = new Set<unknown>();

/** Freezes an object and all that can be reached from it. */
export function harden<T>(value: T): T {
  ensureLockdown();
  return globalThis.harden(value);
}

/** A compartment of its own for a process, which has no globals at all. */
export function emptyCompartment(): Compartment {
  ensureLockdown();
  const compartment = new Compartment({ __options__: true });
  for (const name of Object.getOwnPropertyNames(compartment.globalThis)) {
    Reflect.deleteProperty(compartment.globalThis, name);
  }
  return compartment;
}

/** What an image is given beside what is the same for all. */
export interface OwnSurroundings {
  /** Makes the error that is thrown when the program is ended. */
  readonly stop: () => Error;
  readonly memory: MemorySurroundings;
  /** Hears of all that the program throws. */
  readonly thrown?: (value: unknown) => unknown;
  readonly sampler?: ElementSampler | undefined;
  /** Performs a request in the midst of the burst. */
  readonly performAtOnce?: (request: unknown) => unknown;
}

const foreign = Symbol("foreign");

/** What each image is given. */
export function surroundings(
  { stop, memory, thrown = (value) => value, sampler, performAtOnce = () => suspended }: OwnSurroundings,
): ImageSurroundings {
  return {
    ...{ library: ensureLockdown(), stop, sizeOf, fixedLength, sampler, checkConstructor, thrown },
    ...{ countable, memory, isRequest, performAtOnce, suspended, foreign },
  };
}

function ensureLockdown(): Readonly<Record<string, unknown>> {
  if (library !== undefined) return library;
  installTouching();
  installMetering();
  lockdown({
    errorTaming: "unsafe",
    stackFiltering: "verbose",
    overrideTaming: "severe",
    consoleTaming: "unsafe",
    domainTaming: "unsafe",
    errorTrapping: "none",
    unhandledRejectionTrapping: "none",
    reporting: "none",
  });
  Reflect.set(Error, "prepareStackTrace", formatStack);
  const globals: Readonly<Record<string, unknown>> = new Compartment({ __options__: true }).globalThis;
  const found: Record<string, unknown> = {};
  for (const name of allowedNames) found[name] = globals[name];
  for (const name of sizedConstructors) allocating.add(found[name]);
  library = Object.freeze(found);
  return library;
}

/** An allocation by size goes through the name of its constructor, where it is charged. */
function checkConstructor(value: unknown): unknown {
  if (allocating.has(value)) throw new TypeError("A buffer's constructor can be called by its own name only");
  return value;
}
