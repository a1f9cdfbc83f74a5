/**
 * What this Helios carries: the manifests and programs that ship with it.
 *
 * A checkout reads its files and runs phase one when a program is first asked for. A standalone Helios
 * (one file, no checkout, no network) has all of it inside. Machine files are part of the code in both.
 * - What texts mean is the kernel's business; programs are named by the path of their main module.
 * - Only in a checkout can something be built.
 */

import { HostFileError } from "./host_file_error.ts";
import { type ManifestFiles, readManifests, shippedManifests } from "./program_files.ts";

export interface Distribution {
  readonly manifests: ManifestFiles;
  readonly isCheckout: boolean;
  /** Intermediate language of the program whose main module is `source`. */
  il(source: string): string;
}

/** What a standalone Helios has inside. */
export interface Contents {
  readonly manifests: ManifestFiles;
  /** Intermediate language by the path of the main module. */
  readonly ils: Readonly<Record<string, string>>;
}

/** The files beside this code; `build` is phase one. */
export function checkout(build: (source: string) => string): Distribution {
  let manifests: ManifestFiles | undefined;
  return {
    get manifests() {
      return manifests ??= readManifests(shippedManifests);
    },
    isCheckout: true,
    il: build,
  };
}

export function standalone({ manifests, ils }: Contents): Distribution {
  return {
    manifests,
    isCheckout: false,
    il(source) {
      const il = ils[source];
      if (il !== undefined) return il;
      throw new HostFileError("find program", source, "this Helios stands alone and does not carry it");
    },
  };
}
