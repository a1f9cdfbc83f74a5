/**
 * Finds loops that count: `for (let i = a; i < b; i += s)` whose turns are known ahead, so that no turn
 * has to look at the budget; and those of which only the steps are known.
 *
 * A counter is a `let` of the loop that only its update changes. A bound is a number, a variable that
 * nothing writes meanwhile, or the length of what such a variable holds, where nothing in the loop can
 * change it.
 * - What the variables hold is not known here; the code that uses this checks it when the loop begins.
 * - Only innermost loops that end by their test, `return` or an error: those are where a check shows.
 */

import type { Identifier } from "acorn";
import type { CodeFlagsTable } from "./code_flags.ts";
import type { Scopes } from "./scope.ts";
import { forEachChild, isFunction, type LoopNode, type Node } from "./syntax.ts";

/** A loop whose counter goes from one value to the next by the same step, and ends in whatever way. */
export interface SteppedLoop {
  readonly counter: string;
  readonly step: string;
  /** What the counter begins with. */
  readonly initial: Node;
}

export interface CountedLoop {
  readonly counter: string;
  readonly operator: "<" | "<=";
  /** A number, or the name of a variable: the counter's bound, or what has it as its length. */
  readonly bound: string;
  readonly length: boolean;
  readonly step: string;
  readonly update: string;
  readonly updateNode: Node;
  /** The counter's first value, when it is in the text. */
  readonly first: string | undefined;
  /** Turns, when they are in the text. */
  readonly turns: number | undefined;
}

export class CountedLoops {
  readonly #scopes: Scopes;
  readonly #flags: CodeFlagsTable;
  readonly #found = new Map<LoopNode, CountedLoop | undefined>();

  constructor(scopes: Scopes, flags: CodeFlagsTable) {
    this.#scopes = scopes;
    this.#flags = flags;
  }

  /** What a loop counts, or undefined when it has to look at the budget in each turn. */
  find(node: LoopNode): CountedLoop | undefined {
    if (!this.#found.has(node)) this.#found.set(node, this.#find(node));
    return this.#found.get(node);
  }

  /** The steps of a loop, or undefined when they are not known, or when a jump to a label may leave it. */
  findSteps(node: LoopNode): SteppedLoop | undefined {
    if (node.type !== "ForStatement" || !node.update) return undefined;
    const { update, body, init } = node;
    const counter = update.type === "UpdateExpression"
      ? update.argument
      : update.type === "AssignmentExpression"
      ? update.left
      : undefined;
    if (counter?.type !== "Identifier" || init?.type !== "VariableDeclaration") return undefined;
    const declared = init.declarations.find(({ id }) =>
      id.type === "Identifier" && this.#isSame(id, counter)
    );
    const step = this.#step(update, body, counter);
    if (!declared?.init || init.kind !== "let" || step === undefined) return undefined;
    if (!this.#isLeftAlone(body, counter, steppedRefusals)) return undefined;
    return { counter: counter.name, step, initial: declared.init };
  }

  /** Whether a loop that counts adds a value to its counter that is the same in each turn. */
  isSteady(node: Node, body: Node): boolean {
    return numberText(node) !== undefined || this.#steadyName(node, body) !== undefined;
  }

  #find(node: LoopNode): CountedLoop | undefined {
    if (node.type !== "ForStatement" || node.test?.type !== "BinaryExpression" || !node.update) {
      return undefined;
    }
    const { operator, left: counter, right: bound } = node.test;
    if (operator !== "<" && operator !== "<=" || counter.type !== "Identifier") return undefined;
    const start = this.#start(node.init ?? undefined, counter);
    const step = this.#step(node.update, node.body, counter);
    if (start === undefined || step === undefined || !this.#leavesAlone(node.body, counter)) {
      return undefined;
    }
    const found = this.#bound(bound, node.body);
    if (found === undefined) return undefined;
    const turns = (Number(found.bound) - Number(start)) / Number(step) + 1;
    return {
      counter: counter.name,
      operator,
      ...found,
      step,
      // Not the same for a counter that begins as a string.
      update: node.update.type === "UpdateExpression" ? `${counter.name}++` : `${counter.name}+=${step}`,
      updateNode: node.update,
      first: start === "?" ? undefined : start,
      turns: Number.isFinite(turns) ? Math.max(0, Math.ceil(turns)) : undefined,
    };
  }

  /** The counter's first value, "?" when it is not in the text; undefined when the loop does not declare it. */
  #start(init: Node | undefined, counter: Identifier): string | undefined {
    if (init?.type !== "VariableDeclaration" || init.kind !== "let") return undefined;
    for (const { id, init: value } of init.declarations) {
      if (id.type !== "Identifier" || !this.#isSame(id, counter)) continue;
      return (value ? numberText(value) : undefined) ?? "?";
    }
    return undefined;
  }

  #step(update: Node, body: Node, counter: Identifier): string | undefined {
    if (update.type === "UpdateExpression") {
      return update.operator === "++" && this.#isSame(update.argument, counter) ? "1" : undefined;
    }
    if (update.type !== "AssignmentExpression" || update.operator !== "+=") return undefined;
    if (!this.#isSame(update.left, counter)) return undefined;
    const step = numberText(update.right);
    return step === undefined ? this.#steadyName(update.right, body) : Number(step) >= 1 ? step : undefined;
  }

  #bound(bound: Node, body: Node): Pick<CountedLoop, "bound" | "length"> | undefined {
    const fixed = numberText(bound) ?? this.#steadyName(bound, body);
    if (fixed !== undefined) return { bound: fixed, length: false };
    if (bound.type !== "MemberExpression" || bound.computed || bound.optional) return undefined;
    if (bound.property.type !== "Identifier" || bound.property.name !== "length") return undefined;
    const holder = this.#steadyName(bound.object, body);
    if (holder === undefined || this.#flags.of(body).hasCall || mayChangeLength(body)) return undefined;
    return { bound: holder, length: true };
  }

  /** The name of a variable that keeps its value while the loop runs. */
  #steadyName(node: Node, body: Node): string | undefined {
    if (node.type !== "Identifier") return undefined;
    const binding = this.#scopes.bindings.get(node);
    if (binding === undefined) return undefined;
    const isSteady = !binding.isWritten || !binding.isCaptured && this.#leavesAlone(body, node);
    return isSteady ? node.name : undefined;
  }

  #isSame(node: Node, name: Identifier): boolean {
    const binding = this.#scopes.bindings.get(name);
    return binding !== undefined && this.#scopes.bindings.get(node) === binding;
  }

  /** Whether a body does not write a variable, and neither waits nor breaks out nor holds loops or functions. */
  #leavesAlone(body: Node, variable: Identifier): boolean {
    return this.#isLeftAlone(body, variable, countedRefusals);
  }

  /** Whether a body holds none of the refused nodes, nor functions, nor jumps to labels, and does not write a variable. */
  #isLeftAlone(node: Node, variable: Identifier, refused: ReadonlySet<string>): boolean {
    if ((node.type === "ContinueStatement" || node.type === "BreakStatement") && node.label) return false;
    if (isFunction(node) || refused.has(node.type)) return false;
    if (node.type === "AssignmentExpression" && this.#isSame(node.left, variable)) return false;
    if (node.type === "UpdateExpression" && this.#isSame(node.argument, variable)) return false;
    let leaves = true;
    forEachChild(node, (child) => {
      leaves = leaves && this.#isLeftAlone(child, variable, refused);
    });
    return leaves;
  }
}

/** What may write variables in other ways than seen here, wait, or run later. */
const steppedRefusals: ReadonlySet<string> = new Set([
  ...["ArrayPattern", "ClassDeclaration", "ClassExpression", "ObjectPattern", "YieldExpression"],
]);

const countedRefusals: ReadonlySet<string> = new Set([
  ...steppedRefusals,
  ...["BreakStatement", "SwitchStatement"],
  ...["DoWhileStatement", "ForInStatement", "ForOfStatement", "ForStatement", "WhileStatement"],
]);

/** Whether code stores into objects, or loads what may be an accessor. */
function mayChangeLength(node: Node): boolean {
  if (node.type === "AssignmentExpression" && node.left.type === "MemberExpression") return true;
  if (node.type === "UpdateExpression" && node.argument.type === "MemberExpression") return true;
  if (node.type === "UnaryExpression" && node.operator === "delete") return true;
  if (node.type === "MemberExpression" && !node.computed) {
    const { property } = node;
    const isKnown = property.type === "PrivateIdentifier" ||
      property.type === "Identifier" && property.name === "length";
    const isMath = node.object.type === "Identifier" && node.object.name === "Math";
    if (!isKnown && !isMath) return true;
  }
  let may = false;
  forEachChild(node, (child) => {
    may = may || mayChangeLength(child);
  });
  return may;
}

/** The text of a number's literal. */
function numberText(node: Node): string | undefined {
  return node.type === "Literal" && typeof node.value === "number" ? `${node.value}` : undefined;
}
