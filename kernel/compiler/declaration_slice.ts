/**
 * Cuts a program's main module down to its declaration and what that names.
 *
 * The declaration is read before the program ever runs, so it is evaluated alone: the exported `program`,
 * the top-level names that it uses, and the modules that those come from.
 * - All else becomes blanks, so lines and columns stay.
 * - A part of the declaration that is written out in main.ts has a place of its own in messages.
 */

import type { Expression, Program, SpreadElement } from "acorn";
import { CompileError, type SourcePlace } from "./compile_error.ts";
import { type ModuleSyntax, namesIn } from "./module_syntax.ts";
import type { DataPath } from "./plain_data.ts";
import { blank, forEachChild, type Node, type ParsedModule, parseModule } from "./syntax.ts";

/** The name under which main.ts exports its declaration. */
export const declarationName = "program";

export interface DeclarationSlice {
  readonly syntax: ModuleSyntax;
  /** Where a part of the declaration stands. */
  placeOf(path: DataPath): SourcePlace;
}

/** Slices the main module `file`; throws CompileError when it exports no declaration. */
export function sliceDeclaration(file: string, main: ModuleSyntax): DeclarationSlice {
  const exported = main.exports.find((entry) => entry.exported === declarationName);
  if (exported === undefined) {
    throw new CompileError(
      { file, line: 1, column: 1 },
      "declaration",
      `a program exports its declaration: export const ${declarationName} = { name: "...", doc: "..." } ` +
        "as const satisfies ProgramDeclaration",
    );
  }
  const parsed = parseModule(main.text, (line, column) => ({ file, line, column }));
  const local = "local" in exported ? exported.local : undefined;
  const used = new Set(local === undefined ? [] : [local]);
  const kept = keepUsed(parsed.program, used);
  const imports = main.imports.filter((name) => used.has(name.local));
  const specifiers = new Set(imports.map(({ specifier }) => specifier));
  if ("specifier" in exported) specifiers.add(exported.specifier);
  const syntax = {
    text: blank(parsed.source.text, parsed.program.body.filter((statement) => !kept.has(statement))),
    dependencies: new Map([...main.dependencies].filter(([specifier]) => specifiers.has(specifier))),
    imports,
    exports: [exported],
    isaMethods: [],
  };
  const written = local === undefined ? undefined : initialValue(parsed.program, local);
  return { syntax, placeOf: (path) => placeIn(file, parsed, written, path) ?? exported.place };
}

/** The top-level statements that declare the names in `used`, which grows by all that those name. */
function keepUsed(program: Program, used: Set<string>): ReadonlySet<Node> {
  const declaring = new Map<string, Node>();
  for (const statement of program.body) {
    for (const name of declaredNames(statement)) declaring.set(name, statement);
  }
  const kept = new Set<Node>();
  // A set that grows while it is walked hands out the new names too.
  for (const name of used) {
    const statement = declaring.get(name);
    if (statement === undefined || kept.has(statement)) continue;
    kept.add(statement);
    addNames(statement, used);
  }
  return kept;
}

function declaredNames(statement: Node): string[] {
  if (statement.type === "VariableDeclaration") {
    return statement.declarations.flatMap(({ id }) => namesIn(id));
  }
  if (statement.type === "FunctionDeclaration" || statement.type === "ClassDeclaration") {
    return [statement.id?.name ?? ""];
  }
  return [];
}

/** Every identifier but names of members; a name too many does no harm. */
function addNames(node: Node, names: Set<string>): void {
  if (node.type === "Identifier") names.add(node.name);
  forEachChild(node, (child) => {
    const isMember = node.type === "MemberExpression" && !node.computed && child === node.property;
    const isKey = node.type === "Property" && !node.computed && !node.shorthand && child === node.key;
    if (!isMember && !isKey) addNames(child, names);
  });
}

function initialValue(program: Program, name: string): Expression | undefined {
  for (const statement of program.body) {
    if (statement.type !== "VariableDeclaration") continue;
    for (const { id, init } of statement.declarations) {
      if (id.type === "Identifier" && id.name === name) return init ?? undefined;
    }
  }
  return undefined;
}

/** The place of a part, or of the innermost part around it that is written out. */
function placeIn(
  file: string,
  { source }: ParsedModule,
  written: Expression | undefined,
  path: DataPath,
): SourcePlace | undefined {
  let at: Node | undefined = written;
  for (const key of path) {
    const part = partOf(at, key);
    if (part === undefined) break;
    at = part;
  }
  return at === undefined ? undefined : { file, ...source.position(at.start) };
}

function partOf(node: Node | undefined, key: string | number): Node | undefined {
  if (node?.type === "ArrayExpression") {
    const elements: (Expression | SpreadElement | null)[] = node.elements;
    // Behind a spread element the numbers in the text are not those of the array.
    if (elements.some((element) => element?.type === "SpreadElement")) return undefined;
    return elements[Number(key)] ?? undefined;
  }
  if (node?.type !== "ObjectExpression") return undefined;
  for (const property of node.properties) {
    if (property.type === "SpreadElement" || property.computed) continue;
    const found = property.key.type === "Identifier"
      ? property.key.name
      : property.key.type === "Literal"
      ? String(property.key.value)
      : undefined;
    if (found === key) return property.value;
  }
  return undefined;
}
