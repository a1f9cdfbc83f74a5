/**
 * Packed little-endian structures as tables of fields, and their encoder.
 *
 * A format lists each field once: its offset and its type; values are typed from it.
 * - Fields cover the whole structure: what is reserved is listed as `zeros`, and a
 *   test checks every format for gaps and overlaps.
 * - A value that does not fit its field is a bug and throws.
 */

export type FieldType = "u8" | "u16" | "u24" | "u32" | "u64" | `ascii${number}` | `zeros${number}`;

export interface StructureFormat {
  readonly title: string;
  readonly size: number;
  readonly fields: Readonly<Record<string, readonly [offset: number, type: FieldType]>>;
}

/** What `encode` wants for a format: numbers and texts, nothing for reserved fields. */
export type ValuesOf<F extends StructureFormat> = {
  readonly [K in keyof F["fields"] as F["fields"][K][1] extends `zeros${number}` ? never : K]:
    F["fields"][K][1] extends `ascii${number}` ? string : number;
};

const integerSizes: Readonly<Record<string, number>> = { u8: 1, u16: 2, u24: 3, u32: 4, u64: 8 };

/** Bytes that a field takes. */
export function sizeOf(type: FieldType): number {
  return integerSizes[type] ?? Number(type.replace(/^(ascii|zeros)/, ""));
}

export function encode<F extends StructureFormat>(format: F, values: ValuesOf<F>): Uint8Array {
  const bytes = new Uint8Array(format.size);
  for (const [name, [offset, type]] of Object.entries(format.fields)) {
    if (type.startsWith("zeros")) continue;
    const value = (values as Readonly<Record<string, number | string>>)[name]!;
    const field = bytes.subarray(offset, offset + sizeOf(type));
    if (!store(field, value)) {
      throw new Error(`Cannot encode ${name} of ${format.title}: ${value} does not fit ${type}`);
    }
  }
  return bytes;
}

/** Texts are padded with blanks, as ACPI does. */
function store(field: Uint8Array, value: number | string): boolean {
  if (typeof value === "string") {
    field.fill(0x20);
    for (let index = 0; index < value.length && index < field.length; index++) {
      field[index] = value.charCodeAt(index);
    }
    return value.length <= field.length;
  }
  let rest = value;
  for (let index = 0; index < field.length; index++) {
    field[index] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return Number.isSafeInteger(value) && value >= 0 && rest === 0;
}

/** Sets the byte at `offset` so that `length` bytes from the start sum to 0 modulo 256. */
export function setChecksum(bytes: Uint8Array, offset: number, length: number): void {
  bytes[offset] = 0;
  let sum = 0;
  for (const byte of bytes.subarray(0, length)) sum += byte;
  bytes[offset] = -sum;
}
