/**
 * Takes MIME transfer encodings off: base64 and quoted-printable (RFC 2045, section 6).
 *
 * A scanner has to see what a careless reader would see, so damage is passed over as
 * readers do: characters that mean nothing are skipped, and padding in the middle
 * ends a group and no more.
 * - Content is decoded piece by piece, in order; a decoder keeps what a piece left over.
 * - Neither ever gives more bytes than it takes.
 */

/** Takes one part's content in, and has the result when it has got all of it. */
export interface Decoder {
  /** Decodes from `start` on, as far as `end` or a little more, and says how far it got. */
  decode(from: Uint8Array, start: number, end: number): number;
  /** All that was decoded. */
  readonly decoded: Uint8Array;
}

/** A decoder for a part of at most `size` bytes; undefined for encodings that hide nothing, or are unknown. */
export function decoderFor(encoding: string, size: number): Decoder | undefined {
  if (encoding === "base64") return new Base64Decoder(size);
  return encoding === "quoted-printable" ? new QuotedPrintableDecoder(size) : undefined;
}

const skipped = 64;

/** Value of each base64 digit; `skipped` for all other characters. */
const base64Values = base64Table();

function base64Table(): Uint8Array {
  const table = new Uint8Array(256).fill(skipped);
  const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (let value = 0; value < 64; value++) table[digits.charCodeAt(value)] = value;
  return table;
}

const equalsSign = 0x3d;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;

class Base64Decoder implements Decoder {
  readonly #into: Uint8Array;
  #size = 0;
  /** The bits that were read and are no whole byte yet, at its right end. */
  #group = 0;
  #bits = 0;

  constructor(size: number) {
    this.#into = new Uint8Array(size);
  }

  get decoded(): Uint8Array {
    return this.#into.subarray(0, this.#size);
  }

  decode(from: Uint8Array, start: number, end: number): number {
    const into = this.#into;
    let size = this.#size;
    let group = this.#group;
    let bits = this.#bits;
    for (let index = start; index < end; index++) {
      const character = from[index]!;
      const value = base64Values[character]!;
      if (value !== skipped) {
        group = (group << 6 | value) & 0xffff;
        bits += 6;
        if (bits >= 8) {
          bits -= 8;
          into[size++] = group >>> bits;
        }
      } else if (character === equalsSign) {
        bits = 0;
      }
    }
    this.#size = size;
    this.#group = group;
    this.#bits = bits;
    return end;
  }
}

class QuotedPrintableDecoder implements Decoder {
  readonly #into: Uint8Array;
  #size = 0;

  constructor(size: number) {
    this.#into = new Uint8Array(size);
  }

  get decoded(): Uint8Array {
    return this.#into.subarray(0, this.#size);
  }

  decode(from: Uint8Array, start: number, end: number): number {
    const into = this.#into;
    let size = this.#size;
    let index = start;
    while (index < end) {
      const character = from[index]!;
      if (character !== equalsSign) {
        into[size++] = character;
        index++;
        continue;
      }
      const afterBreak = afterLineBreak(from, index + 1);
      if (afterBreak > 0) {
        index = afterBreak;
        continue;
      }
      const high = hexValue(from[index + 1]);
      const low = hexValue(from[index + 2]);
      if (high >= 0 && low >= 0) {
        into[size++] = high << 4 | low;
        index += 3;
      } else {
        into[size++] = character;
        index++;
      }
    }
    this.#size = size;
    return index;
  }
}

/** A soft line break is "=", perhaps blanks that were added on the way, and the end of the line; 0 when there is none. */
function afterLineBreak(from: Uint8Array, start: number): number {
  let index = start;
  while (from[index] === 0x20 || from[index] === 0x09) index++;
  if (from[index] === carriageReturn) index++;
  return from[index] === lineFeed ? index + 1 : 0;
}

function hexValue(character: number | undefined): number {
  if (character === undefined) return -1;
  if (character >= 0x30 && character <= 0x39) return character - 0x30;
  const letter = character | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : -1;
}
