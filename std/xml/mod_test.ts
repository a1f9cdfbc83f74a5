/**
 * Tests of the stand-in for `@std/xml`: the tree it builds, where it finds faults, what it refuses.
 *
 * They hold for the real package too, so they also guard the day when `links` is removed: only class
 * and fields of an error are checked, and its line, as columns may differ by the parser.
 */
import { assertEquals, assertThrows } from "@std/assert";
import { isElement, parse, XmlSyntaxError } from "@std/xml";

Deno.test("parse builds elements, attributes, text, comments and CDATA in their order", () => {
  const { root, declaration } = parse(
    `<?xml version="1.0" encoding="utf-8"?>\n` +
      `<application name="indexer"><!--c--><x:end xmlns:x="urn:x" x:affinity="-1"/>a &lt; &#66;<![CDATA[<&]]></application>\n`,
  );
  assertEquals([declaration?.version, declaration?.encoding], ["1.0", "utf-8"]);
  assertEquals([root.name.raw, root.attributes.name], ["application", "indexer"]);
  const end = root.children.find(isElement);
  assertEquals(end?.name, { raw: "x:end", local: "end", prefix: "x", uri: "urn:x" });
  assertEquals(end?.attributes["x:affinity"], "-1");
  assertEquals(root.children.filter((node) => !isElement(node)), [
    { type: "comment", text: "c" },
    { type: "text", text: "a < B" },
    { type: "cdata", text: "<&" },
  ]);
});

Deno.test("parse leaves out comments and white space when told so", () => {
  const { root } = parse("<a>\n  <!-- c -->\n  <b/>\n</a>", { ignoreWhitespace: true, ignoreComments: true });
  assertEquals(root.children.map((node) => node.type), ["element"]);
});

Deno.test("parse names the line, column and offset of a fault", () => {
  const error = assertThrows(() => parse(`<application>\n  <use name="x"></application>`), XmlSyntaxError);
  assertEquals(error.line, 2);
  assertEquals([error.column > 10, error.offset > 20], [true, true]);
  assertEquals(error instanceof SyntaxError, true);
});

Deno.test("parse refuses what is not one well-formed element", () => {
  const texts = [
    "",
    "text",
    "<a>",
    "<a/><b/>",
    "<a b=1/>",
    `<a b="1" b="2"/>`,
    "<a>&nope;</a>",
    "<p:a/>",
    "<a>\0</a>",
  ];
  for (const text of texts) assertThrows(() => parse(text), XmlSyntaxError);
});

Deno.test("parse refuses a DOCTYPE, and expands no entity of one that it was told to allow", () => {
  const bomb = `<!DOCTYPE a [<!ENTITY e "boom">]><a>&e;</a>`;
  assertThrows(() => parse(bomb), XmlSyntaxError);
  assertThrows(() => parse(bomb, { disallowDoctype: false }), XmlSyntaxError);
  assertEquals(parse("<!DOCTYPE a><a/>", { disallowDoctype: false }).root.name.local, "a");
});
