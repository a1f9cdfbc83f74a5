/**
 * Small edits in the text of a manifest that leave every other byte alone.
 *
 * A parser's tree has lost what people care about: comments, white space, the order of attributes. So
 * edits are made in the text, at places that tags tell.
 * - The text must be a manifest that `parseManifest` has taken: well-formed, a root, groups, items.
 * - An item stands on a line of its own; what is removed takes its line along.
 */

/** Where an element lies. */
export interface ElementSpan {
  readonly name: string;
  readonly depth: number;
  readonly start: number;
  /** Behind its last character. */
  readonly end: number;
  /** What it holds; both the same place when it is written `<name />`. */
  readonly innerStart: number;
  readonly innerEnd: number;
}

const markup =
  /<!--[^]*?-->|<!\[CDATA\[[^]*?\]\]>|<\?[^]*?\?>|<(\/?)([^\s\/>]+)(?:[^>"']|"[^"]*"|'[^']*')*?(\/?)>/g;

/** All elements, in the order of their start tags. */
function elementsOf(text: string): ElementSpan[] {
  const elements: ElementSpan[] = [];
  const open: { readonly index: number; readonly innerStart: number }[] = [];
  for (const match of text.matchAll(markup)) {
    const [tag, closing, name, selfClosing] = match;
    if (name === undefined) continue;
    const end = match.index + tag.length;
    if (closing === "/") {
      const { index, innerStart } = open.pop()!;
      elements[index] = { ...elements[index]!, end, innerStart, innerEnd: match.index };
      continue;
    }
    if (selfClosing !== "/") open.push({ index: elements.length, innerStart: end });
    const depth = open.length - (selfClosing === "/" ? 0 : 1);
    elements.push({ name, depth, start: match.index, end, innerStart: end, innerEnd: end });
  }
  return elements;
}

/** The group of that name, or the root element when there is no name. */
export function findElement(text: string, group?: string): ElementSpan | undefined {
  return elementsOf(text).find(({ name, depth }) =>
    group === undefined ? depth === 0 : depth === 1 && name === group
  );
}

/** The items of a group; none when it is absent. */
export function childrenOf(text: string, group: string): ElementSpan[] {
  const holder = findElement(text, group);
  if (holder === undefined) return [];
  return elementsOf(text).filter(({ depth, start, end }) =>
    depth === 2 && start >= holder.innerStart && end <= holder.innerEnd
  );
}

/** Gives an attribute of the root, which has it, another value. */
export function setAttribute(text: string, name: string, value: string): string {
  const { start } = findElement(text)!;
  const tagEnd = start + /^<(?:[^>"']|"[^"]*"|'[^']*')*>/.exec(text.slice(start))![0].length;
  const tag = text.slice(start, tagEnd).replace(
    new RegExp(`(\\s${name}\\s*=\\s*)(?:"[^"]*"|'[^']*')`),
    (_, before: string) => `${before}"${value}"`,
  );
  return text.slice(0, start) + tag + text.slice(tagEnd);
}

/** Takes an element out, with its line when nothing else stands on it, and its group when that is empty. */
export function removeElement(text: string, element: ElementSpan): string {
  const group = elementsOf(text).find(({ depth, start, end }) =>
    depth === 1 && start < element.start && element.end < end
  );
  const isAlone = group !== undefined && text.slice(group.innerStart, element.start).trim() === "" &&
    text.slice(element.end, group.innerEnd).trim() === "";
  const { start, end } = isAlone ? group : element;
  const lineStart = text.lastIndexOf("\n", start - 1) + 1;
  const lineEnd = text.indexOf("\n", end);
  const isWholeLine = lineEnd !== -1 && text.slice(lineStart, start).trim() === "" &&
    text.slice(end, lineEnd).trim() === "";
  return isWholeLine
    ? text.slice(0, lineStart) + text.slice(lineEnd + 1)
    : text.slice(0, start) + text.slice(end);
}

/** Puts an element at the end of a group, which is made if it is absent. */
export function insertChild(text: string, group: string, element: string): string {
  const holder = findElement(text, group);
  if (holder === undefined) {
    return insertInside(text, findElement(text)!, `<${group}>\n    ${element}\n  </${group}>`, "  ");
  }
  return insertInside(text, holder, element, "    ");
}

function insertInside(text: string, holder: ElementSpan, element: string, indentation: string): string {
  const outer = indentation.slice(2);
  if (holder.innerStart === holder.end) {
    // Written `<name />`: it has to be opened first.
    const tag = text.slice(holder.start, holder.end).replace(/\s*\/>$/, ">");
    const inner = `\n${indentation}${element}\n${outer}`;
    return `${text.slice(0, holder.start)}${tag}${inner}</${holder.name}>${text.slice(holder.end)}`;
  }
  // Behind what stands there, in front of the white space before the closing tag.
  const before = text.slice(0, holder.innerEnd).trimEnd();
  return `${before}\n${indentation}${element}\n${outer}${text.slice(holder.innerEnd)}`;
}
