/**
 * Whether a program may go on a boot volume: everything that can be found out before a kernel loads it.
 *
 * Phase two verifies an IL whoever made it, so it is asked here as well, for every ISA that there is;
 * what it refuses would be refused at each start.
 * - Throws InstallError with file and reason; nothing has been written then.
 */

import { ilBytesMax, ilPath, manifestBytesMax, manifestPath } from "../abi/program_paths.ts";
import { CompileError } from "../compiler/compile_error.ts";
import { type IlHeader, parseIlHeader } from "../compiler/il.ts";
import { compileIl } from "../compiler/phase_two.ts";
import type { Isa } from "../hal/hardware.ts";
import { type Manifest, parseManifest } from "../placement/manifest.ts";
import type { ArchiveFile, BootArchive } from "./boot_archive.ts";
import { targetOf } from "./program_loader.ts";

export class InstallError extends Error {
  override readonly name = "InstallError";
}

export interface InstallableProgram {
  readonly name: string;
  /** What goes on the volume, by path. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** An IL that a kernel of any ISA compiles. */
export interface InstallableIl {
  readonly file: ArchiveFile;
  readonly header: IlHeader;
}

/** Checks an IL by itself: what is wrong with it is wrong whatever its manifest says, and if it has none. */
export function installableIl(file: ArchiveFile, isas: Iterable<Isa>): InstallableIl {
  checkSize(file, ilBytesMax);
  try {
    const header = parseIlHeader(file.text);
    for (const isa of isas) compileIl(file.text, targetOf(isa));
    return { file, header };
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    throw new InstallError(`Cannot install "${file.file}": ${error.message}`);
  }
}

/** Checks a program's manifest, and that it is the program's; `archive` knows which names are taken. */
export function installable(
  { file: il, header }: InstallableIl,
  manifestFile: ArchiveFile,
  archive: BootArchive,
): InstallableProgram {
  checkSize(manifestFile, manifestBytesMax);
  const manifest = parseManifest(manifestFile.text, manifestFile.file);
  checkManifest(manifest, manifestFile.file, archive);
  const { name } = manifest;
  if (header.name !== name || header.entry !== manifest.source) {
    const own = `${name} ("${manifest.source}")`;
    const reason =
      `it is ${header.name} ("${header.entry}"), but ${manifestFile.file} is the manifest of ${own}`;
    throw new InstallError(`Cannot install "${il.file}": ${reason}`);
  }
  const encoder = new TextEncoder();
  const files = new Map([
    [ilPath(name), encoder.encode(il.text)],
    [manifestPath(name), encoder.encode(manifestFile.text)],
  ]);
  return { name, files };
}

function checkSize({ file, text }: ArchiveFile, bytesMax: number): void {
  const { length } = new TextEncoder().encode(text);
  if (length <= bytesMax) return;
  throw new InstallError(`Cannot install "${file}": it has ${length} bytes, expected at most ${bytesMax}`);
}

function checkManifest({ name, privileges }: Manifest, file: string, archive: BootArchive): void {
  const refuse = (reason: string) => {
    throw new InstallError(`Cannot install "${name}" of ${file}: ${reason}`);
  };
  if (archive.holds(name)) {
    refuse("the program of that name is started from the boot archive, not from a disk");
  }
  if (name.includes("/")) refuse("the name of a program on a disk has no slash");
  if (privileges.length > 0) {
    refuse(`it asks for the privilege ${privileges.join(", ")}, which only programs of the boot archive get`);
  }
}
