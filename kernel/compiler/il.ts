/**
 * The intermediate language: one ES module as text, with a first line that says where each part is from.
 *
 * Phase one writes it, phase two reads it, and it travels between kernels as bytes.
 * - The first line is a comment with JSON; the modules follow, each keeping its lines and columns.
 * - Phase two trusts none of it: a first line that cannot be understood is refused.
 */

import { CompileError, type SourcePlace } from "./compile_error.ts";

/** Where one source module lies in the IL. */
export interface IlModule {
  readonly path: string;
  /** Line of the IL, counted from 1, that holds the module's first line. */
  readonly line: number;
  readonly lines: number;
}

export interface IlHeader {
  readonly format: 1;
  /** Name of the program: the folder of its main.ts. */
  readonly name: string;
  readonly entry: string;
  readonly modules: readonly IlModule[];
}

const opening = "/*helios-il ";
const closing = "*/";

export function formatIlHeader(header: IlHeader): string {
  return opening + JSON.stringify(header).replaceAll("*/", "*\\/") + closing;
}

/** Reads the first line of an IL text. */
export function parseIlHeader(il: string): IlHeader {
  const place = { file: "IL", line: 1, column: 1 };
  const end = il.indexOf("\n");
  const first = il.slice(0, end === -1 ? il.length : end);
  if (!first.startsWith(opening) || !first.endsWith(closing)) {
    throw new CompileError(place, "il-header", `the first line of an IL starts with "${opening}"`);
  }
  const header = parseJson(first.slice(opening.length, -closing.length));
  if (!isHeader(header)) {
    throw new CompileError(place, "il-header", "the IL's first line holds no valid header");
  }
  return header;
}

/** The place in a source file that an IL position (from 1) is from. */
export function sourcePlace(header: IlHeader, line: number, column: number): SourcePlace {
  for (const module of header.modules) {
    if (line >= module.line && line < module.line + module.lines) {
      return { file: module.path, line: line - module.line + 1, column };
    }
  }
  return { file: `IL of ${header.entry}`, line, column };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isHeader(value: unknown): value is IlHeader {
  if (typeof value !== "object" || value === null) return false;
  const header = value as Partial<Record<keyof IlHeader, unknown>>;
  return header.format === 1 && typeof header.name === "string" && typeof header.entry === "string" &&
    Array.isArray(header.modules) && header.modules.every(isModule);
}

function isModule(value: unknown): value is IlModule {
  if (typeof value !== "object" || value === null) return false;
  const module = value as Partial<Record<keyof IlModule, unknown>>;
  return typeof module.path === "string" && Number.isSafeInteger(module.line) &&
    Number.isSafeInteger(module.lines);
}
