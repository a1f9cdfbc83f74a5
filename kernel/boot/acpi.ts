/**
 * What firmware tells the boot loader: ACPI tables and the E820 memory map, found in
 * physical memory and checked.
 *
 * - A table that fails its check is refused with a line in `refused`, and what it
 *   would have told stays undefined: without a usable SRAT there is one domain.
 * - Nothing here throws on bad tables, whatever their pointers and lengths say.
 * - The map is at 0500h, where our firmware leaves the answers of the E820 calls.
 */

import {
  headerSize,
  type MadtTable,
  type McfgTable,
  parseMadt,
  parseMcfg,
  parseSlit,
  parseSrat,
  type SlitTable,
  type SratTable,
  type TableResult,
} from "./acpi_tables.ts";
import { ByteReader, sumsToZero } from "./byte_reader.ts";

/** Physical memory: `length` bytes at `address`, or undefined where nobody answers. */
export type MemoryReader = (address: number, length: number) => Uint8Array | undefined;

export interface MemoryRange {
  readonly base: number;
  readonly length: number;
}

export interface MemoryMapEntry extends MemoryRange {
  /** 1 RAM, 2 reserved, 3 ACPI tables. */
  readonly type: number;
}

export interface AcpiTables {
  readonly madt: MadtTable | undefined;
  readonly srat: SratTable | undefined;
  readonly slit: SlitTable | undefined;
  readonly mcfg: McfgTable | undefined;
  readonly memoryMap: readonly MemoryMapEntry[];
  /** One line for each table that was refused: which, where, why. */
  readonly refused: readonly string[];
}

const ramType = 1;
const rsdpSize = 36;
const rsdpSize1 = 20;
const memoryMapAddress = 0x500;
const memoryMapEntrySize = 20;
const memoryMapEntriesMax = 128;
const tableSizeMax = 2 ** 20;
const tableCountMax = 256;

export function readAcpiTables(read: MemoryReader): AcpiTables {
  const refused: string[] = [];
  const tables = findTables(read, refused);
  const parse = <T>(signature: string, parser: (bytes: Uint8Array) => TableResult<T>): T | undefined => {
    for (const { address, bytes } of tables.filter((table) => table.signature === signature)) {
      const result = parser(bytes);
      if (result.ok) return result.value;
      refused.push(`${signature} at ${hex(address)} refused: ${result.reason}`);
    }
    return undefined;
  };
  return {
    madt: parse("APIC", parseMadt),
    srat: parse("SRAT", parseSrat),
    slit: parse("SLIT", parseSlit),
    mcfg: parse("MCFG", parseMcfg),
    memoryMap: readMemoryMap(read, refused),
    refused,
  };
}

interface FoundTable {
  readonly signature: string;
  readonly address: number;
  readonly bytes: Uint8Array;
}

/** The tables that the XSDT lists, or the RSDT if there is no usable XSDT. */
function findTables(read: MemoryReader, refused: string[]): FoundTable[] {
  const root = findRootPointer(read, refused);
  if (root === undefined) {
    refused.push("RSDP refused: none found in E0000h-FFFFFh or the first KB of the EBDA");
    return [];
  }
  const xsdt = root.revision >= 2 && root.xsdtAddress !== 0
    ? readRootTable(read, "XSDT", root.xsdtAddress, 8, refused)
    : undefined;
  const addresses = xsdt ?? readRootTable(read, "RSDT", root.rsdtAddress, 4, refused) ?? [];
  return addresses.slice(0, tableCountMax).flatMap((address) => {
    const bytes = readTable(read, address);
    if (bytes !== undefined) return [{ signature: new ByteReader(bytes).text(0, 4), address, bytes }];
    refused.push(`table at ${hex(address)} refused: no readable table there`);
    return [];
  });
}

interface RootPointer {
  readonly revision: number;
  readonly rsdtAddress: number;
  readonly xsdtAddress: number;
}

function findRootPointer(read: MemoryReader, refused: string[]): RootPointer | undefined {
  const ebdaPointer = read(0x40e, 2);
  const ebda = ebdaPointer === undefined ? 0 : new ByteReader(ebdaPointer).u16(0) * 16;
  const areas = [{ base: 0xe0000, length: 0x20000 }];
  if (ebda >= 0x400) areas.unshift({ base: ebda, length: 0x400 });
  for (const { base, length } of areas) {
    const bytes = read(base, length);
    if (bytes === undefined) continue;
    for (let offset = 0; offset + rsdpSize1 <= length; offset += 16) {
      const root = rootPointerAt(bytes.subarray(offset), base + offset, refused);
      if (root !== undefined) return root;
    }
  }
  return undefined;
}

function rootPointerAt(bytes: Uint8Array, address: number, refused: string[]): RootPointer | undefined {
  const reader = new ByteReader(bytes);
  if (reader.u8(0) !== 0x52 || reader.text(0, 8) !== "RSD PTR ") return undefined;
  const refuse = (reason: string) => void refused.push(`RSDP at ${hex(address)} refused: ${reason}`);
  if (!sumsToZero(bytes.subarray(0, rsdpSize1))) return refuse("checksum is wrong");
  const revision = reader.u8(15);
  const rsdtAddress = reader.u32(16);
  if (revision < 2) return { revision, rsdtAddress, xsdtAddress: 0 };
  if (bytes.length < rsdpSize || !sumsToZero(bytes.subarray(0, rsdpSize))) {
    return refuse("extended checksum is wrong");
  }
  return { revision, rsdtAddress, xsdtAddress: reader.u64(24) ?? 0 };
}

/** The addresses in an RSDT or XSDT, or undefined if it was refused. */
function readRootTable(
  read: MemoryReader,
  signature: string,
  address: number,
  entrySize: 4 | 8,
  refused: string[],
): number[] | undefined {
  const bytes = readTable(read, address);
  const found = bytes === undefined ? "" : new ByteReader(bytes).text(0, 4);
  if (bytes === undefined || found !== signature || !sumsToZero(bytes)) {
    const reason = found === signature ? "checksum is wrong" : "no readable table there";
    refused.push(`${signature} at ${hex(address)} refused: ${reason}`);
    return undefined;
  }
  const reader = new ByteReader(bytes);
  const addresses: number[] = [];
  for (let offset = headerSize; offset + entrySize <= bytes.length; offset += entrySize) {
    const entry = entrySize === 8 ? reader.u64(offset) : reader.u32(offset);
    if (entry !== undefined && entry !== 0) addresses.push(entry);
  }
  return addresses;
}

/** As many bytes as the header at `address` promises. */
function readTable(read: MemoryReader, address: number): Uint8Array | undefined {
  const header = read(address, headerSize);
  if (header === undefined) return undefined;
  const length = new ByteReader(header).u32(4);
  return length < headerSize || length > tableSizeMax ? undefined : read(address, length);
}

function readMemoryMap(read: MemoryReader, refused: string[]): MemoryMapEntry[] {
  const refuse = (reason: string) => {
    refused.push(`memory map at ${hex(memoryMapAddress)} refused: ${reason}`);
    return [];
  };
  const head = read(memoryMapAddress, 4);
  if (head === undefined) return refuse("no memory there");
  const count = new ByteReader(head).u32(0);
  if (count === 0 || count > memoryMapEntriesMax) {
    return refuse(`${count} entries, must be 1 to ${memoryMapEntriesMax}`);
  }
  const bytes = read(memoryMapAddress + 4, count * memoryMapEntrySize);
  if (bytes === undefined) return refuse("it runs out of memory");
  const reader = new ByteReader(bytes);
  const entries: MemoryMapEntry[] = [];
  for (let offset = 0; offset < bytes.length; offset += memoryMapEntrySize) {
    const base = reader.u64(offset);
    const length = reader.u64(offset + 8);
    if (base !== undefined && length !== undefined && length > 0) {
      entries.push({ base, length, type: reader.u32(offset + 16) });
    }
  }
  return entries.sort((a, b) => a.base - b.base);
}

/** A set of CPUs and the RAM that is near to them. */
export interface Domain {
  readonly domain: number;
  /** APIC ids, ascending; empty for memory without CPUs. */
  readonly cpus: readonly number[];
  /** RAM that no firmware uses, by rising base. */
  readonly memory: readonly MemoryRange[];
}

/**
 * Domains by rising number: what the SRAT says, cut to the RAM of the memory map.
 * A CPU or RAM that the SRAT does not mention is in domain 0; without a MADT the
 * boot processor is the only CPU.
 */
export function domainsOf(tables: AcpiTables, bootApicId: number): Domain[] {
  const { madt, srat, memoryMap } = tables;
  const apicIds = madt?.cpus.map(({ apicId }) => apicId) ?? [bootApicId];
  const domainOfCpu = new Map(srat?.cpus.map(({ apicId, domain }) => [apicId, domain]));
  const affinities = srat?.memory ?? [];
  const cpus = new Map<number, number[]>();
  for (const apicId of [...new Set(apicIds)].sort((a, b) => a - b)) {
    appendTo(cpus, domainOfCpu.get(apicId) ?? 0, apicId);
  }
  const memory = new Map<number, MemoryRange[]>();
  for (const ram of memoryMap.filter(({ type }) => type === ramType)) {
    for (const { domain, range } of divide(ram, affinities)) appendTo(memory, domain, range);
  }
  const domains = [...new Set([...cpus.keys(), ...memory.keys()])].sort((a, b) => a - b);
  return domains.map((domain) => ({
    domain,
    cpus: cpus.get(domain) ?? [],
    memory: memory.get(domain) ?? [],
  }));
}

/** Cuts RAM at the borders of affinity ranges; the first range that covers a piece wins. */
function divide(
  ram: MemoryRange,
  affinities: SratTable["memory"],
): { domain: number; range: MemoryRange }[] {
  const end = ram.base + ram.length;
  const borders = affinities.flatMap(({ base, length }) => [base, base + length]);
  const cuts = [
    ...new Set([ram.base, end, ...borders.filter((border) => border > ram.base && border < end)]),
  ];
  cuts.sort((a, b) => a - b);
  const pieces: { domain: number; range: MemoryRange }[] = [];
  for (let index = 0; index + 1 < cuts.length; index++) {
    const base = cuts[index]!;
    const length = cuts[index + 1]! - base;
    const owner = affinities.find((range) => base >= range.base && base < range.base + range.length);
    const domain = owner?.domain ?? 0;
    const last = pieces.at(-1);
    if (last?.domain === domain) last.range = { base: last.range.base, length: last.range.length + length };
    else pieces.push({ domain, range: { base, length } });
  }
  return pieces;
}

function appendTo<T>(map: Map<number, T[]>, key: number, value: T): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

const hex = (address: number): string => `0x${address.toString(16)}`;
