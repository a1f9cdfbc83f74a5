/**
 * Phase one for the programs of a checkout: ILs that phase two will take, and manifests that agree.
 *
 * Files come in as texts and results go out as texts; types have been checked before.
 * - A program that breaks a rule of either phase is refused with file, line, column and rule, and then
 *   there is no result at all: a build writes everything or nothing.
 */

import { CompileError } from "../compiler/compile_error.ts";
import type { IlHeader } from "../compiler/il.ts";
import { IlBuilder } from "../compiler/phase_one.ts";
import { verifyIl } from "../compiler/phase_two.ts";
import { SourceText } from "../compiler/syntax.ts";
import { parseManifest, parseSystemManifest } from "../placement/manifest.ts";
import { type ManifestUpdate, updateManifest } from "../placement/manifest_update.ts";
import type { ArchiveFile } from "./boot_archive.ts";

/** The texts of a checkout. */
export interface Checkout {
  readonly manifests: readonly ArchiveFile[];
  readonly system: ArchiveFile;
  /** A source by its path from the top; undefined when there is none. */
  readSource(path: string): string | undefined;
}

export interface BuiltProgram {
  readonly name: string;
  readonly entry: string;
  readonly il: string;
  /** Its manifest; nothing is to be written when there are no changes. */
  readonly manifest: ManifestUpdate;
  /** Lines for the person, about what only they can decide. */
  readonly hints: readonly string[];
}

/** The main module of each program that has a manifest, by the program's name. */
export function programEntries(manifests: readonly ArchiveFile[]): Map<string, string> {
  const parsed = manifests.map(({ file, text }) => parseManifest(text, file));
  return new Map(parsed.map(({ name, source }) => [name, source]));
}

/** Builds the programs of these main modules; throws CompileError or ManifestError for the first that cannot be. */
export function buildPrograms(entries: readonly string[], checkout: Checkout): BuiltProgram[] {
  const builder = new IlBuilder((path) => checkout.readSource(path));
  const { paths } = parseSystemManifest(checkout.system.text, checkout.system.file);
  const entryOf = programEntries(checkout.manifests);
  return entries.map((entry) => {
    const { il, header } = builder.build(entry);
    verifyIl(il);
    checkName(header, entryOf.get(header.name), checkout);
    entryOf.set(header.name, entry);
    const existing = checkout.manifests.find(({ file, text }) =>
      parseManifest(text, file).name === header.name
    );
    const manifest = updateManifest(header, existing);
    return { name: header.name, entry, il, manifest, hints: hintsFor(header, paths) };
  });
}

/** A copied folder whose declaration was not edited must not take the manifest of the first. */
function checkName({ name, entry }: IlHeader, known: string | undefined, { readSource }: Checkout): void {
  if (known === undefined || known === entry || readSource(known) === undefined) return;
  const text = readSource(entry) ?? "";
  const place = new SourceText(text).position(Math.max(0, text.indexOf(JSON.stringify(name))));
  throw new CompileError({ file: entry, ...place }, "declaration", `${name} is the name of ${known} already`);
}

/** Contracts that clients cannot bind to by the contract alone. */
function hintsFor({ name, contracts }: IlHeader, paths: ReadonlyMap<string, string>): string[] {
  return contracts.flatMap(({ direction, contractName, path }) =>
    direction === "import" || path === undefined || paths.has(contractName) ? [] : [
      `${name} offers ${contractName}, which manifests/system.xml does not know: clients give its path, ` +
      `or add <contract contractName="${contractName}" path="${path}" />`,
    ]
  );
}
