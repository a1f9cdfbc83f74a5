/**
 * Links the modules of a program into one text, each module a function that returns its exports.
 *
 * Modules stand in the order in which they would be evaluated: dependencies first, in import order.
 * - A module's first and last line are the linker's; between them every line and column is the source's.
 * - Imports in a circle are refused: a module's exports are values when its importers start.
 * - Same sources, same bytes. The first line of the IL and the export of the main function are phase one's.
 */

import { CompileError } from "./compile_error.ts";
import { resolveImport, roomOf } from "./import_rules.ts";
import type { IlModule } from "./il.ts";
import { type ExportedName, type ModuleSyntax } from "./module_syntax.ts";
import type { SourcePlace } from "./compile_error.ts";

interface LinkedModule {
  readonly path: string;
  readonly syntax: ModuleSyntax;
  /** Name of the constant that holds the module's exports. */
  readonly variable: string;
  /** Exported names; the way to each value inside the module's function. */
  readonly exports: ReadonlyMap<string, string>;
  readonly dependencies: ReadonlyMap<string, LinkedModule>;
}

/** A program's modules as one text; the first line of the IL is not in it. */
export interface LinkedProgram {
  /** What follows the first line, without the statement that exports the main function. */
  readonly lines: readonly string[];
  readonly modules: readonly IlModule[];
  /** Methods with one version per ISA, of all modules. */
  readonly isaMethods: readonly string[];
  /** Exported names of the main module; the expression for each. */
  readonly exports: ReadonlyMap<string, string>;
}

/** Links the program whose main module is `entry`; `read` gives what a module says, its types gone. */
export function linkProgram(
  entry: string,
  read: (path: string, importedAt: SourcePlace) => ModuleSyntax,
): LinkedProgram {
  const linker = new Linker(entry, read);
  const main = linker.module(entry, { file: entry, line: 1, column: 1 });
  const names = [...main.exports.keys()].map((name) => [name, member(main, name)] as const);
  const isaMethods = linker.order.flatMap(({ syntax }) => syntax.isaMethods);
  return { ...print(linker.order), isaMethods, exports: new Map(names) };
}

class Linker {
  /** All modules, dependencies first. */
  readonly order: LinkedModule[] = [];
  readonly #read: (path: string, importedAt: SourcePlace) => ModuleSyntax;
  readonly #room: string;
  readonly #modules = new Map<string, LinkedModule | "open">();

  constructor(entry: string, read: (path: string, importedAt: SourcePlace) => ModuleSyntax) {
    this.#read = read;
    const found = roomOf(entry);
    if ("reason" in found) throw new CompileError({ file: entry, line: 1, column: 1 }, "entry", found.reason);
    this.#room = found.room;
  }

  module(path: string, importedAt: SourcePlace): LinkedModule {
    const known = this.#modules.get(path);
    if (known === "open") {
      throw new CompileError(
        importedAt,
        "circular-import",
        `"${path}" is imported while it imports this module`,
      );
    }
    if (known !== undefined) return known;
    this.#modules.set(path, "open");
    const syntax = this.#read(path, importedAt);
    const dependencies = new Map<string, LinkedModule>();
    for (const [specifier, place] of syntax.dependencies) {
      const target = resolveImport(path, specifier, this.#room);
      if ("reason" in target) throw new CompileError(place, "import", target.reason);
      dependencies.set(specifier, this.module(target.path, place));
    }
    const linked: LinkedModule = {
      path,
      syntax,
      variable: `$m${this.order.length}`,
      exports: exportsOf(syntax, dependencies),
      dependencies,
    };
    for (const { specifier, imported, place } of syntax.imports) {
      checkName(dependencies, specifier, imported, place);
    }
    this.#modules.set(path, linked);
    this.order.push(linked);
    return linked;
  }
}

function checkName(
  dependencies: ReadonlyMap<string, LinkedModule>,
  specifier: string,
  imported: string,
  place: SourcePlace,
): LinkedModule {
  const dependency = dependencies.get(specifier);
  if (dependency === undefined) throw new Error(`No module was linked for "${specifier}"`);
  if (imported !== "*" && !dependency.exports.has(imported)) {
    const hint = "types are imported with `import type`";
    throw new CompileError(place, "import", `"${dependency.path}" exports no value "${imported}"; ${hint}`);
  }
  return dependency;
}

function exportsOf(
  syntax: ModuleSyntax,
  dependencies: ReadonlyMap<string, LinkedModule>,
): Map<string, string> {
  const exports = new Map<string, string>();
  const passedOn: ExportedName[] = [];
  for (const entry of syntax.exports) {
    if ("local" in entry) exports.set(entry.exported, entry.local);
    else if (entry.exported === "*") passedOn.push(entry);
    else {
      const from = checkName(dependencies, entry.specifier, entry.imported, entry.place);
      exports.set(entry.exported, entry.imported === "*" ? from.variable : member(from, entry.imported));
    }
  }
  for (const entry of passedOn) {
    if ("local" in entry) continue;
    const from = checkName(dependencies, entry.specifier, "*", entry.place);
    for (const name of from.exports.keys()) {
      if (name !== "default" && !exports.has(name)) exports.set(name, member(from, name));
    }
  }
  return exports;
}

function member(module: LinkedModule, name: string): string {
  return `${module.variable}.${name}`;
}

function print(order: readonly LinkedModule[]): Pick<LinkedProgram, "lines" | "modules"> {
  const modules: IlModule[] = [];
  const lines: string[] = [];
  for (const module of order) {
    lines.push(`const ${module.variable}=(()=>{${importsText(module)}`);
    const source = module.syntax.text.replace(/\n+$/, "").split("\n");
    modules.push({ path: module.path, line: lines.length + 2, lines: source.length });
    lines.push(
      ...source,
      `return{${[...module.exports].map(([name, value]) => `${name}:${value}`).join()}};})();`,
    );
  }
  return { lines, modules };
}

function importsText(module: LinkedModule): string {
  let text = "";
  for (const [specifier, dependency] of module.dependencies) {
    const imports = module.syntax.imports.filter((name) => name.specifier === specifier);
    const named = imports.filter((name) => name.imported !== "*")
      .map(({ imported, local }) => imported === local ? local : `${imported}:${local}`);
    if (named.length > 0) text += `const{${named.join()}}=${dependency.variable};`;
    for (const { imported, local } of imports) {
      if (imported === "*") text += `const ${local}=${dependency.variable};`;
    }
  }
  return text;
}
