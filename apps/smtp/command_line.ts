/**
 * Command lines, out of bytes that come in pieces of any size.
 *
 * Only CR LF ends a line. A line that is too long, or has a CR or LF inside that stands
 * alone, is read to its end and then refused as a whole: no part of it is ever taken for a command.
 * - RFC 5321, section 4.5.3.1.4: 512 octets with CR LF; MAIL may be longer by what its
 *   parameters need, 26 for SIZE (RFC 1870) and 17 for BODY (RFC 6152).
 */

export type CommandLine =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "tooLong" | "bareLineEnd" | "notText" };

const lineMax = 512;
const mailLineMax = lineMax + 26 + 17;
const carriageReturn = 0x0d;
const lineFeed = 0x0a;

export class CommandLineReader {
  readonly #line = new Uint8Array(mailLineMax);
  #length = 0;
  #afterCarriageReturn = false;
  #hasBareLineEnd = false;
  #isTooLong = false;
  /** How many bytes the last `read` took. */
  consumed = 0;

  /** Takes bytes up to the end of the line; the line, if it has ended. */
  read(bytes: Uint8Array): CommandLine | undefined {
    for (let index = 0; index < bytes.length; index++) {
      const byte = bytes[index]!;
      if (byte === lineFeed && this.#afterCarriageReturn) {
        this.consumed = index + 1;
        return this.#end();
      }
      // Whatever followed it, that CR did not end the line.
      if (this.#afterCarriageReturn || byte === lineFeed) this.#hasBareLineEnd = true;
      this.#afterCarriageReturn = byte === carriageReturn;
      if (byte === carriageReturn || byte === lineFeed) continue;
      if (this.#length === mailLineMax) this.#isTooLong = true;
      else this.#line[this.#length++] = byte;
    }
    this.consumed = bytes.length;
    return undefined;
  }

  #end(): CommandLine {
    const line = this.#line.subarray(0, this.#length);
    const isTooLong = this.#isTooLong;
    const hasBareLineEnd = this.#hasBareLineEnd;
    this.#length = 0;
    this.#afterCarriageReturn = false;
    this.#hasBareLineEnd = false;
    this.#isTooLong = false;
    if (isTooLong || line.length + 2 > mailLineMax) return { kind: "tooLong" };
    if (hasBareLineEnd) return { kind: "bareLineEnd" };
    let text = "";
    for (let index = 0; index < line.length; index++) {
      const byte = line[index]!;
      if (byte !== 0x09 && (byte < 0x20 || byte > 0x7e)) return { kind: "notText" };
      text += byte === 0x09 ? " " : String.fromCharCode(byte);
    }
    if (text.length + 2 > lineMax && text.slice(0, 5).toUpperCase() !== "MAIL ") return { kind: "tooLong" };
    return { kind: "text", text };
  }
}
