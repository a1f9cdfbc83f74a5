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

import { parseMimeHeader } from "./mime_header.ts";
import { decodeBase64, decodeQuotedPrintable } from "./transfer_decoding.ts";

const levelsMax = 32;
const lineFeed = 0x0a;
const hyphen = 0x2d;

/** What a visitor returns to go on. */
export type Visitor = (decoded: Uint8Array) => string | undefined;

/** Given for a message that nests too deep. */
export const nestsTooDeep = "Heuristics.Mime.NestsTooDeep";

/** Shows all decoded parts to `visit`; what it returned in the end. */
export function walkParts(message: Uint8Array, visit: Visitor): string | undefined {
  return walkEntity(message, visit, 0);
}

function walkEntity(entity: Uint8Array, visit: Visitor, level: number): string | undefined {
  if (level > levelsMax) return nestsTooDeep;
  const { contentStart, type, boundary, encoding } = parseMimeHeader(entity);
  let content = entity.subarray(contentStart);
  const decoded = decode(content, encoding);
  if (decoded !== undefined) {
    const found = visit(decoded);
    if (found !== undefined) return found;
    content = decoded;
  }
  if (type.startsWith("message/")) return walkEntity(content, visit, level + 1);
  if (type.startsWith("multipart/") && boundary !== "") {
    return walkSections(content, boundary, visit, level + 1);
  }
  return undefined;
}

function decode(content: Uint8Array, encoding: string): Uint8Array | undefined {
  if (encoding !== "base64" && encoding !== "quoted-printable") return undefined;
  const decoded = new Uint8Array(content.length);
  const size = encoding === "base64"
    ? decodeBase64(content, decoded)
    : decodeQuotedPrintable(content, decoded);
  return decoded.subarray(0, size);
}

/** RFC 2046, section 5.1.1: parts stand between lines of two hyphens and the boundary; the last has two more. */
function walkSections(
  content: Uint8Array,
  boundary: string,
  visit: Visitor,
  level: number,
): string | undefined {
  let sectionStart = -1;
  for (let line = 0; line < content.length;) {
    const feed = content.indexOf(lineFeed, line);
    const next = feed < 0 ? content.length : feed + 1;
    if (isDelimiter(content, line, boundary)) {
      if (sectionStart >= 0) {
        const found = walkEntity(content.subarray(sectionStart, line), visit, level);
        if (found !== undefined) return found;
      }
      const end = line + 2 + boundary.length;
      if (content[end] === hyphen && content[end + 1] === hyphen) return undefined;
      sectionStart = next;
    }
    line = next;
  }
  // A message that was cut off has no last delimiter.
  return sectionStart < 0 ? undefined : walkEntity(content.subarray(sectionStart), visit, level);
}

function isDelimiter(content: Uint8Array, start: number, boundary: string): boolean {
  if (content[start] !== hyphen || content[start + 1] !== hyphen) return false;
  for (let index = 0; index < boundary.length; index++) {
    if (content[start + 2 + index] !== boundary.charCodeAt(index)) return false;
  }
  return true;
}
