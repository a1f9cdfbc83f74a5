/**
 * What phase two knows about a program's functions before it rewrites them.
 *
 * - A *small* function is charged where it is called: it has no loops, calls, allocation or other ways
 *   out, and is only ever called by its name. Its own body then holds no accounting at all.
 * - A *bounded* function cannot be part of a recursion, so its depth need not be counted: it calls only
 *   bounded functions and methods of the library that call nothing back.
 * - The weight of a function is what a call of it takes from the stack, in words, estimated from above.
 */

import type { CallExpression } from "acorn";
import type { Prices } from "./prices.ts";
import type { Binding, Bindings, Scopes } from "./scope.ts";
import { childrenOf, type FunctionNode, isFunction, isLeaf, type Node } from "./syntax.ts";

/** A call of a small function is charged as if it were part of the caller; larger ones count for themselves. */
const smallNodesMax = 80;
/** Words of a frame beside its variables: linkage, receiver, spilled values; 10 to 13 were measured. */
const frameWords = 24;
/** Words that the library puts between a caller and the function it hands over: 49 for `sort`, and its wrapper. */
const callbackWords = 70;
/** Words between a generator and the one it waits for. */
const delegationWords = 30;
/** Words that JSON takes for each object, measured at 750. */
const jsonWords = 800;

/** Methods of the library that never call back into a program, whatever they are given. */
const leafMethods = new Set([
  ...["add", "at", "charAt", "charCodeAt", "clear", "codePointAt", "endsWith", "getFloat32", "getFloat64"],
  ...["getInt16", "getInt32", "getInt8", "getUint16", "getUint32", "getUint8", "has", "get", "imul"],
  ...[
    "isArray",
    "fromCharCode",
    "pop",
    "push",
    "set",
    "setFloat32",
    "setFloat64",
    "setInt16",
    "setInt32",
    "setInt8",
  ],
  ...["setUint16", "setUint32", "setUint8", "slice", "startsWith", "subarray", "substring", "toLowerCase"],
  ...["toUpperCase", "trim"],
]);

/** Methods that the language calls by itself. */
const implicitMethods = new Set(["next", "return", "throw", "toJSON", "toString", "valueOf"]);

/** Types of nodes that tell something of the function around them, or are one. */
const telling: ReadonlySet<string> = new Set([
  ...["FunctionDeclaration", "FunctionExpression", "ArrowFunctionExpression", "VariableDeclarator"],
  ...["CatchClause", "ForOfStatement", "TryStatement", "CallExpression", "NewExpression"],
  ...["MethodDefinition", "Property", "PropertyDefinition", "AssignmentExpression"],
]);

/** What a function's frame holds beside what every frame does. */
interface FrameWords {
  variables: number;
  /** What its calls need beside their own frames, the most of them. */
  call: number;
}

export class FunctionFacts {
  readonly #prices: Prices;
  readonly #bindings: Bindings;
  readonly #smallPrices = new Map<FunctionNode, number | undefined>();
  readonly #bounded = new Map<FunctionNode, boolean>();
  readonly #implicit = new Set<Node>();
  readonly #methods = new Set<Node>();
  readonly #methodNames = new Set<string>();
  readonly #bindingOf = new Map<FunctionNode, Binding>();
  readonly #words = new Map<FunctionNode, FrameWords>();

  /** `nodes` are all of a program but leaves, parents before children, in the order of the text. */
  constructor(nodes: readonly Node[], scopes: Scopes, prices: Prices) {
    this.#prices = prices;
    this.#bindings = scopes.bindings;
    for (const binding of scopes.declared) {
      if (binding.functionNode !== undefined && isFixed(binding)) {
        this.#bindingOf.set(binding.functionNode, binding);
      }
    }
    const open: FunctionNode[] = [];
    nodes.forEach((node) => {
      if (!telling.has(node.type)) return;
      while ((open.at(-1)?.end ?? Infinity) <= node.start) open.pop();
      const around = open.at(-1);
      if (around !== undefined && node.start >= around.body.start) this.#collectWords(node, around);
      if (isFunction(node)) open.push(node);
      this.#collectMethods(node);
    });
  }

  /** The function that a call reaches for certain. */
  callee(call: CallExpression): FunctionNode | undefined {
    if (call.callee.type !== "Identifier" || call.optional) return undefined;
    const binding = this.#bindings.get(call.callee);
    return binding !== undefined && isFixed(binding) ? binding.functionNode : undefined;
  }

  /** Cycles of a small function's body; undefined for a function that counts for itself. */
  smallPrice(node: FunctionNode): number | undefined {
    if (this.#smallPrices.has(node)) return this.#smallPrices.get(node);
    this.#smallPrices.set(node, undefined);
    const price = this.#findSmallPrice(node);
    this.#smallPrices.set(node, price);
    return price;
  }

  isBounded(node: FunctionNode): boolean {
    const known = this.#bounded.get(node);
    if (known !== undefined) return known;
    this.#bounded.set(node, false);
    const found = !node.generator && !this.#implicit.has(node) &&
      [...node.params, node.body].every((part) => this.#isBoundedCode(part));
    this.#bounded.set(node, found);
    return found;
  }

  weight(node: FunctionNode): number {
    const binding = this.#bindingOf.get(node);
    const isCallback = !binding?.isOnlyCalled && !this.#methods.has(node);
    const { variables, call } = this.#words.get(node) ?? { variables: 0, call: 0 };
    return frameWords + node.params.length + variables + call +
      (isCallback || this.#implicit.has(node) ? callbackWords : 0) + (node.generator ? delegationWords : 0);
  }

  /** Adds what a node of a function's body takes from the stack. */
  #collectWords(node: Node, around: FunctionNode): void {
    let variables = 0;
    let call = 0;
    if (node.type === "VariableDeclarator" || node.type === "CatchClause") variables = 2;
    else if (node.type === "ForOfStatement" || node.type === "TryStatement") variables = 8;
    else if (node.type === "CallExpression" || node.type === "NewExpression") {
      const isJson = node.callee.type === "MemberExpression" && node.callee.object.type === "Identifier" &&
        node.callee.object.name === "JSON";
      call = node.arguments.length + (isJson ? jsonWords : 0);
    } else return;
    const known = this.#words.get(around);
    if (known === undefined) this.#words.set(around, { variables, call });
    else {
      known.variables += variables;
      known.call = Math.max(known.call, call);
    }
  }

  #findSmallPrice(node: FunctionNode): number | undefined {
    const binding = this.#bindingOf.get(node);
    if (binding === undefined || node.generator) return undefined;
    if (!binding.isOnlyCalled) return undefined;
    if (node.params.some((parameter) => parameter.type !== "Identifier")) return undefined;
    const budget = { nodes: smallNodesMax };
    return this.#smallCode(node.body, budget);
  }

  /** Cycles of code that may be part of a small function, or undefined. */
  #smallCode(node: Node, budget: { nodes: number }): number | undefined {
    budget.nodes--;
    if (budget.nodes < 0) return undefined;
    if (node.type === "IfStatement" || node.type === "ConditionalExpression") {
      const test = this.#smallCode(node.test, budget);
      const first = this.#smallCode(node.consequent, budget);
      const second = node.alternate ? this.#smallCode(node.alternate, budget) : 0;
      if (test === undefined || first === undefined || second === undefined) return undefined;
      return this.#prices.of("branch") + test + Math.max(first, second);
    }
    if (!smallNodes.has(node.type)) return undefined;
    let total = this.#prices.node(node);
    if (node.type === "CallExpression" && !this.#prices.isShortCall(node)) {
      const callee = this.callee(node);
      const inner = callee === undefined ? undefined : this.smallPrice(callee);
      if (inner === undefined) return undefined;
      total += inner;
    }
    const children = childrenOf(node);
    for (let at = 0; at < children.length; at++) {
      const inner = this.#smallCode(children[at] as Node, budget);
      if (inner === undefined) return undefined;
      total += inner;
    }
    return total;
  }

  #isBoundedCode(node: Node): boolean {
    if (isLeaf(node)) return true;
    if (isFunction(node) || node.type === "ClassDeclaration" || node.type === "ClassExpression") {
      // Making a function runs none of it; making a class may.
      return isFunction(node);
    }
    if (node.type === "CallExpression" && !this.#isBoundedCall(node)) return false;
    if (unboundedNodes.has(node.type)) return false;
    const children = childrenOf(node);
    for (let at = 0; at < children.length; at++) if (!this.#isBoundedCode(children[at] as Node)) return false;
    return true;
  }

  #isBoundedCall(node: CallExpression): boolean {
    if (this.#prices.mathMember(node) !== undefined) return true;
    const callee = this.callee(node);
    if (callee !== undefined) return this.isBounded(callee);
    const method = node.callee;
    if (method.type !== "MemberExpression" || method.computed || method.property.type !== "Identifier") {
      return false;
    }
    return leafMethods.has(method.property.name) && !this.#methodNames.has(method.property.name);
  }

  /** Finds names under which the program itself keeps functions, and functions that the language calls. */
  #collectMethods(node: Node): void {
    if (node.type === "MethodDefinition" || node.type === "Property" || node.type === "PropertyDefinition") {
      const name = node.key.type === "Identifier" && !node.computed ? node.key.name : undefined;
      if (name !== undefined) this.#methodNames.add(name);
      if (node.value) this.#methods.add(node.value);
      const isAccessor = node.type !== "PropertyDefinition" && (node.kind === "get" || node.kind === "set");
      if (node.value && (name === undefined || isAccessor || implicitMethods.has(name))) {
        this.#implicit.add(node.value);
      }
    } else if (node.type === "AssignmentExpression" && node.left.type === "MemberExpression") {
      const { property } = node.left;
      if (property.type === "Identifier" && !node.left.computed) this.#methodNames.add(property.name);
      this.#implicit.add(node.right);
    }
  }
}

/** Nodes that a small function may consist of; none of them allocates, loops or calls. */
const smallNodes: ReadonlySet<string> = new Set([
  ...[
    "AssignmentExpression",
    "BinaryExpression",
    "BlockStatement",
    "CallExpression",
    "ConditionalExpression",
  ],
  ...["EmptyStatement", "ExpressionStatement", "Identifier", "IfStatement", "Literal", "LogicalExpression"],
  ...[
    "MemberExpression",
    "ParenthesizedExpression",
    "ReturnStatement",
    "SequenceExpression",
    "ThisExpression",
  ],
  ...["UnaryExpression", "UpdateExpression", "VariableDeclaration", "VariableDeclarator"],
]);

/** Nodes that may call functions of the program without naming them. */
const unboundedNodes: ReadonlySet<string> = new Set([
  ...[
    "ArrayPattern",
    "ForOfStatement",
    "NewExpression",
    "SpreadElement",
    "Super",
    "TaggedTemplateExpression",
  ],
  // What was caught may have left the depth of calls too large.
  ...["TemplateLiteral", "TryStatement", "YieldExpression"],
]);

function isFixed(binding: Binding): boolean {
  return binding.functionNode !== undefined && !binding.isWritten;
}
