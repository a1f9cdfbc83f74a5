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

/** Flags of every statement and expression of a program. */
export class CodeFlagsTable {
  readonly #flags = new Map<Node, number>();
  readonly #countsForItself: (call: CallExpression) => boolean;

  /** `nodes` are all of a program, parents before children, in the order of the text. */
  constructor(nodes: readonly Node[], countsForItself: (call: CallExpression) => boolean) {
    this.#countsForItself = countsForItself;
    const open: Node[] = [];
    const held: number[] = [];
    const closeUpTo = (offset: number) => {
      for (let inner = open.at(-1); inner !== undefined && inner.end <= offset; inner = open.at(-1)) {
        open.pop();
        const passed = this.#close(inner, held.pop() ?? 0);
        if (held.length > 0) held.push((held.pop() ?? 0) | passed);
      }
    };
    for (const node of nodes) {
      closeUpTo(node.start);
      open.push(node);
      held.push(this.#own(node));
    }
    closeUpTo(Infinity);
  }

  of(node: Node): CodeFlags {
    const flags = this.#flags.get(node) ?? 0;
    return {
      hasYield: (flags & yieldFlag) !== 0,
      hasCall: (flags & (callFlag | yieldFlag)) !== 0,
      hasFinally: (flags & finallyFlag) !== 0,
      hasJump: (flags & jumpFlags) !== 0,
      hasAllocation: (flags & allocationFlag) !== 0,
    };
  }

  /** Keeps the flags of a node that has all its children's, and gives those that are its parent's, too. */
  #close(node: Node, held: number): number {
    if (held === 0) return 0;
    let flags = held;
    if (isLoop(node)) flags &= ~(breakFlag | continueFlag);
    else if (node.type === "SwitchStatement") flags &= ~breakFlag;
    this.#flags.set(node, flags);
    return isFunction(node) ? flags & allocationFlag : flags;
  }

  #own(node: Node): number {
    if (node.type === "Identifier" || node.type === "Literal") return 0;
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
