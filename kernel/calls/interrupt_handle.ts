/**
 * A device's interrupt as its driver sees it.
 *
 * The interrupt service routine of the kernel only signals an event; the driver's
 * thread waits for it, clears the cause in the device, and acknowledges, which lets
 * the line interrupt again (helios-reference.md section 8).
 */

import type { Call } from "../abi/kernel.ts";
import type { Kernel } from "../kernel.ts";
import { KernelEvent } from "../scheduling/kernel_event.ts";
import { submit } from "./kernel_call.ts";

export class InterruptHandle {
  readonly #event = new KernelEvent();
  readonly #line: number;

  constructor(line: number) {
    this.#line = line;
  }

  wait(): Call<void> {
    return this.#event.wait();
  }

  acknowledge(): Call<void> {
    const line = this.#line;
    return submit({
      perform: (kernel: Kernel) => kernel.interrupts.acknowledge(line, this),
    });
  }

  static eventOf(value: unknown): KernelEvent | undefined {
    return typeof value === "object" && value !== null && #event in value ? value.#event : undefined;
  }
}
export const eventOf = InterruptHandle.eventOf;
Reflect.deleteProperty(InterruptHandle.prototype, "constructor");
Object.freeze(InterruptHandle.prototype);
