/**
 * Insertions into a program's text, and the table that leads from the result back to the text.
 *
 * Insertions hold no line ends, so lines stay the same and only columns move.
 * - Insertions at one place stand in the order in which their slots were made; a slot is filled later,
 *   when what it holds is known.
 * - The table has one entry per line with insertions, `line:column~shift,column~shift…` in base 36.
 */

/** A place for text that is not known yet; it stays empty unless it is filled. */
export interface Slot {
  text: string;
}

/** Text in place of what is from `start` to `end`. */
interface Edit extends Slot {
  readonly start: number;
  readonly end: number;
  readonly order: number;
}

/** What goes in front of a statement, then what counts its allocations, then what goes around expressions. */
export const statementOrder = 0;
export const allocationOrder = 1;
export const expressionOrder = 2;
const replacementOrder = 3;

export class Edits {
  readonly #text: string;
  readonly #edits: Edit[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  /** Of the texts at one place, those of lower `order` come first, else those that were inserted first. */
  insert(at: number, text = "", order = statementOrder): Slot {
    const edit = { start: at, end: at, order, text };
    this.#edits.push(edit);
    return edit;
  }

  replace(start: number, end: number, text: string): void {
    this.#edits.push({ start, end, order: replacementOrder, text });
  }

  apply(): { readonly text: string; readonly columns: string } {
    const edits = this.#edits.filter(({ start, end, text }) => text !== "" || end > start);
    // Sorting is stable: slots of one place and order stay as they were made.
    return new EditedText(this.#text).make(edits.sort((a, b) => a.start - b.start || a.order - b.order));
  }
}

/** A text while its edits are made, from its start to its end. */
class EditedText {
  readonly #text: string;
  readonly #entries: string[] = [];
  #result = "";
  /** Where the result has come to in the text, and where its line began in both. */
  #at = 0;
  #lineStart = 0;
  #resultLineStart = 0;
  #line = 0;
  /** Columns that moved in this line, and how far the last of them did. */
  #moves: string[] = [];
  #shift = 0;

  constructor(text: string) {
    this.#text = text;
  }

  make(edits: readonly Edit[]): { readonly text: string; readonly columns: string } {
    for (let index = 0; index < edits.length; index++) {
      const { start, end, text } = edits[index] as Edit;
      this.#copy(start);
      this.#result += text;
      if (end > start) this.#skip(end, text);
    }
    this.#copy(this.#text.length);
    this.#endLine();
    return { text: this.#result, columns: this.#entries.join(";") };
  }

  /** Copies up to `end`. */
  #copy(end: number): void {
    if (end === this.#at) return;
    const column = this.#result.length - this.#resultLineStart;
    const shift = column - (this.#at - this.#lineStart);
    if (shift !== this.#shift) this.#moves.push(`${column.toString(36)}~${shift.toString(36)}`);
    this.#shift = shift;
    this.#result += this.#text.slice(this.#at, end);
    for (;;) {
      const next = this.#text.indexOf("\n", this.#at) + 1;
      if (next === 0 || next > end) break;
      this.#at = next;
      this.#endLine();
      this.#lineStart = next;
      this.#resultLineStart = this.#result.length - (end - next);
    }
    this.#at = end;
  }

  /** Passes over text that was replaced by one with as many line ends. */
  #skip(end: number, replacement: string): void {
    this.#at = end;
    for (let found = replacement.indexOf("\n"); found >= 0; found = replacement.indexOf("\n", found + 1)) {
      this.#endLine();
      this.#lineStart = this.#text.indexOf("\n", this.#lineStart) + 1;
      this.#resultLineStart = this.#result.length - replacement.length + found + 1;
    }
  }

  #endLine(): void {
    if (this.#moves.length > 0) {
      this.#entries.push(`${this.#line.toString(36)}:${this.#moves.join()}`);
      this.#moves = [];
    }
    this.#shift = 0;
    this.#line++;
  }
}

/** The column (from 1) of the original text for a line and column (from 1) of the edited text. */
export function originalColumn(columns: string, line: number, column: number): number {
  const key = `${(line - 1).toString(36)}:`;
  const entry = columns.split(";").find((text) => text.startsWith(key));
  if (entry === undefined) return column;
  let result = column;
  for (const move of entry.slice(key.length).split(",")) {
    const [from = "", shift = ""] = move.split("~");
    const start = Number.parseInt(from, 36) + 1;
    const startBefore = start - Number.parseInt(shift, 36);
    // What was inserted stands for the place that it was inserted at.
    if (start > column) return Math.max(1, Math.min(result, startBefore));
    result = column - start + startBefore;
  }
  return Math.max(1, result);
}
