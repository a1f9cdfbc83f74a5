/**
 * What the host's firmware does at power-on: lays the ACPI tables and the memory map
 * into memory.
 *
 * Configuration space needs nothing of it: the bus presets what firmware would store.
 * - Tables tell what a machine file says; with `acpi.srat` false they keep the domains
 *   to themselves, and software sees one.
 */

import { memoryType } from "../acpi/formats.ts";
import { acpiTables, type MemoryRange, type PlatformFacts } from "../acpi/tables.ts";
import { ioApicBase, ioApicSize } from "../apic/io_apic.ts";
import { localApicBase, localApicSize } from "../apic/local_apic_registers.ts";
import type { AddressSpace } from "../memory/address_space.ts";
import { ecamBusSize } from "../pci/host_bridge.ts";
import type { HostDescription, MachineDescription } from "./description.ts";
import { hostMemoryMap } from "./host_memory_map.ts";
import type { Dram } from "./machine.ts";

const localDistance = 10;

/** The lowest APIC id that no CPU has: they share one space of numbers. */
export function ioApicIdOf({ cpus }: HostDescription): number {
  let id = 0;
  while (cpus.some(({ apicId }) => apicId === id)) id++;
  return id;
}

export function installFirmwareTables(
  space: AddressSpace,
  description: MachineDescription,
  dram: readonly Dram[],
): void {
  for (const { address, bytes } of acpiTables(platformFacts(description, dram))) space.write(address, bytes);
}

function platformFacts({ host, acpi }: MachineDescription, dram: readonly Dram[]): PlatformFacts {
  const { acpiTables: tables, firmware, highMemory, ecam, ecamBusCount } = hostMemoryMap;
  const ram = dram.flatMap((block) =>
    usableRanges(block).map((range) => ({ ...range, domain: block.domain }))
  );
  const { localNs, remoteNs } = host.memory;
  const remoteDistance = Math.round(localDistance * (remoteNs ?? localNs) / localNs);
  const domains = host.domains.keys().toArray();
  const distances = domains.map((from) =>
    domains.map((to) => from === to ? localDistance : Math.min(remoteDistance, 254))
  );
  return {
    cpus: host.cpus,
    localApicAddress: localApicBase,
    ioApic: { id: ioApicIdOf(host), address: ioApicBase, firstInterrupt: 0 },
    affinity: acpi.srat ? { memory: ram, distances } : undefined,
    ecam: { base: ecam, busCount: ecamBusCount },
    memoryMap: [
      ...ram.map(({ base, length }) => ({ base, length, type: memoryType.ram })),
      { base: tables, length: firmware - tables, type: memoryType.acpi },
      { base: firmware, length: highMemory - firmware, type: memoryType.reserved },
      { base: ecam, length: ecamBusCount * ecamBusSize, type: memoryType.reserved },
      { base: ioApicBase, length: ioApicSize, type: memoryType.reserved },
      { base: localApicBase, length: localApicSize, type: memoryType.reserved },
    ],
  };
}

/** A block without the hole between 640 KiB and 1 MiB. */
function usableRanges({ base, size }: Dram): MemoryRange[] {
  const { lowMemoryEnd, highMemory } = hostMemoryMap;
  if (base !== 0) return [{ base, length: size }];
  return [{ base: 0, length: lowMemoryEnd }, { base: highMemory, length: size - highMemory }];
}
