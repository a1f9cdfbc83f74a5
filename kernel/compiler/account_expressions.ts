/**
 * Accounting inside of expressions: what they cost, and the few charges that must stand within them.
 *
 * An expression is charged with the basic block that holds it. Three things are charged where they
 * happen: a branch of `?:`, `&&`, `||` and `??` that calls something, a function's own body, and what
 * takes time by size.
 * - A cheap branch is charged as if it were always taken.
 * - `yield*` is wrapped so that the depth of calls is right again when the program goes on; one of the kernel's
 *   requests is yielded as it is, without running its iterator.
 */

import type { CallExpression, Class, Identifier, MemberExpression, NewExpression } from "acorn";
import { copyingConstructors, elementSizes } from "./allowed_names.ts";
import type { CodeFlagsTable } from "./code_flags.ts";
import type { CountedLoops } from "./counted_loops.ts";
import { type Edits, expressionOrder } from "./edits.ts";
import { Frame, type FrameOptions } from "./frame.ts";
import { locatingText, notingText } from "./element_sampling.ts";
import type { FunctionFacts } from "./function_facts.ts";
import type { Prices } from "./prices.ts";
import { type ElementAccess, isSimpleIndex, type SamplingPlan } from "./sampling_plan.ts";
import type { Scopes } from "./scope.ts";
import type { StringInference } from "./string_inference.ts";
import { childrenOf, type FunctionNode, isFunction, isLeaf, type Node } from "./syntax.ts";

const delegation = "yield*";

/** What the accounting of one IL works with. */
export interface AccountingInput {
  /** The IL without comments. */
  readonly text: string;
  readonly scopes: Scopes;
  readonly prices: Prices;
  readonly facts: FunctionFacts;
  readonly flags: CodeFlagsTable;
  readonly countedLoops: CountedLoops;
  readonly strings: StringInference;
  readonly edits: Edits;
  /** Undefined where no cache is modelled. */
  readonly sampling: SamplingPlan | undefined;
}

export abstract class ExpressionAccounting {
  protected readonly input: AccountingInput;

  constructor(input: AccountingInput) {
    this.input = input;
  }

  protected frame(options: FrameOptions = { weight: undefined, hasFinally: false }): Frame {
    return new Frame({ ...options, isSampled: this.input.sampling !== undefined });
  }

  /** Inserts a function's accounting. */
  protected abstract functionBody(node: FunctionNode): void;

  /** Inserts a class's static block. */
  protected abstract staticBlock(node: Extract<Node, { type: "StaticBlock" }>): void;

  /** Cycles that an expression adds to the block that holds it. */
  protected expression(node: Node, frame: Frame): number {
    if (isLeaf(node)) return 0;
    const { prices } = this.input;
    if (isFunction(node)) {
      this.functionBody(node);
      return prices.node(node);
    }
    const own = prices.node(node);
    // The most frequent ones first.
    switch (node.type) {
      case "MemberExpression":
        return own + this.#member(node, frame);
      case "CallExpression":
        return own + this.#call(node, frame);
      case "ClassDeclaration":
      case "ClassExpression":
        return own + this.classBody(node, frame);
      case "ConditionalExpression":
        return own + this.expression(node.test, frame) + this.#branch(node.consequent, frame) +
          this.#branch(node.alternate, frame);
      case "LogicalExpression":
        return own + this.expression(node.left, frame) + this.#branch(node.right, frame);
      case "AssignmentExpression":
      case "AssignmentPattern": {
        const isConditional = node.type === "AssignmentPattern" ||
          ["&&=", "||=", "??="].includes(node.operator);
        const isJoined = node.type === "AssignmentExpression" && this.input.strings.mayJoin(node);
        if (isJoined) this.input.edits.insert(node.start, "$joined(", expressionOrder);
        const right = isConditional ? this.#branch(node.right, frame) : this.expression(node.right, frame);
        const cycles = own + right + this.expression(node.left, frame);
        if (isJoined) this.input.edits.insert(node.end, ")");
        return cycles;
      }
      case "NewExpression":
        return own + this.#new(node, frame);
      case "SpreadElement":
        return own + this.#wrapped("$s", node.argument, "", frame);
      case "YieldExpression":
        return own + this.#yield(node, frame);
      case "BinaryExpression":
        return own + this.#joined(node, [node.left, node.right], frame);
      case "TemplateLiteral":
        return own + this.#joined(node, node.expressions, frame);
      case "TaggedTemplateExpression":
        return own + prices.node(node.quasi) + this.#sum([node.tag, ...node.quasi.expressions], frame);
      case "VariableDeclarator":
        return own + this.#declarator(node, frame);
      default:
        return own + this.children(node, frame);
    }
  }

  /** What `+` makes may be a long string. */
  #joined(node: Node, operands: readonly Node[], frame: Frame): number {
    if (!this.input.strings.mayJoin(node)) return this.#sum(operands, frame);
    this.input.edits.insert(node.start, "$joined(", expressionOrder);
    const cycles = this.#sum(operands, frame);
    this.input.edits.insert(node.end, ")");
    return cycles;
  }

  /** `const [first, ...others] = values` takes for as long as there is something to take. */
  #declarator(node: Extract<Node, { type: "VariableDeclarator" }>, frame: Frame): number {
    const takesAll = node.id.type === "ArrayPattern" &&
      node.id.elements.some((element) => element?.type === "RestElement");
    const cycles = this.expression(node.id, frame);
    if (!node.init) return cycles;
    return cycles +
      (takesAll ? this.#wrapped("$s", node.init, "", frame) : this.expression(node.init, frame));
  }

  protected children(node: Node, frame: Frame): number {
    let cycles = 0;
    const children = childrenOf(node);
    for (let at = 0; at < children.length; at++) {
      const child = children[at] as Node;
      cycles += node.type === "ObjectExpression" && child.type === "SpreadElement"
        ? this.#wrapped("$spread", child.argument, "", frame)
        : this.expression(child, frame);
    }
    return cycles;
  }

  /** Hands a value through a function of the prelude; in parentheses, as it may be a sequence. */
  #wrapped(name: string, node: Node, moreArguments: string, frame: Frame): number {
    this.input.edits.insert(node.start, `${name}((`, expressionOrder);
    const cycles = this.expression(node, frame);
    this.input.edits.insert(node.end, `)${moreArguments})`);
    return cycles;
  }

  /** An operand that may not be evaluated: charged by itself if it calls something. */
  #branch(node: Node, frame: Frame): number {
    // A function keeps the name that an assignment gives it only if nothing stands around it.
    if (!this.input.flags.of(node).hasCall || isFunction(node) || node.type === "ClassExpression") {
      return this.expression(node, frame);
    }
    const slot = this.input.edits.insert(node.start, "", expressionOrder);
    const cycles = this.expression(node, frame);
    slot.text = `(${frame.chargeInFront(cycles)}`;
    this.input.edits.insert(node.end, ")");
    return 0;
  }

  #call(node: CallExpression, frame: Frame): number {
    const { facts } = this.input;
    const callee = facts.callee(node);
    let cycles = (callee === undefined ? undefined : facts.smallPrice(callee)) ?? 0;
    cycles += this.expression(node.callee, frame);
    const isArray = this.#freeName(node.callee) === "Array";
    return cycles + this.#arguments(node, isArray ? "Array" : undefined, frame);
  }

  #new(node: NewExpression, frame: Frame): number {
    const name = this.#freeName(node.callee);
    if (name !== undefined || this.#isClassOfProgram(node.callee)) {
      return this.#arguments(node, name, frame);
    }
    // In parentheses, or the call of $w would be taken for what \`new\` calls.
    this.input.edits.insert(node.callee.start, "(", expressionOrder);
    const cycles = this.#wrapped("$w", node.callee, "", frame);
    this.input.edits.insert(node.callee.end, ")");
    return cycles + this.#arguments(node, undefined, frame);
  }

  /** Arguments of a call; `constructorName` when it makes an object of the library. */
  #arguments(
    node: CallExpression | NewExpression,
    constructorName: string | undefined,
    frame: Frame,
  ): number {
    if (constructorName === undefined) return this.#given(node.arguments, frame);
    const [first, ...others] = node.arguments;
    if (first === undefined) return 0;
    const rest = this.#sum(others, frame);
    if (elementSizes.has(constructorName)) {
      if (others.length > 0) return rest + this.#wrapped("$buffer", first, "", frame);
      const { edits, text } = this.input;
      edits.replace(node.start, text.indexOf("(", node.callee.end), `$new${constructorName}`);
      return this.expression(first, frame);
    }
    if (constructorName === "Array" && others.length === 0) return this.#wrapped("$z", first, "", frame);
    if (copyingConstructors.has(constructorName)) return rest + this.#wrapped("$s", first, "", frame);
    return rest + this.expression(first, frame);
  }

  /** Arguments, each of them spread ones too, have to fit onto the stack. */
  #given(nodes: readonly Node[], frame: Frame): number {
    if (!nodes.some(({ type }) => type === "SpreadElement")) return this.#sum(nodes, frame);
    const spread = nodes.filter(({ type }) => type === "SpreadElement").length;
    return nodes.reduce((cycles, node) => {
      if (node.type !== "SpreadElement") return cycles + this.expression(node, frame);
      return cycles + this.input.prices.node(node) + this.#wrapped("$a", node.argument, `,${spread}`, frame);
    }, 0);
  }

  #sum(nodes: readonly Node[], frame: Frame): number {
    let cycles = 0;
    for (let at = 0; at < nodes.length; at++) cycles += this.expression(nodes[at] as Node, frame);
    return cycles;
  }

  #yield(node: Extract<Node, { type: "YieldExpression" }>, frame: Frame): number {
    const { edits, text } = this.input;
    const isPlain = text.startsWith(delegation, node.start);
    edits.insert(node.start, "$y(", expressionOrder);
    if (isPlain) edits.replace(node.start, node.start + delegation.length, "($X=$p($r=");
    const cycles = node.argument ? this.expression(node.argument, frame) : 0;
    edits.insert(node.end, `${isPlain ? "))===$S?yield $r:$X===$F?yield*$r:$X" : ""},${frame.depth})`);
    return cycles;
  }

  #member(node: MemberExpression, frame: Frame): number {
    const access = this.input.sampling?.access(node);
    if (access === undefined || access.form === "walked") return this.children(node, frame);
    const { edits, text } = this.input;
    const { object, property } = node;
    const isVariable = object.type === "Identifier";
    const isHeld = access.form === "remembered" && !isVariable;
    frame.notesElements = true;
    if (isHeld) edits.insert(object.start, frame.isInFunction ? "($v=" : "$h(", expressionOrder);
    const cycles = this.expression(object, frame);
    if (isHeld) edits.insert(object.end, ")");
    const index = isSimpleIndex(property) ? text.slice(property.start, property.end) : undefined;
    const array = isVariable ? object.name : "$v";
    const [opening, closing] = (frame.isInFunction ? elementTexts : calledTexts)(access, array, index);
    edits.insert(property.start, opening, expressionOrder);
    const indexCycles = this.expression(property, frame);
    edits.insert(property.end, closing);
    return cycles + indexCycles;
  }

  #freeName(node: Node): string | undefined {
    return node.type === "Identifier" && !this.input.scopes.bindings.has(node) ? node.name : undefined;
  }

  /** Whether a name can only mean a class that this program declares. */
  #isClassOfProgram(node: Node): node is Identifier {
    const binding = this.input.scopes.bindings.get(node);
    if (binding === undefined || binding.isWritten) return false;
    return binding.kind === "class" ||
      (binding.kind === "const" && binding.values[0]?.type === "ClassExpression");
  }

  protected classBody(node: Class, frame: Frame): number {
    const { edits, prices } = this.input;
    let cycles = 0;
    if (node.superClass) {
      const isKnown = this.#isClassOfProgram(node.superClass) ||
        this.#freeName(node.superClass) !== undefined;
      cycles += isKnown
        ? this.expression(node.superClass, frame)
        : this.#wrapped("$w", node.superClass, "", frame);
    }
    const fields = this.frame();
    let fieldCycles = 0;
    let fieldSlot: { text: string } | undefined;
    for (const member of node.body.body) {
      if (member.type === "StaticBlock") {
        this.staticBlock(member);
        continue;
      }
      if (member.computed) cycles += this.expression(member.key, frame);
      cycles += prices.of("store");
      const { value } = member;
      if (value === null || value === undefined) continue;
      if (member.type === "MethodDefinition") this.expression(value, frame);
      else if (member.static) cycles += this.expression(value, fields);
      else {
        const isNamed = isFunction(value) || value.type === "ClassExpression";
        const isFirst = fieldSlot === undefined && !isNamed;
        if (isFirst) fieldSlot = edits.insert(value.start, "", expressionOrder);
        fieldCycles += prices.of("store") + this.expression(value, fields);
        if (isFirst) edits.insert(value.end, ")");
      }
    }
    // The first field that can hold it carries the charge for all of them.
    if (fieldSlot !== undefined) fieldSlot.text = `(${fields.chargeInFront(fieldCycles)}`;
    return cycles;
  }
}

type NotedAccess = Exclude<ElementAccess, { readonly form: "walked" }>;

/** What stands around an index so that its access is noted; `index` when it may be read more than once. */
function elementTexts(access: NotedAccess, array: string, index: string | undefined): [string, string] {
  const [locating, shift, address] = access.form === "kept"
    ? ["", `$k${access.numbers}`, `$p${access.numbers}`]
    : [`${locatingText(access.memory, array)},`, `$K${access.memory}`, `$P${access.memory}`];
  const name = index ?? "$index";
  const noted = notingText(name, shift, address);
  const noting = Number.isNaN(Number(index)) ? `typeof ${name}==="number"&&(${noted})` : noted;
  return index === undefined
    ? [`(${locating}$index=(`, `),${noting},$index)`]
    : [`(${locating}${noting},`, ")"];
}

/** The same by calls, where no variables can be declared. */
function calledTexts(access: NotedAccess, array: string): [string, string] {
  return access.form === "kept"
    ? ["$g((", `),$k${access.numbers},$p${access.numbers})`]
    : [`$u(${array},(`, "))"];
}
