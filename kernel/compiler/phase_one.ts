/**
 * Phase one of compilation: a program's TypeScript modules become one text of intermediate language.
 *
 * Types are replaced by blanks, so that the IL's lines and columns are those that a person wrote. The
 * program's declaration becomes the IL's header. Types are checked by `helios build`, not here.
 * - File access is handed in: a path from the project's top folder gives the text, or undefined.
 * - Same sources, same bytes; the IL says for which lines of which file each part stands.
 */

import { stripTypeScriptTypes } from "node:module";
import { CompileError, type SourcePlace } from "./compile_error.ts";
import { readDeclaration } from "./declaration.ts";
import { declarationName, sliceDeclaration } from "./declaration_slice.ts";
import { formatIl, type IlHeader } from "./il.ts";
import { type LinkedProgram, linkProgram } from "./link.ts";
import type { IlMetadata } from "./metadata.ts";
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
    const linked = linkProgram(entry, (path, importedAt) => this.#module(path, importedAt));
    const main = linked.exports.get("default");
    if (main === undefined) {
      throw new CompileError(
        { file: entry, line: 1, column: 1 },
        "entry",
        "a program's main.ts exports its main function as default",
      );
    }
    return print(linked, `export default ${main};`, headerOf(entry, linked, this.#declaration(entry)));
  }

  /** What the program says about itself: evaluated as a program of its own, with what it names alone. */
  #declaration(entry: string): IlMetadata {
    const place = { file: entry, line: 1, column: 1 };
    const { syntax, placeOf } = sliceDeclaration(entry, this.#module(entry, place));
    const linked = linkProgram(
      entry,
      (path, importedAt) => path === entry ? syntax : this.#module(path, importedAt),
    );
    const main = `export default function*(){return ${linked.exports.get(declarationName)};}`;
    return readDeclaration(print(linked, main, headerOf(entry, linked, noMetadata)).il, placeOf);
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

/** The declaration's own program declares nothing. */
const noMetadata: IlMetadata = {
  ...{ name: "Declaration", doc: "Evaluates a declaration", contracts: [], parameters: [], devices: [] },
  privileges: [],
};

function headerOf(entry: string, { isaMethods, modules }: LinkedProgram, metadata: IlMetadata): IlHeader {
  const { name, doc, contracts, parameters, devices, privileges } = metadata;
  return { name, doc, entry, contracts, parameters, devices, privileges, isaMethods, modules };
}

function print({ lines }: LinkedProgram, exported: string, header: IlHeader): Il {
  return { il: formatIl(header, [...lines, exported, ""].join("\n")), header };
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
