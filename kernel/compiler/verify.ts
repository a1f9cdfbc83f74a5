/**
 * The verifier: refuses an IL that could reach the host, run unaccounted, or behave differently each time.
 *
 * Phase two verifies every IL, whoever made it; images are made of verified code only. A compartment
 * without powers stands behind it, so a mistake here opens no way to the host.
 * - The first offence is thrown, with its place in the source file and the name of the rule.
 * - What each rule is for stands in docs/compilation.md.
 */

import type { ArrayPattern, CallExpression, Identifier, Literal, NewExpression, Program } from "acorn";
import { allowedNames, copyingConstructors, refusedMembers, sizedConstructors } from "./allowed_names.ts";
import { CompileError, type SourcePlace } from "./compile_error.ts";
import { type IsaMethod, isaMethods, isaVersionsName } from "./isa_versions.ts";
import { analyseScopes, type Scopes } from "./scope.ts";
import { childrenOf, type FunctionNode, isLeaf, type Node, type ParsedModule } from "./syntax.ts";

/** Names with a "$" in front belong to the compiler; these are the ones that phase one uses. */
const linkerNames = /^\$(?:m\d+|default)$/;
/** Expressions and statements nested deeper than this could exhaust the stack of whoever reads them. */
const nestingMax = 400;

/** Nodes that give `this` a meaning inside of them. */
const thisGivers: ReadonlySet<string> = new Set([
  "FunctionDeclaration",
  "FunctionExpression",
  "PropertyDefinition",
  "StaticBlock",
]);
/** Objects of the library that have members which are refused. */
const ownersOfRefused: ReadonlySet<string> = new Set(
  [...refusedMembers.keys()].map((member) => member.slice(0, member.indexOf("."))),
);

/** `hasThis`: whether `this` has a meaning where the node is. */
type Rule<T extends Node> = (verifier: Verifier, node: T, hasThis: boolean) => void;

/** What the verifier found out that later passes need too. */
export interface VerifiedModule {
  readonly scopes: Scopes;
  /** All nodes but leaves, which are half of them; parents before children, in the order of the text. */
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
    // Names are looked at with their scopes.
    if (node.type === "Identifier") return;
    (Verifier.#rules[node.type] as Rule<Node> | undefined)?.(this, node, hasThis);
    if (isLeaf(node)) return;
    this.nodes.push(node);
    const givesThis = hasThis || thisGivers.has(node.type);
    const children = childrenOf(node);
    for (let at = 0; at < children.length; at++) this.#visit(children[at] as Node, givesThis, depth + 1);
  }

  /** The rules for a type of node by itself, for those types that have any. */
  static readonly #rules: { readonly [T in Node["type"]]?: Rule<Extract<Node, { type: T }>> } = {
    ImportDeclaration: (verifier, node) => verifier.#import(node),
    ImportExpression: (verifier, node) => verifier.#import(node),
    ExportNamedDeclaration: (verifier, node) => verifier.#export(node),
    ExportAllDeclaration: (verifier, node) => verifier.#export(node),
    ExportDefaultDeclaration: (verifier, node) => verifier.#export(node),
    MetaProperty(verifier, { meta, start }) {
      if (meta.name === "import") verifier.#refuse(start, "import", "programs have no import.meta");
    },
    FunctionDeclaration: (verifier, node) => verifier.#function(node),
    FunctionExpression: (verifier, node) => verifier.#function(node),
    ArrowFunctionExpression: (verifier, node) => verifier.#function(node),
    AwaitExpression(verifier, { start }) {
      verifier.#refuse(start, "async", "programs wait with yield*, not with await");
    },
    ForOfStatement(verifier, { await: waits, start }) {
      if (waits) verifier.#refuse(start, "async", "programs have no asynchronous loops");
    },
    YieldExpression(verifier, { delegate, start }) {
      if (!delegate) verifier.#refuse(start, "plain-yield", "only yield* reaches the kernel");
    },
    ThisExpression(verifier, { start }, hasThis) {
      if (!hasThis) verifier.#refuse(start, "this", "there is no `this` outside of functions and classes");
    },
    DebuggerStatement(verifier, { start }) {
      verifier.#refuse(start, "debugger", "programs cannot call the host's debugger");
    },
    Literal: (verifier, node) => verifier.#literal(node),
    MemberExpression(verifier, { object, property, computed, start }) {
      if (object.type !== "Identifier" || property.type !== "Identifier" || computed) return;
      if (!ownersOfRefused.has(object.name)) return;
      const reason = refusedMembers.get(`${object.name}.${property.name}`);
      if (reason !== undefined) verifier.#refuse(start, "refused-member", reason);
    },
    NewExpression: (verifier, node) => verifier.#sizedCall(node),
    CallExpression: (verifier, node) => verifier.#sizedCall(node),
    VariableDeclarator(verifier, { id, init }) {
      if (init) verifier.#declared.add(id);
    },
    ArrayPattern: (verifier, node) => verifier.#arrayPattern(node),
    ClassDeclaration: (verifier, { superClass }) => verifier.#superClass(superClass),
    ClassExpression: (verifier, { superClass }) => verifier.#superClass(superClass),
  };

  #import({ start }: Node): void {
    this.#refuse(start, "import", "an IL imports nothing: phase one has linked it");
  }

  #export({ start }: Node): void {
    this.#refuse(start, "export", "an IL has one export, its last statement");
  }

  #function({ async: waits, start }: FunctionNode): void {
    if (waits) this.#refuse(start, "async", "programs wait with yield*, not with async functions");
  }

  #literal(node: Literal): void {
    if (node.regex !== undefined && node.regex !== null) {
      this.#refuse(node.start, "regular-expression", "a regular expression may take any time to match");
    }
    if (typeof node.value === "bigint" || (node.bigint !== undefined && node.bigint !== null)) {
      this.#refuse(node.start, "bigint", "a BigInt may grow without bound");
    }
  }

  #arrayPattern(node: ArrayPattern): void {
    if (this.#declared.has(node) || !node.elements.some((part) => part?.type === "RestElement")) return;
    this.#refuse(
      node.start,
      "rest-pattern",
      "an array's rest can be taken in a declaration only, const [first, ...others] = values",
    );
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
