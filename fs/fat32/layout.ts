/**
 * FAT32 on the disk: each structure's fields as one table.
 *
 * Field names are those of Microsoft's "FAT32 File System Specification" 1.03, less
 * their prefix; numbers are little-endian. Reader, writer and formatter share the tables.
 * - `number` and `setNumber` reach numeric fields, `bytesOf` the others.
 * - A gap in a table is a reserved field that nobody here names; tests look for overlaps.
 */

type NumberKind = "u8" | "u16" | "u32";
type Field =
  | readonly [offset: number, kind: NumberKind]
  | readonly [offset: number, kind: "bytes", length: number];

export interface DiskStructure {
  readonly title: string;
  readonly size: number;
  readonly fields: Readonly<Record<string, Field>>;
}

type NumberField<S extends DiskStructure> = {
  [K in keyof S["fields"]]: S["fields"][K] extends readonly [number, NumberKind] ? K : never;
}[keyof S["fields"]];

type BytesField<S extends DiskStructure> = {
  [K in keyof S["fields"]]: S["fields"][K] extends readonly [number, "bytes", number] ? K : never;
}[keyof S["fields"]];

export const bootSector = {
  title: "Boot sector with the BIOS parameter block of a FAT32 volume",
  size: 512,
  fields: {
    jmpBoot: [0, "bytes", 3],
    OEMName: [3, "bytes", 8],
    BytsPerSec: [11, "u16"],
    SecPerClus: [13, "u8"],
    RsvdSecCnt: [14, "u16"],
    NumFATs: [16, "u8"],
    RootEntCnt: [17, "u16"], // 0 on FAT32
    TotSec16: [19, "u16"], // 0 on FAT32
    Media: [21, "u8"],
    FATSz16: [22, "u16"], // 0 on FAT32
    SecPerTrk: [24, "u16"],
    NumHeads: [26, "u16"],
    HiddSec: [28, "u32"],
    TotSec32: [32, "u32"],
    FATSz32: [36, "u32"],
    ExtFlags: [40, "u16"], // bit 7: only the FAT numbered by bits 3:0 is live
    FSVer: [42, "u16"],
    RootClus: [44, "u32"],
    FSInfo: [48, "u16"],
    BkBootSec: [50, "u16"],
    DrvNum: [64, "u8"],
    BootSig: [66, "u8"],
    VolID: [67, "u32"],
    VolLab: [71, "bytes", 11],
    FilSysType: [82, "bytes", 8],
    Signature: [510, "u16"],
  },
} as const satisfies DiskStructure;

export const informationSector = {
  title: "FSInfo sector: hints that save a walk over the whole FAT",
  size: 512,
  fields: {
    LeadSig: [0, "u32"],
    StrucSig: [484, "u32"],
    Free_Count: [488, "u32"], // 0xFFFFFFFF when unknown
    Nxt_Free: [492, "u32"],
    TrailSig: [508, "u32"],
  },
} as const satisfies DiskStructure;

export const informationSignatures = {
  LeadSig: 0x41615252,
  StrucSig: 0x61417272,
  TrailSig: 0xaa550000,
} as const;

export const directoryEntry = {
  title: "Directory entry with a short name",
  size: 32,
  fields: {
    Name: [0, "bytes", 11],
    Attr: [11, "u8"],
    NTRes: [12, "u8"],
    CrtTimeTenth: [13, "u8"],
    CrtTime: [14, "u16"],
    CrtDate: [16, "u16"],
    LstAccDate: [18, "u16"],
    FstClusHI: [20, "u16"],
    WrtTime: [22, "u16"],
    WrtDate: [24, "u16"],
    FstClusLO: [26, "u16"],
    FileSize: [28, "u32"],
  },
} as const satisfies DiskStructure;

export const longNameEntry = {
  title: "Directory entry with 13 characters of a long name",
  size: 32,
  fields: {
    Ord: [0, "u8"], // 1 to 20; bit 6 marks the last part, which comes first
    Name1: [1, "bytes", 10],
    Attr: [11, "u8"],
    Type: [12, "u8"],
    Chksum: [13, "u8"],
    Name2: [14, "bytes", 12],
    FstClusLO: [26, "u16"],
    Name3: [28, "bytes", 4],
  },
} as const satisfies DiskStructure;

export const partitionEntry = {
  title: "Entry of the partition table in a master boot record",
  size: 16,
  fields: {
    Status: [0, "u8"],
    FirstCHS: [1, "bytes", 3],
    Type: [4, "u8"],
    LastCHS: [5, "bytes", 3],
    FirstLBA: [8, "u32"],
    SectorCount: [12, "u32"],
  },
} as const satisfies DiskStructure;

/** Bits of a directory entry's Attr. */
export const attribute = {
  readOnly: 0x01,
  volumeLabel: 0x08,
  directory: 0x10,
  archive: 0x20,
  longName: 0x0f,
} as const;

/** Bits of NTRes: the part is meant in lower case (Windows NT; not in the specification). */
export const lowerCase = { base: 0x08, extension: 0x10 } as const;

/** First byte of a free slot, of the slot that ends a directory, and what stands for 0xE5 in a name. */
export const slotMark = { free: 0xe5, end: 0x00, kanji: 0x05 } as const;

export const u16At = (bytes: Uint8Array, at: number): number => bytes[at]! | bytes[at + 1]! << 8;

export const u32At = (bytes: Uint8Array, at: number): number =>
  (bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 | bytes[at + 3]! << 24) >>> 0;

export function setU32At(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

/** The field `name` of the structure that starts at `at`. */
export function number<S extends DiskStructure>(
  structure: S,
  name: NumberField<S>,
  bytes: Uint8Array,
  at = 0,
): number {
  const [offset, kind] = structure.fields[name as string]!;
  if (kind === "u8") return bytes[at + offset]!;
  return kind === "u16" ? u16At(bytes, at + offset) : u32At(bytes, at + offset);
}

export function setNumber<S extends DiskStructure>(
  structure: S,
  name: NumberField<S>,
  value: number,
  bytes: Uint8Array,
  at = 0,
): void {
  const [offset, kind] = structure.fields[name as string]!;
  bytes[at + offset] = value;
  if (kind !== "u8") bytes[at + offset + 1] = value >>> 8;
  if (kind === "u32") {
    bytes[at + offset + 2] = value >>> 16;
    bytes[at + offset + 3] = value >>> 24;
  }
}

/** A view of the field's bytes. */
export function bytesOf<S extends DiskStructure>(
  structure: S,
  name: BytesField<S>,
  bytes: Uint8Array,
  at = 0,
): Uint8Array {
  const [offset, , length] = structure.fields[name as string]! as readonly [number, "bytes", number];
  return bytes.subarray(at + offset, at + offset + length);
}
