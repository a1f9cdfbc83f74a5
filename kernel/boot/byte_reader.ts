/**
 * Reads little-endian numbers and texts from bytes that firmware left behind.
 *
 * - The caller checks lengths; reading past the end is a bug of the caller and throws.
 * - 64-bit fields come as numbers, or undefined above 2^53 - 1, where no memory is.
 */

export class ByteReader {
  readonly #view: DataView;

  constructor(readonly bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get length(): number {
    return this.bytes.length;
  }

  u8(offset: number): number {
    return this.#view.getUint8(offset);
  }

  u16(offset: number): number {
    return this.#view.getUint16(offset, true);
  }

  u32(offset: number): number {
    return this.#view.getUint32(offset, true);
  }

  u64(offset: number): number | undefined {
    const value = this.u32(offset + 4) * 2 ** 32 + this.u32(offset);
    return Number.isSafeInteger(value) ? value : undefined;
  }

  text(offset: number, length: number): string {
    return String.fromCharCode(...this.bytes.subarray(offset, offset + length));
  }
}

/** True when `bytes` sum to 0 modulo 256, as ACPI wants of its tables. */
export function sumsToZero(bytes: Uint8Array): boolean {
  let sum = 0;
  for (const byte of bytes) sum += byte;
  return sum % 256 === 0;
}
