/**
 * Making a Helios that stands alone: one JavaScript file with all code, programs, manifests and machines.
 *
 * A generated module holds what a checkout would read from files and starts the command line with it; the
 * bundler then joins it with everything it imports, packages from npm included.
 * - The same checkout gives the same bytes; no path of this host gets into the file.
 * - The bundler is Deno's own (esbuild, which Deno takes from npm the first time).
 */

import { basename, join, resolve } from "@std/path";
import type { Contents } from "./distribution.ts";
import { HostFileError, reasonOf } from "./host_file_error.ts";
import { projectFolder, type TextFile } from "./program_files.ts";

/** The generated module: what `main.ts` is in a checkout. */
export function entryModule({ manifests, ils }: Contents): string {
  const carried = ({ file, text }: TextFile): TextFile => ({ file: `manifests/${basename(file)}`, text });
  const contents: Contents = {
    manifests: { programs: manifests.programs.map(carried), system: carried(manifests.system) },
    ils,
  };
  return `/** Written by "helios bundle": a Helios that stands alone. */
import { startStandalone } from "../main.ts";

await startStandalone(${JSON.stringify(contents, undefined, 2)});
`;
}

/** Writes the bundle; throws HostFileError. */
export async function bundleStandalone(contents: Contents, output: string): Promise<void> {
  const folder = join(projectFolder, "build");
  const entry = join(folder, "standalone.ts");
  try {
    Deno.mkdirSync(folder, { recursive: true });
    Deno.writeTextFileSync(entry, entryModule(contents));
    const { success, errors } = await Deno.bundle({
      entrypoints: [entry],
      outputPath: resolve(output),
      platform: "deno",
      write: true,
    });
    if (!success) throw new Error(errors.map(({ text }) => text).join("; "));
  } catch (error) {
    throw new HostFileError("write bundle", output, reasonOf(error));
  }
}
