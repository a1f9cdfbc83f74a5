/**
 * Which loads and stores of typed arrays are sampled into the cache model, and how each of them is written.
 *
 * An access needs its array's place in memory. Asking for it each time would cost more than the access, so
 * it is kept in three small numbers: `$p` the place in elements, `$l` the mask of the index's bits that tell
 * which line is sampled, `$t` what these bits are for a sampled one (-1, which they never are, for anything
 * but a typed array).
 * - Constants of a module have theirs for good; arrays that a loop indexes have theirs for the loop.
 * - All other accesses look their array up, with a memory of one.
 * - Numbers that are out of date charge the wrong line; they never change what the program does. Nothing is
 *   evaluated early that could throw or that the program could notice.
 */

import type { MemberExpression } from "acorn";
import type { Binding, Scopes } from "./scope.ts";
import { forEachChild, type FunctionNode, isFunction, isLoop, type LoopNode, type Node } from "./syntax.ts";

/** How an access finds its array: by kept numbers of this index, or by looking it up. */
export type ElementAccess =
  | { readonly form: "kept"; readonly numbers: number; readonly inLoop: boolean }
  | { readonly form: "looked up" };

/** Where a part of the program stands. */
interface Place {
  readonly functionNode: FunctionNode | undefined;
  readonly functionDepth: number;
  /** Loops around it in the same function, outermost first. */
  readonly loops: readonly LoopNode[];
  /** Private fields of the classes around it that hold values, with what they begin with. */
  readonly fields: ReadonlyMap<string, Node | undefined>;
  /** Whether `this` is what a method was called on. */
  readonly isMethod: boolean;
  /** Directly in a case, whose declarations may be jumped over. */
  readonly isInCase: boolean;
}

/** Arrays that a loop keeps the numbers of: an expression that gives the array, or numbers kept further out. */
interface LoopNumbers {
  readonly loop: LoopNode;
  readonly numbers: Map<string, { readonly index: number; readonly text: string }>;
  usesIndex: boolean;
}

/** Values that are certainly no typed arrays. */
const otherValues: ReadonlySet<string> = new Set([
  ...["ArrayExpression", "ObjectExpression", "Literal", "TemplateLiteral", "ArrowFunctionExpression"],
  ...["FunctionExpression", "ClassExpression"],
]);

export class SamplingPlan {
  readonly #bindings: ReadonlyMap<Node, Binding>;
  readonly #accesses = new Map<Node, ElementAccess>();
  readonly #loops = new Map<LoopNode, LoopNumbers>();
  /** Numbers of modules' constants. */
  readonly #constants = new Map<Binding, number>();
  /** Statements that declare constants. */
  readonly #statements = new Map<Node, Binding[]>();
  readonly #declaredAt = new Map<Node, Place>();
  readonly #constantStatements = new Map<Node, Node>();
  /** Offsets at which a variable, or a private field, is assigned; whatever object the field is of. */
  readonly #assignments = new Map<Binding | string, { readonly at: number; readonly value: Node }[]>();
  #count = 0;

  constructor(program: Node, scopes: Scopes) {
    this.#bindings = scopes.bindings;
    const top: Place = {
      functionNode: undefined,
      functionDepth: 0,
      loops: [],
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

  /** Declares what modules' constants keep. */
  get declarations(): string {
    const kept = [...this.#constants.values()].map((index) => `$l${index}=0,$p${index}=0,$t${index}=-1`);
    return kept.length === 0 ? "" : `let ${kept.join()};`;
  }

  /** What follows a statement that declares constants. */
  afterStatement(statement: Node): string {
    const bindings = this.#statements.get(statement) ?? [];
    return bindings.map((binding) => {
      const index = this.#constants.get(binding);
      return `;$l${index}=$L(${binding.name});$p${index}=$P;$t${index}=$T;`;
    }).join("");
  }

  /** What stands in front of a loop, in a block around it; undefined when it keeps nothing. */
  beforeLoop(loop: LoopNode): string | undefined {
    const kept = this.#loops.get(loop);
    if (kept === undefined) return undefined;
    const texts = [...kept.numbers.values()].map(({ text }) => text);
    return `const ${texts.join()};${kept.usesIndex ? "let $index;" : ""}`;
  }

  #walk(node: Node, place: Place, visit: (node: Node, place: Place) => void): void {
    visit(node, place);
    forEachChild(node, (child) => this.#walk(child, placeOf(child, node, place), visit));
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
      const access = this.#planVariable(object.name, this.#bindings.get(object), node, place);
      if (access !== undefined) this.#accesses.set(node, access);
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
    if (!hasOptionalPart(object) && !node.optional) this.#accesses.set(node, { form: "looked up" });
  }

  #planVariable(
    name: string,
    binding: Binding | undefined,
    node: MemberExpression,
    place: Place,
  ): ElementAccess | undefined {
    if (binding === undefined || isOther(binding)) return undefined;
    const outermost = place.loops[0];
    const constant = this.#constantNumbers(binding);
    if (constant !== undefined) {
      if (outermost === undefined) return { form: "kept", numbers: constant, inLoop: false };
      const copy = (to: number) => `$l${to}=$l${constant},$p${to}=$p${constant},$t${to}=$t${constant}`;
      return this.#keep(outermost, `constant ${constant}`, copy, node);
    }
    const loop = place.loops.find((candidate) =>
      this.#isKnownBefore(binding, candidate, place) && !this.#isAssignedIn(binding, candidate)
    );
    if (loop === undefined) return { form: "looked up" };
    const text = (to: number) => `$l${to}=$L(${name}),$p${to}=$P,$t${to}=$T`;
    return this.#keep(loop, `variable ${binding.declaration.start}`, text, node);
  }

  #planField(field: string, node: MemberExpression, place: Place): ElementAccess | undefined {
    if (!place.isMethod || !place.fields.has(field)) return undefined;
    const loop = place.loops.find((candidate) => !this.#isAssignedIn(field, candidate));
    if (loop === undefined) return undefined;
    // The method may have been called on anything, and the program may handle the error of that.
    const text = (to: number) =>
      `$l${to}=$L($O(this)&&${field} in this?this.${field}:0),$p${to}=$P,$t${to}=$T`;
    return this.#keep(loop, `field ${field}`, text, node);
  }

  #keep(
    loop: LoopNode,
    key: string,
    text: (index: number) => string,
    { property }: MemberExpression,
  ): ElementAccess {
    const kept = this.#loops.get(loop) ?? { loop, numbers: new Map(), usesIndex: false };
    this.#loops.set(loop, kept);
    let numbers = kept.numbers.get(key);
    if (numbers === undefined) {
      const index = this.#count++;
      numbers = { index, text: text(index) };
      kept.numbers.set(key, numbers);
    }
    if (!isSimpleIndex(property)) kept.usesIndex = true;
    return { form: "kept", numbers: numbers.index, inLoop: true };
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

function placeOf(child: Node, parent: Node, place: Place): Place {
  if (isFunction(child)) {
    const isMethod = parent.type === "MethodDefinition" && parent.kind !== "constructor";
    const functionDepth = place.functionDepth + 1;
    return { ...place, functionNode: child, functionDepth, loops: [], isMethod, isInCase: false };
  }
  if (isLoop(child)) return { ...place, loops: [...place.loops, child], isInCase: false };
  switch (child.type) {
    case "ClassBody": {
      const fields = new Map(place.fields);
      for (const member of child.body) {
        if (member.type === "PropertyDefinition" && member.key.type === "PrivateIdentifier") {
          fields.set(`#${member.key.name}`, member.value ?? undefined);
        }
      }
      // Fields are initialised when no loop of the function around runs, and `this` is another.
      return { ...place, fields, loops: [], isMethod: false, isInCase: false };
    }
    case "StaticBlock":
      return { ...place, loops: [], isMethod: false, isInCase: false };
    case "SwitchCase":
      return { ...place, isInCase: true };
    case "BlockStatement":
      return { ...place, isInCase: false };
    default:
      return place;
  }
}
