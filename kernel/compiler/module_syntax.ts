/**
 * One module of a program, its imports and exports taken out of the text.
 *
 * Linking turns each module into a function that returns its exports, so import and export statements
 * become blanks of the same size: every line and column of the rest stays where a person wrote it.
 * - Exported bindings never change after their module has run, so importers may hold copies; a `let` or
 *   `var` that is exported is refused.
 */

import type {
  ExportNamedDeclaration,
  ImportDeclaration,
  ModuleDeclaration,
  Pattern,
  Program,
  Statement,
} from "acorn";
import { CompileError, type SourcePlace } from "./compile_error.ts";
import { isaMethods, isaVersionsName } from "./isa_versions.ts";
import { analyseScopes } from "./scope.ts";
import { forEachChild, type Node, parseModule } from "./syntax.ts";

/** A name that comes from another module: `imported` is a name it exports, or "*" for all of them. */
export interface ImportedName {
  readonly specifier: string;
  readonly imported: string;
  readonly local: string;
  readonly place: SourcePlace;
}

/** A name that goes out: a local one, or one passed on from another module ("*": all of them). */
export type ExportedName =
  | { readonly exported: string; readonly local: string; readonly place: SourcePlace }
  | {
    readonly exported: string;
    readonly specifier: string;
    readonly imported: string;
    readonly place: SourcePlace;
  };

export interface ModuleSyntax {
  /** The module's text without comments, imports, exports and blanks at line ends; same lines and columns. */
  readonly text: string;
  /** Specifiers in the order in which they are imported, each once, with the place of the first import. */
  readonly dependencies: ReadonlyMap<string, SourcePlace>;
  readonly imports: readonly ImportedName[];
  readonly exports: readonly ExportedName[];
  /** Methods with one version per ISA, by name, in the order of the text. */
  readonly isaMethods: readonly string[];
}

/** Takes a stripped module apart. */
export function readModule(path: string, stripped: string): ModuleSyntax {
  const reader = new ModuleReader(path, stripped);
  return reader.read();
}

/** Exactly as long as "export default " in front of an expression. */
const defaultDeclaration = "const $default=";

class ModuleReader {
  readonly #path: string;
  readonly #program: Program;
  readonly #position: (offset: number) => { readonly line: number; readonly column: number };
  readonly #edits: { readonly start: number; readonly end: number; readonly text: string }[] = [];
  readonly #text: string;
  readonly #dependencies = new Map<string, SourcePlace>();
  readonly #imports: ImportedName[] = [];
  readonly #exports: ExportedName[] = [];
  readonly #changing = new Set<string>();

  constructor(path: string, stripped: string) {
    const { program, source } = parseModule(stripped, (line, column) => ({ file: path, line, column }));
    this.#path = path;
    this.#program = program;
    this.#text = source.text;
    this.#position = (offset) => source.position(offset);
  }

  read(): ModuleSyntax {
    for (const statement of this.#program.body) this.#statement(statement);
    for (const entry of this.#exports) {
      if ("local" in entry && this.#changing.has(entry.local)) {
        throw new CompileError(
          entry.place,
          "export-variable",
          `"${entry.local}" can change; export a const or a function`,
        );
      }
    }
    const text = withoutBlanksAtLineEnds(this.#edited(), this.#linesOfTemplates());
    return {
      text,
      dependencies: this.#dependencies,
      imports: this.#imports,
      exports: this.#exports,
      isaMethods: this.#isaMethods(text),
    };
  }

  #isaMethods(text: string): string[] {
    if (!text.includes(isaVersionsName)) return [];
    const { program } = parseModule(text, (line, column) => ({ file: this.#path, line, column }));
    const refuse = (offset: number, rule: string, reason: string): never => {
      throw new CompileError(this.#place(offset), rule, reason);
    };
    return isaMethods(program, analyseScopes(program).free, refuse).map(({ name }) => name);
  }

  #statement(statement: Statement | ModuleDeclaration): void {
    switch (statement.type) {
      case "ImportDeclaration":
        return this.#import(statement);
      case "ExportNamedDeclaration":
        return this.#exportNamed(statement);
      case "ExportAllDeclaration": {
        const specifier = this.#dependency(statement.source.value, statement.source.start);
        const exported = statement.exported === null || statement.exported === undefined
          ? "*"
          : this.#name(statement.exported);
        const place = this.#place(statement.start);
        this.#exports.push({ exported, specifier, imported: "*", place });
        return this.#erase(statement.start, statement.end);
      }
      case "ExportDefaultDeclaration": {
        const { declaration } = statement;
        const isDeclaration = declaration.type === "FunctionDeclaration" ||
          declaration.type === "ClassDeclaration";
        const id = isDeclaration ? declaration.id : null;
        this.#exports.push({
          exported: "default",
          local: id?.name ?? "$default",
          place: this.#place(statement.start),
        });
        if (id !== null) return this.#erase(statement.start, declaration.start);
        const room = declaration.start - statement.start;
        const text = room < defaultDeclaration.length ? defaultDeclaration : defaultDeclaration.padEnd(room);
        this.#edits.push({ start: statement.start, end: declaration.start, text });
        return;
      }
      case "VariableDeclaration":
        if (statement.kind !== "const") {
          for (const declarator of statement.declarations) {
            for (const name of namesIn(declarator.id)) this.#changing.add(name);
          }
        }
        return;
      default:
        return;
    }
  }

  #import(statement: ImportDeclaration): void {
    const specifier = this.#dependency(statement.source.value, statement.source.start);
    for (const part of statement.specifiers) {
      const imported = part.type === "ImportSpecifier"
        ? this.#name(part.imported)
        : part.type === "ImportDefaultSpecifier"
        ? "default"
        : "*";
      this.#imports.push({ specifier, imported, local: part.local.name, place: this.#place(part.start) });
    }
    this.#erase(statement.start, statement.end);
  }

  #exportNamed(statement: ExportNamedDeclaration): void {
    const { declaration, source } = statement;
    if (declaration === null || declaration === undefined) {
      const specifier = source === null || source === undefined
        ? undefined
        : this.#dependency(source.value, source.start);
      for (const part of statement.specifiers) {
        const exported = this.#name(part.exported);
        const local = this.#name(part.local);
        const place = this.#place(part.start);
        this.#exports.push(
          specifier === undefined
            ? { exported, local, place }
            : { exported, specifier, imported: local, place },
        );
      }
      return this.#erase(statement.start, statement.end);
    }
    const place = this.#place(statement.start);
    if (declaration.type === "VariableDeclaration") {
      if (declaration.kind !== "const") {
        throw new CompileError(
          place,
          "export-variable",
          `an exported "${declaration.kind}" can change; export a const`,
        );
      }
      for (const declarator of declaration.declarations) {
        for (const name of namesIn(declarator.id)) this.#exports.push({ exported: name, local: name, place });
      }
    } else {
      this.#exports.push({ exported: declaration.id.name, local: declaration.id.name, place });
    }
    this.#erase(statement.start, declaration.start);
  }

  #dependency(value: unknown, offset: number): string {
    const specifier = String(value);
    if (!this.#dependencies.has(specifier)) this.#dependencies.set(specifier, this.#place(offset));
    return specifier;
  }

  #name(node: { readonly type: string; readonly start: number; readonly name?: string }): string {
    if (node.name !== undefined) return node.name;
    throw new CompileError(
      this.#place(node.start),
      "export",
      "a name in an import or export is an identifier",
    );
  }

  #place(offset: number): SourcePlace {
    return { file: this.#path, ...this.#position(offset) };
  }

  #erase(start: number, end: number): void {
    this.#edits.push({ start, end, text: this.#text.slice(start, end).replace(/[^\n]/g, " ") });
  }

  /** Lines (from 1) whose end is a part of a template's text. */
  #linesOfTemplates(): ReadonlySet<number> {
    const lines = new Set<number>();
    const visit = (node: Node) => {
      for (const { start, end } of node.type === "TemplateLiteral" ? node.quasis : []) {
        for (let { line } = this.#position(start); line < this.#position(end).line; line++) lines.add(line);
      }
      forEachChild(node, visit);
    };
    visit(this.#program);
    return lines;
  }

  #edited(): string {
    let result = "";
    let at = 0;
    for (const { start, end, text } of this.#edits) {
      result += this.#text.slice(at, start) + text;
      at = end;
    }
    return result + this.#text.slice(at);
  }
}

/** Comments and types leave a third of a text blank, which nobody need carry, hash or parse. */
function withoutBlanksAtLineEnds(text: string, kept: ReadonlySet<number>): string {
  return text.split("\n").map((line, index) => kept.has(index + 1) ? line : line.trimEnd()).join("\n");
}

/** The names that a binding pattern declares. */
export function namesIn(pattern: Pattern): string[] {
  switch (pattern.type) {
    case "Identifier":
      return [pattern.name];
    case "ObjectPattern":
      return pattern.properties.flatMap((part) =>
        namesIn(part.type === "Property" ? part.value : part.argument)
      );
    case "ArrayPattern":
      return pattern.elements.flatMap((part) => part === null ? [] : namesIn(part));
    case "AssignmentPattern":
      return namesIn(pattern.left);
    case "RestElement":
      return namesIn(pattern.argument);
    default:
      return [];
  }
}
