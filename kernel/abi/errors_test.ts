/**
 * Telling the kernel's refusals from a program's own bugs.
 *
 * A KernelError is recognised by its name, since it may come from another realm.
 */

import { assertEquals, assertThrows } from "@std/assert";
import { isKernelError, reasonOf, unlessClosed } from "./errors.ts";
import type { Call } from "./kernel.ts";

function refusal(code: string): Error {
  return Object.assign(new Error("Cannot do it"), { name: "KernelError", code });
}

// deno-lint-ignore require-yield -- a call that fails before the kernel is asked
function* failing(error: unknown): Call<void> {
  throw error;
}

Deno.test("a refusal gives its reason, and a bug is thrown on", () => {
  assertEquals(reasonOf(refusal("NotFound")), "Cannot do it");
  assertThrows(() => reasonOf(new TypeError("x is undefined")), TypeError);
  assertEquals([null, undefined, "text", {}].map(isKernelError), [false, false, false, false]);
});

Deno.test("a closed channel is an answer, every other failure is not", () => {
  assertEquals(unlessClosed(failing(refusal("ChannelClosed"))).next(), { done: true, value: false });
  assertThrows(() => unlessClosed(failing(refusal("OutOfMemory"))).next(), Error, "Cannot do it");
  assertThrows(() => unlessClosed(failing(new RangeError("bug"))).next(), RangeError);
});
