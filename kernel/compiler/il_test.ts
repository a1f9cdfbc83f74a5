/**
 * The first line of an IL: what it says, and what is refused about it.
 *
 * - Damage is found by length and checksum; a header that was written wrong, by the part that is wrong.
 */

import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import fc from "fast-check";
import { CompileError } from "./compile_error.ts";
import { formatIl, type IlHeader, parseIlHeader } from "./il.ts";
import { sampleIl } from "./sample_programs.ts";

const header: IlHeader = {
  name: "Sample",
  doc: "Ends a comment: */ and begins one: /*",
  entry: "apps/sample/main.ts",
  contracts: [
    { direction: "import", contractName: "TcpContract", contract: "tcp/1" },
    { direction: "export", contractName: "HelloContract", contract: "hello/1", path: "/service/hello" },
    { direction: "export", contractName: "KernelControlContract", contract: "kernel-control/1" },
  ],
  parameters: [{ name: "-c COUNT", doc: "Wie oft – größer als 0" }],
  devices: [{ vendorId: 0x8086, deviceId: 0x100e }],
  privileges: ["system"],
  isaMethods: ["Interlocked.add"],
  modules: [{ path: "apps/a.ts", line: 3, lines: 2 }, { path: "apps/sample/main.ts", line: 7, lines: 90 }],
};
const body = "const a = 1;\nexport default function* main() {}\n";

const refusal = (il: string): string => {
  const error = assertThrows(() => parseIlHeader(il), CompileError);
  assertEquals([error.rule, error.place], ["il-header", { file: "IL", line: 1, column: 1 }]);
  return error.message;
};

Deno.test("a header that is written is read again as it was, and stands in one line in front of the modules", () => {
  const il = formatIl(header, body);
  assertEquals(parseIlHeader(il), header);
  assertEquals(il.slice(il.indexOf("\n") + 1), body);
  assertEquals(formatIl(parseIlHeader(il), body), il);
});

Deno.test("an IL that lost its end, or has grown one, is refused with both lengths", () => {
  const il = formatIl(header, body);
  assertMatch(
    refusal(il.slice(0, -1)),
    /the IL is cut or longer: \d+ bytes follow the checksum, expected \d+/,
  );
  assertMatch(refusal(`${il}\n`), /cut or longer/);
});

Deno.test("an IL in which any one character is another is refused", () => {
  const il = formatIl(header, body);
  fc.assert(
    fc.property(fc.nat(il.length - 1), fc.constantFrom("\0", "a", "0", " ", "\n", "é"), (at, other) => {
      fc.pre(il[at] !== other);
      refusal(il.slice(0, at) + other + il.slice(at + 1));
    }),
  );
});

Deno.test("an IL that is cut anywhere is refused", () => {
  const il = sampleIl("export default function* main() {}");
  fc.assert(fc.property(fc.nat(il.length - 1), (size) => void refusal(il.slice(0, size))));
});

Deno.test("what is no IL, and an IL of another format, is refused with what was expected", () => {
  assertMatch(refusal(""), /the first line of an IL starts with "\/\*helios-il "/);
  assertMatch(refusal("MZ\x90"), /starts with/);
  assertMatch(refusal('/*helios-il {"format":1}*/\n'), /no format, length and checksum/);
  assertMatch(
    refusal(formatIl(header, body).replace("helios-il 2", "helios-il 3")),
    /format is 3, expected 2/,
  );
  assertMatch(
    refusal(formatIl(header, body).replace("helios-il 2", "helios-il 1")),
    /format is 1, expected 2/,
  );
});

for (
  const [change, expected] of [
    [{ name: "lower" }, /name is "lower", expected a capital letter/],
    [{ name: 5 }, /name is 5, expected/],
    [{ name: undefined }, /name is absent, expected a value/],
    [{ name: `A${"a".repeat(32)}` }, /name is "Aaaa/],
    [{ doc: "two\nlines" }, /doc is "two\\nlines", expected one line of text/],
    [{ doc: "x".repeat(201) }, /doc is "xxx.*at most 200 characters/],
    [{ entry: "a\\b.ts" }, /entry is .*expected a file's path/],
    [{ extra: 1 }, /extra is 1, expected one of name, doc/],
    [{ contracts: {} }, /contracts is \{\}, expected a list of at most 64/],
    [{ contracts: Array(65).fill(header.contracts[0]) }, /contracts is .*expected a list of at most 64/],
    [{ contracts: [{ ...header.contracts[0], direction: "both" }] }, /contracts\[0\]\.direction is "both"/],
    [{ contracts: [{ ...header.contracts[0], path: "/a" }] }, /contracts\[0\]\.path is "\/a", expected none/],
    [
      { contracts: [{ ...header.contracts[1], path: "a b" }] },
      /contracts\[0\]\.path is "a b", expected a path/,
    ],
    [{ parameters: [{ name: "A" }] }, /parameters\[0\]\.doc is absent/],
    [
      { devices: [{ vendorId: -1, deviceId: 0 }] },
      /devices\[0\]\.vendorId is -1, expected a whole number from 0/,
    ],
    [{ devices: [{ vendorId: 1.5, deviceId: 0 }] }, /vendorId is 1\.5/],
    [{ privileges: ["root"] }, /privileges\[0\] is "root", expected "system"/],
    [{ isaMethods: ["a b"] }, /isaMethods\[0\] is "a b"/],
    [
      { modules: [{ path: "a.ts", line: 1, lines: 1 }] },
      /modules\[0\]\.line is 1, expected a whole number from 2/,
    ],
    [{ modules: [{ path: "a.ts", line: 3, lines: 0 }] }, /modules\[0\]\.lines is 0/],
    [
      { modules: [{ path: "a.ts", line: 3, lines: 5 }, { path: "b.ts", line: 7, lines: 1 }] },
      /modules\[1\]\.line is 7, expected a whole number from 8/,
    ],
  ] as const
) {
  Deno.test(`a header with ${JSON.stringify(change).slice(0, 60)} is refused by the part that is wrong`, () => {
    assertMatch(refusal(formatIl({ ...header, ...change } as unknown as IlHeader, body)), expected);
  });
}

Deno.test("a header that is no object, or no JSON, is refused", () => {
  const il = (json: unknown) => formatIl(json as IlHeader, body);
  assertMatch(refusal(il([])), /header: it is \[\], expected an object/);
  assertMatch(refusal(il(null)), /header: it is null, expected an object/);
  const text = { toJSON: () => "x" };
  assertMatch(refusal(il(text)), /expected an object/);
});
