/**
 * The rules of the project's layout and style, each a function from files to offenders.
 *
 * They are what DESIGN promises and no compiler checks: who may import whom, where the host may be
 * touched, how a file opens, what it is called. A rule reports every offender, with file, line and the
 * rule in words, so one run shows all there is to mend.
 */
import { parse } from "@std/xml";
import type { ProjectFile } from "./project_files.ts";
import { type ImportStatement, lineAt, scanSource, type SourceScan } from "./source_scan.ts";

/** One place that breaks a rule. */
export interface Offence {
  readonly path: string;
  readonly line: number;
  readonly what: string;
}

const contractFolders = ["kernel/contracts/", "net/contracts/", "fs/contracts/", "apps/contracts/"];
const guestFolders = ["kernel/programs/", "net/", "fs/", "apps/"];
/**
 * Phase one strips types with `node:module`; phase two rewrites code; compartments run it, as a script of `node:vm`
 * that is compiled once for all of them.
 */
const compilerPackages = ["ses", "acorn", "node:module", "node:vm"];
const topLevelNames = [
  ...[".ci", ".gitignore", "CHANGELOG.md", "LICENSE", "README.md", "apps", "deno.json", "deno.lock", "docs"],
  ...["fs", "hw", "kernel", "main.ts", "manifests", "net", "std", "tests"],
];
const sourceLinesMax = 500;
const openingCommentLinesMin = 3;

const scans = new WeakMap<ProjectFile, SourceScan>();

function scan(file: ProjectFile): SourceScan {
  const known = scans.get(file) ?? scanSource(file.text);
  scans.set(file, known);
  return known;
}

/** Whether a file is the host's side: it may import everything of ours and touch the host. */
function isHostSide(path: string): boolean {
  return path === "main.ts" || /^(?:tests|std)\//.test(path) || /_(?:test|bench)\.ts$/.test(path) ||
    isTestSupport(path);
}

/** What several test files of a room share stands in a folder `testing`; only tests import it. */
function isTestSupport(path: string): boolean {
  return path.includes("/testing/");
}

function startsWithAny(path: string, folders: readonly string[]): boolean {
  return folders.some((folder) => path.startsWith(folder));
}

function sources(files: readonly ProjectFile[]): ProjectFile[] {
  return files.filter((file) => file.path.endsWith(".ts"));
}

/** The path from the top that a relative specifier means. */
function targetOf(importer: string, specifier: string): string {
  return decodeURIComponent(new URL(specifier, `file:///${importer}`).pathname.slice(1));
}

/** DESIGN section 2: who may import whom. */
export function importOffences(files: readonly ProjectFile[]): Offence[] {
  return sources(files).flatMap((file) =>
    scan(file).imports.flatMap((statement) => {
      const reason = reasonAgainstImport(file.path, statement);
      return reason === undefined ? [] : [{
        path: file.path,
        line: statement.line,
        what: `imports "${statement.specifier}": ${reason}`,
      }];
    })
  );
}

function reasonAgainstImport(path: string, statement: ImportStatement): string | undefined {
  const { specifier } = statement;
  if (/^(?:npm|jsr|https?|data|file):/.test(specifier)) {
    return "packages are named in deno.json, so that their versions stand in one place";
  }
  const isRelative = /^\.\.?\//.test(specifier);
  const isTest = isHostSide(path) && path !== "main.ts";
  if (isRelative && !isTest && isTestSupport(targetOf(path, specifier))) {
    return "only tests import test support";
  }
  if (isHostSide(path)) return undefined;
  return isRelative
    ? reasonAgainstRoom(path, targetOf(path, specifier), statement.isTypeOnly)
    : reasonAgainstPackage(path, specifier);
}

function reasonAgainstRoom(path: string, target: string, isTypeOnly: boolean): string | undefined {
  if (startsWithAny(path, guestFolders)) {
    const own = guestFolders.filter((folder) => path.startsWith(folder));
    if (startsWithAny(target, [...own, "kernel/abi/", ...contractFolders])) return undefined;
    return `${own.join()} imports only kernel/abi, contracts and its own files`;
  }
  if (path.startsWith("hw/")) {
    const isPublisher = path.startsWith("hw/host/") && target.startsWith("net/protocol/");
    if (target.startsWith("hw/") || isPublisher) return undefined;
    return "hw imports nothing but hw; hw/host may import net/protocol too";
  }
  if (path.startsWith("kernel/")) {
    if (target.startsWith("kernel/")) return undefined;
    if (!target.startsWith("hw/") || !path.startsWith("kernel/hal/")) {
      return "kernel imports only kernel, and hw only in kernel/hal";
    }
    if (isTypeOnly || startsWithAny(target, ["hw/time/", "hw/memory/"])) return undefined;
    return "kernel/hal takes types alone from hw, except from hw/time and hw/memory";
  }
  return undefined;
}

function reasonAgainstPackage(path: string, specifier: string): string | undefined {
  if (startsWithAny(path, guestFolders)) return "guest programs import no packages";
  if (path.startsWith("hw/host/") && (specifier.startsWith("node:") || specifier.startsWith("@std/"))) {
    return undefined;
  }
  if (path.startsWith("kernel/compiler/") && compilerPackages.includes(specifier)) return undefined;
  if (specifier.startsWith("node:")) return "only the host's side imports Node built-ins";
  if (specifier.startsWith("@std/")) return undefined;
  return "only kernel/compiler (ses, acorn) and the host's side import npm packages";
}

/** Names that reach the host: its files, clocks, randomness, timers and terminal. */
const hostNames = new RegExp(
  String.raw`(?<![.\w$#])(?:` + [
    String.raw`Deno\s*[.[]`,
    String.raw`(?:new\s+)?Date\s*[.(]`,
    String.raw`new\s+Date\b`,
    String.raw`performance\s*\.`,
    String.raw`Math\s*\.\s*random\b`,
    String.raw`crypto\s*\.`,
    String.raw`(?:setTimeout|setInterval|setImmediate)\s*\(`,
    String.raw`console\s*\.\s*(?:assert|debug|dir|error|info|log|table|time|timeEnd|trace|warn)\b`,
    String.raw`process\s*\.\s*(?:argv|cwd|env|hrtime|nextTick|platform|stderr|stdin|stdout)\b`,
  ].join("|") + `)|(?<=globalThis\\s*\\.\\s*)(?:Deno|Date|performance|crypto|console|process)\\b`,
  "g",
);

/** DESIGN section 2: all but main.ts and hw/host would run in a browser tab, the same each time. */
export function hostOffences(files: readonly ProjectFile[]): Offence[] {
  const rule = "only main.ts, hw/host and tests touch the host, the wall clock or randomness";
  return sources(files).filter((file) => !isHostSide(file.path) && !file.path.startsWith("hw/host/"))
    .flatMap((file) => matches(file, scan(file).code, hostNames, (found) => `uses "${found}": ${rule}`));
}

/** Every source file opens with what it is and why. */
export function openingCommentOffences(files: readonly ProjectFile[]): Offence[] {
  return sources(files).flatMap((file) => {
    const comment = /^\/\*\*[^]*?\*\//.exec(file.text)?.[0] ?? "";
    if (comment !== "" && comment.split("\n").length >= openingCommentLinesMin) return [];
    const what = `does not open with a /** comment */ of at least ${openingCommentLinesMin} lines`;
    return [{ path: file.path, line: 1, what }];
  });
}

/** A file is one idea; what grows beyond this is two. */
export function lengthOffences(files: readonly ProjectFile[]): Offence[] {
  return sources(files).flatMap((file) => {
    const lines = file.text.replace(/\n$/, "").split("\n").length;
    if (lines <= sourceLinesMax) return [];
    return [{
      path: file.path,
      line: lines,
      what: `has ${lines} lines, at most ${sourceLinesMax} are allowed`,
    }];
  });
}

/** No `any`, and no leave to use it. */
export function anyTypeOffences(files: readonly ProjectFile[]): Offence[] {
  const inTypes = /(?<=[:<|&,=[(]\s*|\b(?:as|extends|satisfies|keyof|readonly)\s+)any\b(?!\s*[:.=(?])/g;
  const leave = new RegExp("deno-lint-" + "ignore(?:-file)?\\s.*\\bno-explicit-any\\b", "g");
  return sources(files).flatMap((file) => [
    ...matches(file, scan(file).code, inTypes, () => "uses the type `any`"),
    ...matches(file, file.text, leave, () => "asks leave to use the type `any`"),
  ]);
}

/** Work that is left is an issue, not a comment. */
export function leftoverOffences(files: readonly ProjectFile[]): Offence[] {
  const pattern = new RegExp(
    String.raw`\b(?:TO` + String.raw`DO|FIX` + String.raw`ME|X` + String.raw`XX)\b`,
    "g",
  );
  return files.flatMap((file) => matches(file, file.text, pattern, (found) => `leaves a ${found} behind`));
}

/** Files are named in snake_case, after what they hold. */
export function fileNameOffences(files: readonly ProjectFile[]): Offence[] {
  return sources(files).flatMap((file) => {
    const names = file.path.replace(/(?:\.d)?\.ts$/, "").split("/");
    const offences: Offence[] = [];
    if (names.some((name) => !/^[a-z0-9]+(?:_[a-z0-9]+)*$/.test(name))) {
      offences.push({ path: file.path, line: 1, what: "is not named in snake_case" });
    }
    if (names.some((name) => name.split("_").some((word) => /^(?:util|helper)s?$/.test(word)))) {
      offences.push({ path: file.path, line: 1, what: "is named after no idea (utils, helpers)" });
    }
    return offences;
  });
}

/** The top level holds the rooms of DESIGN section 2 and nothing else. */
export function topLevelOffences(names: readonly string[]): Offence[] {
  return names.filter((name) => !topLevelNames.includes(name))
    .map((name) => ({ path: name, line: 1, what: "has no place at the top level" }));
}

/** Every manifest is XML, with a root `application` (the system's: `system`) that has a name. */
export function manifestOffences(files: readonly ProjectFile[]): Offence[] {
  return files.filter((file) => /^manifests\/.*\.xml$/.test(file.path)).flatMap(({ path, text }) => {
    try {
      const { root } = parse(text);
      const expected = path === "manifests/system.xml" ? ["application", "system"] : ["application"];
      const line = lineAt(text, text.indexOf(`<${root.name.raw}`) + 1);
      if (!expected.includes(root.name.raw)) {
        return [{
          path,
          line,
          what: `has the root <${root.name.raw}>, expected <${expected.join("> or <")}>`,
        }];
      }
      return root.attributes.name ? [] : [{ path, line, what: `<${root.name.raw}> has no name` }];
    } catch (error) {
      const line = error instanceof Error && "line" in error ? Number(error.line) : 1;
      return [{ path, line, what: `is not well-formed: ${error instanceof Error ? error.message : error}` }];
    }
  });
}

/** A relative link in a Markdown page leads to a file. */
export function linkOffences(files: readonly ProjectFile[], exists: (path: string) => boolean): Offence[] {
  return files.filter((file) => file.path.endsWith(".md")).flatMap((file) => {
    const prose = file.text.replace(/^(```|~~~)[^]*?^\1|`[^`\n]*`/gm, (code) => code.replace(/[^\n]/g, " "));
    const links = /\]\(\s*<?([^)\s>]+)>?[^)]*\)|^\[[^\]]+\]:\s*(\S+)/gm;
    return [...prose.matchAll(links)].flatMap((match) => {
      const link = match[1] ?? match[2] ?? "";
      if (/^(?:[a-z]+:|#|\/\/)/i.test(link)) return [];
      if (exists(targetOf(file.path, link))) return [];
      return [{
        path: file.path,
        line: lineAt(prose, match.index),
        what: `links to "${link}", which is not there`,
      }];
    });
  });
}

function matches(
  file: ProjectFile,
  text: string,
  pattern: RegExp,
  what: (found: string) => string,
): Offence[] {
  return [...text.matchAll(pattern)].map((match) => ({
    path: file.path,
    line: lineAt(text, match.index),
    what: what(match[0].replace(/\s+/g, " ")),
  }));
}
