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

/** A text with the start of each of its lines, which are looked for when a place is first asked for. */
export class SourceText {
  readonly text: string;
  #lineStarts: readonly number[] | undefined;

  constructor(text: string) {
    this.text = text;
  }

  /** Line and column of an offset, both from 1. */
  position(offset: number): { readonly line: number; readonly column: number } {
    const starts = this.#lineStarts ??= lineStarts(this.text);
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
  }
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
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

type Children = readonly Node[];

const none: Children = [];
const leaf = (): Children => none;
const isNode = (node: Node | null | undefined): node is Node => node !== null && node !== undefined;
/** Those that are there: holes of arrays and patterns are no nodes. */
function some(...nodes: (Node | null | undefined)[]): Children {
  for (let at = 0; at < nodes.length; at++) if (!nodes[at]) return nodes.filter(isNode);
  return nodes as Children;
}

/** The nodes directly below one of each type, in the order of the text. */
const listChildren: { readonly [T in Node["type"]]: (node: Extract<Node, { type: T }>) => Children } = {
  ArrayExpression: (node) => some(...node.elements),
  ArrayPattern: (node) => some(...node.elements),
  ArrowFunctionExpression: (node) => [...node.params, node.body],
  AssignmentExpression: (node) => [node.left, node.right],
  AssignmentPattern: (node) => [node.left, node.right],
  AwaitExpression: (node) => [node.argument],
  BinaryExpression: (node) => [node.left, node.right],
  BlockStatement: (node) => node.body,
  BreakStatement: (node) => some(node.label),
  CallExpression: (node) => [node.callee, ...node.arguments],
  CatchClause: (node) => some(node.param, node.body),
  ChainExpression: (node) => [node.expression],
  ClassBody: (node) => node.body,
  ClassDeclaration: (node) => some(node.id, node.superClass, node.body),
  ClassExpression: (node) => some(node.id, node.superClass, node.body),
  ConditionalExpression: (node) => [node.test, node.consequent, node.alternate],
  ContinueStatement: (node) => some(node.label),
  DebuggerStatement: leaf,
  DoWhileStatement: (node) => [node.body, node.test],
  EmptyStatement: leaf,
  ExportAllDeclaration: (node) => some(node.exported, node.source),
  ExportDefaultDeclaration: (node) => [node.declaration],
  ExportNamedDeclaration: (node) => some(node.declaration, ...node.specifiers, node.source),
  ExportSpecifier: (node) => [node.local, node.exported],
  ExpressionStatement: (node) => [node.expression],
  ForInStatement: (node) => [node.left, node.right, node.body],
  ForOfStatement: (node) => [node.left, node.right, node.body],
  ForStatement: (node) => some(node.init, node.test, node.update, node.body),
  FunctionDeclaration: (node) => some(node.id, ...node.params, node.body),
  FunctionExpression: (node) => some(node.id, ...node.params, node.body),
  Identifier: leaf,
  IfStatement: (node) => some(node.test, node.consequent, node.alternate),
  ImportAttribute: (node) => some(node.key, node.value),
  ImportDeclaration: (node) => [...node.specifiers, node.source],
  ImportDefaultSpecifier: (node) => [node.local],
  ImportExpression: (node) => some(node.source, node.options),
  ImportNamespaceSpecifier: (node) => [node.local],
  ImportSpecifier: (node) => [node.imported, node.local],
  LabeledStatement: (node) => [node.label, node.body],
  Literal: leaf,
  LogicalExpression: (node) => [node.left, node.right],
  MemberExpression: (node) => [node.object, node.property],
  MetaProperty: (node) => [node.meta, node.property],
  MethodDefinition: (node) => [node.key, node.value],
  NewExpression: (node) => [node.callee, ...node.arguments],
  ObjectExpression: (node) => node.properties,
  ObjectPattern: (node) => node.properties,
  ParenthesizedExpression: (node) => [node.expression],
  PrivateIdentifier: leaf,
  Program: (node) => node.body,
  Property: (node) => [node.key, node.value],
  PropertyDefinition: (node) => some(node.key, node.value),
  RestElement: (node) => [node.argument],
  ReturnStatement: (node) => some(node.argument),
  SequenceExpression: (node) => node.expressions,
  SpreadElement: (node) => [node.argument],
  StaticBlock: (node) => node.body,
  Super: leaf,
  SwitchCase: (node) => some(node.test, ...node.consequent),
  SwitchStatement: (node) => [node.discriminant, ...node.cases],
  TaggedTemplateExpression: (node) => [node.tag, node.quasi],
  TemplateElement: leaf,
  TemplateLiteral: (node) => node.expressions,
  ThisExpression: leaf,
  ThrowStatement: (node) => [node.argument],
  TryStatement: (node) => some(node.block, node.handler, node.finalizer),
  UnaryExpression: (node) => [node.argument],
  UpdateExpression: (node) => [node.argument],
  VariableDeclaration: (node) => node.declarations,
  VariableDeclarator: (node) => some(node.id, node.init),
  WhileStatement: (node) => [node.test, node.body],
  WithStatement: (node) => [node.object, node.body],
  YieldExpression: (node) => some(node.argument),
};

/** Where a node keeps its children once they are known. */
interface KnownChildren {
  children?: Children;
}

/**
 * The nodes directly below `node`, in the order of the text: looked for once, as every pass asks for them.
 *
 * What goes over all of a program counts with an index: until the host has compiled it, `for … of` makes an object
 * for each element, and the first program of a host is compiled before that.
 */
export function childrenOf(node: Node): Children {
  const list = listChildren[node.type] as (node: Node) => Children;
  if (list === leaf) return none;
  return (node as KnownChildren).children ??= list(node);
}

/** Whether a node is one of those that are half of a program: nothing is below it, and it gives or names a value. */
export function isLeaf({ type }: Node): boolean {
  return type === "Identifier" || type === "Literal" || type === "ThisExpression" ||
    type === "PrivateIdentifier";
}

/** To be called when a field of a node has changed. */
export function forgetChildren(node: Node): void {
  delete (node as KnownChildren).children;
}

/** Calls `visit` with each node directly below `node`. */
export function forEachChild(node: Node, visit: (child: Node) => void): void {
  const children = childrenOf(node);
  for (let at = 0; at < children.length; at++) visit(children[at] as Node);
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
