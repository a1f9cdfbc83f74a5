/**
 * Atomic cells for tests of programs, and the versions of methods that use them.
 *
 * The test kernel has no ISA of its own; methods with a version per ISA are run in that for x86, so programs
 * that use `Interlocked` can be tested. Import the test kernel before such a program.
 * - Every operation lets other threads run first, as on a real kernel; no instruction is missing.
 * - Interrupts off are not needed by that version, and refused.
 */

import type { Call } from "../../abi/kernel.ts";
import type { AtomicCell } from "../../abi/synchronisation.ts";
import type {} from "../../abi/isa_versions.ts";
import { instant, kernelError } from "./test_channels.ts";

globalThis.isaVersions ??= (versions) => {
  const version = versions.x86 ?? versions["x86-k8"] ?? versions["x86-core2"];
  if (version === undefined) throw new Error("A method has no version for x86");
  return version;
};

export class TestCell implements AtomicCell {
  #value: number;

  constructor(value: number) {
    this.#value = value | 0;
  }

  load(): Call<number> {
    return instant("load", () => this.#value);
  }

  store(value: number): Call<void> {
    return instant("store", () => void (this.#value = value | 0));
  }

  lockedExchange(value: number): Call<number> {
    return this.#change(() => value);
  }

  lockedAdd(value: number): Call<number> {
    return this.#change((found) => found + value);
  }

  lockedCompareExchange(value: number, comparand: number): Call<number> {
    return this.#change((found) => found === (comparand | 0) ? value : found);
  }

  interruptsOff(): Call<void> {
    return instant("interruptsOff", () => {
      throw kernelError("UndefinedInstruction", "The test kernel has no interrupts to turn off");
    });
  }

  interruptsOn(): Call<void> {
    return this.interruptsOff();
  }

  #change(valueAfter: (found: number) => number): Call<number> {
    return instant("locked operation", () => {
      const found = this.#value;
      this.#value = valueAfter(found) | 0;
      return found;
    });
  }
}
