/**
 * The intermediate language: one ES module as text, with a first line that says what the program is.
 *
 * Phase one writes it, phase two reads it, and it travels between kernels, and on disks, as bytes.
 * - The first line is a comment: format, length and checksum of all that follows them, then JSON; the
 *   modules come after it, each keeping its lines and columns.
 * - The checksum finds damage and nothing else: phase two trusts nothing in an IL, whoever made it. A
 *   first line that breaks a rule is refused with the part that does.
 */

import { crc32 } from "./checksum.ts";
import { CompileError, type SourcePlace } from "./compile_error.ts";
import {
  type IlMetadata,
  readContract,
  readDevice,
  readLine,
  readList,
  readName,
  readParameter,
  readPrivilege,
} from "./metadata.ts";
import { DataReader, formatPath } from "./plain_data.ts";

/** Where one source module lies in the IL. */
export interface IlModule {
  readonly path: string;
  /** Line of the IL, counted from 1, that holds the module's first line. */
  readonly line: number;
  readonly lines: number;
}

export interface IlHeader extends IlMetadata {
  /** The main module, from the top of the sources. */
  readonly entry: string;
  /** Methods of which an image keeps the version for its ISA alone. */
  readonly isaMethods: readonly string[];
  /** The source map: modules in the order of their lines, which do not overlap. */
  readonly modules: readonly IlModule[];
}

const format = 2;
const opening = "/*helios-il ";
const closing = "*/";
const headerSizeMax = 1 << 20;
const modulesMax = 4096;
const linesMax = 10_000_000;
const place = { file: "IL", line: 1, column: 1 };

/** An IL of this header and these lines. */
export function formatIl(header: IlHeader, body: string): string {
  const json = JSON.stringify(header).replaceAll("*/", "*\\/");
  const sealed = new TextEncoder().encode(`${json}${closing}\n${body}`);
  return `${opening}${format} ${sealed.length} ${checksumOf(sealed)} ${json}${closing}\n${body}`;
}

/** Reads the header of an IL after a check that all of the IL is there, as it was written. */
export function parseIlHeader(il: string): IlHeader {
  const [, written, length, checksum] = openLine(il);
  const sealed = new TextEncoder().encode(il.slice(written.length));
  if (sealed.length !== Number(length)) {
    refuse(`the IL is cut or longer: ${sealed.length} bytes follow the checksum, expected ${length}`);
  }
  const computed = checksumOf(sealed);
  if (computed !== checksum) refuse(`the IL is damaged: its checksum is ${computed}, expected ${checksum}`);
  return parseHeaderLine(lineOf(il));
}

/** Reads the first line of an IL that was checked before. */
export function parseHeaderLine(line: string): IlHeader {
  const [, written] = openLine(line);
  if (!line.endsWith(closing) || line.length > headerSizeMax) refuse("the IL's first line is no header");
  let value: unknown;
  try {
    value = JSON.parse(line.slice(written.length, -closing.length));
  } catch (error) {
    refuse(`the IL's header is not JSON: ${(error as Error).message}`);
  }
  return readHeader(
    new DataReader(value, (path, reason) => refuse(`the IL's header: ${formatPath(path) || "it"} ${reason}`)),
  );
}

/** The place in a source file that an IL position (from 1) is from. */
export function sourcePlace(header: IlHeader, line: number, column: number): SourcePlace {
  for (const module of header.modules) {
    if (line >= module.line && line < module.line + module.lines) {
      return { file: module.path, line: line - module.line + 1, column };
    }
  }
  return { file: `IL of ${header.entry}`, line, column };
}

/** What stands in front of the JSON: all of it, then format's followers. */
function openLine(il: string): readonly [string, string, string, string] {
  const start = il.slice(0, 64);
  if (!start.startsWith(opening)) refuse(`the first line of an IL starts with "${opening}"`);
  const found = /^\/\*helios-il (\d{1,9}) (?:(\d{1,10}) ([0-9a-f]{8}) )?/.exec(start);
  if (found !== null && Number(found[1]) !== format) {
    refuse(`the IL's format is ${found[1]}, expected ${format}`);
  }
  const [written, , length, checksum] = found ?? [];
  if (written === undefined || length === undefined || checksum === undefined) {
    return refuse("the IL's first line has no format, length and checksum");
  }
  return [start, written, length, checksum];
}

function readHeader(part: DataReader): IlHeader {
  const parts = part.fields([
    ...["name", "doc", "entry", "contracts", "parameters", "devices", "privileges"] as const,
    ...["isaMethods", "modules"] as const,
  ]);
  let line = 1;
  return {
    name: readName(parts.name),
    doc: readLine(parts.doc),
    entry: readFile(parts.entry),
    contracts: readList(parts.contracts, readContract),
    parameters: readList(parts.parameters, readParameter),
    devices: readList(parts.devices, readDevice),
    privileges: readList(parts.privileges, readPrivilege),
    isaMethods: readList(parts.isaMethods, (item) => item.text(/^[\w$.]{1,100}$/, "a method's name")),
    modules: parts.modules.items(modulesMax).map((item) => {
      const module = item.fields(["path", "line", "lines"]);
      const start = module.line.whole(line + 1, linesMax);
      const lines = module.lines.whole(1, linesMax);
      line = start + lines - 1;
      return { path: readFile(module.path), line: start, lines };
    }),
  };
}

/** A source file's path, as messages show it. */
function readFile(part: DataReader): string {
  return part.text(/^[^\p{Cc}\u2028\u2029\\]{1,300}$/u, "a file's path");
}

const checksumOf = (bytes: Uint8Array): string => crc32(bytes).toString(16).padStart(8, "0");

function lineOf(il: string): string {
  const end = il.indexOf("\n");
  return end === -1 ? il : il.slice(0, end);
}

function refuse(reason: string): never {
  throw new CompileError(place, "il-header", reason);
}
