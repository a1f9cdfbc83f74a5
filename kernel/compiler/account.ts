/**
 * The accounting pass: gives each basic block of a program its cycle count for one ISA.
 *
 * A block is charged once, at its start, with the sum of what its operations cost. A block ends where
 * control may leave it (`return`, `break`, `continue`) and where the program may wait for the kernel, so
 * that work is counted in the burst in which it is done.
 * - A loop's turn is charged for body, test and update when it begins; the last test with the block
 *   before the loop.
 * - Each turn of a loop and each call of a function checks the budget; each call that may be part of a
 *   recursion checks the depth.
 * - An exception that leaves a function in the middle of a loop loses at most 1,024 cycles.
 */

import type { BlockStatement, ForInStatement, ForOfStatement, ForStatement, Program, ReturnStatement, TryStatement } from "acorn";
import { ExpressionAccounting } from "./account_expressions.ts";
import { Frame } from "./frame.ts";
import { forEachChild, type FunctionNode, isFunction, isLoop, type Node } from "./syntax.ts";

export class ProgramAccounting extends ExpressionAccounting {
  /** Inserts the accounting of a whole IL; its export becomes the value that the text returns. */
  program(program: Program): void {
    const frame = new Frame({ weight: undefined, hasFinally: false, mayCountLocally: false });
    const { edits } = this.input;
    const [first] = program.body;
    const slot = edits.insert(first?.start ?? 0);
    slot.text = frame.charge(this.#list(program.body, frame));
    for (const decide of frame.atEnd) decide();
  }

  /** Inserts charges into a list of statements, except for its first block: whose cycles it gives back. */
  #list(list: readonly Node[], frame: Frame): number {
    let firstCycles = 0;
    let slot: { text: string } | undefined;
    let cycles = 0;
    let isFirst = true;
    const close = () => {
      if (isFirst) firstCycles = cycles;
      else if (slot !== undefined) slot.text = frame.charge(cycles);
      isFirst = false;
      slot = undefined;
      cycles = 0;
    };
    for (const statement of list) {
      if (!isFirst && slot === undefined) slot = this.input.edits.insert(statement.start);
      cycles += this.#statement(statement, frame);
      const { hasYield, hasJump } = this.input.flags.of(statement);
      if (hasYield || hasJump) close();
    }
    close();
    return firstCycles;
  }

  #statement(node: Node, frame: Frame): number {
    const { prices, flags } = this.input;
    switch (node.type) {
      case "IfStatement": {
        const cycles = prices.of("branch") + this.expression(node.test, frame);
        this.#branchBody(node.consequent, frame);
        if (node.alternate) this.#branchBody(node.alternate, frame);
        return cycles;
      }
      case "ForStatement":
      case "ForInStatement":
      case "ForOfStatement":
      case "WhileStatement":
      case "DoWhileStatement":
        return this.#loop(node, frame);
      case "SwitchStatement":
        return this.#switch(node, frame);
      case "TryStatement":
        return this.#try(node, frame);
      case "ReturnStatement":
        return this.#return(node, frame);
      case "ThrowStatement":
        return prices.of("call") + this.#thrown(node.argument, frame);
      case "BlockStatement":
        return this.#list(node.body, frame);
      case "LabeledStatement": {
        const cycles = this.#statement(node.body, frame);
        // A jump out of a labelled block passes by where a loop hands over its count.
        if (!isLoop(node.body) && flags.of(node.body).hasJump) {
          const slot = this.input.edits.insert(node.end);
          frame.atEnd.push(() => {
            slot.text = `;${frame.handOver()}`;
          });
        }
        return cycles;
      }
      case "BreakStatement":
      case "ContinueStatement":
      case "EmptyStatement":
        return 0;
      case "ExportDefaultDeclaration": {
        const { edits } = this.input;
        edits.replace(node.start, node.declaration.start, "return(");
        const cycles = this.expression(node.declaration, frame);
        edits.insert(node.declaration.end, ")");
        return cycles;
      }
      default:
        return this.expression(node, frame);
    }
  }

  /** A statement that may not run: braces around it if it has none, and its charge in front. */
  #branchBody(node: Node, frame: Frame): void {
    const { edits } = this.input;
    if (node.type === "BlockStatement") {
      const slot = edits.insert(node.start + 1);
      slot.text = frame.charge(this.#list(node.body, frame));
      return;
    }
    const slot = edits.insert(node.start);
    slot.text = `{${frame.charge(this.#list([node], frame))}`;
    edits.insert(node.end, "}");
  }

  #loop(
    node: Extract<Node, { type: `${"For" | "ForIn" | "ForOf" | "While" | "DoWhile"}Statement` }>,
    frame: Frame,
  ): number {
    let before = 0;
    if (node.type === "ForStatement" && node.init) before = this.expression(node.init, frame);
    else if (node.type === "ForInStatement" || node.type === "ForOfStatement") {
      before = this.expression(node.right, frame);
    }
    const becomesLocal = frame.mayCountLocally && !frame.isLocal && !this.input.flags.of(node).hasYield;
    if (becomesLocal) frame.isLocal = frame.usesLocal = true;
    const { turn, lastTest } = this.#turn(node, frame);
    this.#turnBody(node.body, turn, frame);
    if (becomesLocal) {
      frame.isLocal = false;
      this.input.edits.insert(node.end, ";$c-=$n;$n=0;");
    }
    return before + lastTest;
  }

  /** Cycles of a turn beside its body, and of the test that ends the loop. */
  #turn(
    node: ForStatement | ForInStatement | ForOfStatement | Extract<Node, { type: "WhileStatement" | "DoWhileStatement" }>,
    frame: Frame,
  ): { readonly turn: number; readonly lastTest: number } {
    const { prices } = this.input;
    switch (node.type) {
      case "ForStatement": {
        const test = node.test ? prices.of("branch") + this.expression(node.test, frame) : 0;
        const update = node.update ? this.expression(node.update, frame) : 0;
        return { turn: test + update, lastTest: test };
      }
      case "WhileStatement": {
        const test = prices.of("branch") + this.expression(node.test, frame);
        return { turn: test, lastTest: test };
      }
      case "DoWhileStatement":
        return { turn: prices.of("branch") + this.expression(node.test, frame), lastTest: 0 };
      default: {
        const step = prices.of("load") + prices.of("integer") + prices.of("branch");
        return { turn: step + this.expression(node.left, frame), lastTest: prices.of("branch") };
      }
    }
  }

  #turnBody(body: Node, turn: number, frame: Frame): void {
    const { edits } = this.input;
    if (body.type === "BlockStatement") {
      const slot = edits.insert(body.start + 1);
      slot.text = frame.chargeTurn(turn + this.#list(body.body, frame));
      return;
    }
    const slot = edits.insert(body.start);
    slot.text = `{${frame.chargeTurn(turn + this.#list([body], frame))}`;
    edits.insert(body.end, "}");
  }

  #switch(node: Extract<Node, { type: "SwitchStatement" }>, frame: Frame): number {
    const { prices, edits } = this.input;
    // A jump table: a load and an indirect branch.
    let cycles = prices.of("load") + prices.of("branch") + this.expression(node.discriminant, frame);
    for (const part of node.cases) {
      if (part.test) cycles += this.expression(part.test, frame);
      const [first] = part.consequent;
      if (first === undefined) continue;
      const slot = edits.insert(first.start);
      slot.text = frame.charge(this.#list(part.consequent, frame));
    }
    return cycles;
  }

  #try(node: TryStatement, frame: Frame): number {
    const cycles = this.#list(node.block.body, frame);
    if (node.handler) this.#handler(node.handler.body, frame);
    if (node.finalizer) this.#handler(node.finalizer, frame);
    return cycles;
  }

  #handler(body: BlockStatement, frame: Frame): void {
    const slot = this.input.edits.insert(body.start + 1);
    const charge = frame.charge(this.#list(body.body, frame));
    frame.atEnd.push(() => {
      slot.text = frame.handler() + charge;
    });
  }

  #return(node: ReturnStatement, frame: Frame): number {
    const { edits } = this.input;
    const handOver = frame.handOverInFront;
    const { restoresDepth } = frame;
    if (!node.argument) {
      const parts = handOver + (restoresDepth ? "$d=$x," : "");
      if (parts !== "") edits.insert(node.start + "return".length, ` void(${parts.slice(0, -1)})`);
      return 0;
    }
    if (handOver === "" && !restoresDepth) return this.expression(node.argument, frame);
    if (restoresDepth) frame.usesResult = true;
    // The space keeps `return{` from becoming `return$r`.
    return this.#sequence(node.argument, ` ${handOver}${restoresDepth ? "$r=(" : "("}`, restoresDepth ? "),$d=$x,$r" : ")", frame);
  }

  #thrown(argument: Node, frame: Frame): number {
    const handOver = frame.handOverInFront;
    if (handOver === "") return this.expression(argument, frame);
    return this.#sequence(argument, ` ${handOver}(`, ")", frame);
  }

  /** An expression after which the function is left: what it charges itself goes to `$c`. */
  #sequence(node: Node, before: string, after: string, frame: Frame): number {
    const { edits } = this.input;
    const wasLocal = frame.isLocal;
    // The blank keeps the text apart from a keyword right in front.
    edits.insert(node.start, ` ${before}`);
    frame.isLocal = false;
    const cycles = this.expression(node, frame);
    frame.isLocal = wasLocal;
    edits.insert(node.end, after);
    return cycles;
  }

  protected override functionBody(node: FunctionNode): void {
    const { facts, edits, text } = this.input;
    if (facts.smallPrice(node) !== undefined) return;
    const frame = new Frame({
      weight: facts.isBounded(node) ? undefined : facts.weight(node),
      hasFinally: holdsFinally(node.body),
      mayCountLocally: true,
    });
    const outside = new Frame({ weight: undefined, hasFinally: false, mayCountLocally: false });
    let cycles = 0;
    for (const parameter of node.params) cycles += this.expression(parameter, outside);
    if (node.body.type === "BlockStatement") {
      const slot = edits.insert(node.body.start + 1);
      cycles += this.#list(node.body.body, frame);
      slot.text = frame.entry(cycles);
      edits.insert(node.body.end - 1, frame.exit());
    } else {
      const { restoresDepth } = frame;
      if (restoresDepth) frame.usesResult = true;
      const slot = edits.insert(text.lastIndexOf("=>", node.body.start - 1) + 2);
      cycles += this.expression(node.body, frame);
      slot.text = `{${frame.entry(cycles)}return ${restoresDepth ? "$r=" : ""}(`;
      edits.insert(node.end, restoresDepth ? "),$d=$x,$r;}" : ");}");
    }
    for (const decide of frame.atEnd) decide();
  }

  protected override staticBlock(node: Extract<Node, { type: "StaticBlock" }>): void {
    const frame = new Frame({ weight: undefined, hasFinally: false, mayCountLocally: false });
    const slot = this.input.edits.insert(this.input.text.indexOf("{", node.start) + 1);
    slot.text = frame.charge(this.#list(node.body, frame));
    for (const decide of frame.atEnd) decide();
  }
}

/** Whether a function's own code has a `finally`. */
function holdsFinally(node: Node): boolean {
  if (node.type === "TryStatement" && node.finalizer) return true;
  let found = false;
  forEachChild(node, (child) => {
    found = found || (!isFunction(child) && holdsFinally(child));
  });
  return found;
}
