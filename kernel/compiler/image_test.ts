/**
 * Images: what they refuse to be loaded as, and the cache that keeps them.
 */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { CompileError } from "./compile_error.ts";
import { formatImage, parseImage } from "./image.ts";
import { ImageCache } from "./image_cache.ts";
import { finish, plainTarget, sampleIl, sampleImage } from "./sample_programs.ts";
import { instantiate } from "./instantiate.ts";

const answer = (value: number) => `export default function* main() { return ${value}; }`;

Deno.test("an image that is written and read again runs the same", () => {
  const image = sampleImage(answer(42));
  const read = parseImage(formatImage(image), "plain");
  assert("image" in read);
  assertEquals(read.image, image);
  assertEquals(finish(instantiate(read.image)).result, 42);
});

Deno.test("a kernel refuses an image for another ISA, of another format, damaged, or none at all", () => {
  const text = formatImage(sampleImage(answer(1)));
  const reason = (given: string, isa = "plain") => {
    const read = parseImage(given, isa);
    return "reason" in read ? read.reason : "";
  };
  assertStringIncludes(reason(text, "armv5te"), "it is for plain, this kernel runs on armv5te");
  assertStringIncludes(
    reason(text.replace("helios-image 1", "helios-image 2")),
    "its format is 2, expected 1",
  );
  assertStringIncludes(reason(text.replace("$r=(1)", "$r=(2)")), "checksum");
  assertStringIncludes(reason(text.slice(0, -1)), "checksum");
  assertStringIncludes(reason("MZ"), "does not start like an image");
  assertStringIncludes(reason(""), "does not start like an image");
});

Deno.test("the same IL and costs give the same image to the byte", () => {
  assertEquals(formatImage(sampleImage(answer(7))), formatImage(sampleImage(answer(7))));
});

Deno.test("the cache compiles a program once per ISA and drops what was unused the longest", () => {
  const cache = new ImageCache(2);
  const other = { ...plainTarget, isa: "other" };
  const [one, two, three] = [1, 2, 3].map((value) => sampleIl(answer(value)));
  const first = cache.image(one ?? "", plainTarget);
  assert(cache.image(one ?? "", plainTarget) === first);
  assert(cache.image(one ?? "", other) !== first);
  cache.image(one ?? "", plainTarget);
  cache.image(two ?? "", plainTarget);
  assert(
    cache.image(one ?? "", plainTarget) === first,
    "used more recently than the image for the other ISA",
  );
  cache.image(two ?? "", plainTarget);
  cache.image(three ?? "", plainTarget);
  assertEquals(cache.size, 2);
  assert(cache.image(one ?? "", plainTarget) !== first);
});

Deno.test("a refused program is refused again and not kept", () => {
  const cache = new ImageCache();
  const il = sampleIl("export default function* main() { fetch(); }");
  assertThrows(() => cache.image(il, plainTarget), CompileError);
  assertThrows(() => cache.image(il, plainTarget), CompileError);
  assertEquals(cache.size, 0);
});
