/**
 * Programs on the boot volume: where they are, and how large they may be.
 *
 * The process manager reads these files, and the host's side puts them there; both take paths and
 * bounds from here.
 */

/** A program's intermediate language. */
export const ilPath = (name: string): string => `/bin/${name}.il`;

/** A program's manifest. */
export const manifestPath = (name: string): string => `/manifests/${name}.xml`;

/** Many times the largest program that ships; what a kernel makes of it is several times as large again. */
export const ilBytesMax = 4 * 2 ** 20;
export const manifestBytesMax = 65_536;
