/**
 * The programs of a checkout, as files: manifests, the system manifest, and sources.
 *
 * What the texts mean is the kernel's business. Paths in messages are those that the
 * person gave; it writes into the folders `build` and `manifests`, and into those that they name.
 * - Without a folder of the person's own, manifests are those beside this program.
 */

import { fromFileUrl, join, relative, resolve } from "@std/path";
import { HostFileError, reasonOf } from "./host_file_error.ts";

export interface TextFile {
  readonly file: string;
  readonly text: string;
}

export interface ManifestFiles {
  readonly programs: readonly TextFile[];
  readonly system: TextFile;
}

const systemFile = "system.xml";
/** The top folder of the checkout that this code is in. */
export const projectFolder: string = fromFileUrl(new URL("../../", import.meta.url));

export const shippedManifests: string = join(projectFolder, "manifests");

/** Reads all manifests of a folder, by name; throws HostFileError. */
export function readManifests(folder: string): ManifestFiles {
  const names = attempt("read manifests in", folder, () => [...Deno.readDirSync(folder)])
    .filter((entry) => entry.name.endsWith(".xml"))
    .map((entry) => entry.name)
    .sort();
  const read = (name: string) => readText(join(folder, name), "read manifest");
  return { programs: names.filter((name) => name !== systemFile).map(read), system: read(systemFile) };
}

/** A source file by its path from the project's top; undefined when there is none. */
export function readSource(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(join(projectFolder, path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** The path from the project's top of a source file that a person named; throws HostFileError. */
export function sourcePath(file: string): string {
  const path = relative(projectFolder, resolve(file));
  readText(file, "build");
  if (!path.startsWith("..")) return path.replaceAll("\\", "/");
  throw new HostFileError("build", file, `it is outside of the checkout ${projectFolder}`);
}

/** Writes a program's intermediate language into the folder `build`; gives the path from the top. */
export function writeIl(name: string, il: string): string {
  return write("build", `${name}.il`, il);
}

/** Writes a program's manifest; gives the path from the top. */
export function writeManifest(name: string, text: string): string {
  return write("manifests", `${name}.xml`, text);
}

function write(folder: string, name: string, text: string): string {
  const path = join(projectFolder, folder, name);
  attempt("write", path, () => {
    Deno.mkdirSync(join(projectFolder, folder), { recursive: true });
    Deno.writeTextFileSync(path, text);
  });
  return `${folder}/${name}`;
}

/** Makes a folder for results, if it is absent; what cannot be one is refused before anything is measured. */
export function makeResultFolder(folder: string): void {
  attempt("write results to", folder, () => Deno.mkdirSync(folder, { recursive: true }));
}

/** Writes what a command found out into such a folder. */
export function writeResult(folder: string, name: string, text: string): void {
  const path = join(folder, name);
  attempt("write result", path, () => Deno.writeTextFileSync(path, text));
}

/** A text file that a person named; throws HostFileError. */
export function readText(path: string, purpose: string): TextFile {
  return { file: path, text: attempt(purpose, path, () => Deno.readTextFileSync(path)) };
}

export function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function attempt<T>(what: string, path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw new HostFileError(what, path, reasonOf(error));
  }
}
