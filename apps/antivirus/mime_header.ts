/**
 * The header of a mail message or MIME part: where it ends, and what it says of the content.
 *
 * Read as tolerantly as mail readers do (RFC 2045, RFC 5322): a bare line feed ends a
 * line too, fields come in any order and case, comments after a value are passed over.
 * - Only the first Content-Type and the first Content-Transfer-Encoding count.
 * - Of one field 64 KiB are looked at.
 */

import type { Call } from "../../kernel/abi/kernel.ts";
import type { Pauses } from "./pauses.ts";

export interface MimeHeader {
  /** Index of the content's first byte. */
  readonly contentStart: number;
  /** Lower case, such as "text/plain"; "" when there is none. */
  readonly type: string;
  /** Of a multipart type; "" when there is none. */
  readonly boundary: string;
  /** Lower case, such as "base64"; "" when there is none. */
  readonly encoding: string;
}

const fieldLengthMax = 65536;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;
const tab = 0x09;
const typeName = "content-type:";
const encodingName = "content-transfer-encoding:";

export function* parseMimeHeader(bytes: Uint8Array, pauses: Pauses): Call<MimeHeader> {
  let type: string | undefined;
  let encoding: string | undefined;
  let start = 0;
  while (start < bytes.length) {
    const first = bytes[start];
    if (first === lineFeed || first === carriageReturn && bytes[start + 1] === lineFeed) {
      start += first === lineFeed ? 1 : 2;
      break;
    }
    let end = start;
    do {
      const line = end;
      end = lineEnd(bytes, line);
      if (pauses.isDueAfter(end - line)) yield* pauses.pause();
      // A line that starts with a blank continues the field.
    } while (bytes[end] === space || bytes[end] === tab);
    if (startsWith(bytes, start, typeName)) type ??= fieldValue(bytes, start + typeName.length, end);
    else if (startsWith(bytes, start, encodingName)) {
      encoding ??= fieldValue(bytes, start + encodingName.length, end);
    }
    start = end;
  }
  return {
    contentStart: start,
    type: firstWord(type ?? ""),
    boundary: boundaryOf(type ?? ""),
    encoding: firstWord(encoding ?? ""),
  };
}

/** Index behind the line feed. */
function lineEnd(bytes: Uint8Array, start: number): number {
  const feed = bytes.indexOf(lineFeed, start);
  return feed < 0 ? bytes.length : feed + 1;
}

function startsWith(bytes: Uint8Array, start: number, lowerCaseText: string): boolean {
  for (let index = 0; index < lowerCaseText.length; index++) {
    const byte = bytes[start + index];
    const lower = byte !== undefined && byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
    if (lower !== lowerCaseText.charCodeAt(index)) return false;
  }
  return true;
}

/** The value on one line. */
function fieldValue(bytes: Uint8Array, start: number, end: number): string {
  let value = "";
  const stop = Math.min(end, start + fieldLengthMax);
  for (let index = start; index < stop; index++) {
    const byte = bytes[index]!;
    if (byte !== lineFeed && byte !== carriageReturn) {
      value += String.fromCharCode(byte === tab ? space : byte);
    }
  }
  return value.trim();
}

/** What stands in front of the first blank, semicolon or comment, in lower case. */
function firstWord(value: string): string {
  let end = 0;
  while (end < value.length && !" ;(".includes(value[end]!)) end++;
  return value.slice(0, end).toLowerCase();
}

/** The parameter `boundary` of a Content-Type, out of its quotes. */
function boundaryOf(type: string): string {
  const name = "boundary";
  const lower = type.toLowerCase();
  for (let found = lower.indexOf(name); found >= 0; found = lower.indexOf(name, found + 1)) {
    if (found === 0 || !" ;".includes(type[found - 1]!)) continue;
    let index = afterBlanks(type, found + name.length);
    if (type[index] !== "=") continue;
    index = afterBlanks(type, index + 1);
    return type[index] === '"' ? quoted(type, index + 1) : token(type, index);
  }
  return "";
}

function afterBlanks(text: string, start: number): number {
  let index = start;
  while (text[index] === " ") index++;
  return index;
}

function quoted(text: string, start: number): string {
  let value = "";
  for (let index = start; index < text.length && text[index] !== '"'; index++) {
    if (text[index] === "\\") index++;
    value += text[index] ?? "";
  }
  return value;
}

function token(text: string, start: number): string {
  let end = start;
  while (end < text.length && !" ;".includes(text[end]!)) end++;
  return text.slice(start, end);
}
