/**
 * Where `+` may put strings together.
 *
 * A string that is put together costs nothing until it is read, whatever its length; then the host copies
 * all of it. So a program could double one thirty times, or have a long one copied at each turn, and what
 * may give a string needs a look at its length.
 * - What is surely a number is found by the form of the expression and by what the program ever stores in
 *   a variable: arithmetic in loops goes without a look.
 */

import type { Binding, Bindings, Scopes } from "./scope.ts";
import type { Node } from "./syntax.ts";

export class StringInference {
  readonly #bindings: Bindings;
  /** Variables that never hold anything but numbers. */
  readonly #numbers: Set<Binding>;

  constructor(scopes: Scopes) {
    this.#bindings = scopes.bindings;
    this.#numbers = new Set(scopes.declared);
    // All of them, until one is found that may hold something else, and with it those that depend on it.
    for (let before = 0; before !== this.#numbers.size;) {
      before = this.#numbers.size;
      for (const binding of this.#numbers) {
        const holdsNumbers = binding.values.every((value) => value !== undefined && this.#isNumber(value));
        if (!holdsNumbers) this.#numbers.delete(binding);
      }
    }
  }

  /** Whether a node is a `+`, a `+=` or a template that may give a new string. */
  mayJoin(node: Node): boolean {
    if (node.type === "TemplateLiteral") return node.expressions.length > 0;
    if (node.type === "BinaryExpression") return node.operator === "+" && !this.#isNumber(node);
    return node.type === "AssignmentExpression" && node.operator === "+=" && !this.#isNumber(node);
  }

  #isNumber(node: Node): boolean {
    switch (node.type) {
      case "Literal":
        return typeof node.value === "number";
      case "BinaryExpression":
        return node.operator !== "+" || (this.#isNumber(node.left) && this.#isNumber(node.right));
      case "Identifier": {
        const binding = this.#bindings.get(node);
        return binding !== undefined && this.#numbers.has(binding);
      }
      case "UnaryExpression":
        return node.operator !== "typeof";
      case "UpdateExpression":
        return true;
      case "AssignmentExpression":
        if (node.operator === "=") return this.#isNumber(node.right);
        if (node.operator === "+=") return this.#isNumber(node.left) && this.#isNumber(node.right);
        return !node.operator.startsWith("&&") && !node.operator.startsWith("||") &&
          !node.operator.startsWith("??");
      case "ConditionalExpression":
        return this.#isNumber(node.consequent) && this.#isNumber(node.alternate);
      case "CallExpression":
        return node.callee.type === "MemberExpression" && node.callee.object.type === "Identifier" &&
          node.callee.object.name === "Math" && !this.#bindings.has(node.callee.object);
      default:
        return false;
    }
  }
}
