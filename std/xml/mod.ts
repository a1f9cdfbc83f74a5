/**
 * Stand-in for `jsr:@std/xml`: `parse`, for places that cannot reach JSR.
 *
 * `links` in the top deno.json puts this package where the real one would be; without that line the
 * real one is used and nothing else changes. Underneath works `saxes`, a strict parser with namespaces
 * and positions; this file builds the tree and turns its errors into `XmlSyntaxError`.
 * - A DOCTYPE is refused unless `disallowDoctype` is false, and no entity is ever expanded but the five
 *   of XML itself and character references.
 * - Wording of messages differs from the real package; class and fields do not.
 */
import { SaxesParser, type XMLDecl } from "saxes";
import {
  type ParseOptions,
  type XmlDeclarationEvent,
  type XmlDocument,
  type XmlElement,
  type XmlName,
  type XmlNode,
  type XmlPosition,
  XmlSyntaxError,
} from "./types.ts";

export * from "./types.ts";

type OpenElement = XmlElement & { readonly children: XmlNode[] };

/** Reads a whole document; throws `XmlSyntaxError` at the first fault. */
export function parse(xml: string, options: ParseOptions = {}): XmlDocument {
  const { trackPosition = true, disallowDoctype = true } = options;
  const { ignoreWhitespace = false, ignoreComments = false } = options;
  const parser = new SaxesParser({ xmlns: true, position: true });
  const open: OpenElement[] = [];
  let root: XmlElement | undefined;
  let declaration: XmlDeclarationEvent | undefined;

  const refuse = (message: string, position: XmlPosition): never => {
    throw new XmlSyntaxError(message, trackPosition ? position : { line: 0, column: 0, offset: 0 });
  };
  const here = (): XmlPosition => ({
    line: parser.line,
    column: parser.columnIndex + 1,
    offset: parser.position,
  });
  const add = (node: XmlNode) => open.at(-1)?.children.push(node);

  // saxes puts "line:column: " before its messages; the position is a field of the error here.
  parser.on("error", (error) => refuse(error.message.replace(/^\d+:\d+: /, "").replace(/\.$/, ""), here()));
  parser.on("doctype", () => {
    if (disallowDoctype) refuse("DOCTYPE declarations are not allowed", here());
  });
  parser.on("xmldecl", (decl) => {
    declaration = declarationOf(decl, trackPosition);
  });
  parser.on("opentag", (tag) => {
    const attributes: Record<string, string> = Object.create(null);
    for (const attribute of Object.values(tag.attributes)) attributes[attribute.name] = attribute.value;
    const name = nameOf(tag.name, tag.local, tag.prefix, tag.uri);
    const element: OpenElement = { type: "element", name, attributes, children: [] };
    add(element);
    root ??= element;
    open.push(element);
  });
  parser.on("closetag", () => {
    open.pop();
  });
  parser.on("text", (text) => {
    if (!ignoreWhitespace || /[^ \t\n\r]/.test(text)) add({ type: "text", text });
  });
  parser.on("cdata", (text) => add({ type: "cdata", text }));
  parser.on("comment", (text) => {
    if (!ignoreComments) add({ type: "comment", text });
  });

  parser.write(xml).close();
  return root === undefined
    ? refuse("No root element found", here())
    : declaration === undefined
    ? { root }
    : { declaration, root };
}

function nameOf(raw: string, local: string, prefix: string, uri: string): XmlName {
  return prefix === "" ? { raw, local } : { raw, local, prefix, uri };
}

function declarationOf(decl: XMLDecl, trackPosition: boolean): XmlDeclarationEvent {
  const start = trackPosition ? 1 : 0;
  return {
    type: "declaration",
    version: decl.version ?? "1.0",
    ...(decl.encoding === undefined ? {} : { encoding: decl.encoding }),
    ...(decl.standalone === "yes" || decl.standalone === "no" ? { standalone: decl.standalone } : {}),
    line: start,
    column: start,
    offset: 0,
  };
}
