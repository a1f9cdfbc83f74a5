/**
 * Phase one of compilation: a program's TypeScript modules become one text of intermediate language.
 *
 * Types are replaced by blanks, so that the IL's lines and columns are those that a person wrote; type
 * checking is done before, by `deno check` over the whole project.
 * - File access is handed in: a path from the project's top folder gives the text, or undefined.
 * - Same sources, same bytes; the IL says for which lines of which file each part stands.
 */

import { stripTypeScriptTypes } from "node:module";
import { CompileError, type SourcePlace } from "./compile_error.ts";
import { type IlHeader, parseIlHeader } from "./il.ts";
import { linkProgram } from "./link.ts";

export interface Il {
  readonly il: string;
  readonly header: IlHeader;
}

/** Builds the IL of the program whose main module is `entry`, such as "net/stack/main.ts". */
export function buildIl(entry: string, readText: (path: string) => string | undefined): Il {
  const il = linkProgram(entry, (path, importedAt) => {
    const text = readText(path);
    if (text === undefined) throw new CompileError(importedAt, "import", `there is no file "${path}"`);
    return stripTypes(path, text);
  });
  return { il, header: parseIlHeader(il) };
}

function stripTypes(path: string, text: string): string {
  try {
    return stripTypeScriptTypes(text, { mode: "strip" });
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new CompileError(
      placeOfStripError(path, error.message),
      "type-syntax",
      reasonOfStripError(error.message),
    );
  }
}

/** The stripper's messages may carry ":line:column" (from 1) of what it refuses. */
function placeOfStripError(path: string, message: string): SourcePlace {
  const found = /:(\d+):(\d+)/.exec(message);
  return { file: path, line: Number(found?.[1] ?? 1), column: Number(found?.[2] ?? 1) };
}

/** The message without the stripper's own name for the file. */
function reasonOfStripError(message: string): string {
  const [line = ""] = message.split("\n");
  return line.replace(/ at \S+:\d+:\d+$/, "").replace(/^\[InvalidSyntax\] /, "");
}
