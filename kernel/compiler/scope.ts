/**
 * Which declaration each name means: scopes, bindings and references of one module.
 *
 * The verifier needs the names that nothing declares; the cost passes need to know which function a call
 * reaches and what a variable ever holds.
 * - Follows ECMAScript's rules for strict code: `var` and functions are hoisted, a function in a block
 *   belongs to the block, parameters are in scope outside of the body.
 * - What a scope declares is known before anything in it is read, so order in the text does not matter.
 */

import type { Class, Identifier, Pattern, Program, Statement, VariableDeclaration } from "acorn";
import { childrenOf, type FunctionNode, isFunction, isLeaf, type Node } from "./syntax.ts";

export type BindingKind = "var" | "let" | "const" | "function" | "class" | "parameter";

/** How a reference uses its name; "call" means as the callee of a plain call. */
export type ReferenceRole = "read" | "write" | "call" | "new";

export interface Binding {
  readonly name: string;
  readonly kind: BindingKind;
  /** The identifier that declares it. */
  readonly declaration: Identifier;
  /** The function that a function declaration or a `const f = () => …` binds. */
  readonly functionNode: FunctionNode | undefined;
  /** Expressions that are stored in it whole; `undefined` for one that is not known, such as a parameter. */
  readonly values: (Node | undefined)[];
  /** Whether it is ever stored to after its declaration. */
  isWritten: boolean;
  /** Whether all that refers to it calls it. */
  isOnlyCalled: boolean;
  /** Whether a function or class inside of the one that declares it refers to it. */
  isCaptured: boolean;
}

export interface FreeReference {
  readonly node: Identifier;
  readonly role: ReferenceRole;
}

/** Where a name keeps its binding. */
interface BoundName {
  binding?: Binding;
}

/**
 * The binding of each identifier that refers to or declares one, as the last analysis found it.
 *
 * The nodes keep them themselves: a map of all names would be copied each time it had grown.
 */
export class Bindings {
  get(node: Node): Binding | undefined {
    return (node as BoundName).binding;
  }

  has(node: Node): boolean {
    return this.get(node) !== undefined;
  }

  set(node: Identifier, binding: Binding): void {
    (node as BoundName).binding = binding;
  }
}

export interface Scopes {
  readonly bindings: Bindings;
  /** Each binding once. */
  readonly declared: readonly Binding[];
  readonly free: readonly FreeReference[];
}

export function analyseScopes(program: Program): Scopes {
  const analysis = new ScopeAnalysis();
  analysis.program(program);
  return analysis;
}

interface Scope {
  readonly outer: Scope | undefined;
  /** What it declares. */
  readonly meanings: Meaning[];
  /** How many functions and classes are around it. */
  readonly level: number;
}

/** What a name means in the scope that declares it. */
interface Meaning {
  readonly name: string;
  /** Undefined for a function's own `arguments`. */
  readonly binding: Binding | undefined;
  readonly scope: Scope;
  /** What the name means outside of the scope. */
  readonly hidden: Meaning | undefined;
}

/** Types of nodes that statements of the same function may be in. */
const aroundStatements: ReadonlySet<string> = new Set([
  ...["BlockStatement", "IfStatement", "ForStatement", "ForInStatement", "ForOfStatement", "WhileStatement"],
  ...["DoWhileStatement", "SwitchStatement", "SwitchCase", "TryStatement", "CatchClause", "LabeledStatement"],
  "ExportNamedDeclaration",
]);

/** Types of nodes that are more than their children, or less. */
const particular: ReadonlySet<string> = new Set([
  ...["MemberExpression", "Property", "MethodDefinition", "PropertyDefinition", "CallExpression"],
  ...["NewExpression", "AssignmentExpression", "UpdateExpression", "LabeledStatement", "BreakStatement"],
  ...["ContinueStatement", "MetaProperty", "VariableDeclaration", "FunctionDeclaration"],
  ...["FunctionExpression", "ArrowFunctionExpression", "ClassDeclaration", "ClassExpression"],
  ...["BlockStatement", "StaticBlock", "SwitchStatement", "ForStatement", "ForInStatement"],
  ...["ForOfStatement", "CatchClause"],
]);

class ScopeAnalysis implements Scopes {
  readonly bindings = new Bindings();
  readonly declared: Binding[] = [];
  readonly free: FreeReference[] = [];
  #scope: Scope = { outer: undefined, meanings: [], level: 0 };
  /** What each name means where the analysis has come to. */
  readonly #meanings = new Map<string, Meaning | undefined>();

  program(program: Program): void {
    this.#hoistVariables(program.body);
    this.#declareLexical(program.body);
    this.#visitAll(program.body);
  }

  #refer(node: Identifier, role: ReferenceRole, value?: Node): void {
    const meaning = this.#meanings.get(node.name);
    if (meaning === undefined) {
      this.free.push({ node, role });
      return;
    }
    const { binding, scope } = meaning;
    if (binding === undefined) return;
    this.bindings.set(node, binding);
    if (role === "write") binding.isWritten = true;
    if (role !== "call") binding.isOnlyCalled = false;
    if (scope.level < this.#scope.level) binding.isCaptured = true;
    if (role === "write") binding.values.push(value);
  }

  #within(body: () => void, level = this.#scope.level): void {
    const scope: Scope = { outer: this.#scope, meanings: [], level };
    this.#scope = scope;
    body();
    for (const { name, hidden } of scope.meanings.reverse()) this.#meanings.set(name, hidden);
    this.#scope = scope.outer ?? scope;
  }

  #mean(name: string, binding: Binding | undefined): void {
    const meaning = { name, binding, scope: this.#scope, hidden: this.#meanings.get(name) };
    this.#meanings.set(name, meaning);
    this.#scope.meanings.push(meaning);
  }

  #declare(declaration: Identifier, kind: BindingKind, value?: Node): void {
    const meaning = this.#meanings.get(declaration.name);
    const known = meaning?.scope === this.#scope ? meaning.binding : undefined;
    if (known !== undefined) {
      // `var` twice, or a `var` that is also a function: one binding that holds either.
      known.values.push(value);
      known.isWritten = true;
      known.isOnlyCalled = false;
      this.bindings.set(declaration, known);
      return;
    }
    const bindsFunction = value !== undefined && isFunction(value) &&
      (kind === "function" || kind === "const");
    const binding: Binding = {
      name: declaration.name,
      kind,
      declaration,
      functionNode: bindsFunction ? value : undefined,
      values: [value],
      isWritten: false,
      isOnlyCalled: true,
      isCaptured: false,
    };
    this.declared.push(binding);
    this.#mean(declaration.name, binding);
    this.bindings.set(declaration, binding);
  }

  #declarePattern(pattern: Pattern, kind: BindingKind, value?: Node): void {
    switch (pattern.type) {
      case "Identifier":
        return this.#declare(pattern, kind, value);
      case "ObjectPattern":
        for (const part of pattern.properties) {
          this.#declarePattern(part.type === "Property" ? part.value : part.argument, kind);
        }
        return;
      case "ArrayPattern":
        for (const part of pattern.elements) if (part !== null) this.#declarePattern(part, kind);
        return;
      case "AssignmentPattern":
        return this.#declarePattern(pattern.left, kind);
      case "RestElement":
        return this.#declarePattern(pattern.argument, kind);
      default:
        return;
    }
  }

  #declareVariables(declaration: VariableDeclaration): void {
    for (const declarator of declaration.declarations) {
      this.#declarePattern(declarator.id, declaration.kind as BindingKind, declarator.init ?? undefined);
    }
  }

  /** Declares what `var` declares anywhere in a function's body. */
  #hoistVariables(body: readonly Node[]): void {
    for (let at = 0; at < body.length; at++) {
      const node = body[at] as Node;
      if (node.type === "VariableDeclaration") {
        if (node.kind === "var") this.#declareVariables(node);
      } else if (aroundStatements.has(node.type)) this.#hoistVariables(childrenOf(node));
    }
  }

  #declareLexical(body: readonly Node[]): void {
    for (let at = 0; at < body.length; at++) {
      const node = body[at] as Node;
      if (node.type === "VariableDeclaration" && node.kind !== "var") this.#declareVariables(node);
      else if (node.type === "FunctionDeclaration" && node.id !== null) {
        this.#declare(node.id, "function", node);
      } else if (node.type === "ClassDeclaration" && node.id !== null) this.#declare(node.id, "class");
      else if (node.type === "ExportDefaultDeclaration" || node.type === "ExportNamedDeclaration") {
        if (node.declaration !== null && node.declaration !== undefined) {
          this.#declareLexical([node.declaration]);
        }
      }
    }
  }

  #visitAll(nodes: readonly Node[]): void {
    for (let at = 0; at < nodes.length; at++) this.#visit(nodes[at] as Node);
  }

  #visit(node: Node): void {
    if (node.type === "Identifier") return this.#refer(node, "read");
    if (isLeaf(node)) return;
    if (!particular.has(node.type)) return this.#visitAll(childrenOf(node));
    switch (node.type) {
      case "MemberExpression":
        this.#visit(node.object);
        if (node.computed) this.#visit(node.property);
        return;
      case "Property":
      case "MethodDefinition":
      case "PropertyDefinition":
        if (node.computed) this.#visit(node.key);
        if (node.value !== null && node.value !== undefined) this.#visit(node.value);
        return;
      case "CallExpression":
      case "NewExpression":
        if (node.callee.type === "Identifier") {
          this.#refer(node.callee, node.type === "NewExpression" ? "new" : "call");
        } else this.#visit(node.callee);
        return this.#visitAll(node.arguments);
      case "AssignmentExpression":
        this.#assign(node.left, node.operator === "=" ? node.right : node);
        return this.#visit(node.right);
      case "UpdateExpression":
        return this.#assign(node.argument, node);
      case "LabeledStatement":
        return this.#visit(node.body);
      case "BreakStatement":
      case "ContinueStatement":
      case "MetaProperty":
        return;
      case "VariableDeclaration":
        for (const declarator of node.declarations) {
          this.#visitDefaults(declarator.id);
          if (declarator.init !== null && declarator.init !== undefined) this.#visit(declarator.init);
        }
        return;
      default:
        return this.#visitScoped(node);
    }
  }

  #visitScoped(node: Node): void {
    switch (node.type) {
      case "FunctionDeclaration":
      case "FunctionExpression":
      case "ArrowFunctionExpression":
        return this.#function(node);
      case "ClassDeclaration":
      case "ClassExpression":
        return this.#class(node);
      case "BlockStatement":
      case "StaticBlock":
        return this.#within(() => {
          if (node.type === "StaticBlock") this.#hoistVariables(node.body);
          this.#block(node.body);
        });
      case "SwitchStatement":
        this.#visit(node.discriminant);
        return this.#within(() => {
          this.#declareLexical(node.cases.flatMap((part) => part.consequent));
          for (const part of node.cases) this.#visitAll(childrenOf(part));
        });
      case "ForStatement":
        return this.#within(() => {
          const { init } = node;
          if (init?.type === "VariableDeclaration" && init.kind !== "var") this.#declareVariables(init);
          this.#visitAll(childrenOf(node));
        });
      case "ForInStatement":
      case "ForOfStatement":
        return this.#within(() => {
          const { left } = node;
          if (left.type !== "VariableDeclaration") this.#assign(left, undefined);
          else {
            if (left.kind !== "var") this.#declareVariables(left);
            for (const { id } of left.declarations) this.#visitDefaults(id);
          }
          this.#visit(node.right);
          this.#visit(node.body);
        });
      case "CatchClause":
        return this.#within(() => {
          if (node.param !== null && node.param !== undefined) {
            this.#declarePattern(node.param, "let");
            this.#visitDefaults(node.param);
          }
          this.#visit(node.body);
        });
      default:
        return this.#visitAll(childrenOf(node));
    }
  }

  #block(body: readonly Statement[]): void {
    this.#declareLexical(body);
    this.#visitAll(body);
  }

  #function(node: FunctionNode): void {
    this.#within(() => {
      // The name of a function expression is a scope of its own around the function.
      if (node.type === "FunctionExpression" && node.id) this.#declare(node.id, "let", node);
      this.#within(() => {
        // A parameter of that name comes in its place.
        if (node.type !== "ArrowFunctionExpression") this.#mean("arguments", undefined);
        for (const parameter of node.params) this.#declarePattern(parameter, "parameter");
        for (const parameter of node.params) this.#visitDefaults(parameter);
        this.#within(() => {
          if (node.body.type !== "BlockStatement") return this.#visit(node.body);
          this.#hoistVariables(node.body.body);
          this.#block(node.body.body);
        });
      }, this.#scope.level + 1);
    });
  }

  #class(node: Class): void {
    this.#within(() => {
      if (node.id) this.#declare(node.id, "class");
      if (node.superClass) this.#visit(node.superClass);
      this.#visitAll(node.body.body);
    }, this.#scope.level + 1);
  }

  /** Visits the expressions inside of a pattern that declares names. */
  #visitDefaults(pattern: Pattern): void {
    switch (pattern.type) {
      case "ObjectPattern":
        for (const part of pattern.properties) {
          if (part.type === "RestElement") this.#visitDefaults(part.argument);
          else {
            if (part.computed) this.#visit(part.key);
            this.#visitDefaults(part.value);
          }
        }
        return;
      case "ArrayPattern":
        for (const part of pattern.elements) if (part !== null) this.#visitDefaults(part);
        return;
      case "AssignmentPattern":
        this.#visitDefaults(pattern.left);
        return this.#visit(pattern.right);
      case "RestElement":
        return this.#visitDefaults(pattern.argument);
      default:
        return;
    }
  }

  /** Visits what an assignment stores to. */
  #assign(target: Node, value: Node | undefined): void {
    switch (target.type) {
      case "Identifier":
        return this.#refer(target, "write", value);
      case "ObjectPattern":
        for (const part of target.properties) {
          if (part.type === "RestElement") this.#assign(part.argument, undefined);
          else {
            if (part.computed) this.#visit(part.key);
            this.#assign(part.value, undefined);
          }
        }
        return;
      case "ArrayPattern":
        for (const part of target.elements) if (part !== null) this.#assign(part, undefined);
        return;
      case "AssignmentPattern":
        this.#assign(target.left, undefined);
        return this.#visit(target.right);
      case "RestElement":
        return this.#assign(target.argument, undefined);
      case "ParenthesizedExpression":
        return this.#assign(target.expression, value);
      default:
        return this.#visit(target);
    }
  }
}
