/**
 * Tests of the stand-in for `@std/assert`: what counts as equal, and what an assertion says.
 *
 * They hold for the real package too, so they also guard the day when `links` is removed.
 * Wording is only checked where our own tests lean on it.
 */
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  AssertionError,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
  equal,
} from "@std/assert";

Deno.test("values with the same content are equal, whatever their kind", () => {
  const cycle: Record<string, unknown> = { n: 1 };
  cycle.self = cycle;
  const same: Record<string, unknown> = { n: 1 };
  same.self = same;
  const pairs: [unknown, unknown][] = [
    [Uint8Array.of(1, 2), Uint8Array.of(1, 2)],
    [Float64Array.of(-0), Float64Array.of(0)],
    [new Map([[{ k: 1 }, [1]]]), new Map([[{ k: 1 }, [1]]])],
    [new Set([{ a: 1 }, 2]), new Set([2, { a: 1 }])],
    [{ a: NaN, b: -0 }, { a: NaN, b: 0 }],
    [Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
    [new URL("http://a/b"), new URL("http://a/b")],
    [new Date(5), new Date(5)],
    [cycle, same],
    [10n, 10n],
  ];
  for (const [a, b] of pairs) assertEquals(a, b);
});

Deno.test("values that differ in content, kind or in an undefined property are not equal", () => {
  class Point {
    constructor(readonly x: number) {}
  }
  const pairs: [unknown, unknown][] = [
    [Uint8Array.of(1, 2), Uint8Array.of(1, 3)],
    [Uint8Array.of(1), Int8Array.of(1)],
    [Uint8Array.of(1), [1]],
    [new Map([[1, 2]]), new Map([[1, 3]])],
    [new Set([1]), new Set([2])],
    [{ a: undefined }, {}],
    [{ a: 1 }, { a: "1" }],
    [new Point(1), { x: 1 }],
    [new Point(1), new Point(2)],
    [[1, undefined], [1]],
    [null, undefined],
  ];
  for (const [a, b] of pairs) {
    assert(!equal(a, b));
    assertNotEquals(a, b);
    assertThrows(() => assertEquals(a, b), AssertionError);
  }
});

Deno.test("a failed comparison shows both values and the message given", () => {
  const error = assertThrows(
    () => assertEquals({ name: "disk0", size: 512 }, { name: "disk0", size: 520 }, "after mount"),
    AssertionError,
    "Values are not equal: after mount",
  );
  assertMatch(error.message, /\+.*512/);
  assertMatch(error.message, /-.*520/);
});

Deno.test("a thrown or rejected error is checked for its class and its message", async () => {
  const thrown = assertThrows(() => decodeURIComponent("%"), URIError, "URI");
  assertStringIncludes(thrown.message, "malformed");
  assertThrows(() => assertThrows(() => {}), AssertionError, "Expected function to throw");
  assertThrows(() => assertThrows(() => decodeURIComponent("%"), RangeError), AssertionError, "RangeError");
  const rejected = await assertRejects(() => Promise.reject(new TypeError("no sector")), TypeError, "sector");
  assertStrictEquals(rejected.message, "no sector");
  await assertRejects(() => assertRejects(() => Promise.resolve(1)), AssertionError, "to reject");
});

Deno.test("numbers are almost equal within a tolerance that defaults to a ten-millionth", () => {
  assertAlmostEquals(1 + 1e-8, 1);
  assertAlmostEquals(105, 100, 5);
  assertThrows(() => assertAlmostEquals(1.001, 1), AssertionError);
});
