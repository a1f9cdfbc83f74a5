/**
 * Wire formats as data: where each field of a header lies, said once.
 *
 * A table names offset and type of every field; `codec` turns it into a reader
 * and a writer per field, so that parsing and emitting cannot drift apart.
 * - A field is `[offset, type]`, a run of bits `[offset, type, highBit, lowBit]`
 *   of a big-endian unit, or `[offset, "bytes", size]`. Bits count from 0 at the right.
 * - A table covers each bit of its `size` once; a test walks all tables for gaps and overlaps.
 * - Nothing here checks lengths: a parser does that before it reads a field.
 */

export type UnitType = "u8" | "u16" | "u32" | "u48";

export type FieldDefinition =
  | readonly [offset: number, type: UnitType]
  | readonly [offset: number, type: "u8" | "u16", highBit: number, lowBit: number]
  | readonly [offset: number, type: "bytes", size: number];

export interface WireFormat {
  readonly title: string;
  /** Network order; the only one that Internet protocols use (RFC 1700). */
  readonly order: "big";
  /** Bytes in the fixed part. */
  readonly size: number;
  readonly fields: Readonly<Record<string, FieldDefinition>>;
}

/** A number at a fixed place behind `base`. */
export interface NumberField {
  get(bytes: Uint8Array, base: number): number;
  set(bytes: Uint8Array, base: number, value: number): void;
}

/** A run of bytes at a fixed place behind `base`. */
export interface BytesField {
  /** A view, not a copy. */
  get(bytes: Uint8Array, base: number): Uint8Array;
  /** Writes `value` and zeros what it leaves over; `value` is at most as long as the field. */
  set(bytes: Uint8Array, base: number, value: Uint8Array): void;
}

/** Reader and writer of each field of a table. */
export type Codec<F extends WireFormat> = {
  readonly [K in keyof F["fields"]]: F["fields"][K] extends readonly [number, "bytes", number] ? BytesField
    : NumberField;
};

const unitSizes = { u8: 1, u16: 2, u32: 4, u48: 6 } as const;

/** Bytes that a field, or the unit that holds its bits, takes. */
export function fieldSize(field: FieldDefinition): number {
  return field[1] === "bytes" ? field[2] : unitSizes[field[1]];
}

/** Derives reader and writer of each field from a table. */
export function codec<F extends WireFormat>(format: F): Codec<F> {
  const fields: Record<string, NumberField | BytesField> = {};
  for (const name of Object.keys(format.fields)) fields[name] = codecOf(format.fields[name]!);
  return fields as Codec<F>;
}

function codecOf(field: FieldDefinition): NumberField | BytesField {
  if (field[1] === "bytes") return bytesField(field[0], field[2]);
  if (field.length === 4) return bitField(unitField(field[0], field[1]), field[2], field[3]);
  return unitField(field[0], field[1]);
}

function unitField(offset: number, type: UnitType): NumberField {
  switch (type) {
    case "u8":
      return {
        get: (bytes, base) => bytes[base + offset]!,
        set: (bytes, base, value) => {
          bytes[base + offset] = value;
        },
      };
    case "u16":
      return {
        get: (bytes, base) => readU16(bytes, base + offset),
        set: (bytes, base, value) => writeU16(bytes, base + offset, value),
      };
    case "u32":
      return {
        get: (bytes, base) => readU32(bytes, base + offset),
        set: (bytes, base, value) => writeU32(bytes, base + offset, value),
      };
    case "u48":
      return {
        get: (bytes, base) =>
          readU16(bytes, base + offset) * 0x1_0000_0000 + readU32(bytes, base + offset + 2),
        set: (bytes, base, value) => {
          writeU16(bytes, base + offset, value / 0x1_0000_0000);
          writeU32(bytes, base + offset + 2, value);
        },
      };
  }
}

function bitField(unit: NumberField, highBit: number, lowBit: number): NumberField {
  const mask = (1 << highBit - lowBit + 1) - 1;
  return {
    get: (bytes, base) => unit.get(bytes, base) >>> lowBit & mask,
    set: (bytes, base, value) =>
      unit.set(bytes, base, unit.get(bytes, base) & ~(mask << lowBit) | (value & mask) << lowBit),
  };
}

function bytesField(offset: number, size: number): BytesField {
  return {
    get: (bytes, base) => bytes.subarray(base + offset, base + offset + size),
    set: (bytes, base, value) => {
      bytes.set(value, base + offset);
      bytes.fill(0, base + offset + value.length, base + offset + size);
    },
  };
}

export function readU16(bytes: Uint8Array, at: number): number {
  return bytes[at]! << 8 | bytes[at + 1]!;
}

export function readU32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!) >>> 0;
}

export function writeU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}

export function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}
