/**
 * Tests of the stand-ins for `@std/path` and its kin: paths, and file URLs there and back.
 *
 * They hold for the real package too, so they also guard the day when `links` is removed.
 */
import { assertEquals, assertThrows } from "@std/assert";
import { basename, dirname, extname, fromFileUrl, join, relative, resolve, toFileUrl } from "@std/path";

Deno.test("paths are joined, taken apart and related by the rules of the host", () => {
  assertEquals(join("hw", "..", "kernel/", "hal"), "kernel/hal");
  assertEquals([dirname("/a/b.ts"), basename("/a/b.ts", ".ts"), extname("/a/b.ts")], ["/a", "b", ".ts"]);
  assertEquals(relative("/a/b", "/a/c/d"), "../c/d");
  assertEquals(resolve("/a", "b", "../c"), "/a/c");
});

Deno.test("a path becomes a file URL and comes back unchanged, spaces and all", () => {
  const url = toFileUrl("/tmp/a disk#1.img");
  assertEquals(url.href, "file:///tmp/a%20disk%231.img");
  assertEquals(fromFileUrl(url), "/tmp/a disk#1.img");
  assertThrows(() => toFileUrl("relative"), TypeError);
});
