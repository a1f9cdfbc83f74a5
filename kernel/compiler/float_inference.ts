/**
 * Which numbers of a program are floating point.
 *
 * JavaScript has one number type, the emulated CPUs have two, and on one of them the difference is a
 * factor of seventy. Fractions, quotients and `Math.sqrt` and its like are floating point, and so are
 * variables, properties and elements that are ever given one; all else is integer arithmetic.
 * - A quotient that is made whole at once (`a / b | 0`, `Math.floor(a / b)`) is an integer division.
 * - Properties are told apart by name alone, over the whole program; so are the elements of arrays in them.
 */

import type { CallExpression } from "acorn";
import type { Binding, Bindings, Scopes } from "./scope.ts";
import type { Node } from "./syntax.ts";

/** Operators whose result is always a 32-bit integer. */
export const wholeOperators: ReadonlySet<string> = new Set(["|", "&", "^", "<<", ">>", ">>>"]);
const mixedOperators: ReadonlySet<string> = new Set(["+", "-", "*", "%", "**"]);

/** Members of Math whose result is whole, and those that give back one of their arguments. */
export const wholeMath: ReadonlySet<string> = new Set([
  "ceil",
  "clz32",
  "floor",
  "imul",
  "round",
  "sign",
  "trunc",
]);
export const passingMath: ReadonlySet<string> = new Set(["abs", "max", "min"]);

export class FloatInference {
  readonly #bindings: Bindings;
  readonly #elementsOfBindings = new Map<Binding, Node[]>();
  /** What is stored in properties, by name, and in elements of properties. */
  readonly #properties = new Map<string, Node[]>();
  readonly #elementsOfProperties = new Map<string, Node[]>();
  readonly #found = new Map<Binding | Node[], boolean>();
  readonly #wholeDivisions = new Set<Node>();

  constructor(scopes: Scopes, nodes: readonly Node[]) {
    this.#bindings = scopes.bindings;
    nodes.forEach((node) => this.#collect(node));
  }

  /** The name after `Math.` that a call calls, when it is the language's Math. */
  mathMember(call: CallExpression): string | undefined {
    const { callee } = call;
    if (callee.type !== "MemberExpression" || callee.computed || callee.property.type !== "Identifier") {
      return;
    }
    if (callee.object.type !== "Identifier" || callee.object.name !== "Math") return;
    return this.#bindings.has(callee.object) ? undefined : callee.property.name;
  }

  /** Marks a quotient whose fraction is dropped at once; false when it is none. */
  makeWhole(node: Node): boolean {
    if (node.type !== "BinaryExpression" || node.operator !== "/") return false;
    if (this.isFloat(node.left) || this.isFloat(node.right)) return false;
    this.#wholeDivisions.add(node);
    return true;
  }

  isWholeDivision(node: Node): boolean {
    return this.#wholeDivisions.has(node);
  }

  isFloat(node: Node): boolean {
    switch (node.type) {
      case "Literal":
        return typeof node.value === "number" && !Number.isInteger(node.value);
      case "Identifier": {
        const binding = this.#bindings.get(node);
        return binding !== undefined && this.#anyIsFloat(binding, binding.values);
      }
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
      case "MemberExpression": {
        const values = this.#valuesOf(node);
        return values !== undefined && this.#anyIsFloat(values, values);
      }
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
    if (callee.type === "Identifier") return callee.name === "parseFloat" && !this.#bindings.has(callee);
    return callee.type === "MemberExpression" && callee.property.type === "Identifier" && !callee.computed &&
      (callee.property.name === "getFloat64" || callee.property.name === "getFloat32");
  }

  #anyIsFloat(store: Binding | Node[], values: readonly (Node | undefined)[]): boolean {
    const known = this.#found.get(store);
    if (known !== undefined) return known;
    // What is being looked at holds no float as far as it depends on itself.
    this.#found.set(store, false);
    const found = values.some((value) => value !== undefined && this.isFloat(value));
    this.#found.set(store, found);
    return found;
  }

  /** What the program ever stores where a member expression reads. */
  #valuesOf(node: Extract<Node, { type: "MemberExpression" }>): Node[] | undefined {
    if (!node.computed) return this.#properties.get(nameOf(node.property));
    if (node.object.type === "Identifier") {
      const binding = this.#bindings.get(node.object);
      return binding === undefined ? undefined : this.#elementsOfBindings.get(binding);
    }
    if (node.object.type !== "MemberExpression" || node.object.computed) return undefined;
    return this.#elementsOfProperties.get(nameOf(node.object.property));
  }

  #collect(node: Node): void {
    if (node.type === "AssignmentExpression" && node.left.type === "MemberExpression") {
      this.#store(node.left, node.operator === "=" ? node.right : node);
    } else if (node.type === "PropertyDefinition" && !node.computed && node.value) {
      listIn(this.#properties, nameOf(node.key)).push(node.value);
    } else if (node.type === "Property" && !node.computed && node.value.type !== "AssignmentPattern") {
      listIn(this.#properties, nameOf(node.key)).push(node.value);
    }
  }

  #store(target: Extract<Node, { type: "MemberExpression" }>, value: Node): void {
    if (!target.computed) listIn(this.#properties, nameOf(target.property)).push(value);
    else if (target.object.type === "Identifier") {
      const binding = this.#bindings.get(target.object);
      if (binding !== undefined) listIn(this.#elementsOfBindings, binding).push(value);
    } else if (target.object.type === "MemberExpression" && !target.object.computed) {
      listIn(this.#elementsOfProperties, nameOf(target.object.property)).push(value);
    }
  }
}

function nameOf(node: Node): string {
  if (node.type === "Identifier") return node.name;
  return node.type === "PrivateIdentifier" ? `#${node.name}` : "";
}

function listIn<K>(map: Map<K, Node[]>, key: K): Node[] {
  const known = map.get(key);
  if (known !== undefined) return known;
  const list: Node[] = [];
  map.set(key, list);
  return list;
}
