/**
 * Methods with one version per ISA: which there are in an IL, and the image's choice among them.
 *
 * The form is `isaVersions({ x86: function …, armv5te: function … })` (kernel/abi/isa_versions.ts). It is not
 * executed: the version for the target takes the place of the call, and the others leave no trace.
 * - All versions are verified, so a program that is refused on one ISA is refused on each.
 * - What is taken out becomes blanks, so lines and columns of the rest stay.
 */

import type { CallExpression, Identifier, ObjectExpression, Program } from "acorn";
import type { VersionName } from "../abi/isa_versions.ts";
import type { IsaName } from "../hal/hardware.ts";
import { analyseScopes, type FreeReference, type Scopes } from "./scope.ts";
import { blank, forEachChild, forgetChildren, type Node, type ParsedModule, SourceText } from "./syntax.ts";

type VersionNode = Extract<Node, { type: "FunctionExpression" | "ArrowFunctionExpression" }>;

export const isaVersionsName = "isaVersions";

/** The ISAs that a version is for. */
const isasOfVersion: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries(
    {
      "x86": ["x86-core2", "x86-k8"],
      "x86-core2": ["x86-core2"],
      "x86-k8": ["x86-k8"],
      "armv5te": ["armv5te"],
    } satisfies Record<VersionName, readonly IsaName[]>,
  ),
);

/** A method that has one version per ISA. */
export interface IsaMethod {
  /** The constant that it initialises, or the way to the property: `Interlocked.add`. */
  readonly name: string;
  /** What its versions are for, in the order of the text. */
  readonly versions: ReadonlyMap<string, VersionNode>;
  readonly call: CallExpression;
  /** Puts a version in place of the call. */
  readonly replace: (version: VersionNode) => void;
}

/** Throws, with the place of an offset and the rule. */
export type Refuse = (offset: number, rule: string, reason: string) => never;

const formRule = "isa-versions";

/** The ISA-specific methods of an IL, in the order of the text; `refuse` is told of misuse. */
export function isaMethods(program: Program, free: Scopes["free"], refuse: Refuse): readonly IsaMethod[] {
  const names = free.filter(({ node }) => node.name === isaVersionsName);
  if (names.length === 0) return [];
  const parents = parentsOf(program);
  const methods = names.map((reference) => readMethod(reference, parents, refuse));
  methods.sort((a, b) => a.call.start - b.call.start);
  let end = 0;
  for (const { call } of methods) {
    if (call.start < end) refuse(call.start, formRule, "a version holds no versions of its own");
    end = call.end;
  }
  return methods;
}

function parentsOf(program: Program): ReadonlyMap<Node, Node> {
  const parents = new Map<Node, Node>();
  const visit = (node: Node) =>
    forEachChild(node, (child) => {
      parents.set(child, node);
      visit(child);
    });
  visit(program);
  return parents;
}

function readMethod({ node }: FreeReference, parents: ReadonlyMap<Node, Node>, refuse: Refuse): IsaMethod {
  const call = parents.get(node);
  if (call?.type !== "CallExpression" || call.callee !== node || call.optional) {
    refuse(node.start, formRule, `"${isaVersionsName}" can only be called, by its name`);
  }
  const [argument] = call.arguments;
  if (argument?.type !== "ObjectExpression" || call.arguments.length > 1) {
    refuse(call.start, formRule, `"${isaVersionsName}" takes one object literal`);
  }
  return { call, versions: readVersions(argument, refuse), ...initialised(call, node, parents, refuse) };
}

function readVersions(literal: ObjectExpression, refuse: Refuse): Map<string, VersionNode> {
  const versions = new Map<string, VersionNode>();
  for (const property of literal.properties) {
    const name = property.type === "Property" ? keyOf(property) : undefined;
    if (property.type !== "Property" || name === undefined || !isasOfVersion.has(name)) {
      const known = [...isasOfVersion.keys()].join(", ");
      refuse(property.start, formRule, `a version is named after an ISA: ${known}`);
    }
    const { value } = property;
    const isFunction = value.type === "FunctionExpression" || value.type === "ArrowFunctionExpression";
    if (property.method || property.kind !== "init" || !isFunction) {
      refuse(
        property.start,
        formRule,
        `the version for ${name} is a function expression: ${name}: function …`,
      );
    }
    if (versions.has(name)) refuse(property.start, formRule, `there are two versions for ${name}`);
    versions.set(name, value);
  }
  if (versions.size === 0) refuse(literal.start, formRule, "there is no version at all");
  return versions;
}

function keyOf({ key, computed }: Extract<Node, { type: "Property" }>): string | undefined {
  if (computed) return undefined;
  if (key.type === "Identifier") return key.name;
  return key.type === "Literal" && typeof key.value === "string" ? key.value : undefined;
}

/** What the call's value becomes: its name, and how another expression takes the call's place there. */
function initialised(
  call: CallExpression,
  node: Identifier,
  parents: ReadonlyMap<Node, Node>,
  refuse: Refuse,
): Pick<IsaMethod, "name" | "replace"> {
  const misplaced = () =>
    refuse(node.start, formRule, `"${isaVersionsName}" initialises a constant, or a property of one`);
  const holder = parents.get(call);
  if (holder?.type === "VariableDeclarator") {
    const replace = (version: VersionNode) => {
      holder.init = version;
      forgetChildren(holder);
    };
    return { name: constantName(holder, parents) ?? misplaced(), replace };
  }
  if (holder?.type !== "Property" || holder.value !== call) misplaced();
  const property = holder as Extract<Node, { type: "Property" }>;
  const replace = (version: VersionNode) => {
    property.value = version;
    forgetChildren(property);
  };
  return { name: propertyPath(property, parents) ?? misplaced(), replace };
}

function constantName(
  declarator: Extract<Node, { type: "VariableDeclarator" }>,
  parents: ReadonlyMap<Node, Node>,
): string | undefined {
  const declaration = parents.get(declarator);
  if (declaration?.type !== "VariableDeclaration" || declaration.kind !== "const") return undefined;
  return declarator.id.type === "Identifier" ? declarator.id.name : undefined;
}

/** `Interlocked.add` for the property `add` of `const Interlocked = Object.freeze({ add: … })`. */
function propertyPath(
  property: Extract<Node, { type: "Property" }>,
  parents: ReadonlyMap<Node, Node>,
): string | undefined {
  const key = keyOf(property);
  let value = parents.get(property);
  let holder = value === undefined ? undefined : parents.get(value);
  while (holder?.type === "CallExpression") {
    value = holder;
    holder = parents.get(value);
  }
  if (key === undefined || holder === undefined) return undefined;
  let owner: string | undefined;
  if (holder.type === "VariableDeclarator") owner = constantName(holder, parents);
  else if (holder.type === "Property" && holder.value === value) owner = propertyPath(holder, parents);
  return owner === undefined ? undefined : `${owner}.${key}`;
}

/** A module's text and tree, with what the passes after the verifier need to know of it. */
export interface KeptModule extends ParsedModule {
  readonly scopes: Scopes;
  readonly nodes: readonly Node[];
}

/** Keeps the version of each method that is for `isa`; changes the tree. */
export function keepVersions(
  module: KeptModule,
  methods: readonly IsaMethod[],
  isa: string,
  refuse: Refuse,
): KeptModule {
  if (methods.length === 0) return module;
  const removed = new Set<Node>();
  const blanks: { readonly start: number; readonly end: number }[] = [];
  for (const { name, call, versions, replace } of methods) {
    const version = versions.get(isa) ?? familyVersion(versions, isa);
    if (version === undefined) {
      const found = [...versions.keys()].join(" and ");
      refuse(call.start, "isa-missing", `"${name}" has versions for ${found}, none for ${isa}`);
    }
    collect(call, version, removed);
    replace(version);
    blanks.push({ start: call.start, end: version.start }, { start: version.end, end: call.end });
  }
  const { program, source } = module;
  return {
    program,
    source: new SourceText(inParentheses(blank(source.text, blanks), methods)),
    scopes: analyseScopes(program),
    nodes: module.nodes.filter((node) => !removed.has(node)),
  };
}

function familyVersion(versions: ReadonlyMap<string, VersionNode>, isa: string): VersionNode | undefined {
  for (const [name, version] of versions) if (isasOfVersion.get(name)?.includes(isa)) return version;
  return undefined;
}

function collect(node: Node, kept: Node, into: Set<Node>): void {
  if (node === kept) return;
  into.add(node);
  forEachChild(node, (child) => collect(child, kept, into));
}

/** Parentheses where each call began and ended: what follows must not join the function's own text. */
function inParentheses(text: string, methods: readonly IsaMethod[]): string {
  let result = "";
  let at = 0;
  for (const { call } of methods) {
    result += `${text.slice(at, call.start)}(${text.slice(call.start + 1, call.end - 1)})`;
    at = call.end;
  }
  return result + text.slice(at);
}
