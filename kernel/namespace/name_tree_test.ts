/**
 * The tree of names: paths, directories that come and go, links, attributes, bounds.
 *
 * A random test holds it against a flat map of paths, resolved by text replacement.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  attributesMax,
  describeNode,
  entriesMax,
  entriesPerDirectoryMax,
  linksMax,
  NameError,
  NameTree,
  pathOf,
} from "./name_tree.ts";

const origin = { kernel: 1, process: "Test:1@k" };
const none = new Map<string, string>();

function treeWithLog() {
  const log: string[] = [];
  const tree = new NameTree<string>((change, path, { kind }) =>
    log.push(`${change === "appeared" ? "+" : "-"}${path} ${kind}`)
  );
  const serve = (path: string) => tree.addLeaf(path, "service", path, origin, none);
  const pathTo = (path: string) => {
    const node = tree.find(path);
    return node === undefined ? undefined : pathOf(node);
  };
  return { tree, log, serve, pathTo };
}

function codeOf(act: () => unknown): string {
  try {
    act();
    return "done";
  } catch (error) {
    if (error instanceof NameError) return error.code;
    throw error;
  }
}

Deno.test("directories come with the first entry below them and go with the last", () => {
  const { tree, log, serve } = treeWithLog();
  const tcp = serve("/service/net/tcp");
  const ip = serve("/service/ip");
  tree.remove(tcp);
  tree.remove(ip);
  assertEquals(log, [
    "+/service directory",
    "+/service/net directory",
    "+/service/net/tcp service",
    "+/service/ip service",
    "-/service/net/tcp service",
    "-/service/net directory",
    "-/service/ip service",
    "-/service directory",
  ]);
  assertEquals(tree.size, 0);
});

Deno.test("a directory that was made stays when it is empty, also if it had come by itself before", () => {
  const { tree, serve, pathTo } = treeWithLog();
  const service = serve("/a/b/c");
  tree.addDirectory("/a/b", origin);
  tree.remove(service);
  assertEquals([pathTo("/a/b"), tree.size], ["/a/b", 2]);
  assertEquals(codeOf(() => tree.addDirectory("/a/b", origin)), "AlreadyRegistered");
  tree.release(tree.addDirectory("/a", origin));
  assertEquals(pathTo("/a"), "/a");
});

Deno.test("a link stands for its target, in the middle of a path and at its end", () => {
  const { tree, serve, pathTo } = treeWithLog();
  serve("/service/tcp");
  tree.addLink("/net", "/service", origin);
  tree.addLink("/by/number/6", "/net/tcp", origin);
  assertEquals(["/net/tcp", "/by/number/6", "/net"].map(pathTo), [
    "/service/tcp",
    "/service/tcp",
    "/service",
  ]);
  assertEquals(tree.findEntry("/net")!.kind, "link");
  assertEquals(tree.list("/net", "children").map(pathOf), ["/service/tcp"]);
});

Deno.test("what is entered below a link to a directory is entered in the directory", () => {
  const { tree, serve, pathTo } = treeWithLog();
  tree.addDirectory("/service", origin);
  tree.addLink("/s", "/service", origin);
  assertEquals(pathOf(serve("/s/deep/udp")), "/service/deep/udp");
  assertEquals(pathTo("/service/deep/udp"), "/service/deep/udp");
  assertEquals(codeOf(() => serve("/service/deep/udp/x")), "BadArgument");
  tree.addLink("/nowhere", "/missing", origin);
  assertEquals(codeOf(() => serve("/nowhere/x")), "NotFound");
});

Deno.test("a link to what is not there leads nowhere until it is there", () => {
  const { tree, serve, pathTo } = treeWithLog();
  tree.addLink("/log", "/service/log", origin);
  assertEquals(pathTo("/log"), undefined);
  serve("/service/log");
  assertEquals(pathTo("/log"), "/service/log");
});

Deno.test("links that lead in a circle are refused after as many as one path may pass", () => {
  const { tree, serve, pathTo } = treeWithLog();
  tree.addLink("/a", "/b", origin);
  tree.addLink("/b", "/a/x", origin);
  for (const path of ["/a", "/a/y", "/b"]) {
    assertThrows(() => tree.find(path), NameError, `"${path}" leads through more than ${linksMax} links`);
  }
  serve("/real");
  for (let index = 0; index <= linksMax; index++) {
    tree.addLink(`/l${index}`, index === 0 ? "/real" : `/l${index - 1}`, origin);
  }
  assertEquals(pathTo(`/l${linksMax - 1}`), "/real");
  assertEquals(codeOf(() => tree.find(`/l${linksMax}`)), "BadArgument");
});

for (
  const path of ["", "x", "/", "/a//b", "/a/", "/a b", "/.", "/a/..", `/${"x".repeat(65)}`, "/a".repeat(17)]
) {
  Deno.test(`"${path.slice(0, 12)}" (${path.length} characters) is no name to enter`, () => {
    const { tree, serve } = treeWithLog();
    assertEquals(codeOf(() => serve(path)), "BadArgument");
    assertEquals(codeOf(() => tree.addDirectory(path, origin)), "BadArgument");
    assertEquals(tree.size, 0);
  });
}

Deno.test("names may have dots and be as long and as deep as the bounds", () => {
  const { serve, pathTo } = treeWithLog();
  const deep = `/...${"/x".repeat(14)}/${"y".repeat(64)}`;
  serve(deep);
  assertEquals(pathTo(deep), deep);
});

Deno.test("a link does not make room for a path that is too deep", () => {
  const { tree, serve } = treeWithLog();
  serve("/d".repeat(15));
  tree.addLink("/l", "/d".repeat(14), origin);
  serve("/l/a/b");
  assertEquals(codeOf(() => serve("/l/a/x/y")), "BadArgument");
});

Deno.test("a directory and the tree hold so many entries and no more, and a refused one leaves nothing", () => {
  const { tree, serve } = treeWithLog();
  for (let directory = 0; tree.size < entriesMax; directory++) {
    for (let index = 0; index < entriesPerDirectoryMax && tree.size < entriesMax; index++) {
      serve(`/d${directory}/n${index}`);
    }
    if (directory === 0) assertEquals(codeOf(() => serve("/d0/one-more")), "OutOfMemory");
  }
  assertEquals(codeOf(() => serve("/e")), "OutOfMemory");
  tree.remove(tree.find("/d0/n0")!);
  // The directory would be one and the name in it another.
  assertEquals(codeOf(() => serve("/e/f")), "OutOfMemory");
  assertEquals(tree.find("/e"), undefined);
  serve("/e");
});

Deno.test("attributes are bounded in number, name and value, and can be changed and taken away", () => {
  const { tree, serve } = treeWithLog();
  const node = serve("/a");
  tree.setAttribute(node, "unit", "7");
  tree.setAttribute(node, "unit", "8");
  assertEquals(describeNode(node, "k").attributes, { unit: "8" });
  tree.setAttribute(node, "unit", "");
  assertEquals(describeNode(node, "k").attributes, {});
  for (
    const [name, value] of [["Unit", "1"], ["", "1"], ["a", "x".repeat(129)], ["a", "x\ny"], ["a", "\u001b["]]
  ) {
    assertEquals(codeOf(() => tree.setAttribute(node, name!, value!)), "BadArgument", name);
  }
  for (let index = 0; index < attributesMax; index++) tree.setAttribute(node, `a${index}`, "ä ö");
  assertEquals(codeOf(() => tree.setAttribute(node, "b", "1")), "OutOfMemory");
  const many = new Map(Array.from({ length: attributesMax + 1 }, (_, index) => [`b${index}`, "1"]));
  assertEquals(codeOf(() => tree.addLeaf("/b", "service", "b", origin, many)), "OutOfMemory");
  assertEquals(tree.find("/b"), undefined);
});

// ------------------------------------------------ against another formulation

const parts = fc.array(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 3 });
const path = parts.map((words) => `/${words.join("/")}`);
const step = fc.oneof(
  fc.record({ act: fc.constant("serve" as const), path }),
  fc.record({ act: fc.constant("link" as const), path, target: path }),
  fc.record({ act: fc.constant("remove" as const), path }),
);

/** Services and links by their full paths; a path is resolved by replacing the first link in it. */
class FlatNames {
  readonly services = new Set<string>();
  readonly links = new Map<string, string>();

  resolve(path: string, count = 0): string {
    if (count > linksMax) throw new Error("loop");
    const link = [...this.links].find(([name]) => path === name || path.startsWith(`${name}/`));
    if (link === undefined) return path;
    return this.resolve(`${link[1]}${path.slice(link[0].length)}`, count + 1);
  }

  outcomeOf(path: string): string {
    try {
      const found = this.resolve(path);
      return this.services.has(found) ? found : "none";
    } catch {
      return "loop";
    }
  }
}

Deno.test("after 1,000 random histories every path leads where a flat list of names says", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), path, (steps, wanted) => {
      const { tree, log } = treeWithLog();
      const flat = new FlatNames();
      for (const { act, path, ...rest } of steps) {
        if (act === "remove") {
          const node = codeOf(() => tree.findEntry(path)) === "done" ? tree.findEntry(path) : undefined;
          if (node === undefined || node.kind === "directory") continue;
          flat.services.delete(pathOf(node));
          flat.links.delete(pathOf(node));
          tree.remove(node);
        } else if (act === "serve") {
          if (codeOf(() => tree.addLeaf(path, "service", path, origin, none)) !== "done") continue;
          flat.services.add(pathOf(tree.find(path)!));
        } else {
          const { target } = rest as { target: string };
          if (codeOf(() => tree.addLink(path, target, origin)) !== "done") continue;
          flat.links.set(pathOf(tree.findEntry(path)!), target);
        }
      }
      let outcome: string;
      try {
        const node = tree.find(wanted);
        outcome = node?.kind === "service" ? pathOf(node) : "none";
      } catch {
        outcome = "loop";
      }
      assertEquals(outcome, flat.outcomeOf(wanted));
      const all = [...tree.all()].map(pathOf);
      const entries = all.filter((one) => tree.findEntry(one)!.kind !== "directory").sort();
      assertEquals(entries, [...flat.services, ...flat.links.keys()].sort());
      // What was told is what is there, and no directory is left empty.
      const told = new Set<string>();
      for (const line of log) {
        const name = line.slice(1, line.indexOf(" "));
        if (line.startsWith("+")) told.add(name);
        else told.delete(name);
      }
      assertEquals([...told].sort(), all.toSorted());
      assert([...tree.all()].every((node) => node.kind !== "directory" || node.entries.size > 0));
    }),
    { numRuns: 1000 },
  );
});
