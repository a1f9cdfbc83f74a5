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
 */

import type { BlockStatement, LabeledStatement, Program, ReturnStatement, TryStatement } from "acorn";
import { ExpressionAccounting } from "./account_expressions.ts";
import type { CountedLoop } from "./counted_loops.ts";
import { Frame, shortLoopUnitsMax } from "./frame.ts";
import { type FunctionNode, isLoop, type LoopNode, type Node } from "./syntax.ts";

export class ProgramAccounting extends ExpressionAccounting {
  /** Inserts the accounting of a whole IL; its export becomes the value that the text returns. */
  program(program: Program): void {
    const frame = this.frame();
    const { edits } = this.input;
    const [first] = program.body;
    const slot = edits.insert(first?.start ?? 0);
    const cycles = this.#list(program.body, frame);
    slot.text = (this.input.sampling?.declarations ?? "") + frame.charge(cycles);
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
    for (let at = 0; at < list.length; at++) {
      const statement = list[at] as Node;
      if (!isFirst && slot === undefined) slot = this.input.edits.insert(statement.start);
      cycles += this.#statement(statement, frame);
      const kept = this.input.sampling?.afterStatement(statement);
      if (kept) this.input.edits.insert(statement.end, kept);
      const { hasYield, hasJump } = this.input.flags.of(statement);
      if (hasYield || hasJump) close();
    }
    close();
    return firstCycles;
  }

  #statement(node: Node, frame: Frame): number {
    const { prices } = this.input;
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
        return this.#loop(node, node, frame);
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
      case "LabeledStatement":
        return this.#labelled(node, frame);
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

  /** A value that is no error does not know where it was thrown: the image notes it. */
  #thrown(argument: Node, frame: Frame): number {
    const { edits } = this.input;
    edits.insert(argument.start, " $t((");
    const cycles = this.expression(argument, frame);
    edits.insert(argument.end, "))");
    return cycles;
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

  #labelled(node: LabeledStatement, frame: Frame): number {
    let body: Node = node.body;
    while (body.type === "LabeledStatement") body = body.body;
    return isLoop(body) ? this.#loop(body, node, frame) : this.#statement(body, frame);
  }

  /** `whole` is the loop with its labels. */
  #loop(node: LoopNode, whole: Node, frame: Frame): number {
    let before = 0;
    if (node.type === "ForInStatement" || node.type === "ForOfStatement") {
      before = this.expression(node.right, frame);
    }
    const { edits, sampling } = this.input;
    const kept = sampling?.beforeLoop(node);
    if (kept !== undefined) edits.insert(whole.start, `{${kept}`);
    const cycles = before + this.#countedLoop(node, whole, frame);
    if (kept !== undefined) edits.insert(whole.end, "}");
    return cycles;
  }

  /** A loop that does not wait counts in a variable of its own. */
  #countedLoop(node: LoopNode, whole: Node, frame: Frame): number {
    const { edits, flags } = this.input;
    const becomesLocal = !frame.isLocal && !flags.of(node).hasYield;
    if (!becomesLocal) return this.#turns(node, whole, frame);
    const [opening, closing] = Frame.aroundLoop;
    edits.insert(whole.start, opening);
    frame.isLocal = true;
    const cycles = this.#turns(node, whole, frame);
    frame.isLocal = false;
    edits.insert(whole.end, closing);
    return cycles;
  }

  /** Inserts the charge of a turn; gives the cycles of what runs once, before the first. */
  #turns(node: LoopNode, whole: Node, frame: Frame): number {
    const first = node.type === "ForStatement" && node.init ? this.expression(node.init, frame) : 0;
    const counted = this.input.countedLoops.find(node);
    const { turn, lastTest } = this.#turn(node, counted, frame);
    if (counted !== undefined) this.#countedTurns(node, whole, counted, turn, frame);
    else if (this.input.sampling?.walks(node)) this.#steppedTurns(node, whole, turn, frame);
    else this.#turnBody(node.body, (cycles) => frame.chargeTurn(turn + cycles), frame);
    return first + lastTest;
  }

  /** A loop that counts: its turns are charged one by one, and the budget is looked at once in very many. */
  #countedTurns(node: LoopNode, whole: Node, counted: CountedLoop, turn: number, frame: Frame): void {
    const { edits, text, sampling } = this.input;
    const slot = edits.insert(node.body.start);
    const before = frame.unitsCharged;
    const { counter, step, first, turns } = counted;
    const walksTo = (end: string) => sampling?.walksText(node, "$first", end, step) ?? "";
    this.#walkingBody(node, walksTo(`${counter}+${step}`), frame, (cycles) => frame.charge(turn + cycles));
    const turnUnits = frame.unitsCharged - before;
    if (first !== undefined && turns !== undefined && turns * turnUnits <= shortLoopUnitsMax) {
      const walks = walksTo(counted.operator === "<" ? counted.bound : `${counted.bound}+1`);
      if (walks === "") return;
      edits.insert(whole.start, `{const $first=${first};`);
      edits.insert(node.end, `${walks}}`);
      return;
    }
    const { inFront, behind } = frame.aroundCounted(counted, turnUnits, walksTo(counter));
    slot.text = inFront;
    edits.insert(node.end, behind);
    const { start, end } = counted.updateNode;
    edits.replace(start, end, ` ${text.slice(start, end).replace(/[^\n]/g, "")}`);
  }

  /** A loop that goes over arrays by steps: each turn keeps the counter for when the walk is noted. */
  #steppedTurns(node: LoopNode, whole: Node, turn: number, frame: Frame): void {
    const { edits, sampling, countedLoops } = this.input;
    const steps = countedLoops.findSteps(node);
    if (steps === undefined || sampling === undefined) throw new Error("A walk needs a loop of known steps");
    const { counter, step, initial } = steps;
    const [first, at] = [`$first${whole.start}`, `$at${whole.start}`];
    const walks = sampling.walksText(node, first, `${at}+${step}`, step);
    edits.insert(whole.start, `{let ${first},${at}=0/0;`);
    edits.insert(initial.start, `${first}=(`);
    edits.insert(initial.end, ")");
    const charge = (cycles: number) => frame.chargeTurn(turn + cycles, `${walks}${first}=${counter};`);
    this.#walkingBody(node, walks, frame, (cycles) => `${charge(cycles)}${at}=${counter};`);
    edits.insert(node.end, `${walks}}`);
  }

  /** A body whose walk, if it has one, is noted by `walks` where the loop is left by `return`: this turn's included. */
  #walkingBody(node: LoopNode, walks: string, frame: Frame, charge: (cycles: number) => string): void {
    const before = frame.beforeReturn;
    frame.beforeReturn = walks + before;
    this.#turnBody(node.body, charge, frame);
    frame.beforeReturn = before;
  }

  /** Cycles of a turn beside its body, and of the test that ends the loop. */
  #turn(
    node: LoopNode,
    counted: CountedLoop | undefined,
    frame: Frame,
  ): { readonly turn: number; readonly lastTest: number } {
    const { prices } = this.input;
    switch (node.type) {
      case "ForStatement": {
        const test = prices.of("branch") + (node.test ? this.expression(node.test, frame) : 0);
        // What a counter and its step are is looked at when the limit is found.
        const update = counted !== undefined
          ? prices.node(counted.updateNode) + this.children(counted.updateNode, frame)
          : node.update
          ? this.expression(node.update, frame)
          : 0;
        return { turn: test + update, lastTest: node.test ? test : 0 };
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

  /** `charge` gives the text that stands in front of a turn, from the cycles of its first block. */
  #turnBody(body: Node, charge: (cycles: number) => string, frame: Frame): void {
    const { edits } = this.input;
    if (body.type === "BlockStatement") {
      const slot = edits.insert(body.start + 1);
      slot.text = charge(this.#list(body.body, frame));
      return;
    }
    const slot = edits.insert(body.start);
    slot.text = `{${charge(this.#list([body], frame))}`;
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
    const { handler, block } = node;
    const caught = handler?.param?.type === "Identifier" ? handler.param.name : undefined;
    if (caught === undefined) this.input.edits.insert(block.start + 1, "try{");
    const cycles = this.#list(block.body, frame);
    // What the program does not name is looked at on its way there.
    if (caught === undefined) {
      this.input.edits.insert(block.end - 1, "}catch($error){$caught($error);throw $error;}");
    }
    if (handler) this.#handler(handler.body, frame, caught);
    if (node.finalizer) this.#handler(node.finalizer, frame);
    return cycles;
  }

  #handler(body: BlockStatement, frame: Frame, caught?: string): void {
    const slot = this.input.edits.insert(body.start + 1);
    slot.text = frame.handler() + (caught === undefined ? "" : `$caught(${caught});`) +
      frame.charge(this.#list(body.body, frame));
  }

  #return(node: ReturnStatement, frame: Frame): number {
    const { edits } = this.input;
    if (frame.beforeReturn !== "") edits.insert(node.start, frame.beforeReturn);
    if (!node.argument) {
      if (frame.restoresDepth) edits.insert(node.start + "return".length, " void($d=$x)");
      return 0;
    }
    if (!frame.restoresDepth) return this.expression(node.argument, frame);
    frame.usesResult = true;
    // The blank keeps the text apart from a keyword right in front.
    edits.insert(node.argument.start, " $r=(");
    const cycles = this.expression(node.argument, frame);
    edits.insert(node.argument.end, "),$d=$x,$r");
    return cycles;
  }

  protected override functionBody(node: FunctionNode): void {
    const { facts, edits, flags, text } = this.input;
    const outside = this.frame();
    if (facts.smallPrice(node) !== undefined) {
      // Charged where it is called; what it loads and stores is sampled here.
      this.expression(node.body, outside);
      return;
    }
    const frame = this.frame({
      weight: facts.isBounded(node) ? undefined : facts.weight(node),
      hasFinally: flags.of(node.body).hasFinally,
      isGenerator: node.generator === true,
      isInFunction: true,
    });
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
  }

  protected override staticBlock(node: Extract<Node, { type: "StaticBlock" }>): void {
    const frame = this.frame();
    const slot = this.input.edits.insert(this.input.text.indexOf("{", node.start) + 1);
    slot.text = frame.charge(this.#list(node.body, frame));
  }
}
