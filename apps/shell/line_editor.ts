/**
 * Line editing on a terminal: bytes in, what to show and finished lines out.
 *
 * The console passes bytes as they are, so echo and editing are the shell's. It knows
 * the keys of a VT100: arrows, Home, End, Delete, and the usual control keys.
 * - Text is kept as whole characters, so one Backspace takes one "ü"; each is taken to be one column wide.
 * - A line holds 1,024 characters, the history 100 lines; what is beyond is not taken.
 * - `type` returns what happened; show `output` first.
 */

import { decodeText } from "../../kernel/abi/text.ts";

const lineMax = 1024;
const historyMax = 100;
/** Longest escape sequence worth waiting for; a longer one is dropped. */
const sequenceMax = 8;

export interface Edited {
  readonly output: string;
  /** A finished line. */
  readonly line?: string;
  /** Ctrl-D on an empty line: the end of input. */
  readonly isEnd?: boolean;
}

const control = (letter: string): number => letter.charCodeAt(0) & 0x1f;

const escape = 0x1b;

export class LineEditor {
  readonly #prompt: string;
  readonly #complete: (prefix: string) => readonly string[];
  readonly #history: string[] = [];
  #characters: string[] = [];
  #cursor = 0;
  /** Which line of the history is shown; its length while the new line is. */
  #recalled = 0;
  #newLine: string[] = [];
  /** Bytes of a character or an escape sequence that is not complete. */
  #partial: number[] = [];
  #previous = 0;

  /** `complete` gives the commands that start with a prefix. */
  constructor(prompt: string, complete: (prefix: string) => readonly string[]) {
    this.#prompt = prompt;
    this.#complete = complete;
  }

  /** What to show before a line is typed, also again after other output. */
  get prompt(): string {
    return `\r${this.#prompt}${this.#characters.join("")}\x1b[K${this.#backToCursor()}`;
  }

  type(byte: number): Edited {
    const previous = this.#previous;
    this.#previous = byte;
    if (this.#partial[0] === escape) return this.#escapeSequence(byte);
    if (byte === escape) {
      this.#partial = [byte];
      return { output: "" };
    }
    // A terminal may send CR LF for Enter: that is one line.
    if (byte === 0x0a && previous === 0x0d) return { output: "" };
    if (byte === 0x0d || byte === 0x0a) return this.#finish();
    if (byte >= 0x20 && byte !== 0x7f) return this.#character(byte);
    this.#partial = [];
    return this.#controlKey(byte);
  }

  #character(byte: number): Edited {
    if (byte < 0x80 || byte >= 0xc0) this.#partial = [];
    this.#partial.push(byte);
    const first = this.#partial[0]!;
    const length = first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (this.#partial.length < length) return { output: "" };
    const text = decodeText(Uint8Array.from(this.#partial));
    this.#partial = [];
    return this.#insert(text);
  }

  #insert(text: string): Edited {
    const characters = [...text].slice(0, lineMax - this.#characters.length);
    if (characters.length === 0) return { output: "\x07" };
    const isAtEnd = this.#cursor === this.#characters.length;
    this.#characters.splice(this.#cursor, 0, ...characters);
    this.#cursor += characters.length;
    return { output: isAtEnd ? characters.join("") : this.prompt };
  }

  #controlKey(byte: number): Edited {
    switch (byte) {
      case control("A"):
        return this.#moveTo(0);
      case control("B"):
        return this.#moveTo(this.#cursor - 1);
      case control("C"):
        this.#replace([]);
        return { output: `^C\r\n${this.prompt}` };
      case control("D"):
        return this.#characters.length === 0 ? { output: "\r\n", isEnd: true } : this.#remove(this.#cursor);
      case control("E"):
        return this.#moveTo(this.#characters.length);
      case control("F"):
        return this.#moveTo(this.#cursor + 1);
      case 0x7f:
      case control("H"):
        return this.#cursor > 0 ? this.#remove(this.#cursor - 1) : { output: "" };
      case control("I"):
        return this.#completion();
      case control("K"):
        return this.#replace(this.#characters.slice(0, this.#cursor));
      case control("L"):
        return { output: `\x1b[H\x1b[2J${this.prompt}` };
      case control("N"):
        return this.#recall(this.#recalled + 1);
      case control("P"):
        return this.#recall(this.#recalled - 1);
      case control("U"):
        return this.#removeRange(0, this.#cursor);
      case control("W"):
        return this.#removeRange(this.#wordStart(), this.#cursor);
      default:
        return { output: "" };
    }
  }

  #escapeSequence(byte: number): Edited {
    this.#partial.push(byte);
    const [, kind, ...rest] = this.#partial;
    const isWhole = rest.length > 0 && byte >= 0x40 && byte <= 0x7e;
    const isSequence = kind === 0x5b || kind === 0x4f;
    if (isSequence && !isWhole && this.#partial.length < sequenceMax) return { output: "" };
    this.#partial = [];
    return isSequence && isWhole ? this.#namedKey(String.fromCharCode(...rest)) : { output: "" };
  }

  #namedKey(name: string): Edited {
    switch (name) {
      case "A":
        return this.#recall(this.#recalled - 1);
      case "B":
        return this.#recall(this.#recalled + 1);
      case "C":
        return this.#moveTo(this.#cursor + 1);
      case "D":
        return this.#moveTo(this.#cursor - 1);
      case "H":
      case "1~":
      case "7~":
        return this.#moveTo(0);
      case "F":
      case "4~":
      case "8~":
        return this.#moveTo(this.#characters.length);
      case "3~":
        return this.#remove(this.#cursor);
      default:
        return { output: "" };
    }
  }

  #finish(): Edited {
    const line = this.#characters.join("");
    if (line.trim() !== "" && line !== this.#history.at(-1)) this.#history.push(line);
    if (this.#history.length > historyMax) this.#history.shift();
    this.#recalled = this.#history.length;
    this.#characters = [];
    this.#cursor = 0;
    return { output: "\r\n", line };
  }

  #recall(index: number): Edited {
    if (index < 0 || index > this.#history.length || index === this.#recalled) return { output: "" };
    if (this.#recalled === this.#history.length) this.#newLine = this.#characters;
    const edited = this.#replace(
      index === this.#history.length ? this.#newLine : [...this.#history[index]!],
    );
    this.#recalled = index;
    return edited;
  }

  #replace(characters: string[]): Edited {
    this.#characters = characters;
    this.#cursor = characters.length;
    this.#recalled = this.#history.length;
    return { output: this.prompt };
  }

  #moveTo(position: number): Edited {
    const cursor = Math.min(Math.max(position, 0), this.#characters.length);
    const steps = cursor - this.#cursor;
    this.#cursor = cursor;
    return { output: steps === 0 ? "" : steps > 0 ? `\x1b[${steps}C` : `\x1b[${-steps}D` };
  }

  #remove(position: number): Edited {
    return this.#removeRange(position, position + 1);
  }

  #removeRange(start: number, end: number): Edited {
    if (start >= Math.min(end, this.#characters.length)) return { output: "" };
    this.#characters.splice(start, end - start);
    this.#cursor = start;
    return { output: this.prompt };
  }

  #wordStart(): number {
    let start = this.#cursor;
    while (start > 0 && this.#characters[start - 1] === " ") start--;
    while (start > 0 && this.#characters[start - 1] !== " ") start--;
    return start;
  }

  #completion(): Edited {
    const prefix = this.#characters.slice(0, this.#cursor).join("");
    if (prefix === "" || prefix.includes(" ")) return { output: "" };
    const names = this.#complete(prefix);
    if (names.length === 0) return { output: "\x07" };
    const common = commonPrefix(names);
    if (names.length === 1) return this.#insert(`${common.slice(prefix.length)} `);
    if (common.length > prefix.length) return this.#insert(common.slice(prefix.length));
    return { output: `\r\n${names.join("  ")}\r\n${this.prompt}` };
  }

  #backToCursor(): string {
    const steps = this.#characters.length - this.#cursor;
    return steps === 0 ? "" : `\x1b[${steps}D`;
  }
}

function commonPrefix(names: readonly string[]): string {
  let common = names[0] ?? "";
  for (const name of names) while (!name.startsWith(common)) common = common.slice(0, -1);
  return common;
}
