/**
 * What `parse` of `@std/xml` returns and throws: the shapes of the real package, no more.
 *
 * They are the contract between our code and either package, so a field here means what it means
 * there. Lines and columns count from 1; the offset counts UTF-16 units from 0, after line ends have
 * been made `\n`. `name.raw` is the name as written, `name.local` the part behind its colon.
 *
 * Left out: the types of the streaming parser and of `stringify`.
 */

/** Where something stands in the text. */
export interface XmlPosition {
  readonly line: number;
  readonly column: number;
  readonly offset: number;
}

/** The text is not well-formed, or holds what is not allowed. */
export class XmlSyntaxError extends SyntaxError {
  readonly line: number;
  readonly column: number;
  readonly offset: number;

  constructor(message: string, position: XmlPosition) {
    super(`${message} at line ${position.line}, column ${position.column}`);
    this.name = "XmlSyntaxError";
    this.line = position.line;
    this.column = position.column;
    this.offset = position.offset;
  }
}

/** A qualified name. */
export interface XmlName {
  readonly raw: string;
  readonly local: string;
  readonly prefix?: string;
  /** What the prefix is bound to; the default namespace is not applied. */
  readonly uri?: string;
}

/** The declaration `<?xml …?>` at the start. */
export interface XmlDeclarationEvent extends XmlPosition {
  readonly type: "declaration";
  readonly version: string;
  readonly encoding?: string;
  readonly standalone?: "yes" | "no";
}

/** Text with its entities decoded. */
export interface XmlTextNode {
  readonly type: "text";
  readonly text: string;
}

/** A CDATA section as written. */
export interface XmlCDataNode {
  readonly type: "cdata";
  readonly text: string;
}

/** A comment. */
export interface XmlCommentNode {
  readonly type: "comment";
  readonly text: string;
}

/** An element; its attributes are looked up by the name as written. */
export interface XmlElement {
  readonly type: "element";
  readonly name: XmlName;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: ReadonlyArray<XmlNode>;
}

/** Whatever an element may hold. */
export type XmlNode = XmlElement | XmlTextNode | XmlCDataNode | XmlCommentNode;

/** A whole document. */
export interface XmlDocument {
  readonly declaration?: XmlDeclarationEvent;
  readonly root: XmlElement;
}

/** What `parse` may be told. */
export interface ParseOptions {
  /** Drops text of nothing but white space; false by default. */
  readonly ignoreWhitespace?: boolean;
  /** Drops comments; false by default. */
  readonly ignoreComments?: boolean;
  /** Whether errors carry a position; true by default. */
  readonly trackPosition?: boolean;
  /** Whether a DOCTYPE is an error; true by default. */
  readonly disallowDoctype?: boolean;
}

export function isElement(node: XmlNode): node is XmlElement {
  return node.type === "element";
}

export function isText(node: XmlNode): node is XmlTextNode {
  return node.type === "text";
}

export function isCData(node: XmlNode): node is XmlCDataNode {
  return node.type === "cdata";
}

export function isComment(node: XmlNode): node is XmlCommentNode {
  return node.type === "comment";
}
