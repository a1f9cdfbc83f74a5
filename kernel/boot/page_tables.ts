/**
 * Page tables of a domain: all physical memory mapped where it is, in pages of 2 MiB.
 *
 * The boot loader builds them once, in the first domain's memory; each other domain gets a
 * copy in its own, with the references between the tables set to the copy, so that no walk
 * leaves the domain (paper, section 3.4).
 * - Formats: AMD64 Architecture Programmer's Manual volume 2, section 5.3: entries of eight
 *   bytes, 512 to a table, four levels of which the lowest is cut short by the page size bit.
 */

const tableSize = 4096;
const entriesPerTable = 512;
const pageSize = 2 ** 21;
const directoryReach = entriesPerTable * pageSize;
const present = 1;
const writable = 2;
const largePage = 1 << 7;
const flagBits = 2 ** 12;

/** Tables that map [0, end), as they are to lie at `base`: the top level first. */
export function buildPageTables(base: number, end: number): Uint8Array {
  const directories = Math.ceil(end / directoryReach);
  if (directories > entriesPerTable) throw new Error(`Page tables reach 512 GiB, not 0x${end.toString(16)}`);
  const bytes = new Uint8Array((2 + directories) * tableSize);
  const put = (table: number, entry: number, value: number) =>
    writeEntry(bytes, table * tableSize + entry * 8, value);
  put(0, 0, base + tableSize + present + writable);
  for (let directory = 0; directory < directories; directory++) {
    put(1, directory, base + (2 + directory) * tableSize + present + writable);
    for (let page = 0; page < entriesPerTable; page++) {
      const address = directory * directoryReach + page * pageSize;
      if (address < end) put(2 + directory, page, address + present + writable + largePage);
    }
  }
  return bytes;
}

/** Makes tables that were read at `from` good for the place `to`. */
export function relocatePageTables(bytes: Uint8Array, from: number, to: number): void {
  for (let offset = 0; offset < bytes.length; offset += 8) {
    const entry = readEntry(bytes, offset);
    const flags = entry % flagBits;
    if ((flags & present) !== 0 && (flags & largePage) === 0) writeEntry(bytes, offset, entry - from + to);
  }
}

/** Where the tables at `base` say that `address` is; undefined where nothing is mapped. */
export function translate(
  read: (address: number, length: number) => Uint8Array,
  base: number,
  address: number,
): number | undefined {
  let table = base;
  for (const reach of [2 ** 39, directoryReach, pageSize]) {
    const index = Math.floor(address / reach) % entriesPerTable;
    const entry = readEntry(read(table + index * 8, 8), 0);
    const flags = entry % flagBits;
    if ((flags & present) === 0) return undefined;
    if ((flags & largePage) !== 0) return entry - flags + address % reach;
    table = entry - flags;
  }
  return undefined;
}

function writeEntry(bytes: Uint8Array, offset: number, value: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, 8);
  view.setUint32(0, value % 2 ** 32, true);
  view.setUint32(4, Math.floor(value / 2 ** 32), true);
}

function readEntry(bytes: Uint8Array, offset: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, 8);
  return view.getUint32(4, true) * 2 ** 32 + view.getUint32(0, true);
}
