/**
 * The programs of a checkout, as files: manifests, the system manifest, and sources.
 *
 * What the texts mean is the kernel's business. Paths in messages are those that the
 * person gave; the one thing that it writes is the folder `build`.
 * - Without a folder of the person's own, manifests are those beside this program.
 */

import { fromFileUrl, join } from "@std/path";
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

/** Writes a program's intermediate language into the folder `build`; gives the path. */
export function writeIl(name: string, il: string): string {
  const folder = join(projectFolder, "build");
  const path = join(folder, `${name}.il`);
  attempt("write intermediate language", path, () => {
    Deno.mkdirSync(folder, { recursive: true });
    Deno.writeTextFileSync(path, il);
  });
  return path;
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
