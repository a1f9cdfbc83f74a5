/**
 * How many bytes a node of the syntax tree allocates, as far as the program's text tells.
 *
 * The figures are what objects take in the host, 64-bit words without compression: what an emulated
 * runtime of the time would have taken differs, but the quota stands for the host's memory too.
 * - What takes memory by size is counted where it happens, not here.
 */

import type { CallExpression } from "acorn";
import type { Node } from "./syntax.ts";

/** Header of an object: map, properties, elements. */
const objectBytes = 24;
/** An array: its object with a length, and the header of its elements. */
const arrayBytes = 48;
const wordBytes = 8;
/** A function, with its share of the variables around it. */
const closureBytes = 96;
/** A class: two functions' worth, with a prototype. */
const classBytes = 256;
/** An object that a constructor makes, with four properties (fitted: the average of this tree's classes). */
const instanceBytes = 56;
/** A part of a string that was put together. */
const ropeBytes = 32;

/** Methods by which arrays, maps and sets grow, with the bytes of what one call adds. */
const growing: ReadonlyMap<string, number> = new Map([["push", 16], ["unshift", 16], ["set", 40], [
  "add",
  32,
]]);

/** Bytes that running a node allocates, its children not counted. */
export function allocationBytes(node: Node): number {
  switch (node.type) {
    case "ObjectExpression":
      return objectBytes + node.properties.length * wordBytes;
    case "ArrayExpression":
      return arrayBytes + node.elements.length * wordBytes;
    case "TemplateLiteral":
      return node.expressions.length * ropeBytes;
    case "TaggedTemplateExpression":
      return arrayBytes + node.quasi.expressions.length * wordBytes;
    case "FunctionExpression":
    case "FunctionDeclaration":
    case "ArrowFunctionExpression":
      return closureBytes;
    case "ClassExpression":
    case "ClassDeclaration":
      return classBytes;
    case "NewExpression":
      return instanceBytes;
    case "CallExpression":
      return callBytes(node);
    default:
      return 0;
  }
}

function callBytes({ callee, arguments: given }: CallExpression): number {
  if (callee.type !== "MemberExpression" || callee.computed || callee.property.type !== "Identifier") {
    return 0;
  }
  return (growing.get(callee.property.name) ?? 0) * Math.max(1, given.length);
}
