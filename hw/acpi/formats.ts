/**
 * Formats of the ACPI structures that the firmware lays into memory, and of the
 * E820 memory map.
 *
 * Offsets are those of hardware-reference.md section 5; the MCFG is that of the PCI
 * Firmware Specification 3.0, 4.1.2. Every table begins with `tableHeader`.
 */

import type { StructureFormat } from "./structure.ts";

export const rsdp = {
  title: "RSDP, ACPI 2.0",
  size: 36,
  fields: {
    signature: [0, "ascii8"],
    checksum: [8, "u8"], // of the first 20 bytes
    oemId: [9, "ascii6"],
    revision: [15, "u8"],
    rsdtAddress: [16, "u32"],
    length: [20, "u32"],
    xsdtAddress: [24, "u64"],
    extendedChecksum: [32, "u8"], // of all 36
    reserved: [33, "zeros3"],
  },
} as const satisfies StructureFormat;

export const tableHeader = {
  title: "ACPI table header",
  size: 36,
  fields: {
    signature: [0, "ascii4"],
    length: [4, "u32"],
    revision: [8, "u8"],
    checksum: [9, "u8"],
    oemId: [10, "ascii6"],
    oemTableId: [16, "ascii8"],
    oemRevision: [24, "u32"],
    creatorId: [28, "ascii4"],
    creatorRevision: [32, "u32"],
  },
} as const satisfies StructureFormat;

export const rsdtEntry = {
  title: "RSDT entry",
  size: 4,
  fields: { address: [0, "u32"] },
} as const satisfies StructureFormat;

export const xsdtEntry = {
  title: "XSDT entry",
  size: 8,
  fields: { address: [0, "u64"] },
} as const satisfies StructureFormat;

export const madtFixed = {
  title: "MADT, fixed part",
  size: 8,
  fields: { localApicAddress: [0, "u32"], flags: [4, "u32"] },
} as const satisfies StructureFormat;

export const madtLocalApic = {
  title: "MADT type 0, local APIC",
  size: 8,
  fields: {
    type: [0, "u8"],
    length: [1, "u8"],
    processorId: [2, "u8"],
    apicId: [3, "u8"],
    flags: [4, "u32"], // bit 0 enabled
  },
} as const satisfies StructureFormat;

export const madtIoApic = {
  title: "MADT type 1, I/O APIC",
  size: 12,
  fields: {
    type: [0, "u8"],
    length: [1, "u8"],
    id: [2, "u8"],
    reserved: [3, "zeros1"],
    address: [4, "u32"],
    firstInterrupt: [8, "u32"],
  },
} as const satisfies StructureFormat;

export const sratFixed = {
  title: "SRAT, fixed part",
  size: 12,
  fields: { tableRevision: [0, "u32"], reserved: [4, "zeros8"] },
} as const satisfies StructureFormat;

export const sratProcessor = {
  title: "SRAT type 0, processor local APIC affinity",
  size: 16,
  fields: {
    type: [0, "u8"],
    length: [1, "u8"],
    domainLow: [2, "u8"],
    apicId: [3, "u8"],
    flags: [4, "u32"], // bit 0 enabled
    sapicEid: [8, "u8"],
    domainHigh: [9, "u24"],
    clockDomain: [12, "u32"],
  },
} as const satisfies StructureFormat;

export const sratMemory = {
  title: "SRAT type 1, memory affinity",
  size: 40,
  fields: {
    type: [0, "u8"],
    length: [1, "u8"],
    domain: [2, "u32"],
    reserved1: [6, "zeros2"],
    base: [8, "u64"],
    memoryLength: [16, "u64"],
    reserved2: [24, "zeros4"],
    flags: [28, "u32"], // bit 0 enabled
    reserved3: [32, "zeros8"],
  },
} as const satisfies StructureFormat;

export const slitFixed = {
  title: "SLIT, fixed part",
  size: 8,
  fields: { localities: [0, "u64"] },
} as const satisfies StructureFormat;

export const mcfgFixed = {
  title: "MCFG, fixed part",
  size: 8,
  fields: { reserved: [0, "zeros8"] },
} as const satisfies StructureFormat;

export const mcfgAllocation = {
  title: "MCFG configuration space allocation",
  size: 16,
  fields: {
    base: [0, "u64"],
    segment: [8, "u16"],
    firstBus: [10, "u8"],
    lastBus: [11, "u8"],
    reserved: [12, "zeros4"],
  },
} as const satisfies StructureFormat;

export const memoryMapEntry = {
  title: "E820 entry",
  size: 20,
  fields: { base: [0, "u64"], length: [8, "u64"], type: [16, "u32"] },
} as const satisfies StructureFormat;

/** Values of `type` in a memory map entry. */
export const memoryType = { ram: 1, reserved: 2, acpi: 3 } as const;
