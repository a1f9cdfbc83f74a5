/**
 * What a kernel asks of the hardware around its CPUs, whatever the architecture.
 *
 * The paper's list of primitives (section 2.1): a timer, an interrupt controller,
 * and a way to catch exceptions. One implementation for x86 (APICs), one for the
 * IOP348 (coprocessor 6); each programs registers and keeps no secret of its own.
 * - `InterruptSource` tells the kernel what interrupted, not which vector it was.
 * - A device line is masked by the platform when it fires and unmasked by
 *   `acknowledge`, so a level that a driver has not cleared yet cannot storm.
 */

import type { ConfigurationSpace } from "../boot/pci_access.ts";
import type { Cpu, Duration } from "./hardware.ts";

export type InterruptSource =
  | { readonly kind: "timer" }
  /** Another CPU of this kernel, or another kernel, wants this one to look around. */
  | { readonly kind: "ipi" }
  /** Another kernel has panicked. */
  | { readonly kind: "alarm" }
  /** A device's line: global system interrupt (x86) or source number (card). */
  | { readonly kind: "device"; readonly line: number }
  | { readonly kind: "spurious" };

export interface Platform {
  /** Makes this CPU take interrupts; `handler` runs at the instant of each. */
  enable(cpu: Cpu, handler: (source: InterruptSource) => void): void;
  /** Interrupts another CPU, which may belong to another kernel. */
  sendIpi(from: Cpu, target: number): void;
  /** Arms the CPU's one-shot timer; a later call replaces the earlier one. */
  setTimer(cpu: Cpu, delay: Duration): void;
  /** Steers a device's line to `cpu` and lets it interrupt. */
  connect(line: number, cpu: Cpu): void;
  /** Lets a line that fired interrupt again. */
  acknowledge(line: number): void;
  /** PCI configuration space of the buses below this kernel. */
  readonly configuration: ConfigurationSpace;
  /** Windows in which BARs are to be placed. */
  readonly windows: {
    readonly memory: { base: number; size: number };
    readonly io: { base: number; size: number };
  };
  /** The line that a PCI function's INTx# pin arrives on. */
  interruptLine(device: number, pin: number, interruptLineRegister: number): number;
  /** Where this kernel's CPUs reach what a BAR at `busAddress` decodes. */
  physicalAddress(kind: "memory32" | "memory64" | "io", busAddress: number): number;
  /** Writes one line to the debug port. */
  debugLine(cpu: Cpu, text: string): void;
}
