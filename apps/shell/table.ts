/**
 * Tables for people: rows under headings, numbers to the right, units in the heading.
 *
 * The same rows go out as JSON for programs, so a row's fields have the names of DESIGN
 * section 8, and a column says which field it shows and under which heading.
 * - The last column is not padded, so lines have no blanks at their end.
 */

export type Value = string | number | boolean | null;
export type Row = Readonly<Record<string, Value>>;

export interface Column {
  readonly field: string;
  readonly heading: string;
  /** Digits after the decimal point, for numbers that are not whole. */
  readonly decimals?: number;
  /** How people see the field, when it is not as it is. */
  readonly format?: (row: Row) => string;
}

export function formatTable(columns: readonly Column[], rows: readonly Row[]): string {
  const lines = [columns.map(({ heading }) => heading), ...rows.map((row) => cells(columns, row))];
  const isNumber = columns.map(({ field }) => rows.every((row) => typeof row[field] === "number"));
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => line[index]!.length)));
  return lines.map((line) => {
    const padded = line.map((cell, index) =>
      isNumber[index] && rows.length > 0 ? cell.padStart(widths[index]!) : cell.padEnd(widths[index]!)
    );
    return `${padded.join("  ").trimEnd()}\n`;
  }).join("");
}

function cells(columns: readonly Column[], row: Row): string[] {
  return columns.map(({ field, decimals, format }) => {
    if (format !== undefined) return format(row);
    const value = row[field];
    return typeof value === "number" && decimals !== undefined
      ? value.toFixed(decimals)
      : String(value ?? "");
  });
}
