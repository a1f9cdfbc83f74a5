/**
 * What one node of the syntax tree costs, its children not counted.
 *
 * JavaScript has one number type, the emulated CPUs have two: whether an operation is floating point is
 * inferred. Fractions, quotients, `Math.sqrt` and its like, elements of float arrays, and variables that
 * ever hold one of these are floating point; a quotient that is made whole at once (`a / b | 0`,
 * `Math.floor(a / b)`) is an integer division. All else is integer arithmetic.
 * - Reading a variable costs nothing: it is in a register.
 */

import type { AssignmentExpression, BinaryExpression, CallExpression } from "acorn";
import { floatArrays } from "./allowed_names.ts";
import type { OperationClass, OperationCosts } from "./costs.ts";
import type { Binding, Scopes } from "./scope.ts";
import type { Node } from "./syntax.ts";

const wholeOperators = new Set(["|", "&", "^", "<<", ">>", ">>>"]);
const mixedOperators = new Set(["+", "-", "*", "%", "**"]);

/** Members of Math that are one or two instructions, with the class of the instruction. */
const shortMath: ReadonlyMap<string, OperationClass> = new Map([
  ...["abs", "clz32", "max", "min", "sign"].map((name) => [name, "integer"] as const),
  ["imul", "multiply"],
  ...["ceil", "floor", "fround", "round", "trunc"].map((name) => [name, "floatingPoint"] as const),
  ["sqrt", "floatingDivide"],
]);
const wholeMath = new Set(["ceil", "clz32", "floor", "imul", "round", "sign", "trunc"]);
const passingMath = new Set(["abs", "max", "min"]);

export class Prices {
  readonly #costs: OperationCosts;
  readonly #bindings: ReadonlyMap<Node, Binding>;
  readonly #floatBindings = new Map<Binding, boolean>();
  readonly #wholeDivisions = new Set<Node>();

  constructor(costs: OperationCosts, scopes: Scopes) {
    this.#costs = costs;
    this.#bindings = scopes.bindings;
  }

  of(operation: OperationClass): number {
    return this.#costs[operation];
  }

  /** The name after `Math.` that a call calls, when it is the language's Math. */
  mathMember(call: CallExpression): string | undefined {
    const { callee } = call;
    if (callee.type !== "MemberExpression" || callee.computed || callee.property.type !== "Identifier") return;
    if (callee.object.type !== "Identifier" || callee.object.name !== "Math") return;
    return this.#bindings.has(callee.object) ? undefined : callee.property.name;
  }

  /** Whether a call is one or two instructions rather than a call. */
  isShortCall(call: CallExpression): boolean {
    const member = this.mathMember(call);
    return member !== undefined && shortMath.has(member);
  }

  /** Cycles of a node itself. Parents are to be priced before their children. */
  node(node: Node): number {
    const costs = this.#costs;
    switch (node.type) {
      case "BinaryExpression":
        return this.#binary(node);
      case "UnaryExpression":
        if (node.operator === "typeof") return costs.load;
        if (node.operator === "delete") return costs.call;
        if (node.operator === "void") return 0;
        return this.isFloat(node.argument) ? costs.floatingPoint : costs.integer;
      case "UpdateExpression":
        return (this.isFloat(node.argument) ? costs.floatingPoint : costs.integer) + this.#stored(node.argument, true);
      case "AssignmentExpression":
        return this.#assignment(node);
      case "MemberExpression":
        return this.#isLibrary(node.object) ? 0 : costs.load;
      case "CallExpression":
        return this.#call(node);
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

  #binary(node: BinaryExpression): number {
    const costs = this.#costs;
    const { operator, left, right } = node;
    if (operator === "in" || operator === "instanceof") return costs.call;
    if (wholeOperators.has(operator)) {
      this.#makeWhole(left);
      this.#makeWhole(right);
      return costs.integer;
    }
    if (operator === "/") return this.#wholeDivisions.has(node) ? costs.divide : costs.floatingDivide;
    const isFloat = this.isFloat(left) || this.isFloat(right);
    if (operator === "%" || operator === "**") return isFloat ? costs.floatingDivide : costs.divide;
    if (isFloat) return costs.floatingPoint;
    return operator === "*" ? costs.multiply : costs.integer;
  }

  #assignment(node: AssignmentExpression): number {
    const costs = this.#costs;
    const { operator, left, right } = node;
    if (operator === "=") return this.#stored(left, false);
    if (operator === "&&=" || operator === "||=" || operator === "??=") return costs.branch + this.#stored(left, true);
    const stored = this.#stored(left, true);
    const binary = operator.slice(0, -1);
    if (wholeOperators.has(binary)) {
      this.#makeWhole(right);
      return costs.integer + stored;
    }
    const isFloat = this.isFloat(left) || this.isFloat(right);
    if (binary === "/") return costs.floatingDivide + stored;
    if (binary === "%" || binary === "**") return (isFloat ? costs.floatingDivide : costs.divide) + stored;
    if (isFloat) return costs.floatingPoint + stored;
    return (binary === "*" ? costs.multiply : costs.integer) + stored;
  }

  /** What storing to a target costs; the target's own load, priced as a read elsewhere, is taken off again. */
  #stored(target: Node, isRead: boolean): number {
    if (target.type !== "MemberExpression") return 0;
    return this.#costs.store - (isRead ? 0 : this.#costs.load);
  }

  #call(node: CallExpression): number {
    const costs = this.#costs;
    const member = this.mathMember(node);
    if (member === undefined) return costs.call;
    const short = shortMath.get(member);
    // Sines, logarithms and powers are library routines of about eight operations.
    if (short === undefined) return costs.call + 8 * costs.floatingPoint;
    if (wholeMath.has(member) && short === "floatingPoint") {
      const [argument] = node.arguments;
      if (argument !== undefined && this.#makeWhole(argument)) return costs.integer;
      if (argument !== undefined && !this.isFloat(argument)) return costs.integer;
    }
    if (passingMath.has(member) && node.arguments.some((argument) => this.isFloat(argument))) return costs.floatingPoint;
    return costs[short];
  }

  #isLibrary(node: Node): boolean {
    return node.type === "Identifier" && !this.#bindings.has(node);
  }

  /** Marks a quotient whose fraction is dropped at once. */
  #makeWhole(node: Node): boolean {
    if (node.type === "ParenthesizedExpression") return this.#makeWhole(node.expression);
    if (node.type !== "BinaryExpression" || node.operator !== "/") return false;
    if (this.isFloat(node.left) || this.isFloat(node.right)) return false;
    this.#wholeDivisions.add(node);
    return true;
  }

  isFloat(node: Node): boolean {
    switch (node.type) {
      case "Literal":
        return typeof node.value === "number" && !Number.isInteger(node.value);
      case "Identifier":
        return this.#holdsFloat(this.#bindings.get(node));
      case "BinaryExpression":
        if (node.operator === "/") return !this.#wholeDivisions.has(node);
        return mixedOperators.has(node.operator) && (this.isFloat(node.left) || this.isFloat(node.right));
      case "UnaryExpression":
        return node.operator === "-" && this.isFloat(node.argument);
      case "AssignmentExpression":
        if (node.operator === "=") return this.isFloat(node.right);
        if (node.operator === "/=") return true;
        return mixedOperators.has(node.operator.slice(0, -1)) && this.isFloat(node.right);
      case "ConditionalExpression":
        return this.isFloat(node.consequent) || this.isFloat(node.alternate);
      case "LogicalExpression":
        return this.isFloat(node.left) || this.isFloat(node.right);
      case "SequenceExpression": {
        const last = node.expressions.at(-1);
        return last !== undefined && this.isFloat(last);
      }
      case "MemberExpression":
        return node.computed && this.#isFloatArray(node.object);
      case "CallExpression":
        return this.#givesFloat(node);
      default:
        return false;
    }
  }

  #givesFloat(node: CallExpression): boolean {
    const member = this.mathMember(node);
    if (member !== undefined) {
      if (passingMath.has(member)) return node.arguments.some((argument) => this.isFloat(argument));
      return !wholeMath.has(member);
    }
    const { callee } = node;
    if (callee.type === "Identifier") return callee.name === "parseFloat" && this.#isLibrary(callee);
    return callee.type === "MemberExpression" && callee.property.type === "Identifier" && !callee.computed &&
      (callee.property.name === "getFloat64" || callee.property.name === "getFloat32");
  }

  #holdsFloat(binding: Binding | undefined): boolean {
    if (binding === undefined) return false;
    const known = this.#floatBindings.get(binding);
    if (known !== undefined) return known;
    this.#floatBindings.set(binding, false);
    const found = binding.values.some((value) => value !== undefined && this.isFloat(value));
    this.#floatBindings.set(binding, found);
    return found;
  }

  #isFloatArray(node: Node): boolean {
    if (node.type !== "Identifier") return false;
    const values = this.#bindings.get(node)?.values ?? [];
    return values.some((value) =>
      value?.type === "NewExpression" && value.callee.type === "Identifier" &&
      floatArrays.has(value.callee.name) && this.#isLibrary(value.callee)
    );
  }
}
