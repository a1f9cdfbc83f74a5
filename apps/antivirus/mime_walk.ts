/**
 * Walks the parts of a mail message and hands out what their transfer encodings hide.
 *
 * Parts nest: a multipart holds parts, an attached message holds a message. Each part in
 * base64 or quoted-printable is decoded and shown to the visitor; all others
 * stand in the message as they are, so who searches the message has seen them.
 * - The walk ends as soon as the visitor returns something.
 * - Deeper than 32 levels it gives up and says so: no honest mail nests like that, and a
 *   part that nobody looked into must not pass as harmless.
 * - Bytes that are no mail message at all are one part without a header.
 */

import type { Call } from "../../kernel/abi/kernel.ts";
import { parseMimeHeader } from "./mime_header.ts";
import { type Pauses, pieceBytes } from "./pauses.ts";
import { type Decoder, decoderFor } from "./transfer_decoding.ts";

const levelsMax = 32;
const lineFeed = 0x0a;
const hyphen = 0x2d;

/** What a visitor returns to go on. */
export type Visitor = (decoded: Uint8Array) => Call<string | undefined>;

/** Given for a message that nests too deep. */
export const nestsTooDeep = "Heuristics.Mime.NestsTooDeep";

/** Shows all decoded parts to `visit`; what it returned in the end. */
export function walkParts(message: Uint8Array, visit: Visitor, pauses: Pauses): Call<string | undefined> {
  return new PartWalk(visit, pauses).entity(message, 0);
}

class PartWalk {
  readonly #visit: Visitor;
  readonly #pauses: Pauses;

  constructor(visit: Visitor, pauses: Pauses) {
    this.#visit = visit;
    this.#pauses = pauses;
  }

  *entity(entity: Uint8Array, level: number): Call<string | undefined> {
    if (level > levelsMax) return nestsTooDeep;
    const { contentStart, type, boundary, encoding } = yield* parseMimeHeader(entity, this.#pauses);
    let content = entity.subarray(contentStart);
    const decoder = decoderFor(encoding, content.length);
    if (decoder !== undefined) {
      content = yield* this.#decode(content, decoder);
      const found = yield* this.#visit(content);
      if (found !== undefined) return found;
    }
    if (type.startsWith("message/")) return yield* this.entity(content, level + 1);
    if (type.startsWith("multipart/") && boundary !== "") {
      return yield* this.#sections(content, boundary, level + 1);
    }
    return undefined;
  }

  *#decode(content: Uint8Array, decoder: Decoder): Call<Uint8Array> {
    for (let start = 0; start < content.length;) {
      const next = decoder.decode(content, start, Math.min(start + pieceBytes, content.length));
      if (this.#pauses.isDueAfter(next - start)) yield* this.#pauses.pause();
      start = next;
    }
    return decoder.decoded;
  }

  /** RFC 2046, section 5.1.1: parts stand between lines of two hyphens and the boundary; the last has two more. */
  *#sections(content: Uint8Array, boundary: string, level: number): Call<string | undefined> {
    let sectionStart = -1;
    for (let line = 0; line < content.length;) {
      const feed = content.indexOf(lineFeed, line);
      const next = feed < 0 ? content.length : feed + 1;
      if (this.#pauses.isDueAfter(next - line)) yield* this.#pauses.pause();
      if (isDelimiter(content, line, boundary)) {
        if (sectionStart >= 0) {
          const found = yield* this.entity(content.subarray(sectionStart, line), level);
          if (found !== undefined) return found;
        }
        const end = line + 2 + boundary.length;
        if (content[end] === hyphen && content[end + 1] === hyphen) return undefined;
        sectionStart = next;
      }
      line = next;
    }
    // A message that was cut off has no last delimiter.
    return sectionStart < 0 ? undefined : yield* this.entity(content.subarray(sectionStart), level);
  }
}

function isDelimiter(content: Uint8Array, start: number, boundary: string): boolean {
  if (content[start] !== hyphen || content[start + 1] !== hyphen) return false;
  for (let index = 0; index < boundary.length; index++) {
    if (content[start + 2 + index] !== boundary.charCodeAt(index)) return false;
  }
  return true;
}
