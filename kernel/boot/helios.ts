/**
 * Helios on a machine: the operating system's side of power-on.
 *
 * It says what runs when a CPU of the host, or a card's core, starts at an address;
 * from there on everything happens inside the machine.
 */

import type { Machine } from "../hal/hardware.ts";
import type { ProgramLoader } from "../process/process.ts";
import type { BootArchive } from "./boot_archive.ts";
import { bootCard } from "./card_boot.ts";
import { HostBoot } from "./host_boot.ts";

export interface HeliosOptions {
  readonly archive: BootArchive;
  /** Seed of all random numbers inside the machine. */
  readonly seed: number;
  /** What the process manager starts at the end; see its head. */
  readonly managerArguments: readonly string[];
  instantiate: ProgramLoader;
  /** For whoever looks for the bug: the exception that became a kernel's panic. */
  onPanic?(kernel: string, error: unknown): void;
}

/** Powers the machine on with Helios as its software; gives the boot loader, for looking at the kernels. */
export function bootHelios(machine: Machine, helios: HeliosOptions): HostBoot {
  const options = { ...helios, clock: machine.queue, log: machine.log };
  const host = new HostBoot(machine.host, options);
  machine.powerOn({
    runHost: (cpu, address) => host.run(cpu, address),
    runCard: (card, cpu, imageAddress) =>
      bootCard(card, cpu, imageAddress, options, {
        onKernel: (kernel) => host.cardKernels.push(kernel),
        onHalt: ({ index }) => host.coordinator.heartbeatStops(index),
      }),
  });
  return host;
}
