/**
 * Where things are in the host's physical address space and on its I/O ports.
 *
 * DRAM starts at 0, domain after domain, up to the PCI window, and goes on at 4 GiB. What
 * firmware keeps below 1 MiB is told by the E820 map.
 * - APICs are where every PC has them; ports of the UART and of the debug port too.
 */

export const hostMemoryMap = {
  /** Ordinary memory below the hole of video memory and option ROMs. */
  lowMemoryEnd: 0xa_0000,
  /** ACPI tables, then firmware with the RSDP. */
  acpiTables: 0xe_0000,
  firmware: 0xf_0000,
  highMemory: 0x10_0000,
  /** Where memory goes on that has no room below the PCI window. */
  memoryAbove: 0x1_0000_0000,
  pciMemory: 0xc000_0000,
  pciMemorySize: 0x2000_0000,
  ecam: 0xe000_0000,
  ecamBusCount: 16,
} as const;

export const hostPortMap = {
  pci: 0xc000,
  pciSize: 0x4000,
} as const;

/** PCI interrupts take the I/O APIC's inputs from here on, four of them. */
export const firstPciInterrupt = 16;

/** INTA# of device 0 is on the first, and each next device or pin one further (the usual swizzle). */
export const pciInterrupt = (device: number, pin: number): number =>
  firstPciInterrupt + (device + pin - 1) % 4;
