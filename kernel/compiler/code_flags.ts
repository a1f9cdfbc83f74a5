/**
 * What each part of a program holds: waits, calls, and ways out; found in one walk over the tree.
 *
 * The accounting pass asks it where a basic block has to end and which branches are worth a charge of
 * their own.
 * - Functions inside of a part do not count: they run when they are called.
 */

import type { CallExpression } from "acorn";
import { forEachChild, isFunction, isLoop, type Node } from "./syntax.ts";

/** What a subtree holds, functions inside of it left out. */
export interface CodeFlags {
  /** It may wait for the kernel. */
  readonly hasYield: boolean;
  /** It may call something that counts for itself. */
  readonly hasCall: boolean;
  /** It has a `finally`. */
  readonly hasFinally: boolean;
  /** It may leave for a place other than its own end. */
  readonly hasJump: boolean;
}

const yieldFlag = 1;
const callFlag = 2;
const returnFlag = 4;
const breakFlag = 8;
const labelFlag = 16;
const continueFlag = 32;
const finallyFlag = 64;
const jumpFlags = returnFlag | breakFlag | labelFlag | continueFlag;

/** Flags of every statement and expression of a program, found in one walk. */
export class CodeFlagsTable {
  readonly #flags = new Map<Node, number>();
  readonly #countsForItself: (call: CallExpression) => boolean;

  constructor(root: Node, countsForItself: (call: CallExpression) => boolean) {
    this.#countsForItself = countsForItself;
    this.#visit(root);
  }

  of(node: Node): CodeFlags {
    const flags = this.#flags.get(node) ?? 0;
    return {
      hasYield: (flags & yieldFlag) !== 0,
      hasCall: (flags & (callFlag | yieldFlag)) !== 0,
      hasFinally: (flags & finallyFlag) !== 0,
      hasJump: (flags & jumpFlags) !== 0,
    };
  }

  #visit(node: Node): number {
    let flags = this.#own(node);
    forEachChild(node, (child) => {
      flags |= this.#visit(child);
    });
    if (isLoop(node)) flags &= ~(breakFlag | continueFlag);
    else if (node.type === "SwitchStatement") flags &= ~breakFlag;
    if (flags !== 0) this.#flags.set(node, flags);
    return isFunction(node) ? 0 : flags;
  }

  #own(node: Node): number {
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
