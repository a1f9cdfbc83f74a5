/**
 * Failed kernel calls, for programs that want to go on after one.
 *
 * A KernelError carries a code; anything else that is thrown is the program's own
 * bug, and must pass through every `catch` so that the process ends with its fault.
 * - `reasonOf` gives the text for people, or throws the bug on.
 * - `unlessClosed` is for replies: the client may have gone meanwhile, which is no fault.
 */

import type { Call, KernelError } from "./kernel.ts";

export function isKernelError(error: unknown): error is KernelError {
  return typeof error === "object" && error !== null && (error as { name?: unknown }).name === "KernelError";
}

/** Why a call failed, in words; throws everything that is not a KernelError on. */
export function reasonOf(error: unknown): string {
  if (isKernelError(error)) return error.message;
  throw error;
}

/** Makes a call and says whether the channel was open; other failures pass through. */
export function* unlessClosed(call: Call<unknown>): Call<boolean> {
  try {
    yield* call;
    return true;
  } catch (error) {
    if (isKernelError(error) && error.code === "ChannelClosed") return false;
    throw error;
  }
}
