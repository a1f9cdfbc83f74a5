/**
 * Parsers of single ACPI tables: from bytes to values, or to the reason for a refusal.
 *
 * They take tables of any machine, also those that `acpidump` wrote to a file.
 * - `checkTable` is first: signature, length and checksum; the others rely on it.
 * - Entries of unknown type are skipped by their length; an entry of length 0, or one
 *   that runs past the table, ends the walk (hardware-reference.md 5.4).
 * - Entries that are not enabled are ignored.
 */

import { ByteReader, sumsToZero } from "./byte_reader.ts";

export interface MadtTable {
  readonly localApicAddress: number;
  /** Enabled CPUs, in the order of the table. */
  readonly cpus: readonly { readonly processorId: number; readonly apicId: number }[];
  readonly ioApics: readonly {
    readonly id: number;
    readonly address: number;
    readonly firstInterrupt: number;
  }[];
  readonly overrides: readonly {
    readonly source: number;
    readonly interrupt: number;
    readonly flags: number;
  }[];
}

export interface SratTable {
  readonly cpus: readonly { readonly apicId: number; readonly domain: number }[];
  readonly memory: readonly MemoryAffinity[];
}

export interface MemoryAffinity {
  readonly domain: number;
  readonly base: number;
  readonly length: number;
  readonly hotPluggable: boolean;
  readonly nonVolatile: boolean;
}

/** Row i, column j: relative distance from locality i to j; 10 is local, 255 unreachable. */
export type SlitTable = readonly (readonly number[])[];

export type McfgTable = readonly EcamRange[];

export interface EcamRange {
  readonly base: number;
  readonly segment: number;
  readonly firstBus: number;
  readonly lastBus: number;
}

export type TableResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: string };

export const headerSize = 36;
const accepted = <T>(value: T): TableResult<T> => ({ ok: true, value });
const refused = <T>(reason: string): TableResult<T> => ({ ok: false, reason });

/** Signature, honest length and checksum; gives the table without what follows it. */
export function checkTable(bytes: Uint8Array, signature: string): TableResult<ByteReader> {
  if (bytes.length < headerSize) return refused(`${bytes.length} bytes are too short for a header`);
  const header = new ByteReader(bytes);
  const found = header.text(0, 4);
  if (found !== signature) return refused(`signature is ${JSON.stringify(found)}, must be "${signature}"`);
  const length = header.u32(4);
  if (length < headerSize || length > bytes.length) {
    return refused(`length is ${length}, of ${bytes.length} bytes there`);
  }
  const table = bytes.subarray(0, length);
  return sumsToZero(table) ? accepted(new ByteReader(table)) : refused("checksum is wrong");
}

export function parseMadt(bytes: Uint8Array): TableResult<MadtTable> {
  const checked = checkTable(bytes, "APIC");
  if (!checked.ok) return checked;
  const table = checked.value;
  const firstEntry = 44;
  if (table.length < firstEntry) return refused(`length is ${table.length}, must be at least ${firstEntry}`);
  const cpus: MadtTable["cpus"][number][] = [];
  const ioApics: MadtTable["ioApics"][number][] = [];
  const overrides: MadtTable["overrides"][number][] = [];
  let localApicAddress = table.u32(36);
  for (const entry of entriesOf(table, firstEntry)) {
    const type = entry.u8(0);
    if (type === 0 && entry.length >= 8) {
      if (isEnabled(entry.u32(4))) cpus.push({ processorId: entry.u8(2), apicId: entry.u8(3) });
    } else if (type === 1 && entry.length >= 12) {
      ioApics.push({ id: entry.u8(2), address: entry.u32(4), firstInterrupt: entry.u32(8) });
    } else if (type === 2 && entry.length >= 10) {
      overrides.push({ source: entry.u8(3), interrupt: entry.u32(4), flags: entry.u16(8) });
    } else if (type === 5 && entry.length >= 12) {
      localApicAddress = entry.u64(4) ?? localApicAddress;
    }
  }
  return accepted({ localApicAddress, cpus, ioApics, overrides });
}

export function parseSrat(bytes: Uint8Array): TableResult<SratTable> {
  const checked = checkTable(bytes, "SRAT");
  if (!checked.ok) return checked;
  const table = checked.value;
  const firstEntry = 48;
  if (table.length < firstEntry) return refused(`length is ${table.length}, must be at least ${firstEntry}`);
  // Revision 1 tables hold rubbish in the upper three bytes of a CPU's domain.
  const wideDomains = table.u8(8) >= 2;
  const cpus: SratTable["cpus"][number][] = [];
  const memory: MemoryAffinity[] = [];
  for (const entry of entriesOf(table, firstEntry)) {
    const type = entry.u8(0);
    if (type === 0 && entry.length >= 16) {
      if (!isEnabled(entry.u32(4))) continue;
      const high = wideDomains ? entry.u8(9) * 2 ** 8 + entry.u16(10) * 2 ** 16 : 0;
      cpus.push({ apicId: entry.u8(3), domain: entry.u8(2) + high });
    } else if (type === 1 && entry.length >= 40) {
      const range = memoryAffinity(entry);
      if (range !== undefined) memory.push(range);
    }
  }
  return accepted({ cpus, memory });
}

/** Undefined for an entry that is not enabled, is empty, or lies where no memory can be. */
function memoryAffinity(entry: ByteReader): MemoryAffinity | undefined {
  const flags = entry.u32(28);
  const base = entry.u64(8);
  const length = entry.u64(16);
  if (!isEnabled(flags) || base === undefined || length === undefined || length === 0) return undefined;
  return {
    domain: entry.u32(2),
    base,
    length,
    hotPluggable: (flags & 2) !== 0,
    nonVolatile: (flags & 4) !== 0,
  };
}

export function parseSlit(bytes: Uint8Array): TableResult<SlitTable> {
  const checked = checkTable(bytes, "SLIT");
  if (!checked.ok) return checked;
  const table = checked.value;
  const firstRow = 44;
  const localities = table.length >= firstRow ? table.u64(36) : undefined;
  if (localities === undefined || localities === 0 || firstRow + localities ** 2 > table.length) {
    return refused(`${localities ?? "no"} localities do not fit its length of ${table.length}`);
  }
  const row = (index: number) => {
    const start = firstRow + index * localities;
    return Array.from(table.bytes.subarray(start, start + localities));
  };
  return accepted(Array.from({ length: localities }, (_, index) => row(index)));
}

export function parseMcfg(bytes: Uint8Array): TableResult<McfgTable> {
  const checked = checkTable(bytes, "MCFG");
  if (!checked.ok) return checked;
  const table = checked.value;
  const firstEntry = 44;
  const entrySize = 16;
  const ranges: EcamRange[] = [];
  for (let offset = firstEntry; offset + entrySize <= table.length; offset += entrySize) {
    const base = table.u64(offset);
    if (base === undefined) continue;
    ranges.push({
      base,
      segment: table.u16(offset + 8),
      firstBus: table.u8(offset + 10),
      lastBus: table.u8(offset + 11),
    });
  }
  return accepted(ranges);
}

/** Entries of the form type(1), length(1), data. */
function* entriesOf(table: ByteReader, first: number): Generator<ByteReader> {
  for (let offset = first; offset + 2 <= table.length;) {
    const length = table.u8(offset + 1);
    if (length < 2 || offset + length > table.length) return;
    yield new ByteReader(table.bytes.subarray(offset, offset + length));
    offset += length;
  }
}

const isEnabled = (flags: number): boolean => (flags & 1) !== 0;
