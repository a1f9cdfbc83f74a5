/**
 * What a process may bring and open: its contracts, and how many channel ends it holds.
 *
 * - A bad contract ends the process that brought it; too many ends are an error that it
 *   can handle.
 */

import type { Contract } from "../contracts/contract.ts";
import { type CompiledContract, ContractError } from "../contracts/monitor.ts";
import type { Kernel } from "../kernel.ts";
import { endsMax, type Process } from "../process/process.ts";
import { CallError, ContractViolation } from "./errors.ts";

/** A contract as this kernel knows it; a bad one ends the process that brought it. */
export function admit(kernel: Kernel, contract: Contract, process: Process): CompiledContract {
  const compiled = compile(kernel, contract, process);
  // Only the kernel passes ends on whose contract it need not know.
  const isKernels = compiled.messages.some(({ fields }) =>
    fields.some((field) => field.kind === "endpoint" && field.contract === undefined)
  );
  if (!isKernels) return compiled;
  throw new ContractViolation(
    `Contract "${compiled.name}": a field must say which contract its endpoint speaks`,
  );
}

function compile(kernel: Kernel, contract: Contract, process: Process): CompiledContract {
  try {
    return kernel.contracts.admit(contract, process);
  } catch (error) {
    if (error instanceof ContractError) throw new ContractViolation(error.message);
    throw error;
  }
}

/** A process may hold more ends than it can open, since others send it some. */
export function checkRoomForEnds({ ends, label }: Process): void {
  if (ends.size >= endsMax) {
    throw new CallError("OutOfMemory", `${label} holds ${endsMax} channel ends already`);
  }
}
