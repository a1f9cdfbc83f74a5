/**
 * The tree of names: directories, links, attributes, and what stands at the leaves.
 *
 * A data structure without channels: who may do what, who waits and who is told is the
 * namespace's business. Every bound on names is here.
 * - A path is absolute: parts of letters, digits, `_`, `.` and `-`, each behind a stroke.
 *   There is no `.` and no `..`: both are refused, since a reader would take them for more.
 * - Directories come into being with the first entry below them and go with the last,
 *   unless they were made as such.
 * - A link stands for an absolute path, wherever it occurs in a path; what it leads to may
 *   be missing. More than `linksMax` on one way count as a loop.
 * - Whoever adds or removes is told of each entry that came or went, parents first.
 */

import type { NamespaceEntry } from "../abi/kernel.ts";

export const partsMax = 16;
export const partSizeMax = 64;
export const entriesMax = 4096;
export const entriesPerDirectoryMax = 1024;
export const linksMax = 8;
export const attributesMax = 16;
export const attributeValueMax = 128;

const pathPattern = new RegExp(
  String.raw`^(?:/(?!\.{1,2}(?:/|$))[\w.-]{1,${partSizeMax}}){1,${partsMax}}$`,
);
const attributeNamePattern = /^[a-z][\w-]{0,31}$/;
/** Printable, so that a table shows it on one line. */
const attributeValuePattern = /^[^\p{C}\p{Zl}\p{Zp}]*$/u;

/** Why a request about names cannot be done. */
export class NameError extends Error {
  constructor(
    readonly code: "NotFound" | "AlreadyRegistered" | "NotPermitted" | "OutOfMemory" | "BadArgument",
    message: string,
  ) {
    super(message);
  }
}

/** What all entries have. */
interface Entry<S> {
  readonly name: string;
  readonly parent: Directory<S> | undefined;
  /** The kernel of the process that made it. */
  kernel: number;
  /** The process that made it; empty for directories that came by themselves. */
  process: string;
  readonly attributes: Map<string, string>;
}

export interface Directory<S> extends Entry<S> {
  readonly kind: "directory";
  readonly entries: Map<string, Node<S>>;
  /** It was made as a directory, and stays when it is empty. */
  made: boolean;
}

export interface Link<S> extends Entry<S> {
  readonly kind: "link";
  readonly target: string;
}

export interface Leaf<S> extends Entry<S> {
  readonly kind: "service" | "kernel";
  readonly service: S;
}

export type Node<S> = Directory<S> | Link<S> | Leaf<S>;

/** Who makes an entry, and what goes with it. */
export interface Origin {
  readonly kernel: number;
  readonly process: string;
}

export type NameChange<S> = (change: "appeared" | "disappeared", path: string, node: Node<S>) => void;

export function pathOf<S>(node: Node<S>): string {
  if (node.parent === undefined) return "/";
  const parent = pathOf(node.parent);
  return parent === "/" ? `/${node.name}` : `${parent}/${node.name}`;
}

/** The parts of a path; none for the root. Throws NameError. */
export function partsOf(path: string): string[] {
  if (path === "/") return [];
  if (pathPattern.test(path)) return path.slice(1).split("/");
  const shown = path.length <= 80 ? path : `${path.slice(0, 80)}...`;
  throw new NameError("BadArgument", `"${shown}" is not a path`);
}

export class NameTree<S> {
  readonly #root: Directory<S>;
  readonly #onChange: NameChange<S>;
  #size = 0;

  constructor(onChange: NameChange<S>) {
    this.#onChange = onChange;
    this.#root = directory("", undefined, { kernel: 0, process: "" }, true);
  }

  /** Entries in the tree, the root not counted. */
  get size(): number {
    return this.#size;
  }

  /** What a path leads to, through links; undefined when something on the way is missing. */
  find(path: string): Node<S> | undefined {
    return this.#walk(partsOf(path), "follow last");
  }

  /** The entry of that name itself: a link is not followed if it is the last part. */
  findEntry(path: string): Node<S> | undefined {
    return this.#walk(partsOf(path), "keep last");
  }

  addLeaf(
    path: string,
    kind: Leaf<S>["kind"],
    service: S,
    origin: Origin,
    attributes: ReadonlyMap<string, string>,
  ): Leaf<S> {
    checkAttributes(attributes);
    return this.#add(path, (name, parent) => ({
      kind,
      name,
      parent,
      ...origin,
      attributes: new Map(attributes),
      service,
    }));
  }

  addLink(path: string, target: string, origin: Origin): Link<S> {
    partsOf(target);
    return this.#add(path, (name, parent) => ({
      kind: "link",
      name,
      parent,
      ...origin,
      attributes: new Map(),
      target,
    }));
  }

  /** Makes a directory; one that came by itself stays from now on. */
  addDirectory(path: string, origin: Origin): Directory<S> {
    const there = path === "/" ? this.#root : this.findEntry(path);
    if (there?.kind === "directory" && !there.made) {
      there.made = true;
      Object.assign(there, origin);
      return there;
    }
    return this.#add(path, (name, parent) => directory(name, parent, origin, true));
  }

  setAttribute(node: Node<S>, name: string, value: string): void {
    if (value === "") {
      node.attributes.delete(name);
      return;
    }
    const attributes = new Map(node.attributes).set(name, value);
    checkAttributes(attributes);
    node.attributes.set(name, value);
  }

  /** Takes an entry out, and the directories that are empty without it. */
  remove(node: Node<S>): void {
    const { parent } = node;
    if (parent === undefined || parent.entries.get(node.name) !== node) return;
    const path = pathOf(node);
    parent.entries.delete(node.name);
    this.#size--;
    this.#onChange("disappeared", path, node);
    if (!parent.made && parent.entries.size === 0) this.remove(parent);
  }

  /** Lets a directory go when it is empty, now or later. */
  release(node: Directory<S>): void {
    node.made = false;
    if (node.entries.size === 0) this.remove(node);
  }

  /** All entries, parents before what they hold, sorted by name. */
  *all(from: Node<S> = this.#root): Generator<Node<S>> {
    if (from.kind !== "directory") return;
    for (const node of sorted(from)) {
      yield node;
      yield* this.all(node);
    }
  }

  /** What a directory holds, or the one entry that a path leads to; sorted by path. Throws NameError. */
  list(path: string, depth: "children" | "all"): Node<S>[] {
    const node = this.find(path);
    if (node === undefined) throw new NameError("NotFound", `Nothing is at "${path}"`);
    if (node.kind !== "directory") return [node];
    return depth === "children" ? sorted(node) : [...this.all(node)];
  }

  #add<N extends Node<S>>(path: string, make: (name: string, parent: Directory<S>) => N): N {
    const parts = partsOf(path);
    const name = parts.pop();
    if (name === undefined) throw new NameError("BadArgument", `"/" is the root, not a name in it`);
    const { parent, missing } = this.#parentFor(path, parts);
    const there = parent.entries.get(name);
    if (there !== undefined && missing.length === 0) {
      const what = there.kind === "link" || there.kind === "directory"
        ? `a ${there.kind}`
        : "registered already";
      throw new NameError("AlreadyRegistered", `"${path}" is ${what}`);
    }
    this.#checkRoom(path, parent, missing.length + 1);
    let holder = parent;
    for (const part of missing) {
      const created = directory<S>(part, holder, { kernel: 0, process: "" }, false);
      this.#enter(created);
      holder = created;
    }
    const node = make(name, holder);
    this.#enter(node);
    return node;
  }

  /** The deepest directory on the way that is there, and the parts that are not. */
  #parentFor(path: string, parts: string[]): { parent: Directory<S>; missing: string[] } {
    for (let present = parts.length; present >= 0; present--) {
      const node = this.#walk(parts.slice(0, present), "follow last");
      if (node === undefined) {
        const entry = this.#walk(parts.slice(0, present), "keep last");
        if (entry === undefined) continue;
        throw new NameError("NotFound", `Cannot enter "${path}": the link "${pathOf(entry)}" leads nowhere`);
      }
      if (node.kind !== "directory") {
        throw new NameError("BadArgument", `Cannot enter "${path}": "${pathOf(node)}" is not a directory`);
      }
      return { parent: node, missing: parts.slice(present) };
    }
    throw new Error("The root is always there");
  }

  #checkRoom(path: string, parent: Directory<S>, more: number): void {
    if (this.#size + more > entriesMax) {
      throw new NameError(
        "OutOfMemory",
        `Cannot enter "${path}": the namespace holds ${entriesMax} entries at most`,
      );
    }
    if (parent.entries.size >= entriesPerDirectoryMax) {
      throw new NameError(
        "OutOfMemory",
        `Cannot enter "${path}": "${pathOf(parent)}" holds ${entriesPerDirectoryMax} entries already`,
      );
    }
    const depth = partsOf(pathOf(parent)).length + more;
    if (depth > partsMax) {
      throw new NameError(
        "BadArgument",
        `Cannot enter "${path}": it leads ${depth} parts deep, ` +
          `at most ${partsMax} are allowed`,
      );
    }
  }

  #enter(node: Node<S>): void {
    node.parent!.entries.set(node.name, node);
    this.#size++;
    this.#onChange("appeared", pathOf(node), node);
  }

  /** Part by part from the root; a link puts the parts of its target in its place. */
  #walk(parts: readonly string[], last: "follow last" | "keep last"): Node<S> | undefined {
    let node: Node<S> = this.#root;
    const left = [...parts];
    for (let links = 0; left.length > 0;) {
      if (node.kind !== "directory") return undefined;
      const next: Node<S> | undefined = node.entries.get(left.shift()!);
      if (next === undefined) return undefined;
      if (next.kind === "link" && (left.length > 0 || last === "follow last")) {
        if (++links > linksMax) {
          throw new NameError(
            "BadArgument",
            `"/${parts.join("/")}" leads through more than ${linksMax} links`,
          );
        }
        left.unshift(...partsOf(next.target));
        node = this.#root;
      } else {
        node = next;
      }
    }
    return node;
  }
}

function directory<S>(
  name: string,
  parent: Directory<S> | undefined,
  origin: Origin,
  made: boolean,
): Directory<S> {
  return { kind: "directory", name, parent, ...origin, attributes: new Map(), entries: new Map(), made };
}

function sorted<S>({ entries }: Directory<S>): Node<S>[] {
  return [...entries.values()].sort((a, b) => a.name < b.name ? -1 : 1);
}

/** What kernels say about a service; no program may say it. */
export const kernelAttributes: readonly string[] = ["contract", "kernel", "process", "platform"];

function checkAttributes(attributes: ReadonlyMap<string, string>): void {
  const own = [...attributes.keys()].filter((name) => !kernelAttributes.includes(name));
  if (own.length > attributesMax) {
    throw new NameError("OutOfMemory", `An entry has at most ${attributesMax} attributes`);
  }
  for (const [name, value] of attributes) {
    if (!attributeNamePattern.test(name)) {
      throw new NameError("BadArgument", `"${name.slice(0, 40)}" is no name of an attribute`);
    }
    if (value.length <= attributeValueMax && attributeValuePattern.test(value)) continue;
    throw new NameError(
      "BadArgument",
      `The attribute ${name} is ${value.length} characters long or has some that cannot be shown; ` +
        `at most ${attributeValueMax} are allowed`,
    );
  }
}

/** An entry as programs see it. */
export function describeNode<S>(node: Node<S>, kernelName: string): NamespaceEntry {
  return {
    path: pathOf(node),
    kind: node.kind,
    contract: node.attributes.get("contract") ?? "",
    kernel: kernelName,
    target: node.kind === "link" ? node.target : "",
    attributes: Object.fromEntries(node.attributes),
  };
}
