/**
 * Reads TypeScript just well enough for the tidiness rules: what is code, what is text, what is imported.
 *
 * A full parser would be exact but slow and one more dependency; the rules need no more than this.
 * - `code` is the source with comments and the insides of strings blanked out, so that a word in a
 *   message is not mistaken for a use of it. Code inside `${…}` stays.
 * - Line ends stay where they are, so an offset tells the line.
 * - A `/` opens a regular expression where no value stands before it; that guess is right for all that
 *   `deno fmt` leaves behind.
 */

/** An import, re-export or dynamic import. */
export interface ImportStatement {
  readonly specifier: string;
  readonly line: number;
  /** Whether only types cross over. */
  readonly isTypeOnly: boolean;
}

/** One source file, taken apart. */
export interface SourceScan {
  /** The source, comments and insides of strings blanked out. */
  readonly code: string;
  readonly imports: readonly ImportStatement[];
}

const importPattern = /\b(import|export)\b(\s+type\b)?([^;"'`()]*?\bfrom\s*|\s*\(?\s*)(["'`])/g;

/** Takes a source file apart. */
export function scanSource(text: string): SourceScan {
  const code = blankTextAndComments(text);
  const imports: ImportStatement[] = [];
  for (const match of code.matchAll(importPattern)) {
    const [whole, keyword, typeWord, clause = "", quote = '"'] = match;
    // `export "x"` does not exist: what matched is the start of something else.
    if (keyword === "export" && !clause.includes("from")) continue;
    const start = match.index + whole.length;
    imports.push({
      specifier: text.slice(start, code.indexOf(quote, start)),
      line: lineAt(text, match.index),
      isTypeOnly: typeWord !== undefined || namesTypesOnly(clause),
    });
  }
  return { code, imports };
}

/** The line, counted from 1, that holds an offset. */
export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at !== -1 && at < offset; at = text.indexOf("\n", at + 1)) line++;
  return line;
}

/** Whether a clause such as `{ type A, type B } from` brings in types alone. */
function namesTypesOnly(clause: string): boolean {
  const names = /^\s*\{(?<names>[^}]*)\}\s*from\s*$/.exec(clause)?.groups?.names?.split(",") ?? [];
  const given = names.map((name) => name.trim()).filter((name) => name !== "");
  return given.length > 0 && given.every((name) => name.startsWith("type "));
}

function blankTextAndComments(text: string): string {
  const out: string[] = [];
  /** For each open `${`, how many braces are open inside it. */
  const templates: number[] = [];
  let at = 0;
  let lastToken = "";
  const keep = (size: number) => {
    const piece = text.slice(at, at + size);
    if (piece.trim() !== "") lastToken = piece;
    out.push(piece);
    at += size;
  };
  const blank = (size: number) => {
    out.push(text.slice(at, at + size).replace(/[^\n]/g, " "));
    at += size;
  };
  const template = () => {
    const body = matchAt(/(?:\\[^]|\$(?!\{)|[^\\`$])*/y, text, at);
    blank(body);
    if (text.startsWith("${", at)) {
      keep(2);
      templates.push(0);
    } else {
      keep(1);
    }
  };
  while (at < text.length) {
    const char = text.charAt(at);
    const depth = templates.at(-1);
    if (text.startsWith("//", at)) blank(matchAt(/[^\n]*/y, text, at));
    else if (text.startsWith("/*", at)) blank(matchAt(/\/\*[^]*?(?:\*\/|$)/y, text, at));
    else if (char === '"' || char === "'") {
      keep(1);
      blank(matchAt(char === '"' ? /(?:\\[^]|[^"\\\n])*/y : /(?:\\[^]|[^'\\\n])*/y, text, at));
      keep(1);
    } else if (char === "`") {
      keep(1);
      template();
    } else if (char === "}" && depth === 0) {
      templates.pop();
      keep(1);
      template();
    } else if (char === "/" && !endsValue(lastToken)) {
      const size = matchAt(/\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\//y, text, at);
      if (size === 0) keep(1);
      else {
        keep(1);
        blank(size - 2);
        keep(1);
        lastToken = "x";
      }
    } else {
      if (depth !== undefined && (char === "{" || char === "}")) {
        templates[templates.length - 1] = depth + (char === "{" ? 1 : -1);
      }
      keep(Math.max(1, matchAt(/[\w$]+/y, text, at)));
    }
  }
  return out.join("");
}

/** Whether a value ends with this token, so that a `/` behind it divides. */
function endsValue(token: string): boolean {
  if (/^(?:return|typeof|case|in|of|do|else|void|delete|throw|yield|await|new)$/.test(token)) return false;
  return /[\w$)\]}"'`]$/.test(token);
}

function matchAt(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0].length ?? 0;
}
