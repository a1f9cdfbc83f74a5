/**
 * What can go wrong in a kernel call, seen from both sides.
 *
 * - A CallError is the caller's to handle: it is thrown at the `yield*` with a code
 *   for programs and a message for people, and ends the process if nobody catches it.
 * - A ContractViolation is not offered to the program: its process ends at once, and
 *   the fault report names contract, state and message (DESIGN section 6).
 */

import type { KernelError } from "../abi/kernel.ts";

export class CallError extends Error implements KernelError {
  override readonly name = "KernelError";
  constructor(readonly code: KernelError["code"], message: string) {
    super(message);
  }
}
// A program that caught one would reach the class, and behind it the host's own Error.
Reflect.deleteProperty(CallError.prototype, "constructor");

export class ContractViolation extends Error {
  override readonly name = "ContractViolation";
}
