/**
 * What each part of a program holds: waits, calls, allocations, and ways out; found in one walk.
 *
 * The accounting pass asks it where a basic block has to end and which branches are worth a charge of
 * their own.
 * - Functions inside of a part do not count: they run when they are called. Making them allocates.
 */

import type { CallExpression } from "acorn";
import { allocationBytes } from "./allocation_bytes.ts";
import { isFunction, isLoop, type Node } from "./syntax.ts";

/** What a subtree holds, functions inside of it left out unless it says so. */
export interface CodeFlags {
  /** It may wait for the kernel. */
  readonly hasYield: boolean;
  /** It may call something that counts for itself. */
  readonly hasCall: boolean;
  /** It has a `finally`. */
  readonly hasFinally: boolean;
  /** It may leave for a place other than its own end. */
  readonly hasJump: boolean;
  /** It, or a function inside of it, may allocate. */
  readonly hasAllocation: boolean;
}

const yieldFlag = 1;
const callFlag = 2;
const returnFlag = 4;
const breakFlag = 8;
const labelFlag = 16;
const continueFlag = 32;
const finallyFlag = 64;
const allocationFlag = 128;
const jumpFlags = returnFlag | breakFlag | labelFlag | continueFlag;

const allFlags = 2 * allocationFlag - 1;

/** What each combination of flags says. */
const views: readonly CodeFlags[] = Array.from({ length: allFlags + 1 }, (_, flags) => ({
  hasYield: (flags & yieldFlag) !== 0,
  hasCall: (flags & (callFlag | yieldFlag)) !== 0,
  hasFinally: (flags & finallyFlag) !== 0,
  hasJump: (flags & jumpFlags) !== 0,
  hasAllocation: (flags & allocationFlag) !== 0,
}));

/** Types of nodes that may have flags of their own. */
const flagged: ReadonlySet<string> = new Set([
  ...["YieldExpression", "CallExpression", "NewExpression", "TaggedTemplateExpression", "TemplateLiteral"],
  ...["ClassExpression", "ClassDeclaration", "FunctionExpression", "FunctionDeclaration"],
  ...["ArrowFunctionExpression", "ObjectExpression", "ArrayExpression"],
  ...["TryStatement", "ReturnStatement", "BreakStatement", "ContinueStatement"],
]);

/** Flags of every statement and expression of a program. */
export class CodeFlagsTable {
  readonly #flags = new Map<Node, number>();
  readonly #countsForItself: (call: CallExpression) => boolean;

  /** `nodes` are all of a program but leaves, parents before children, in the order of the text. */
  constructor(nodes: readonly Node[], countsForItself: (call: CallExpression) => boolean) {
    this.#countsForItself = countsForItself;
    // From the last to the first, so that what is inside of a node has been there before: in `passed` with its end
    // nearest, and with the flags that are its parent's, too.
    const passed: { readonly start: number; readonly flags: number }[] = [];
    for (let at = nodes.length - 1; at >= 0; at--) {
      const node = nodes[at] as Node;
      let flags = flagged.has(node.type) ? this.#own(node) : 0;
      for (let inner = passed.at(-1); inner !== undefined && inner.start < node.end; inner = passed.at(-1)) {
        flags |= inner.flags;
        passed.pop();
      }
      if (flags !== 0) passed.push({ start: node.start, flags: this.#keep(node, flags) });
    }
  }

  of(node: Node): CodeFlags {
    return views[this.#flags.get(node) ?? 0] as CodeFlags;
  }

  /** Keeps the flags of a node, its own and those of all in it; gives those that are its parent's, too. */
  #keep(node: Node, held: number): number {
    let flags = held;
    if (isLoop(node)) flags &= ~(breakFlag | continueFlag);
    else if (node.type === "SwitchStatement") flags &= ~breakFlag;
    this.#flags.set(node, flags);
    return isFunction(node) ? flags & allocationFlag : flags;
  }

  #own(node: Node): number {
    return this.#ownJumps(node) | (allocationBytes(node) > 0 ? allocationFlag : 0);
  }

  #ownJumps(node: Node): number {
    switch (node.type) {
      case "YieldExpression":
        return yieldFlag;
      case "CallExpression":
        return this.#countsForItself(node) ? callFlag : 0;
      case "NewExpression":
      case "TaggedTemplateExpression":
      case "ClassExpression":
      case "ClassDeclaration":
        return callFlag;
      case "TryStatement":
        return node.finalizer ? finallyFlag : 0;
      case "ReturnStatement":
        return returnFlag;
      case "BreakStatement":
        return node.label ? labelFlag : breakFlag;
      case "ContinueStatement":
        return node.label ? labelFlag : continueFlag;
      default:
        return 0;
    }
  }
}
