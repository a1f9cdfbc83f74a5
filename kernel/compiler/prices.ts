/**
 * What one node of the syntax tree costs, its children not counted.
 *
 * Each node belongs to a class of operations of the ISA's table; which arithmetic is floating point is
 * inferred (float_inference.ts).
 * - Parents are to be priced before their children: a parent may show that a quotient is made whole.
 * - Reading a variable costs nothing: it is in a register. A short function of Math costs what its
 *   instructions do; other calls cost a call, and the callee counts for itself.
 */

import type { AssignmentExpression, BinaryExpression, CallExpression } from "acorn";
import type { OperationClass } from "../hal/hardware.ts";
import { type CompilationTarget, type Price, priceOf } from "./costs.ts";
import { FloatInference, passingMath, wholeMath, wholeOperators } from "./float_inference.ts";
import type { Bindings, Scopes } from "./scope.ts";
import type { Node } from "./syntax.ts";

/** Members of Math that are one or two instructions, with the class of the instruction. */
const shortMath: ReadonlyMap<string, OperationClass> = new Map([
  ...["abs", "clz32", "max", "min", "sign"].map((name) => [name, "integer"] as const),
  ["imul", "multiply"],
  ...["ceil", "floor", "fround", "round", "trunc"].map((name) => [name, "floatingPoint"] as const),
  ["sqrt", "floatingDivide"],
]);

export class Prices {
  readonly #costs: Readonly<Record<OperationClass, Price>>;
  readonly #bindings: Bindings;
  readonly #floats: FloatInference;

  constructor(target: CompilationTarget, scopes: Scopes, nodes: readonly Node[]) {
    this.#costs = pricesOf(target);
    this.#bindings = scopes.bindings;
    this.#floats = new FloatInference(scopes, nodes);
  }

  /** The name after `Math.` that a call calls, when it is the language's Math. */
  mathMember(call: CallExpression): string | undefined {
    return this.#floats.mathMember(call);
  }

  of(operation: OperationClass): Price {
    return this.#costs[operation];
  }

  /** Whether a call is one or two instructions rather than a call. */
  isShortCall(call: CallExpression): boolean {
    const member = this.mathMember(call);
    return member !== undefined && shortMath.has(member);
  }

  /** What a node costs itself. */
  node(node: Node): Price {
    const costs = this.#costs;
    // The most frequent ones first.
    switch (node.type) {
      case "MemberExpression":
        return this.#isLibrary(node.object) ? 0 : costs.load;
      case "CallExpression":
        return this.#call(node);
      case "BinaryExpression":
        return this.#binary(node);
      case "UnaryExpression":
        if (node.operator === "typeof") return costs.load;
        if (node.operator === "delete") return costs.call;
        if (node.operator === "void") return 0;
        return this.#floats.isFloat(node.argument) ? costs.floatingPoint : costs.integer;
      case "UpdateExpression":
        return (this.#floats.isFloat(node.argument) ? costs.floatingPoint : costs.integer) +
          this.#stored(node.argument, true);
      case "AssignmentExpression":
        return this.#assignment(node);
      case "NewExpression":
        return costs.allocation + costs.call;
      case "ArrayExpression":
        return costs.allocation + node.elements.length * costs.store;
      case "ObjectExpression":
        return costs.allocation + node.properties.length * costs.store;
      case "TemplateLiteral":
        return node.expressions.length === 0 ? 0 : costs.allocation + node.expressions.length * costs.call;
      case "TaggedTemplateExpression":
        return costs.call + costs.allocation;
      case "ConditionalExpression":
      case "LogicalExpression":
        return costs.branch;
      case "ChainExpression":
        return costs.branch;
      case "SpreadElement":
        return costs.call;
      case "YieldExpression":
        return costs.kernelCall;
      case "FunctionExpression":
      case "FunctionDeclaration":
      case "ArrowFunctionExpression":
      case "ClassExpression":
      case "ClassDeclaration":
        return costs.allocation;
      default:
        return 0;
    }
  }

  #binary(node: BinaryExpression): Price {
    const costs = this.#costs;
    const { operator, left, right } = node;
    if (operator === "in" || operator === "instanceof") return costs.call;
    if (wholeOperators.has(operator)) {
      this.#floats.makeWhole(left);
      this.#floats.makeWhole(right);
      return costs.integer;
    }
    if (operator === "/") return this.#floats.isWholeDivision(node) ? costs.divide : costs.floatingDivide;
    const isFloat = this.#floats.isFloat(left) || this.#floats.isFloat(right);
    if (operator === "%" || operator === "**") return isFloat ? costs.floatingDivide : costs.divide;
    if (isFloat) return costs.floatingPoint;
    return operator === "*" ? costs.multiply : costs.integer;
  }

  #assignment(node: AssignmentExpression): Price {
    const costs = this.#costs;
    const { operator, left, right } = node;
    if (operator === "=") return this.#stored(left, false);
    if (operator === "&&=" || operator === "||=" || operator === "??=") {
      return costs.branch + this.#stored(left, true);
    }
    const stored = this.#stored(left, true);
    const binary = operator.slice(0, -1);
    if (wholeOperators.has(binary)) {
      this.#floats.makeWhole(right);
      return costs.integer + stored;
    }
    const isFloat = this.#floats.isFloat(left) || this.#floats.isFloat(right);
    if (binary === "/") return costs.floatingDivide + stored;
    if (binary === "%" || binary === "**") return (isFloat ? costs.floatingDivide : costs.divide) + stored;
    if (isFloat) return costs.floatingPoint + stored;
    return (binary === "*" ? costs.multiply : costs.integer) + stored;
  }

  /** What storing to a target costs; the target's own load, priced as a read elsewhere, is taken off again. */
  #stored(target: Node, isRead: boolean): Price {
    if (target.type !== "MemberExpression") return 0;
    return this.#costs.store - (isRead ? 0 : this.#costs.load);
  }

  #call(node: CallExpression): Price {
    const costs = this.#costs;
    const member = this.#floats.mathMember(node);
    if (member === undefined) return costs.call;
    const short = shortMath.get(member);
    // Sines, logarithms and powers are library routines of about eight operations.
    if (short === undefined) return costs.call + 8 * costs.floatingPoint;
    if (wholeMath.has(member) && short === "floatingPoint") {
      const [argument] = node.arguments;
      if (argument !== undefined && this.#floats.makeWhole(argument)) return costs.integer;
      if (argument !== undefined && !this.#floats.isFloat(argument)) return costs.integer;
    }
    if (passingMath.has(member) && node.arguments.some((argument) => this.#floats.isFloat(argument))) {
      return costs.floatingPoint;
    }
    return costs[short];
  }

  #isLibrary(node: Node): boolean {
    return node.type === "Identifier" && !this.#bindings.has(node);
  }
}

function pricesOf({ costs, instructions }: CompilationTarget): Readonly<Record<OperationClass, Price>> {
  const classes = Object.keys(costs) as OperationClass[];
  const prices = classes.map((name) => [name, priceOf(costs[name], instructions?.[name] ?? 0)] as const);
  return Object.fromEntries(prices) as Record<OperationClass, Price>;
}
