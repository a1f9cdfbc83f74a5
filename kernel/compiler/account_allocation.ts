/**
 * Counts the allocations of each basic block, in front of it: `if(($room-=72)<0)$collect();`.
 *
 * A pass of its own behind the one that counts cycles: its texts follow those at the same places.
 * - A block ends where it does for cycles: where control may leave it, and where the program may wait.
 * - An operand that may not be evaluated is counted as if it were.
 * - What a loop's head allocates is counted with each turn, what parameters do with the function's body.
 */

import type { CodeFlagsTable } from "./code_flags.ts";
import { allocationBytes } from "./allocation_bytes.ts";
import { allocationOrder, type Edits } from "./edits.ts";
import { childrenOf, type FunctionNode, isFunction, type Node } from "./syntax.ts";

const counting = (bytes: number): string => bytes === 0 ? "" : `if(($room-=${bytes})<0)$collect();`;

export class AllocationAccounting {
  readonly #edits: Edits;
  readonly #flags: CodeFlagsTable;

  constructor(edits: Edits, flags: CodeFlagsTable) {
    this.#edits = edits;
    this.#flags = flags;
  }

  /** Inserts the counting of a list of statements; `extra` bytes belong to its first block. */
  list(list: readonly Node[], at: number, extra = 0): void {
    const first = this.#edits.insert(at, "", allocationOrder);
    let slot = first;
    let bytes = extra;
    for (let index = 0; index < list.length; index++) {
      const statement = list[index] as Node;
      if (slot !== first && bytes === 0 && slot.text === "") {
        slot = this.#edits.insert(statement.start, "", allocationOrder);
      }
      bytes += this.#statement(statement);
      const { hasYield, hasJump } = this.#flags.of(statement);
      if (!hasYield && !hasJump) continue;
      slot.text = counting(bytes);
      bytes = 0;
      slot = { text: "" };
    }
    slot.text = counting(bytes);
  }

  /** Bytes of a statement that count in the block that holds it. */
  #statement(node: Node): number {
    if (!this.#flags.of(node).hasAllocation) return 0;
    switch (node.type) {
      case "IfStatement":
        this.#body(node.consequent);
        if (node.alternate) this.#body(node.alternate);
        return this.#bytes(node.test);
      case "ForStatement":
        this.#body(node.body, this.#sum([node.test, node.update]));
        return this.#sum([node.init]);
      case "ForInStatement":
      case "ForOfStatement":
        this.#body(node.body, this.#bytes(node.left));
        return this.#bytes(node.right);
      case "WhileStatement":
      case "DoWhileStatement":
        this.#body(node.body, this.#bytes(node.test));
        return 0;
      case "SwitchStatement":
        return this.#switch(node);
      case "TryStatement":
        this.#body(node.block);
        if (node.handler) this.#body(node.handler.body, this.#sum([node.handler.param]));
        if (node.finalizer) this.#body(node.finalizer);
        return 0;
      case "BlockStatement":
        this.#body(node);
        return 0;
      case "LabeledStatement":
        return this.#statement(node.body);
      default:
        return this.#bytes(node);
    }
  }

  /** A statement that may not run, or runs often; braces stand around it by now. */
  #body(node: Node, extra = 0): void {
    if (node.type === "BlockStatement") this.list(node.body, node.start + 1, extra);
    else this.list([node], node.start, extra);
  }

  #switch(node: Extract<Node, { type: "SwitchStatement" }>): number {
    let bytes = this.#bytes(node.discriminant);
    for (const part of node.cases) {
      bytes += this.#sum([part.test]);
      const [first] = part.consequent;
      if (first !== undefined) this.list(part.consequent, first.start);
    }
    return bytes;
  }

  #sum(nodes: readonly (Node | null | undefined)[]): number {
    return nodes.reduce((sum, node) => sum + (node ? this.#bytes(node) : 0), 0);
  }

  /** Bytes of an expression; functions inside of it count for themselves when they are called. */
  #bytes(node: Node): number {
    if (!this.#flags.of(node).hasAllocation) return 0;
    const own = allocationBytes(node);
    if (isFunction(node)) {
      this.#function(node);
      return own;
    }
    if (node.type === "StaticBlock") {
      this.list(node.body, node.start + "static {".length);
      return own;
    }
    let bytes = own;
    const children = childrenOf(node);
    for (let at = 0; at < children.length; at++) bytes += this.#bytes(children[at] as Node);
    return bytes;
  }

  #function(node: FunctionNode): void {
    const parameters = this.#sum(node.params);
    if (node.body.type === "BlockStatement") {
      return this.list(node.body.body, node.body.start + 1, parameters);
    }
    const bytes = parameters + this.#bytes(node.body);
    if (bytes === 0) return;
    this.#edits.insert(node.body.start, `($room-=${bytes})<0&&$collect(),`, allocationOrder);
  }
}
