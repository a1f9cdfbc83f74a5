/**
 * Damage: whatever happens to the text of an image or an IL, a kernel gets a reason and never an exception
 * of another kind.
 *
 * The damage is random from a fixed seed, which fast-check prints with the smallest case that fails.
 */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { CompileError } from "./compile_error.ts";
import { formatImage, type Image, parseImage } from "./image.ts";
import { formatIl, type IlHeader, parseIlHeader } from "./il.ts";
import { compileIl } from "./phase_two.ts";
import { plainTarget, sampleIl, sampleImage } from "./sample_programs.ts";

const source = `const table = new Map([["a", 1.5], ["ä", 2]]);
class Pair { #left = 1; get left() { return this.#left; } }
function* walk(n) { for (let i = 0; i < n; i++) { try { yield* step(i); } catch { continue; } } }
function* step(i) { if (i % 3 === 2) throw new RangeError(\`odd \${i}\`); return table.get("a") * i; }
export default function* main(kernel) { yield* walk(9); return new Pair().left; }
`;
const parameters = { seed: 20_091_011, numRuns: 400 } as const;

/** Ways to damage a text of this size. */
function damaged(text: string): fc.Arbitrary<string> {
  const position = fc.nat(text.length - 1);
  const unit = fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.integer({ min: 0, max: 127 }));
  return fc.oneof(
    position.map((size) => text.slice(0, size)),
    position.map((start) => text.slice(start + 1)),
    fc.tuple(position, fc.nat(15)).map(([at, bit]) =>
      text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ 1 << bit) + text.slice(at + 1)
    ),
    fc.tuple(position, unit).map(([at, code]) =>
      text.slice(0, at) + String.fromCharCode(code) + text.slice(at)
    ),
    fc.tuple(position, position).map(([from, to]) => text.slice(0, from) + text.slice(to)),
    fc.array(fc.tuple(position, unit), { minLength: 1, maxLength: 8 }).map((changes) => {
      const units = text.split("");
      for (const [at, code] of changes) units[at] = String.fromCharCode(code);
      return units.join("");
    }),
  ).filter((changed) => changed !== text);
}

Deno.test("an image that was damaged anywhere, its first line included, is refused with a reason", () => {
  const text = formatImage(sampleImage(source));
  const lineEnd = text.indexOf("\n") + 1;
  const inFirstLine = damaged(text.slice(0, lineEnd)).map((line) => line + text.slice(lineEnd));
  for (const anywhere of [damaged(text), inFirstLine]) {
    fc.assert(
      fc.property(anywhere, (changed) => {
        const read = parseImage(changed, "plain");
        assert("reason" in read && read.reason.length > 10, "refused");
      }),
      parameters,
    );
  }
});

Deno.test("an image whose checksum fits but whose IL header does not is refused with a reason", () => {
  const image = sampleImage(source);
  fc.assert(
    fc.property(damaged(image.ilHeaderLine), (changed) => {
      const read = parseImage(formatImage({ ...image, ilHeaderLine: changed } satisfies Image), "plain");
      assert("image" in read || read.reason.length > 10);
    }),
    parameters,
  );
  const read = parseImage(formatImage({ ...image, ilHeaderLine: "/*helios-il [1]*/" }), "plain");
  assert("reason" in read && read.reason.includes("rule il-header"));
});

/** The reason for which an IL is refused; undefined when it is compiled. */
function refusal(il: string): CompileError | undefined {
  try {
    compileIl(il, plainTarget);
    return undefined;
  } catch (error) {
    assert(error instanceof CompileError, `${error}`);
    assert(error.rule !== "" && error.place.line >= 1 && error.place.column >= 1);
    return error;
  }
}

Deno.test("an IL that was damaged or cut anywhere is refused as damaged", () => {
  fc.assert(
    fc.property(damaged(sampleIl(source)), (changed) => {
      assertEquals(refusal(changed)?.rule, "il-header");
    }),
    parameters,
  );
});

Deno.test("an IL that was written wrong, its checksum right, is compiled or refused with place and rule", () => {
  const il = sampleIl(source);
  const header = parseIlHeader(il);
  let refused = 0;
  fc.assert(
    fc.property(damaged(il.slice(il.indexOf("\n") + 1)), (body) => {
      if (refusal(formatIl(header, body)) !== undefined) refused++;
    }),
    parameters,
  );
  assert(refused > parameters.numRuns / 2, `${refused} were refused`);
});

Deno.test("an IL's first line with any JSON in it is understood or refused as il-header", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (json) => {
      const rule = refusal(formatIl(json as unknown as IlHeader, "export default 1;\n"))?.rule;
      assertEquals(rule, "il-header");
    }),
    parameters,
  );
});
