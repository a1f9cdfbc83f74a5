/**
 * The pattern automaton against a search that tries every pattern at every place.
 *
 * Small alphabets make patterns overlap, share beginnings and end inside each other.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { PatternAutomaton } from "./pattern_automaton.ts";
import { Pauses, pieceBytes } from "./pauses.ts";

/** A whole search; pauses are the kernel's business, and none of it is here. */
function find(automaton: PatternAutomaton, text: Uint8Array): number {
  const { done, value } = automaton.find(text, new Pauses(function* () {})).next();
  assert(done);
  return value;
}

const bytes = (text: string) => new TextEncoder().encode(text);

function occurs(pattern: Uint8Array, text: Uint8Array): boolean {
  for (let start = 0; start + pattern.length <= text.length; start++) {
    if (pattern.every((byte, index) => text[start + index] === byte)) return true;
  }
  return false;
}

/** The search as the automaton's file describes it, without any automaton. */
function naiveFind(patterns: readonly Uint8Array[], text: Uint8Array): number {
  for (let end = 1; end <= text.length; end++) {
    const candidates = patterns.map((pattern, index) => ({
      pattern,
      index,
      length: Math.min(8, pattern.length),
    }))
      .sort((a, b) => b.length - a.length || a.index - b.index);
    for (const { pattern, index, length } of candidates) {
      const start = end - length;
      if (start >= 0 && occurs(pattern, text.subarray(start, start + pattern.length))) return index;
    }
  }
  return -1;
}

const letters = (count: number, max: number) =>
  fc.array(fc.integer({ min: 0x61, max: 0x60 + count }), { minLength: 1, maxLength: max })
    .map((values) => Uint8Array.from(values));

Deno.test("the automaton finds the same pattern as a naive search, whatever patterns and text are", () => {
  fc.assert(
    fc.property(
      fc.array(letters(3, 12), { minLength: 1, maxLength: 12 }),
      letters(3, 200),
      (patterns, text) => {
        assertEquals(find(new PatternAutomaton(patterns), text), naiveFind(patterns, text));
      },
    ),
    { numRuns: 2000 },
  );
});

Deno.test("a pattern that is planted in random bytes is found", () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { minLength: 1, maxLength: 30 }),
      fc.uint8Array({ maxLength: 500 }),
      fc.nat(),
      fc.nat(),
      (patterns, text, which, place) => {
        const pattern = patterns[which % patterns.length]!;
        const at = place % (text.length + 1);
        const planted = Uint8Array.from([...text.subarray(0, at), ...pattern, ...text.subarray(at)]);
        const found = find(new PatternAutomaton(patterns), planted);
        assert(found >= 0 && occurs(patterns[found]!, planted));
      },
    ),
  );
});

Deno.test("a text that stops in the middle of a pattern does not match it", () => {
  const automaton = new PatternAutomaton([bytes("a pattern with a long tail")]);
  assertEquals(find(automaton, bytes("a pattern with a long tai")), -1);
  assertEquals(find(automaton, bytes("a pattern with a long tail")), 0);
});

Deno.test("patterns with the same beginning are told apart, and the first of two equal ones is found", () => {
  const automaton = new PatternAutomaton(["beginning one", "beginning two", "beginning two"].map(bytes));
  assertEquals(find(automaton, bytes("beginning beginning two")), 1);
});

Deno.test("a pattern inside another one's beginning is found where the longer one fails", () => {
  assertEquals(find(new PatternAutomaton(["abcdef", "cd"].map(bytes)), bytes("abcdx")), 1);
});

Deno.test("patterns of all byte values leave the automaton without a spare column and it still works", () => {
  const all = Uint8Array.from({ length: 256 }, (_, value) => value);
  const patterns = Array.from({ length: 32 }, (_, index) => all.slice(index * 8, index * 8 + 8));
  assertEquals(find(new PatternAutomaton(patterns), Uint8Array.from([0, ...all.subarray(248)])), 31);
});

Deno.test("without patterns nothing is found, and an empty pattern is a mistake of ours", () => {
  assertEquals(find(new PatternAutomaton([]), bytes("anything")), -1);
  assertThrows(() => new PatternAutomaton([new Uint8Array(0)]));
});

Deno.test("of ten thousand long patterns only the beginnings take states", () => {
  const patterns = Array.from({ length: 10_000 }, (_, index) => bytes(`${index}`.padStart(60, "#")));
  assertEquals(new PatternAutomaton(patterns).stateCount, 9);
});

Deno.test("a pattern is found across the end of a piece, wherever it lies", () => {
  const pattern = bytes("a pattern with a long tail");
  const automaton = new PatternAutomaton([pattern]);
  for (let start = pieceBytes - pattern.length - 1; start <= pieceBytes + 1; start++) {
    const text = new Uint8Array(2 * pieceBytes + 100);
    text.set(pattern, start);
    assertEquals(find(automaton, text), 0, `at ${start}`);
    text[start + pattern.length - 1] = 0;
    assertEquals(find(automaton, text), -1, `at ${start}`);
  }
});
