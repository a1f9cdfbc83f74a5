/**
 * The boot archive: the programs and manifests that the coordinator starts from.
 *
 * It is what the boot loader of a real machine would read from the boot volume. A
 * program is found by its name; its intermediate language is built when first asked for.
 */

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

export class BootArchive {
  readonly system: SystemManifest;
  readonly systemText: string;
  readonly #manifests = new Map<string, { readonly manifest: Manifest; readonly text: string }>();
  readonly #ils = new Map<string, string>();
  readonly #build: (source: string) => string;

  /** Throws ManifestError for the first manifest that cannot be used. `build` is phase one. */
  constructor(manifests: readonly ArchiveFile[], system: ArchiveFile, build: (source: string) => string) {
    this.system = parseSystemManifest(system.text, system.file);
    this.systemText = system.text;
    this.#build = build;
    for (const { file, text } of manifests) {
      const manifest = parseManifest(text, file);
      this.#manifests.set(manifest.name, { manifest, text });
    }
  }

  get names(): string[] {
    return [...this.#manifests.keys()].sort();
  }

  manifestOf(name: string): Manifest | undefined {
    return this.#manifests.get(name)?.manifest;
  }

  program(name: string): ArchivedProgram | undefined {
    const found = this.#manifests.get(name);
    if (found === undefined) return undefined;
    const { source } = found.manifest;
    const il = this.#ils.get(source) ?? this.#build(source);
    this.#ils.set(source, il);
    return { manifest: found.manifest, manifestText: found.text, il };
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
