/**
 * Which loads and stores of typed arrays are sampled into the cache model, and how each of them is noted.
 *
 * To note an access takes its array's place in memory, which is kept in two small numbers: `$k`, what an index
 * is shifted by, and `$p`, the array's address.
 * - Constants of a module have theirs for good; variables that a loop indexes have theirs for the loop.
 * - All other accesses have a memory of the array that they met last.
 * - Where a loop goes over an array by steps, in each of its turns, its accesses stay as they are: the whole walk
 *   is noted when the loop is left, or when the budget is looked at.
 * - Numbers that are out of date note the wrong line; they never change what the program does. Nothing is
 *   evaluated early that could throw or that the program could notice.
 */

import type { Expression, ForStatement, MemberExpression, PrivateIdentifier } from "acorn";
import type { CountedLoops } from "./counted_loops.ts";
import { locatingText, memoriesText } from "./element_sampling.ts";
import type { Binding, Bindings, Scopes } from "./scope.ts";
import { forEachChild, type FunctionNode, isFunction, isLoop, type LoopNode, type Node } from "./syntax.ts";

/**
 * How an access finds its array: by the numbers of this index, by the memory of this index, or not at all
 * because its loop notes it.
 */
export type ElementAccess =
  | { readonly form: "kept"; readonly numbers: number }
  | { readonly form: "remembered"; readonly memory: number }
  | { readonly form: "walked" };

/** A walk of a loop over an array: the loop's counter plus or minus what `offset` says, in text. */
interface LoopWalk {
  readonly numbers: number;
  readonly offset: string;
}

/** Where a part of the program stands. */
interface Place {
  readonly functionNode: FunctionNode | undefined;
  readonly functionDepth: number;
  /** Loops around it in the same function, outermost first. */
  readonly loops: readonly LoopNode[];
  /** The innermost loop, if it goes by steps and what stands here happens in each of its turns. */
  readonly turns: ForStatement | undefined;
  /** Private fields of the classes around it that hold values, with what they begin with. */
  readonly fields: ReadonlyMap<string, Node | undefined>;
  /** Whether `this` is what a method was called on. */
  readonly isMethod: boolean;
  /** Directly in a case, whose declarations may be jumped over. */
  readonly isInCase: boolean;
}

interface Assignment {
  readonly at: number;
  readonly value: Node;
}

/** What a loop keeps of arrays, each with the text in front of the loop that finds it, and what it walks over. */
interface LoopNumbers {
  readonly numbers: Map<string, { readonly index: number; readonly text: string }>;
  readonly walks: Map<string, LoopWalk>;
}

/** Values that are certainly no typed arrays. */
const otherValues: ReadonlySet<string> = new Set([
  ...["ArrayExpression", "ObjectExpression", "Literal", "TemplateLiteral", "ArrowFunctionExpression"],
  ...["FunctionExpression", "ClassExpression"],
]);

export class SamplingPlan {
  readonly #bindings: Bindings;
  readonly #countedLoops: CountedLoops;
  readonly #accesses = new Map<Node, ElementAccess>();
  readonly #loops = new Map<LoopNode, LoopNumbers>();
  /** Numbers of modules' constants. */
  readonly #constants = new Map<Binding, number>();
  /** Statements that declare constants. */
  readonly #statements = new Map<Node, Binding[]>();
  readonly #declaredAt = new Map<Node, Place>();
  readonly #constantStatements = new Map<Node, Node>();
  /** Offsets at which a variable, or a private field, is assigned; whatever object the field is of. */
  readonly #assignments = new Map<Binding | string, Assignment[]>();
  /** Memories of one array, by what gives the array. */
  readonly #memories = new Map<Binding | Node | string, number>();
  #count = 0;

  constructor(program: Node, scopes: Scopes, countedLoops: CountedLoops) {
    this.#bindings = scopes.bindings;
    this.#countedLoops = countedLoops;
    const top: Place = {
      functionNode: undefined,
      functionDepth: 0,
      loops: [],
      turns: undefined,
      fields: new Map(),
      isMethod: false,
      isInCase: false,
    };
    this.#walk(program, top, (node, place) => this.#collect(node, place));
    const objects = new Set<Node>();
    this.#walk(program, top, (node, place) => {
      const object = objectOf(node);
      if (object !== undefined) objects.add(object);
      if (node.type === "MemberExpression" && node.computed && !objects.has(node)) this.#plan(node, place);
    });
  }

  access(node: MemberExpression): ElementAccess | undefined {
    return this.#accesses.get(node);
  }

  /** Declares what modules' constants keep, and the memories. */
  get declarations(): string {
    const kept = [...this.#constants.values()].map((index) => `$k${index}=31,$p${index}=256`);
    return (kept.length === 0 ? "" : `let ${kept.join()};`) + memoriesText(this.#memories.size);
  }

  /** What follows a statement that declares constants. */
  afterStatement(statement: Node): string {
    const bindings = this.#statements.get(statement) ?? [];
    return bindings.map((binding) => {
      const index = this.#constants.get(binding);
      return `;$L(${binding.name});$k${index}=$K;$p${index}=$P;`;
    }).join("");
  }

  /** What stands in front of a loop, in a block around it; undefined when it keeps nothing. */
  beforeLoop(loop: LoopNode): string | undefined {
    const kept = this.#loops.get(loop);
    if (kept === undefined || kept.numbers.size === 0) return undefined;
    return [...kept.numbers.values()].map(({ text }) => text).join("");
  }

  /** Whether a loop has walks. */
  walks(loop: LoopNode): boolean {
    return (this.#loops.get(loop)?.walks.size ?? 0) > 0;
  }

  /** Notes a loop's walks, between these values of its counter; empty when it has none. */
  walksText(loop: LoopNode, first: string, end: string, step: string): string {
    const walks = [...this.#loops.get(loop)?.walks.values() ?? []];
    return walks.map(({ numbers, offset }) =>
      `$U($k${numbers},$p${numbers},${first},${end},${step}${offset});`
    )
      .join("");
  }

  #walk(node: Node, place: Place, visit: (node: Node, place: Place) => void): void {
    visit(node, place);
    forEachChild(node, (child) => this.#walk(child, this.#placeOf(child, node, place), visit));
  }

  #collect(node: Node, place: Place): void {
    switch (node.type) {
      case "Identifier":
        if (this.#bindings.get(node)?.declaration === node) this.#declaredAt.set(node, place);
        return;
      case "VariableDeclaration":
        if (node.kind !== "const" || place.functionDepth > 1 || place.loops.length > 0) return;
        for (const { id } of node.declarations) this.#collectConstants(id, node);
        return;
      case "AssignmentExpression": {
        const { left } = node;
        const target = left.type === "Identifier" ? this.#bindings.get(left) : privateFieldOf(left);
        if (target === undefined) return;
        const assigned = this.#assignments.get(target) ?? [];
        this.#assignments.set(target, [...assigned, { at: node.start, value: node.right }]);
        return;
      }
      default:
        return;
    }
  }

  #collectConstants(pattern: Node, statement: Node): void {
    if (pattern.type === "Identifier") this.#constantStatements.set(pattern, statement);
    else if (pattern.type === "ObjectPattern") {
      for (const part of pattern.properties) {
        if (part.type === "Property") this.#collectConstants(part.value, statement);
      }
    }
  }

  #plan(node: MemberExpression, place: Place): void {
    const { object, property } = node;
    if (object.type === "Super" || (property.type === "Literal" && typeof property.value !== "number")) {
      return;
    }
    if (object.type === "Identifier") {
      const binding = this.#bindings.get(object);
      if (binding === undefined || isOther(binding)) return;
      this.#accesses.set(node, this.#planVariable(object.name, binding, node, place));
      return;
    }
    const field = privateFieldOf(object);
    if (field !== undefined) {
      if (this.#isOtherField(field, place)) return;
      const isOwn = object.type === "MemberExpression" && object.object.type === "ThisExpression";
      const kept = isOwn ? this.#planField(field, node, place) : undefined;
      if (kept !== undefined) {
        this.#accesses.set(node, kept);
        return;
      }
    }
    if (hasOptionalPart(object) || node.optional) return;
    this.#accesses.set(node, this.#remembered(field ?? propertyOf(object) ?? node));
  }

  #planVariable(name: string, binding: Binding, node: MemberExpression, place: Place): ElementAccess {
    const outermost = place.loops[0];
    const constant = this.#constantNumbers(binding);
    if (constant !== undefined) {
      if (outermost === undefined) return { form: "kept", numbers: constant };
      const copy = (to: number) => `const $k${to}=$k${constant},$p${to}=$p${constant};`;
      return this.#keep(outermost, `constant ${constant}`, copy, node, place);
    }
    const loop = place.loops.find((candidate) =>
      this.#isKnownBefore(binding, candidate, place) && !this.#isAssignedIn(binding, candidate)
    );
    if (loop === undefined) return this.#remembered(binding);
    const text = keeping("", name, this.#memoryOf(binding));
    return this.#keep(loop, `variable ${binding.declaration.start}`, text, node, place);
  }

  /** A field is looked up in front of loops that count alone: others may have no turn at all. */
  #planField(field: string, node: MemberExpression, place: Place): ElementAccess | undefined {
    if (!place.isMethod || !place.fields.has(field)) return undefined;
    const innermost = place.loops.at(-1);
    if (innermost === undefined || this.#countedLoops.find(innermost) === undefined) return undefined;
    const loop = place.loops.find((candidate) => !this.#isAssignedIn(field, candidate));
    if (loop === undefined) return undefined;
    // The method may have been called on anything, and the program may handle the error of that.
    const text = keeping(`const $f=$O(this)&&${field} in this?this.${field}:0;`, "$f", this.#memoryOf(field));
    return this.#keep(loop, `field ${field}`, text, node, place);
  }

  #remembered(key: Binding | Node | string): ElementAccess {
    return { form: "remembered", memory: this.#memoryOf(key) };
  }

  #memoryOf(key: Binding | Node | string): number {
    const memory = this.#memories.get(key) ?? this.#memories.size;
    this.#memories.set(key, memory);
    return memory;
  }

  #keep(
    loop: LoopNode,
    key: string,
    text: (index: number) => string,
    { property }: MemberExpression,
    place: Place,
  ): ElementAccess {
    const kept = this.#keptOf(loop);
    let numbers = kept.numbers.get(key);
    if (numbers === undefined) {
      const index = this.#count++;
      numbers = { index, text: text(index) };
      kept.numbers.set(key, numbers);
    }
    const { index } = numbers;
    const offset = place.turns && this.#offsetFromCounter(property, place.turns, place);
    if (place.turns === undefined || offset === undefined) return { form: "kept", numbers: index };
    this.#keptOf(place.turns).walks.set(`${index}${offset}`, { numbers: index, offset });
    return { form: "walked" };
  }

  #keptOf(loop: LoopNode): LoopNumbers {
    const kept = this.#loops.get(loop) ?? { numbers: new Map(), walks: new Map() };
    this.#loops.set(loop, kept);
    return kept;
  }

  /** What an index adds to a loop's counter: further arguments of `$U`; undefined when it is anything else. */
  #offsetFromCounter(
    index: Expression | PrivateIdentifier,
    loop: ForStatement,
    place: Place,
  ): string | undefined {
    if (this.#isCounter(index, loop)) return "";
    if (index.type !== "BinaryExpression" || index.operator !== "+" && index.operator !== "-") {
      return undefined;
    }
    const { left, right, operator } = index;
    const isFirst = this.#isCounter(left, loop);
    if (!isFirst && (operator === "-" || !this.#isCounter(right, loop))) return undefined;
    const offset = isFirst ? right : left;
    if (!this.#countedLoops.isSteady(offset, loop.body)) return undefined;
    if (offset.type === "Identifier") {
      const binding = this.#bindings.get(offset);
      if (binding === undefined || !this.#isKnownBefore(binding, loop, place)) return undefined;
      return `,${offset.name}${operator === "-" ? ",-1" : ""}`;
    }
    return offset.type === "Literal" ? `,${offset.raw}${operator === "-" ? ",-1" : ""}` : undefined;
  }

  #isCounter(node: Node, loop: ForStatement): boolean {
    if (node.type !== "Identifier" || node.name !== this.#stepsOf(loop)?.counter) return false;
    const declared = this.#bindings.get(node)?.declaration.start ?? -1;
    return declared >= loop.start && declared < loop.body.start;
  }

  #placeOf(child: Node, parent: Node, place: Place): Place {
    if (isFunction(child)) {
      const isMethod = parent.type === "MethodDefinition" && parent.kind !== "constructor";
      const functionDepth = place.functionDepth + 1;
      const inside = { loops: [], turns: undefined, isMethod, isInCase: false };
      return { ...place, functionNode: child, functionDepth, ...inside };
    }
    if (isLoop(child)) return { ...place, loops: [...place.loops, child], turns: undefined, isInCase: false };
    if (parent.type === "ForStatement" && child === parent.body) {
      const turns = this.#stepsOf(parent) && !hasContinue(child) ? parent : undefined;
      return { ...place, turns, isInCase: false };
    }
    const inside = placeInside(child, place);
    return inside.turns !== undefined && mayBeLeftOut(child, parent)
      ? { ...inside, turns: undefined }
      : inside;
  }

  /** A loop that waits cannot note what it went over: its arrays may be somebody else's by then. */
  #stepsOf(loop: ForStatement): { readonly counter: string } | undefined {
    return this.#countedLoops.find(loop) ?? this.#countedLoops.findSteps(loop);
  }

  #constantNumbers(binding: Binding): number | undefined {
    const statement = this.#constantStatements.get(binding.declaration);
    if (binding.kind !== "const" || statement === undefined) return undefined;
    let index = this.#constants.get(binding);
    if (index === undefined) {
      index = this.#count++;
      this.#constants.set(binding, index);
      this.#statements.set(statement, [...this.#statements.get(statement) ?? [], binding]);
    }
    return index;
  }

  /** Whether reading a variable in front of a loop cannot throw. */
  #isKnownBefore(binding: Binding, loop: LoopNode, place: Place): boolean {
    const declared = this.#declaredAt.get(binding.declaration);
    if (declared === undefined || declared.functionNode !== place.functionNode) return false;
    return binding.declaration.start < loop.start && !declared.isInCase;
  }

  #isAssignedIn(target: Binding | string, loop: LoopNode): boolean {
    return (this.#assignments.get(target) ?? []).some(({ at }) => at >= loop.start && at < loop.end);
  }

  /** Whether a private field only ever holds what is no typed array. */
  #isOtherField(field: string, place: Place): boolean {
    const first = place.fields.get(field);
    return first !== undefined && otherValues.has(first.type) &&
      (this.#assignments.get(field) ?? []).every(({ value }) => otherValues.has(value.type));
  }
}

/** Whether an index may be written down twice: reading it changes nothing and takes no time. */
export function isSimpleIndex(node: Node): boolean {
  return node.type === "Identifier" || node.type === "Literal";
}

function isOther(binding: Binding): boolean {
  if (binding.kind === "function" || binding.kind === "class") return true;
  return binding.kind !== "parameter" && binding.values.length > 0 &&
    binding.values.every((value) => value !== undefined && otherValues.has(value.type));
}

/** `#name` of an expression `object.#name`. */
function privateFieldOf(node: Node): string | undefined {
  return node.type === "MemberExpression" && node.property.type === "PrivateIdentifier"
    ? `#${node.property.name}`
    : undefined;
}

/** What a node uses as an object or calls: no number, so an element there is not a typed array's. */
function objectOf(node: Node): Node | undefined {
  switch (node.type) {
    case "MemberExpression":
      return node.object;
    case "CallExpression":
    case "NewExpression":
      return node.callee;
    case "TaggedTemplateExpression":
      return node.tag;
    case "SpreadElement":
      return node.argument;
    case "YieldExpression":
      return node.argument ?? undefined;
    case "ForOfStatement":
      return node.right;
    default:
      return undefined;
  }
}

/** Whether an object expression may end its chain early, which parentheses around it would prevent. */
function hasOptionalPart(node: Node): boolean {
  if (node.type === "MemberExpression") return node.optional || hasOptionalPart(node.object);
  if (node.type === "CallExpression") return node.optional || hasOptionalPart(node.callee);
  return false;
}

function placeInside(child: Node, place: Place): Place {
  switch (child.type) {
    case "ClassBody": {
      const fields = new Map(place.fields);
      for (const member of child.body) {
        if (member.type === "PropertyDefinition" && member.key.type === "PrivateIdentifier") {
          fields.set(`#${member.key.name}`, member.value ?? undefined);
        }
      }
      // Fields are initialised when no loop of the function around runs, and `this` is another.
      return { ...place, fields, loops: [], turns: undefined, isMethod: false, isInCase: false };
    }
    case "StaticBlock":
      return { ...place, loops: [], turns: undefined, isMethod: false, isInCase: false };
    case "SwitchCase":
      return { ...place, isInCase: true };
    case "BlockStatement":
      return place.isInCase ? { ...place, isInCase: false } : place;
    default:
      return place;
  }
}

/** Whether a part of a statement or an expression is not evaluated each time that the whole is. */
function mayBeLeftOut(child: Node, parent: Node): boolean {
  switch (parent.type) {
    case "IfStatement":
    case "ConditionalExpression":
      return child !== parent.test;
    case "LogicalExpression":
    case "AssignmentPattern":
      return child === parent.right;
    case "AssignmentExpression":
      return child === parent.right && ["&&=", "||=", "??="].includes(parent.operator);
    default:
      return parent.type === "ChainExpression" || parent.type === "TryStatement";
  }
}

function hasContinue(node: Node): boolean {
  if (node.type === "ContinueStatement") return true;
  let has = false;
  forEachChild(node, (child) => {
    has = has || hasContinue(child);
  });
  return has;
}

/** The name of an object's property that holds an array. */
function propertyOf(node: Node): string | undefined {
  return node.type === "MemberExpression" && !node.computed && node.property.type === "Identifier"
    ? node.property.name
    : undefined;
}

/** The text that keeps the numbers of a variable, which `declaration` may declare. */
function keeping(declaration: string, array: string, memory: number): (index: number) => string {
  return (index) =>
    `{${declaration}${locatingText(memory, array)};}const $k${index}=$K${memory},$p${index}=$P${memory};`;
}
