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
import { type ModuleSyntax, readModule } from "./module_syntax.ts";

export interface Il {
  readonly il: string;
  readonly header: IlHeader;
}

/** Builds programs of one tree; a module that several of them import is read once. */
export class IlBuilder {
  readonly #readText: (path: string) => string | undefined;
  readonly #modules = new Map<string, ModuleSyntax>();

  constructor(readText: (path: string) => string | undefined) {
    this.#readText = readText;
  }

  /** The IL of the program whose main module is `entry`, such as "net/stack/main.ts". */
  build(entry: string): Il {
    const il = linkProgram(entry, (path, importedAt) => this.#module(path, importedAt));
    return { il, header: parseIlHeader(il) };
  }

  #module(path: string, importedAt: SourcePlace): ModuleSyntax {
    const known = this.#modules.get(path);
    if (known !== undefined) return known;
    const text = this.#readText(path);
    if (text === undefined) throw new CompileError(importedAt, "import", `there is no file "${path}"`);
    const syntax = readModule(path, stripTypes(path, text));
    this.#modules.set(path, syntax);
    return syntax;
  }
}

/** Builds one program. */
export function buildIl(entry: string, readText: (path: string) => string | undefined): Il {
  return new IlBuilder(readText).build(entry);
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
