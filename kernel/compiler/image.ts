/**
 * An image: a program lowered for one ISA, as a kernel loads it.
 *
 * It is one text: a header line, the column table, then the body that a compartment evaluates.
 * - `parseImage` refuses what is damaged, of another format, or for another ISA, with the reason.
 * - Images are trusted: kernels make them by phase two from an IL and keep them in memory. Code from
 *   elsewhere travels as IL and is verified.
 */

import { crc32 } from "./checksum.ts";
import { CompileError } from "./compile_error.ts";
import { type IlHeader, parseHeaderLine } from "./il.ts";

export interface Image {
  readonly isa: string;
  /** SHA-256 of the IL that it was made from. */
  readonly ilHash: string;
  readonly il: IlHeader;
  /** The IL's header line, as it was. */
  readonly ilHeaderLine: string;
  /** Where columns moved; see edits.ts. */
  readonly columns: string;
  /** What a compartment evaluates. Its second line is the IL's first. */
  readonly body: string;
}

const magic = "helios-image";
const format = "1";

/** Makes the text of an image. */
export function formatImage(image: Image): string {
  const rest = [image.ilHeaderLine, image.columns, image.body].join("\n");
  const { isa, ilHash } = image;
  return `${[magic, format, isa, ilHash, checksumOf(isa, ilHash, rest)].join(" ")}\n${rest}`;
}

/** Covers all that the first line says of the image, too. */
function checksumOf(isa: string, ilHash: string, rest: string): string {
  return crc32(new TextEncoder().encode(`${isa} ${ilHash}\n${rest}`)).toString(16).padStart(8, "0");
}

/** Reads an image for a kernel that runs on `isa`. */
export function parseImage(
  text: string,
  isa: string,
): { readonly image: Image } | { readonly reason: string } {
  const [header, rest] = cut(text);
  const [foundMagic, foundFormat, foundIsa = "", ilHash = "", checksum = "", ...others] = header.split(" ");
  if (foundMagic !== magic) return { reason: "it does not start like an image" };
  if (foundFormat !== format) return { reason: `its format is ${foundFormat}, expected ${format}` };
  if (foundIsa !== isa) return { reason: `it is for ${foundIsa}, this kernel runs on ${isa}` };
  const computed = checksumOf(isa, ilHash, rest);
  if (computed !== checksum || others.length > 0) {
    const found = [checksum, ...others].join(" ");
    return { reason: `its checksum is ${computed}, its header says ${found}` };
  }
  const [ilHeaderLine, afterHeader] = cut(rest);
  const [columns, body] = cut(afterHeader);
  const il = readIlHeader(ilHeaderLine);
  return "reason" in il ? il : { image: { isa, ilHash, il, ilHeaderLine, columns, body } };
}

/** The checksum is no signature: what it covers may still be no IL's header. */
function readIlHeader(line: string): IlHeader | { readonly reason: string } {
  try {
    return parseHeaderLine(line);
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    return { reason: error.message };
  }
}

function cut(text: string): [string, string] {
  const end = text.indexOf("\n");
  return end === -1 ? [text, ""] : [text.slice(0, end), text.slice(end + 1)];
}
