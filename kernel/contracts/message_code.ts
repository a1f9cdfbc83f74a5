/**
 * Code for the messages of contracts: reading a body, checking its plain values, building what is received.
 *
 * Each kind of message has functions of its own, made from its declaration: a function that serves all of them
 * looks each property up by a name that it does not know, which took a third of the time of a message.
 * - Names come from programs. They stand in the code as JSON texts and nowhere else.
 * - `read` reads each property of a body once, in the order of the fields, whatever getters it has.
 */

import type { CompiledField } from "./fields.ts";

/** Characters of a text in a message. */
export const textMax = 65_536;

export interface MessageCode {
  /** The values of a body, in the order of the fields. */
  read(body: object): unknown[];
  /** True when all values are right as they are; false when one is wrong, or is to be taken from its sender. */
  isPlain(values: readonly unknown[]): boolean;
  /** The record of a message that its receiver gets. */
  record(values: readonly unknown[]): Record<string, unknown>;
}

// From before SES puts another constructor in its place: this code is the kernel's own.
const makeFunction = Function as (...texts: string[]) => unknown;

/** Code by the text of its declaration, the oldest given up first: contracts are compiled again and again. */
const kept = new Map<string, MessageCode>();
const keptMax = 4096;

/** The same functions for the same tag and fields. */
export function messageCode(tag: string, fields: readonly CompiledField[]): MessageCode {
  const texts = codeTexts(tag, fields);
  const key = texts.join("\n");
  const known = kept.get(key);
  if (known !== undefined) return known;
  const [read, isPlain, record] = texts;
  const code = {
    read: makeFunction("body", read) as MessageCode["read"],
    isPlain: makeFunction("values", isPlain) as MessageCode["isPlain"],
    record: makeFunction("values", record) as MessageCode["record"],
  };
  kept.set(key, code);
  if (kept.size > keptMax) kept.delete(kept.keys().next().value!);
  return code;
}

function codeTexts(
  tag: string,
  fields: readonly CompiledField[],
): readonly [read: string, isPlain: string, record: string] {
  const reads = fields.map(({ name }) => `body[${JSON.stringify(name)}]`);
  const checks = fields.map((field, index) => plainText(field, `values[${index}]`));
  const properties = fields.map(({ name }, index) => `, ${keyText(name)}: values[${index}]`);
  return [
    `"use strict"; return [${reads.join()}];`,
    `"use strict"; return ${checks.join(" && ") || "true"};`,
    `"use strict"; return { tag: ${JSON.stringify(tag)}${properties.join("")} };`,
  ];
}

/** In a literal, the one name that would mean something else is given as an expression. */
function keyText(name: string): string {
  const text = JSON.stringify(name);
  return name === "__proto__" ? `[${text}]` : text;
}

/** The condition under which a value goes as it is. */
function plainText(field: CompiledField, value: string): string {
  switch (field.kind) {
    case "bool":
      return `typeof ${value} === "boolean"`;
    case "string":
      // UTF-8 has no lone surrogates, so a text that has one does not go as it is.
      return `typeof ${value} === "string" && ${value}.length <= ${textMax} && ${value}.isWellFormed()`;
    case "enum":
      return `(${field.words.map((word) => `${value} === ${JSON.stringify(word)}`).join(" || ")})`;
    case "bytes":
    case "endpoint":
      return "false";
    case "f64": {
      const isAny = field.min === -Infinity && field.max === Infinity;
      return `typeof ${value} === "number"${isAny ? "" : ` && ${rangeText(field, value)}`}`;
    }
    default:
      return `typeof ${value} === "number" && ${value} % 1 === 0 && ${rangeText(field, value)}`;
  }
}

function rangeText({ min, max }: { readonly min: number; readonly max: number }, value: string): string {
  return `${value} >= ${min} && ${value} <= ${max}`;
}
