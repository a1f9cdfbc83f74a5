/**
 * The boot archive: what the machine starts from before it has a file system.
 *
 * It is what the boot loader of a real machine would read: the system manifest, the file system, and the
 * programs whose manifests ask for a device or a privilege (drivers, process manager, Controller). Every
 * other program is loaded from the boot volume.
 * - The programs that the volume should hold are known here too: they are served as spares to a machine
 *   whose boot volume does not come up.
 * - Intermediate language is built, or read, when it is first asked for.
 * - Manifests that a person chose for this run go before those of the volume.
 */

import { ilPath, manifestPath } from "../abi/program_paths.ts";
import { CompileError } from "../compiler/compile_error.ts";
import {
  type Manifest,
  parseManifest,
  parseSystemManifest,
  type SystemManifest,
} from "../placement/manifest.ts";

/** A file of the archive and where it came from, for messages. */
export interface ArchiveFile {
  readonly file: string;
  readonly text: string;
}

export interface ArchivedProgram {
  readonly manifest: Manifest;
  readonly manifestText: string;
  readonly il: string;
}

/** The program without which no other can be read. */
const fileSystem = "FileSystem";

export class BootArchive {
  readonly system: SystemManifest;
  readonly systemText: string;
  readonly #manifests = new Map<string, { readonly manifest: Manifest; readonly text: string }>();
  readonly #ils = new Map<string, string>();
  readonly #ilOf: (source: string) => string;
  readonly #manifestsWin: boolean;

  /**
   * Throws ManifestError for the first manifest that cannot be used. `ilOf` gives the intermediate language
   * by the path of a program's source; with `manifestsWin` the volume's manifests count for nothing.
   */
  constructor(
    manifests: readonly ArchiveFile[],
    system: ArchiveFile,
    ilOf: (source: string) => string,
    manifestsWin = false,
  ) {
    this.system = parseSystemManifest(system.text, system.file);
    this.systemText = system.text;
    this.#ilOf = ilOf;
    this.#manifestsWin = manifestsWin;
    for (const { file, text } of manifests) {
      const manifest = parseManifest(text, file);
      this.#manifests.set(manifest.name, { manifest, text });
    }
  }

  /** All programs that ship, in the archive and on the volume. */
  get names(): string[] {
    return [...this.#manifests.keys()].sort();
  }

  manifestOf(name: string): Manifest | undefined {
    return this.#manifests.get(name)?.manifest;
  }

  /** Whether a program is started from here, and not from the boot volume. */
  holds(name: string): boolean {
    const manifest = this.manifestOf(name);
    return manifest !== undefined &&
      (name === fileSystem || manifest.devices.length > 0 || manifest.privileges.length > 0);
  }

  /** Any program that ships. */
  program(name: string): ArchivedProgram | undefined {
    const found = this.#manifests.get(name);
    if (found === undefined) return undefined;
    const { source } = found.manifest;
    const il = this.#ils.get(source) ?? this.#ilOf(source);
    this.#ils.set(source, il);
    return { manifest: found.manifest, manifestText: found.text, il };
  }

  /** The manifest that counts for this run whatever the volume holds; undefined when the volume's does. */
  manifestForThisRun(name: string): string | undefined {
    return this.#manifestsWin ? this.#manifests.get(name)?.text : undefined;
  }

  /** The files that the boot volume is to hold, by path; `refused` hears of a program that phase one refuses. */
  volumeFiles(refused: (name: string, error: CompileError) => void): ReadonlyMap<string, Uint8Array> {
    const encoder = new TextEncoder();
    const files = new Map<string, Uint8Array>();
    for (const name of this.names) {
      if (this.holds(name)) continue;
      try {
        const { il, manifestText } = this.program(name)!;
        files.set(ilPath(name), encoder.encode(il)).set(manifestPath(name), encoder.encode(manifestText));
      } catch (error) {
        if (!(error instanceof CompileError)) throw error;
        refused(name, error);
      }
    }
    return files;
  }

  /** The program whose manifest asks for a device. */
  driverFor(vendorId: number, deviceId: number): string | undefined {
    return this.names.find((name) =>
      this.#manifests.get(name)!.manifest.devices.some((device) =>
        device.vendorId === vendorId && device.deviceId === deviceId
      )
    );
  }
}
