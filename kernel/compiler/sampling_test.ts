/**
 * Sampled images: the accesses that reach the caches, what they cost, and that a program does not notice.
 *
 * The caches are a recorder that misses each line once; the memory puts buffers one behind the other.
 */

import { assertAlmostEquals, assertEquals } from "@std/assert";
import fc from "fast-check";
import { allowedNames } from "./allowed_names.ts";
import { CompartmentScript } from "./compartment_script.ts";
import type { ProcessMemory } from "./element_sampling.ts";
import { instantiate } from "./instantiate.ts";
import { surroundings } from "./lockdown.ts";
import { finish, sampledTarget, sampleIl, sampleImage, sampleKernel } from "./sample_programs.ts";
import { ProcessLimits } from "./process_limits.ts";
import { compileIl } from "./phase_two.ts";

const lineBytes = 64;
/** Bytes from one sampled line to the next. */
const sampleBytes = 32 * lineBytes;
const missCycles = 100;

class RecordedCache {
  /** Never the latest, so that each access to a sampled line is told. */
  readonly latestLines = Int32Array.of(-1);
  readonly setMask = 0;
  readonly lines: number[] = [];
  readonly #held = new Set<number>();

  // Of the library it uses what is not metered: the program would pay.
  touch(line: number): number {
    const isMiss = !this.#held.has(line);
    this.#held.add(line);
    this.lines.push(line);
    return isMiss ? missCycles : 0;
  }
}

function memoryFrom(base: number): ProcessMemory {
  let next = base;
  const addresses = new WeakMap<ArrayBufferLike, number>();
  return {
    lineBytes,
    sampleBytes,
    origin: 0,
    addressOf(buffer) {
      const known = addresses.get(buffer);
      if (known !== undefined) return known;
      const address = next;
      next += Math.ceil(buffer.byteLength / sampleBytes) * sampleBytes;
      addresses.set(buffer, address);
      return address;
    },
  };
}

/** Runs a main function's body, with `declarations` in front of it, on a recorded cache. */
function run(body: string, declarations = "") {
  const source = `${declarations}\nexport default function* main(kernel) { ${body} }`;
  const instance = instantiate(sampleImage(source, sampledTarget), memoryFrom(1 << 20));
  const cache = new RecordedCache();
  instance.runOn(cache);
  const { result, cycles } = finish(instance);
  return { result, cycles, lines: cache.lines.map((line) => line - (1 << 20) / sampleBytes) };
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);

Deno.test("an array that a loop goes over by steps is touched once a line, one that it indexes otherwise at each access", () => {
  const a = "const a = new Uint8Array(16384);";
  assertEquals(run(`${a} for (let i = 0; i < a.length; i++) a[i] = 1;`).lines, range(0, 8));
  const each = range(0, 8).flatMap((line) => Array(64).fill(line));
  assertEquals(run(`${a} let i = 0; while (i < a.length) a[i++] = 1;`).lines, each);
});

const arrays: [string, number][] = [
  ["Int8Array", 1],
  ["Uint8ClampedArray", 1],
  ["Int16Array", 2],
  ["Uint16Array", 2],
  ["Int32Array", 4],
  ["Uint32Array", 4],
];

for (const [kind, size] of arrays) {
  Deno.test(`a walk over an ${kind} touches a line for each ${sampleBytes} bytes, and each miss is charged`, () => {
    const text = (turns: number) =>
      `const a = new ${kind}(${
        16384 / size
      }); let s = 0; for (let i = 0; i < ${turns}; i++) s += a[i]; return s;`;
    const whole = run(text(16384 / size));
    assertEquals(whole.lines, range(0, 8));
    // A turn is a whole number of operations; four of the lines are in the second half.
    const half = run(text(8192 / size));
    const perTurn = (whole.cycles - half.cycles - 4 * missCycles) / (8192 / size);
    assertAlmostEquals(perTurn, Math.round(perTurn), 0.01);
  });
}

const forms: [string, string, string?][] = [
  [
    "a parameter",
    "read(a)",
    "function read(b) { let s = 0; for (let i = 0; i < 4096; i++) s += b[i]; return s; }",
  ],
  [
    "a constant of the module",
    "fill()",
    "const t = new Uint8Array(4096); function fill() { for (let i = 0; i < 4096; i++) t[i] = 1; }",
  ],
  [
    "a constant outside of a loop",
    "for (let i = 0; i < 4096; i++) at(i)",
    "const t = new Uint8Array(4096); function at(i) { return t[i]; }",
  ],
  [
    "a parameter outside of a loop",
    "for (let i = 0; i < 4096; i++) at(a, i)",
    "function at(b, i) { return b[i]; }",
  ],
  ["a property", "const o = { a }; for (let i = 0; i < 4096; i++) o.a[i]++"],
  [
    "a private field",
    "new Box().sum()",
    "class Box { #b = new Uint8Array(4096); sum() { let s = 0; for (let i = 0; i < 4096; i++) s += this.#b[i]; return s; } }",
  ],
  [
    "a private field of another",
    "Box.sum(new Box())",
    "class Box { #b = new Uint8Array(4096); static sum(o) { let s = 0; for (let i = 0; i < 4096; i++) s += o.#b[i]; return s; } }",
  ],
  ["an index that is computed", "for (let i = 0; i < 4096; i++) a[(i ^ 1) & 4095] += 2"],
  ["a variable that changes in the loop", "let b = a; for (let i = 0; i < 4096; i++) { b[i]; b = a; }"],
  [
    "a view into the middle",
    "const b = a.subarray(2048); for (let i = 0; i < 2048; i++) b[i]; for (let i = 0; i < 2048; i++) a[i];",
  ],
];

for (const [what, body, declarations] of forms) {
  Deno.test(`accesses through ${what} are sampled`, () => {
    const { lines } = run(`const a = new Uint8Array(4096); ${body};`, declarations);
    assertEquals(new Set(lines), new Set([0, 1]));
  });
}

/** Loops over the 8 sampled lines of `a`, with the lines that they touch; each walks, wholly or in part. */
const walks: [string, string, number[]][] = [
  ["by a step of 4", "for (let i = 0; i < 16384; i += 4) a[i]++;", range(0, 8)],
  ["by steps longer than what lies between sampled lines", "for (let i = 0; i < 16384; i += 4096) a[i]++;", [
    0,
    2,
    4,
    6,
  ]],
  ["by steps past the sampled lines", "for (let i = 64; i < 16384; i += 2048) a[i]++;", []],
  [
    "by a step that a variable holds",
    "const s = 2048; for (let i = 2048; i < 16384; i += s) a[i]++;",
    range(1, 8),
  ],
  ["up to and with its bound", "for (let i = 0; i <= 2048; i++) a[i]++;", [0, 1]],
  ["behind a number", "for (let i = 0; i < 64; i++) a[i + 4096]++;", [2]],
  ["in front of a number", "for (let i = 2112; i < 2176; i++) a[i - 64]++;", [1]],
  ["behind a variable", "const from = 6144; for (let i = 0; i < 64; i++) a[from + i]++;", [3]],
  ["that it leaves by break", "for (let i = 0; i < 16384; i++) { a[i]++; if (i === 4096) break; }", [
    0,
    1,
    2,
  ]],
  [
    "in the turns of another loop",
    "for (let k = 0; k < 2; k++) { a[k]++; for (let i = 2048; i < 2049; i++) a[i]++; }",
    [1, 1, 0],
  ],
  [
    "only in some turns",
    "for (let i = 0; i < 16384; i++) if (i > 10000) a[i]++;",
    range(5, 8).flatMap((line) => Array(64).fill(line)),
  ],
  [
    "only when it goes on",
    "for (let i = 0; i < 4096; i++) { if (i < 2048) continue; a[i]++; }",
    Array(64).fill(1),
  ],
  ["in no turn", "for (let i = 5; i < 5; i++) a[i]++;", []],
];

for (const [what, body, lines] of walks) {
  Deno.test(`a loop that goes over an array ${what} touches its sampled lines`, () => {
    assertEquals(run(`const a = new Uint8Array(16384); ${body}`).lines, lines);
  });
}

Deno.test("a loop that is left by return has touched what it came to, and its result stays", () => {
  const find =
    "function find(a, x) { for (let i = 0; i < a.length; i++) if (a[i] === x) return i; return -1; }";
  const { result, lines } = run("const a = new Uint8Array(16384); a[5000] = 1; return find(a, 1);", find);
  assertEquals([result, new Set(lines)], [5000, new Set(range(0, 3))]);
});

const kinds = [["Uint8Array", 1], ["Int16Array", 2], ["Uint32Array", 4]] as const;

Deno.test("a walk touches the sampled lines that a program would count itself, whatever its start, step and offset", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...kinds),
      fc.nat(3000),
      fc.nat(9000),
      fc.integer({ min: 1, max: 3000 }),
      fc.nat(500),
      fc.nat(40),
      ([kind, size], first, bound, step, offset, view) => {
        const body = `const a = new ${kind}(10000).subarray(${view});
        for (let i = ${first}; i < ${bound}; i += ${step}) a[i + ${offset}]++;`;
        const expected = new Set<number>();
        for (let index = first; index < bound; index += step) {
          const address = (index + offset + view) * size;
          if (address % sampleBytes < lineBytes) expected.add(Math.floor(address / sampleBytes));
        }
        // A look at the budget in the middle of a line parts the walk there.
        assertEquals([...new Set(run(body).lines)], [...expected]);
      },
    ),
    { numRuns: 150 },
  );
});

const bulk: [string, string, number[]][] = [
  ["fill of a part", "a.fill(1, 2048, 6144)", [1, 2]],
  ["fill from the end", "a.fill(1, -2048)", [3]],
  ["set", "a.set(new Uint8Array(2048), 4096)", [0, 3]],
  ["set of a list", "a.set([1, 2, 3], 4096)", []],
  ["slice", "a.slice(0, 4096)", [0, 1, 4, 5]],
  ["copyWithin", "a.copyWithin(0, 4096, 6144)", [2, 0]],
  ["a range between sampled lines", "a.fill(1, 64, 2048)", []],
];

for (const [what, call, lines] of bulk) {
  Deno.test(`${what} touches the sampled lines of what it reads and writes`, () => {
    assertEquals(run(`const a = new Uint8Array(8192); ${call};`).lines, lines);
  });
}

Deno.test("arrays, strings and objects are not sampled", () => {
  const { lines } = run(`
    const list = Array(5000).fill(1), text = "x".repeat(5000), map = { a: 1 };
    for (let i = 0; i < 5000; i++) { list[i]; text[i]; map[i]; }`);
  assertEquals(lines, []);
});

/** Programs that would notice if anything were evaluated early, twice or in another order. */
const watchful: [string, string][] = [
  [
    "object, index and value in order",
    `
    const log = [], o = { get a() { log.push("object"); return bytes; } };
    const bytes = new Uint8Array(4); const index = () => (log.push("index"), 2);
    for (let i = 0; i < 2; i++) o.a[index()] = (log.push("value"), 7);
    o.a[index()] += 1; o.a[index()]++;
    return [log, [...bytes]];`,
  ],
  [
    "an index that is an object",
    `
    const log = []; const key = { toString() { log.push("string"); return "1"; }, valueOf() { log.push("value"); return 3; } };
    const b = Uint8Array.of(5, 6, 7); let s = 0;
    for (let i = 0; i < 2; i++) s += b[key];
    return [log, s, b[key]];`,
  ],
  [
    "indices that are symbols, strings, fractions and missing",
    `
    const b = Uint8Array.of(5, 6, 7), keys = ["1", "length", 1.5, -1, undefined, NaN, Symbol.iterator, 2 ** 40], seen = [];
    for (const key of keys) seen.push(String(typeof b[key]));
    return seen;`,
  ],
  [
    "no array at all",
    `
    const seen = [];
    for (const b of [undefined, null, 5, "text"]) {
      try { for (let i = 0; i < 2; i++) seen.push(b[i]); } catch (error) { seen.push(error.message); }
    }
    return seen;`,
  ],
  [
    "a name that is not initialised yet",
    `
    const seen = [];
    try { for (let i = 0; i < 2; i++) seen.push(late[i]); } catch (error) { seen.push(error.name); }
    for (let i = 0; i < 1; i++) { if (i > 5) seen.push(late[i]); }
    const late = new Uint8Array(3);
    return seen;`,
  ],
  ["a constant of the module that is used too early", `return [early];`],
  [
    "a case that jumps over a declaration",
    `
    const seen = [];
    for (const k of [1]) switch (k) {
      case 0: let b = new Uint8Array(2);
      case 1: for (let i = 0; i < 2; i++) if (k === 0) seen.push(b[i]); seen.push("went on");
    }
    return seen;`,
  ],
  [
    "a method that is called on something else",
    `
    const seen = [];
    const method = Box.prototype.late;
    for (const self of [undefined, 5, {}, new Box()]) {
      try { seen.push(method.call(self, 0)); } catch (error) { seen.push(error.name); }
    }
    return [seen, new Box().late(2)];`,
  ],
  [
    "calls of elements, with their object",
    `
    const list = [function () { return this === list; }], seen = [];
    const o = { list };
    for (let i = 0; i < 1; i++) seen.push(list[i](), o.list[i]());
    try { for (let i = 0; i < 2; i++) list[i + 1](); } catch (error) { seen.push(error.message); }
    return seen;`,
  ],
  [
    "chains that end early",
    `
    const seen = []; let o;
    for (let i = 0; i < 2; i++) seen.push(o?.a[i], o?.[i], o?.a.b[i++]);
    return seen;`,
  ],
  [
    "patterns, deletion and the like",
    `
    const b = new Uint8Array(4), o = { b, c: [1, 2] };
    for (let i = 0; i < 2; i++) { [b[i], o.b[i + 2]] = [i + 1, i + 3]; delete o.c[i]; }
    for (b[0] of [9]) for (o.b[1] in { 5: 1 });
    return [[...b], o.c.length, 0 in o.c];`,
  ],
  [
    "arrays that are put in place of others",
    `
    let b = Uint8Array.of(1, 2, 3); const seen = [];
    for (let i = 0; i < 3; i++) { seen.push(b[i]); ({ b } = { b: i === 0 ? "xyz" : [7, 8, 9] }); }
    return seen;`,
  ],
  [
    "an access between waits",
    `
    const b = Uint8Array.of(1, 2, 3); let s = 0;
    for (let i = 0; i < 3; i++) s += b[(yield* kernel.ask(i))];
    return s;`,
  ],
];

const preamble = `
  const early = (() => { try { return peek(); } catch (error) { return error.name; } })();
  const table = new Uint8Array(4);
  function peek() { for (let i = 0; i < 2; i++) { if (i > 5) table[i]; } return table[0]; }
  class Box { #b = Uint8Array.of(4, 5, 6); late(n) { let s = 0; for (let i = 0; i < n; i++) s += this.#b[i]; return s; } }`;

for (const [what, body] of watchful) {
  Deno.test(`a program that watches ${what} sees the same with sampling as without`, () => {
    const il = sampleIl(`${preamble}\nexport default function* main(kernel) { ${body} }`);
    const text = il.replace(/export default (\$m\d+\.default);/, "return $1;");
    const make = new CompartmentScript(
      `(($e)=>{const{${[...allowedNames].join()}}=$e.library;${text}})`,
      "sample",
    ).evaluate();
    const main = (make as (given: object) => (kernel: object) => Generator<unknown, unknown, unknown>)(
      surroundings({ stop: () => new Error("never"), memory: new ProcessLimits("plain").surroundings() }),
    );
    const plain = main(sampleKernel());
    let step = plain.next();
    while (!step.done) step = plain.next((step.value as { readonly answer: unknown }).answer);
    const instance = instantiate(compileIl(il, sampledTarget), memoryFrom(1 << 20));
    instance.runOn(new RecordedCache());
    assertEquals(finish(instance).result, step.value);
  });
}

Deno.test("the same program misses the same lines each time, whatever ran before", () => {
  const body = `const a = new Uint8Array(9000), b = new Int32Array(4000);
    for (let i = 0; i < 4000; i++) { b[i] = a[i * 2]; a[(i * 31) & 8191]++; }`;
  assertEquals(run(body), run(body));
});

Deno.test("a sampled program whose misses exceed its budget is stopped", () => {
  const image = sampleImage(
    "export default function* main() { const a = new Uint8Array(1 << 20); for (let i = 0; i < 1 << 20; i += 2048) a[i] = 1; }",
    sampledTarget,
  );
  const instance = instantiate(image, memoryFrom(0));
  instance.setLimit(3e6);
  instance.runOn({ latestLines: Int32Array.of(-1), setMask: 0, touch: () => 1e6 });
  let reason = "";
  try {
    finish(instance);
  } catch (error) {
    reason = (error as Error).message;
  }
  assertEquals(reason, "Sample has spent its 3000000 cycles without calling the kernel");
});
