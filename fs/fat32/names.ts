/**
 * File names: which are allowed, when two are the same, and their 8.3 form.
 *
 * A name is kept as it was written and found without regard to case. Each file has a
 * short name of eight and three characters beside its long one, unless the name
 * already is of that form, in one case per part (then two flag bits say which).
 * - Names have 1 to 255 UTF-16 units, none below space and none of `"*\/:<>?|` or backslash.
 * - "." and "..", and names that end in a dot or a space, are refused.
 * - Short names from other systems are read as code page 437.
 *
 * Follows the FAT32 specification 1.03, "FAT Long Directory Entries"; flag bits as Windows NT's.
 */

import { lowerCase, slotMark } from "./layout.ts";

export const longestName = 255;
const forbidden = '"*/:<>?\\|';
/** Characters besides letters and digits that a short name may hold. */
const shortPunctuation = "$%'-_@~`!(){}^#&";

/** Code page 437, bytes 80 to FF. */
const upperHalf437 = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐" +
  "└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0";

/** True when a new file may have this name. */
export function isAllowed(name: string): boolean {
  if (name.length === 0 || name.length > longestName) return false;
  const last = name.at(-1);
  if (last === "." || last === " ") return false;
  for (let index = 0; index < name.length; index++) {
    const unit = name.charCodeAt(index);
    if (unit < 0x20 || unit === 0x7f || forbidden.includes(name[index]!)) return false;
    if (unit >= 0xd800 && unit <= 0xdfff) {
      const next = name.charCodeAt(index + 1);
      if (unit >= 0xdc00 || !(next >= 0xdc00 && next <= 0xdfff)) return false; // half a pair
      index++;
    }
  }
  return true;
}

/** Names with the same folded form are the same name: each UTF-16 unit in upper case. */
export function fold(name: string): string {
  let folded = "";
  for (const unit of name.split("")) {
    const upper = unit.toUpperCase();
    folded += upper.length === 1 ? upper : unit;
  }
  return folded;
}

/** A short name: its 11 bytes, and what NTRes says of its case. */
export interface ShortName {
  readonly bytes: Uint8Array;
  readonly caseFlags: number;
}

/** The name as a short one without loss, if it is one. */
export function exactShortName(name: string): ShortName | undefined {
  const dot = name.indexOf(".");
  const base = dot < 0 ? name : name.slice(0, dot);
  const extension = dot < 0 ? "" : name.slice(dot + 1);
  if (base.length < 1 || base.length > 8 || extension.length > 3 || (dot >= 0 && extension.length === 0)) {
    return undefined;
  }
  const baseCase = caseOf(base);
  const extensionCase = caseOf(extension);
  if (baseCase === undefined || extensionCase === undefined) return undefined;
  return {
    bytes: packed(base.toUpperCase(), extension.toUpperCase()),
    caseFlags: (baseCase === "lower" ? lowerCase.base : 0) |
      (extensionCase === "lower" ? lowerCase.extension : 0),
  };
}

/** The case of a part that a short name can hold, or undefined when it can't or when cases are mixed. */
function caseOf(part: string): "lower" | "upper" | undefined {
  let lower = false;
  let upper = false;
  for (const character of part) {
    if (character >= "a" && character <= "z") lower = true;
    else if (character >= "A" && character <= "Z") upper = true;
    else if (!(character >= "0" && character <= "9") && !shortPunctuation.includes(character)) {
      return undefined;
    }
  }
  if (lower && upper) return undefined;
  return lower ? "lower" : "upper";
}

/** What short names of a long name are made from; the same for all names that compete for numbers. */
export interface ShortBasis {
  readonly base: string;
  readonly extension: string;
}

/** Specification, "The Basis-Name Generation Algorithm". */
export function shortBasis(name: string): ShortBasis {
  let start = 0;
  while (name[start] === "." || name[start] === " ") start++;
  const bare = name.slice(start);
  const dot = bare.lastIndexOf(".");
  const base = onlyShortCharacters(dot > 0 ? bare.slice(0, dot) : bare, 8);
  return {
    base: base === "" ? "_" : base,
    extension: dot > 0 ? onlyShortCharacters(bare.slice(dot + 1), 3) : "",
  };
}

function onlyShortCharacters(part: string, most: number): string {
  let kept = "";
  for (const character of part) {
    if (kept.length === most) break;
    if (character === " " || character === ".") continue;
    const upper = character.toUpperCase();
    const fits = upper.length === 1 && caseOf(upper) !== undefined;
    kept += fits ? upper : "_";
  }
  return kept;
}

/** The basis with a numeric tail: "LONGNA~1.TXT". */
export function numberedShortName(basis: ShortBasis, tailNumber: number): ShortName {
  const tail = `~${tailNumber}`;
  return { bytes: packed(basis.base.slice(0, 8 - tail.length) + tail, basis.extension), caseFlags: 0 };
}

function packed(base: string, extension: string): Uint8Array {
  const bytes = new Uint8Array(11).fill(0x20);
  for (let index = 0; index < base.length; index++) bytes[index] = base.charCodeAt(index);
  for (let index = 0; index < extension.length; index++) bytes[8 + index] = extension.charCodeAt(index);
  return bytes;
}

/** How a short name reads: "README.TXT", or with the flags "readme.txt". */
export function shortNameText(bytes: Uint8Array, caseFlags: number): string {
  const base = partText(bytes, 0, 8, (caseFlags & lowerCase.base) !== 0);
  const extension = partText(bytes, 8, 11, (caseFlags & lowerCase.extension) !== 0);
  return extension === "" ? base : `${base}.${extension}`;
}

function partText(bytes: Uint8Array, start: number, end: number, lower: boolean): string {
  while (end > start && bytes[end - 1] === 0x20) end--;
  let text = "";
  for (let index = start; index < end; index++) {
    const byte = index === 0 && bytes[0] === slotMark.kanji ? 0xe5 : bytes[index]!;
    const character = byte < 0x80 ? String.fromCharCode(byte) : upperHalf437[byte - 0x80]!;
    text += lower && byte >= 0x41 && byte <= 0x5a ? character.toLowerCase() : character;
  }
  return text;
}
