/**
 * The syntax tree as the compiler's passes use it: acorn's nodes, and a walk over their children.
 *
 * - `children` gives the nodes directly below one, in the order of the text.
 * - Offsets are into the text that was parsed; `SourceText` turns them into lines and columns.
 */

import { type AnyNode, type Comment, type Options, parse, type Program } from "acorn";
import { CompileError, type SourcePlace } from "./compile_error.ts";

export type Node = AnyNode;

export type FunctionNode = Extract<
  Node,
  { type: "FunctionDeclaration" | "FunctionExpression" | "ArrowFunctionExpression" }
>;

const options = { ecmaVersion: 2024, sourceType: "module", allowHashBang: false } as const satisfies Options;

/** A text with the start of each of its lines. */
export class SourceText {
  readonly text: string;
  readonly #lineStarts: number[] = [0];

  constructor(text: string) {
    this.text = text;
    for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) {
      this.#lineStarts.push(at + 1);
    }
  }

  /** Line and column of an offset, both from 1. */
  position(offset: number): { readonly line: number; readonly column: number } {
    let low = 0;
    let high = this.#lineStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#lineStarts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (this.#lineStarts[low] ?? 0) + 1 };
  }
}

/** What `parseModule` found: the tree, and the text with its comments blanked out. */
export interface ParsedModule {
  readonly program: Program;
  readonly source: SourceText;
}

/** Parses a module; a syntax error becomes a CompileError at the place that `placeAt` gives. */
export function parseModule(
  text: string,
  placeAt: (line: number, column: number) => SourcePlace,
): ParsedModule {
  const comments: Comment[] = [];
  try {
    const program = parse(text, { ...options, onComment: comments });
    return { program, source: new SourceText(blank(text, comments)) };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const position =
      (error as SyntaxError & { readonly loc?: { readonly line: number; readonly column: number } }).loc;
    const place = placeAt(position?.line ?? 1, (position?.column ?? 0) + 1);
    throw new CompileError(place, "syntax", error.message.replace(/ \(\d+:\d+\)$/, ""));
  }
}

/** The text with blanks in place of the given ranges; line ends stay. */
export function blank(
  text: string,
  ranges: readonly { readonly start: number; readonly end: number }[],
): string {
  let result = "";
  let at = 0;
  for (const { start, end } of ranges) {
    result += text.slice(at, start) + text.slice(start, end).replace(/[^\n]/g, " ");
    at = end;
  }
  return result + text.slice(at);
}

/** Fields of each type of node that hold nodes, in the order of the text. */
const childFields: Readonly<Record<Node["type"], readonly string[]>> = {
  ArrayExpression: ["elements"],
  ArrayPattern: ["elements"],
  ArrowFunctionExpression: ["params", "body"],
  AssignmentExpression: ["left", "right"],
  AssignmentPattern: ["left", "right"],
  AwaitExpression: ["argument"],
  BinaryExpression: ["left", "right"],
  BlockStatement: ["body"],
  BreakStatement: ["label"],
  CallExpression: ["callee", "arguments"],
  CatchClause: ["param", "body"],
  ChainExpression: ["expression"],
  ClassBody: ["body"],
  ClassDeclaration: ["id", "superClass", "body"],
  ClassExpression: ["id", "superClass", "body"],
  ConditionalExpression: ["test", "consequent", "alternate"],
  ContinueStatement: ["label"],
  DebuggerStatement: [],
  DoWhileStatement: ["body", "test"],
  EmptyStatement: [],
  ExportAllDeclaration: ["exported", "source", "attributes"],
  ExportDefaultDeclaration: ["declaration"],
  ExportNamedDeclaration: ["declaration", "specifiers", "source", "attributes"],
  ExportSpecifier: ["local", "exported"],
  ExpressionStatement: ["expression"],
  ForInStatement: ["left", "right", "body"],
  ForOfStatement: ["left", "right", "body"],
  ForStatement: ["init", "test", "update", "body"],
  FunctionDeclaration: ["id", "params", "body"],
  FunctionExpression: ["id", "params", "body"],
  Identifier: [],
  IfStatement: ["test", "consequent", "alternate"],
  ImportAttribute: ["key", "value"],
  ImportDeclaration: ["specifiers", "source", "attributes"],
  ImportDefaultSpecifier: ["local"],
  ImportExpression: ["source", "options"],
  ImportNamespaceSpecifier: ["local"],
  ImportSpecifier: ["imported", "local"],
  LabeledStatement: ["label", "body"],
  Literal: [],
  LogicalExpression: ["left", "right"],
  MemberExpression: ["object", "property"],
  MetaProperty: ["meta", "property"],
  MethodDefinition: ["key", "value"],
  NewExpression: ["callee", "arguments"],
  ObjectExpression: ["properties"],
  ObjectPattern: ["properties"],
  ParenthesizedExpression: ["expression"],
  PrivateIdentifier: [],
  Program: ["body"],
  Property: ["key", "value"],
  PropertyDefinition: ["key", "value"],
  RestElement: ["argument"],
  ReturnStatement: ["argument"],
  SequenceExpression: ["expressions"],
  SpreadElement: ["argument"],
  StaticBlock: ["body"],
  Super: [],
  SwitchCase: ["test", "consequent"],
  SwitchStatement: ["discriminant", "cases"],
  TaggedTemplateExpression: ["tag", "quasi"],
  TemplateElement: [],
  TemplateLiteral: ["expressions"],
  ThisExpression: [],
  ThrowStatement: ["argument"],
  TryStatement: ["block", "handler", "finalizer"],
  UnaryExpression: ["argument"],
  UpdateExpression: ["argument"],
  VariableDeclaration: ["declarations"],
  VariableDeclarator: ["id", "init"],
  WhileStatement: ["test", "body"],
  WithStatement: ["object", "body"],
  YieldExpression: ["argument"],
};

type ChildField = Node | readonly (Node | null)[] | null | undefined;

/** Calls `visit` with each node directly below `node`. */
export function forEachChild(node: Node, visit: (child: Node) => void): void {
  const fields = node as unknown as Readonly<Record<string, ChildField>>;
  for (const name of childFields[node.type]) {
    const value = fields[name];
    if (value === null || value === undefined) continue;
    if ("type" in value) visit(value);
    else for (const item of value) if (item !== null) visit(item);
  }
}

export function isFunction(node: Node): node is FunctionNode {
  return node.type === "FunctionDeclaration" || node.type === "FunctionExpression" ||
    node.type === "ArrowFunctionExpression";
}

export type LoopNode = Extract<Node, { type: `${"For" | "ForIn" | "ForOf" | "While" | "DoWhile"}Statement` }>;

export function isLoop(node: Node): node is LoopNode {
  return node.type === "ForStatement" || node.type === "WhileStatement" || node.type === "DoWhileStatement" ||
    node.type === "ForInStatement" || node.type === "ForOfStatement";
}
