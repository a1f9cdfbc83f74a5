/**
 * Insertions into a program's text, and the table that leads from the result back to the text.
 *
 * Insertions hold no line ends, so lines stay the same and only columns move.
 * - Insertions at one place stand in the order in which their slots were made; a slot is filled later,
 *   when what it holds is known.
 * - The table has one entry per line with insertions, `line:column~shift,column~shift…` in base 36.
 */

import MagicString from "magic-string";

/** A place for text that is not known yet; it stays empty unless it is filled. */
export interface Slot {
  text: string;
}

export class Edits {
  readonly #text: string;
  readonly #slots: { readonly at: number; readonly slot: Slot }[] = [];
  readonly #replacements: { readonly start: number; readonly end: number; readonly text: string }[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  insert(at: number, text = ""): Slot {
    const slot = { text };
    this.#slots.push({ at, slot });
    return slot;
  }

  replace(start: number, end: number, text: string): void {
    this.#replacements.push({ start, end, text });
  }

  apply(): { readonly text: string; readonly columns: string } {
    const result = new MagicString(this.#text);
    const slots = this.#slots.filter(({ slot }) => slot.text !== "");
    // Sorting is stable: slots at one place keep their order.
    for (const { at, slot } of slots.sort((a, b) => a.at - b.at)) result.appendLeft(at, slot.text);
    for (const { start, end, text } of this.#replacements) result.overwrite(start, end, text);
    return { text: result.toString(), columns: columnTable(result) };
  }
}

function columnTable(result: MagicString): string {
  const entries: string[] = [];
  result.generateDecodedMap({ hires: false }).mappings.forEach((segments, line) => {
    const moves: string[] = [];
    let shift = 0;
    for (const segment of segments) {
      const original = segment[3];
      if (original === undefined || segment[0] - original === shift) continue;
      shift = segment[0] - original;
      moves.push(`${segment[0].toString(36)}~${shift.toString(36)}`);
    }
    if (moves.length > 0) entries.push(`${line.toString(36)}:${moves.join()}`);
  });
  return entries.join(";");
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
