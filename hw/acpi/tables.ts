/**
 * The ACPI tables of a machine as bytes, with the addresses at which they lie.
 *
 * Firmware writes the pieces into memory at power-on; software finds the RSDP by
 * searching and the rest from there (hardware-reference.md section 5).
 * - RSDT and XSDT list the same tables, and every checksum is right.
 * - The memory map at 0500h stands for what a BIOS answers to E820 calls.
 * - Left out: FADT and DSDT (power-off is a port), and interrupt overrides, because
 *   no ISA device here is wired differently from its number.
 */

import {
  madtFixed,
  madtIoApic,
  madtLocalApic,
  mcfgAllocation,
  mcfgFixed,
  memoryMapEntry,
  rsdp,
  rsdtEntry,
  slitFixed,
  sratFixed,
  sratMemory,
  sratProcessor,
  tableHeader,
  xsdtEntry,
} from "./formats.ts";
import { encode, setChecksum } from "./structure.ts";

export interface MemoryRange {
  readonly base: number;
  readonly length: number;
}

/** What the tables tell. */
export interface PlatformFacts {
  /** The boot processor first. */
  readonly cpus: readonly { readonly apicId: number; readonly domain: number }[];
  readonly localApicAddress: number;
  readonly ioApic: { readonly id: number; readonly address: number; readonly firstInterrupt: number };
  /** Memory of each domain, and the relative distances between domains, if software may know of domains. */
  readonly affinity: undefined | {
    readonly memory: readonly (MemoryRange & { readonly domain: number })[];
    /** Row i, column j: from i to j; 10 is local. */
    readonly distances: readonly (readonly number[])[];
  };
  readonly ecam: { readonly base: number; readonly busCount: number };
  readonly memoryMap: readonly (MemoryRange & { readonly type: number })[];
}

/** Bytes and where they lie. */
export interface Placed {
  readonly address: number;
  readonly bytes: Uint8Array;
}

export const memoryMapAddress = 0x500;
/** Reclaimable memory of the tables, up to `rsdpAddress`. */
export const tablesAddress = 0xe_0000;
export const rsdpAddress = 0xf_0000;

const alignment = 16;
const enabled = 1;
const oem = {
  oemId: "HELIOS",
  oemTableId: "EMULATOR",
  oemRevision: 1,
  creatorId: "HELI",
  creatorRevision: 1,
};

export function acpiTables(facts: PlatformFacts): Placed[] {
  const tables = [madt(facts), mcfg(facts)];
  if (facts.affinity !== undefined) {
    tables.push(srat(facts, facts.affinity.memory), slit(facts.affinity.distances));
  }
  const placed: Placed[] = [];
  let next = tablesAddress;
  const place = (bytes: Uint8Array): number => {
    const address = next;
    placed.push({ address, bytes });
    next += Math.ceil(bytes.length / alignment) * alignment;
    if (next > rsdpAddress) {
      throw new Error(`The ACPI tables end at 0x${next.toString(16)}, past their region`);
    }
    return address;
  };
  const addresses = tables.map(place);
  const rsdtAddress = place(table("RSDT", 1, addresses.map((address) => encode(rsdtEntry, { address }))));
  const xsdtAddress = place(table("XSDT", 1, addresses.map((address) => encode(xsdtEntry, { address }))));
  placed.push({ address: rsdpAddress, bytes: rootPointer(rsdtAddress, xsdtAddress) });
  placed.push({ address: memoryMapAddress, bytes: memoryMap(facts) });
  return placed;
}

function rootPointer(rsdtAddress: number, xsdtAddress: number): Uint8Array {
  const bytes = encode(rsdp, {
    signature: "RSD PTR ",
    checksum: 0,
    oemId: oem.oemId,
    revision: 2,
    rsdtAddress,
    length: rsdp.size,
    xsdtAddress,
    extendedChecksum: 0,
  });
  setChecksum(bytes, rsdp.fields.checksum[0], 20);
  setChecksum(bytes, rsdp.fields.extendedChecksum[0], rsdp.size);
  return bytes;
}

function table(signature: string, revision: number, parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce<number>((sum, part) => sum + part.length, tableHeader.size);
  const header = encode(tableHeader, { ...oem, signature, length, revision, checksum: 0 });
  const bytes = joined([header, ...parts]);
  setChecksum(bytes, tableHeader.fields.checksum[0], length);
  return bytes;
}

function madt(facts: PlatformFacts): Uint8Array {
  const { cpus, ioApic, localApicAddress } = facts;
  return table("APIC", 1, [
    encode(madtFixed, { localApicAddress, flags: 0 }),
    ...cpus.map(({ apicId }, processorId) =>
      encode(madtLocalApic, { type: 0, length: madtLocalApic.size, processorId, apicId, flags: enabled })
    ),
    encode(madtIoApic, { type: 1, length: madtIoApic.size, ...ioApic }),
  ]);
}

function srat(
  facts: PlatformFacts,
  memory: readonly (MemoryRange & { readonly domain: number })[],
): Uint8Array {
  return table("SRAT", 2, [
    encode(sratFixed, { tableRevision: 1 }),
    ...facts.cpus.map(({ apicId, domain }) =>
      encode(sratProcessor, {
        type: 0,
        length: sratProcessor.size,
        domainLow: domain % 256,
        apicId,
        flags: enabled,
        sapicEid: 0,
        domainHigh: Math.floor(domain / 256),
        clockDomain: 0,
      })
    ),
    ...memory.map(({ domain, base, length }) =>
      encode(sratMemory, {
        type: 1,
        length: sratMemory.size,
        domain,
        base,
        memoryLength: length,
        flags: enabled,
      })
    ),
  ]);
}

function slit(distances: readonly (readonly number[])[]): Uint8Array {
  const rows = distances.map((row) => Uint8Array.from(row));
  return table("SLIT", 1, [encode(slitFixed, { localities: distances.length }), ...rows]);
}

function mcfg({ ecam }: PlatformFacts): Uint8Array {
  const allocation = { base: ecam.base, segment: 0, firstBus: 0, lastBus: ecam.busCount - 1 };
  return table("MCFG", 1, [encode(mcfgFixed, {}), encode(mcfgAllocation, allocation)]);
}

function memoryMap(facts: PlatformFacts): Uint8Array {
  const count = new Uint8Array(4);
  new DataView(count.buffer).setUint32(0, facts.memoryMap.length, true);
  return joined([count, ...facts.memoryMap.map((entry) => encode(memoryMapEntry, entry))]);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}
