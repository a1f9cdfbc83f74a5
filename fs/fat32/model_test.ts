/**
 * Random requests against a model that is plain maps of paths.
 *
 * Every answer and the whole tree must agree with the model, through remounts and a
 * cache so small that it evicts; in the end fsck.fat must have no remark.
 */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { freshDevice, fsckRemarks, pattern, peerTest, refusal, TestDisk } from "./disk_bench_test.ts";

type Step =
  | { readonly do: "create" | "makeDirectory" | "remove"; readonly path: string }
  | {
    readonly do: "write";
    readonly path: string;
    readonly offset: number;
    readonly length: number;
    readonly seed: number;
  }
  | { readonly do: "truncate"; readonly path: string; readonly size: number }
  | { readonly do: "replace"; readonly path: string; readonly length: number; readonly seed: number }
  | { readonly do: "rename"; readonly path: string; readonly to: string }
  | { readonly do: "sync" }
  | { readonly do: "remount" };

const name = fc.constantFrom(
  "a",
  "B.TXT",
  "a long name.txt",
  "a long name.text",
  "Ünïcode",
  "directory",
  "d2",
);
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) =>
  names.map((part) => `/${part}`).join("")
);
const seed = fc.integer({ min: 1, max: 1000 });

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant("create" as const), path }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("makeDirectory" as const), path }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("remove" as const), path }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("write" as const),
      path,
      offset: fc.nat(9000),
      length: fc.nat(20_000),
      seed,
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("truncate" as const), path, size: fc.nat(20_000) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("replace" as const), path, length: fc.nat(5000), seed }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("rename" as const), path, to: path }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("sync" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("remount" as const) }) },
);

type Tree = Map<string, Uint8Array | "directory">;

const parentOf = (full: string): string => full.slice(0, full.lastIndexOf("/"));
const isDirectory = (tree: Tree, full: string): boolean => full === "" || tree.get(full) === "directory";
const isFile = (tree: Tree, full: string): boolean => tree.get(full) instanceof Uint8Array;

/** What the step must do to the tree; false when it must be refused. */
function apply(tree: Tree, step: Step): boolean {
  if (step.do === "sync" || step.do === "remount") return true;
  const { path } = step;
  if (!isDirectory(tree, parentOf(path))) return false;
  const old = tree.get(path);
  switch (step.do) {
    case "create":
    case "makeDirectory":
      if (old !== undefined) return false;
      tree.set(path, step.do === "create" ? new Uint8Array(0) : "directory");
      return true;
    case "remove":
      if (old === undefined || [...tree.keys()].some((other) => other.startsWith(`${path}/`))) return false;
      return tree.delete(path);
    case "write": {
      if (!(old instanceof Uint8Array)) return false;
      const bytes = new Uint8Array(
        step.length === 0 ? old.length : Math.max(old.length, step.offset + step.length),
      );
      bytes.set(old);
      bytes.set(pattern(step.seed, step.length), Math.min(step.offset, bytes.length - step.length));
      tree.set(path, bytes);
      return true;
    }
    case "truncate": {
      if (!(old instanceof Uint8Array)) return false;
      const bytes = new Uint8Array(step.size);
      bytes.set(old.subarray(0, step.size));
      tree.set(path, bytes);
      return true;
    }
    case "replace":
      if (old === "directory") return false;
      tree.set(path, pattern(step.seed, step.length));
      return true;
    case "rename":
      return applyRename(tree, path, step.to);
  }
}

function applyRename(tree: Tree, from: string, to: string): boolean {
  if (!tree.has(from) || !isDirectory(tree, parentOf(to))) return false;
  if (from === to) return true;
  if (tree.has(to) || to.startsWith(`${from}/`)) return false;
  for (const [old, content] of [...tree]) {
    if (old !== from && !old.startsWith(`${from}/`)) continue;
    tree.delete(old);
    tree.set(to + old.slice(from.length), content);
  }
  return true;
}

function perform(disk: TestDisk, step: Step): void {
  switch (step.do) {
    case "create":
      return disk.create(step.path, new Uint8Array(0));
    case "makeDirectory":
      return disk.makeDirectory(step.path);
    case "remove":
      return disk.remove(step.path);
    case "write":
      return disk.write(step.path, pattern(step.seed, step.length), step.offset);
    case "truncate":
      return disk.truncate(step.path, step.size);
    case "replace":
      return disk.replace(step.path, pattern(step.seed, step.length));
    case "rename":
      return disk.rename(step.path, step.to);
    case "sync":
    case "remount":
      return disk.sync();
  }
}

const sorted = (tree: Tree): [string, Uint8Array | "directory"][] =>
  [...tree].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));

function agree(steps: readonly Step[]): void {
  const device = freshDevice(70_000);
  const model: Tree = new Map();
  let disk = new TestDisk(device, 512);
  const free = disk.freeBytes();
  for (const step of steps) {
    const accepted = apply(model, step);
    assertEquals(refusal(() => perform(disk, step)) === "not refused", accepted, JSON.stringify(step));
    if (step.do === "remount") disk = new TestDisk(device, 512);
  }
  assertEquals(sorted(disk.tree()), sorted(model));
  disk.sync();
  assertEquals(sorted(new TestDisk(device).tree()), sorted(model));
  lastDevice = device;
  if (model.size === 0) assertEquals(disk.freeBytes(), free);
}

let lastDevice = freshDevice(70_000);

Deno.test("random requests have the answers and leave the tree that a map of paths has", () => {
  fc.assert(fc.property(fc.array(step, { minLength: 30, maxLength: 120 }), agree), { numRuns: 60 });
});

peerTest("fsck.fat has no remark after random requests", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 60, maxLength: 150 }), (steps) => {
      agree(steps);
      assertEquals(fsckRemarks(lastDevice), "");
    }),
    { numRuns: 12 },
  );
});

Deno.test("the model itself accepts and refuses: most random steps would otherwise prove nothing", () => {
  const tree: Tree = new Map();
  assertEquals(apply(tree, { do: "makeDirectory", path: "/d" }), true);
  assertEquals(apply(tree, { do: "replace", path: "/d/a", length: 3, seed: 1 }), true);
  assertEquals(apply(tree, { do: "rename", path: "/d", to: "/e" }), true);
  assertEquals(isFile(tree, "/e/a"), true);
  assertEquals(apply(tree, { do: "remove", path: "/e" }), false);
});
