/**
 * The verifier: refuses an IL that could reach the host, run unaccounted, or behave differently each time.
 *
 * Phase two verifies every IL, whoever made it; images are made of verified code only. A compartment
 * without powers stands behind it, so a mistake here opens no way to the host.
 * - The first offence is thrown, with its place in the source file and the name of the rule.
 * - What each rule is for stands in docs/compilation.md.
 */

import type { CallExpression, Identifier, NewExpression, Program } from "acorn";
import { allowedNames, copyingConstructors, refusedMembers, sizedConstructors } from "./allowed_names.ts";
import { CompileError, type SourcePlace } from "./compile_error.ts";
import { type IsaMethod, isaMethods, isaVersionsName } from "./isa_versions.ts";
import { analyseScopes, type Scopes } from "./scope.ts";
import { childrenOf, isFunction, type Node, type ParsedModule } from "./syntax.ts";

/** Names with a "$" in front belong to the compiler; these are the ones that phase one uses. */
const linkerNames = /^\$(?:m\d+|default)$/;
/** Expressions and statements nested deeper than this could exhaust the stack of whoever reads them. */
const nestingMax = 400;

/** What the verifier found out that later passes need too. */
export interface VerifiedModule {
  readonly scopes: Scopes;
  /** All nodes, parents before children. */
  readonly nodes: readonly Node[];
  /** Methods with one version per ISA, in the order of the text. */
  readonly isaMethods: readonly IsaMethod[];
}

/** Verifies a parsed IL. */
export function verify(parsed: ParsedModule, placeOf: (offset: number) => SourcePlace): VerifiedModule {
  const verifier = new Verifier(placeOf);
  verifier.body(parsed.program);
  verifier.text(parsed.source.text);
  const scopes = analyseScopes(parsed.program);
  verifier.names(scopes);
  return { scopes, nodes: verifier.nodes, isaMethods: verifier.isaMethods(parsed.program, scopes) };
}

class Verifier {
  readonly nodes: Node[] = [];
  /** Patterns that a declaration takes apart. */
  readonly #declared = new Set<Node>();
  readonly #placeOf: (offset: number) => SourcePlace;

  constructor(placeOf: (offset: number) => SourcePlace) {
    this.#placeOf = placeOf;
  }

  /** An IL is statements, then one `export default`. */
  body(program: Program): void {
    const last = program.body.at(-1);
    if (last?.type !== "ExportDefaultDeclaration") {
      this.#refuse(last?.start ?? 0, "export", "an IL ends with its one export, the main function");
    }
    for (const statement of program.body) {
      if (statement === last) this.#visit(last.declaration, false, 1);
      else this.#visit(statement, false, 1);
    }
  }

  /** Text that a script, unlike a module, could read as a comment or an import. */
  text(text: string): void {
    const html = /<!--|-->/.exec(text);
    if (html !== null) {
      this.#refuse(html.index, "html-comment", `"${html[0]}" may open or close a comment in scripts`);
    }
    for (const word of ["import", "eval"]) {
      for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
        if (!opensCall(text, at, at + word.length)) continue;
        this.#refuse(at, "evaluation", `"${word}(" may not occur, not even in a string`);
      }
    }
  }

  names(scopes: Scopes): void {
    for (const { name, declaration } of scopes.declared) {
      if (name.startsWith("$") && !linkerNames.test(name)) {
        this.#refuse(
          declaration.start,
          "reserved-name",
          `"${name}": names with a "$" in front belong to the compiler`,
        );
      }
    }
    for (const { node, role } of scopes.free) this.#freeName(node, role === "write");
  }

  isaMethods(program: Program, { free }: Scopes): readonly IsaMethod[] {
    return isaMethods(program, free, (offset, rule, reason) => this.#refuse(offset, rule, reason));
  }

  #freeName(node: Identifier, isWritten: boolean): void {
    // Where it may stand is for isa_versions.ts to say.
    if (node.name === isaVersionsName) return;
    if (!allowedNames.has(node.name)) {
      this.#refuse(
        node.start,
        "free-name",
        `"${node.name}" is neither declared nor a name that programs may use`,
      );
    }
    if (isWritten) {
      this.#refuse(node.start, "free-name", `"${node.name}" belongs to the language and cannot be changed`);
    }
  }

  /** `hasThis`: whether a function or class around the node gives `this` a meaning. */
  #visit(node: Node, hasThis: boolean, depth: number): void {
    if (depth > nestingMax) {
      this.#refuse(node.start, "nesting", `code is nested deeper than ${nestingMax} levels`);
    }
    this.nodes.push(node);
    // Half of all nodes are names, which are looked at with their scopes.
    if (node.type === "Identifier") return;
    this.#node(node, hasThis);
    const givesThis = hasThis || (isFunction(node) && node.type !== "ArrowFunctionExpression") ||
      node.type === "PropertyDefinition" || node.type === "StaticBlock";
    for (const child of childrenOf(node)) this.#visit(child, givesThis, depth + 1);
  }

  #node(node: Node, hasThis: boolean): void {
    switch (node.type) {
      case "ImportDeclaration":
      case "ImportExpression":
        return this.#refuse(node.start, "import", "an IL imports nothing: phase one has linked it");
      case "ExportNamedDeclaration":
      case "ExportAllDeclaration":
      case "ExportDefaultDeclaration":
        return this.#refuse(node.start, "export", "an IL has one export, its last statement");
      case "MetaProperty":
        if (node.meta.name !== "import") return;
        return this.#refuse(node.start, "import", "programs have no import.meta");
      case "FunctionDeclaration":
      case "FunctionExpression":
      case "ArrowFunctionExpression":
        if (node.async) {
          this.#refuse(node.start, "async", "programs wait with yield*, not with async functions");
        }
        return;
      case "AwaitExpression":
        return this.#refuse(node.start, "async", "programs wait with yield*, not with await");
      case "ForOfStatement":
        if (node.await) this.#refuse(node.start, "async", "programs have no asynchronous loops");
        return;
      case "YieldExpression":
        if (node.delegate) return;
        return this.#refuse(node.start, "plain-yield", "only yield* reaches the kernel");
      case "ThisExpression":
        if (hasThis) return;
        return this.#refuse(node.start, "this", "there is no `this` outside of functions and classes");
      case "DebuggerStatement":
        return this.#refuse(node.start, "debugger", "programs cannot call the host's debugger");
      default:
        return this.#expression(node);
    }
  }

  #expression(node: Node): void {
    switch (node.type) {
      case "Literal":
        if (node.regex !== undefined && node.regex !== null) {
          this.#refuse(node.start, "regular-expression", "a regular expression may take any time to match");
        }
        if (typeof node.value === "bigint" || (node.bigint !== undefined && node.bigint !== null)) {
          this.#refuse(node.start, "bigint", "a BigInt may grow without bound");
        }
        return;
      case "MemberExpression": {
        if (node.object.type !== "Identifier" || node.property.type !== "Identifier" || node.computed) return;
        const reason = refusedMembers.get(`${node.object.name}.${node.property.name}`);
        if (reason !== undefined) this.#refuse(node.start, "refused-member", reason);
        return;
      }
      case "NewExpression":
      case "CallExpression":
        return this.#sizedCall(node);
      case "VariableDeclarator":
        if (node.init) this.#declared.add(node.id);
        return;
      case "ArrayPattern":
        if (this.#declared.has(node) || !node.elements.some((part) => part?.type === "RestElement")) return;
        return this.#refuse(
          node.start,
          "rest-pattern",
          "an array's rest can be taken in a declaration only, const [first, ...others] = values",
        );
      case "ClassDeclaration":
      case "ClassExpression":
        return this.#superClass(node.superClass);
      default:
        return;
    }
  }

  /** What allocates by size is charged at its place, where the size has to stand. */
  #sizedCall({ callee, arguments: given, start }: CallExpression | NewExpression): void {
    if (callee.type !== "Identifier") return;
    const { name } = callee;
    if (!sizedConstructors.has(name) && !copyingConstructors.has(name)) return;
    if (given.some(({ type }) => type === "SpreadElement")) {
      this.#refuse(start, "spread-size", `${name} takes no spread arguments`);
    }
    if (name === "ArrayBuffer" && given.length > 1) {
      this.#refuse(start, "spread-size", "a program's buffers keep their size");
    }
  }

  /** A subclass of a buffer would allocate where no `new` shows how much. */
  #superClass(node: Node | null | undefined): void {
    if (node?.type !== "Identifier" || !sizedConstructors.has(node.name)) return;
    this.#refuse(node.start, "super-class", `programs cannot extend ${node.name}`);
  }

  #refuse(offset: number, rule: string, reason: string): never {
    throw new CompileError(this.#placeOf(offset), rule, reason);
  }
}

/** Whether a word may be read as a call or the start of one; a property of that name is none, after `...` it is. */
function opensCall(text: string, start: number, end: number): boolean {
  const before = text.slice(Math.max(0, start - 3), start);
  if (/\w$/.test(before) || before.endsWith(".") && before !== "...") return false;
  let at = end;
  while (at < text.length && text[at]?.trim() === "") at++;
  return text[at] === "(" || text[at] === "/" && (text[at + 1] === "/" || text[at + 1] === "*");
}
