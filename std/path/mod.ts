/**
 * Stand-in for `jsr:@std/path`: the functions of it that we call, for places that cannot reach JSR.
 *
 * `links` in the top deno.json puts this package where the real one would be; without that line the
 * real one is used and nothing else changes, because names and signatures are the same.
 * - Paths follow the host's rules, by `node:path`.
 * - Errors are those of Node; the real package throws `TypeError` in the same places.
 *
 * Left out: globs, `parse`, `format`, and the `posix` and `windows` subpaths.
 */
import * as nodePath from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** The last part of a path, without `suffix` where it ends so. */
export function basename(path: string | URL, suffix = ""): string {
  return nodePath.basename(pathText(path), suffix);
}

/** The path of the folder that holds `path`. */
export function dirname(path: string | URL): string {
  return nodePath.dirname(pathText(path));
}

/** The extension with its dot, or an empty string. */
export function extname(path: string | URL): string {
  return nodePath.extname(pathText(path));
}

/** The host path behind a `file:` URL. */
export function fromFileUrl(url: URL | string): string {
  return fileURLToPath(url);
}

/** Whether a path starts at the root. */
export function isAbsolute(path: string): boolean {
  return nodePath.isAbsolute(path);
}

/** Joins parts and tidies the result. */
export function join(path: string | URL, ...paths: string[]): string {
  return nodePath.join(pathText(path), ...paths);
}

/** Removes `.`, `..` and doubled separators. */
export function normalize(path: string | URL): string {
  return nodePath.normalize(pathText(path));
}

/** The way from one path to another. */
export function relative(from: string, to: string): string {
  return nodePath.relative(from, to);
}

/** An absolute path, read from the right until a part is absolute. */
export function resolve(...pathSegments: string[]): string {
  return nodePath.resolve(...pathSegments);
}

/** The `file:` URL of an absolute path. */
export function toFileUrl(path: string): URL {
  if (!nodePath.isAbsolute(path)) {
    throw new TypeError(`Path must be absolute: received "${path}"`);
  }
  return pathToFileURL(path);
}

function pathText(path: string | URL): string {
  return path instanceof URL ? fileURLToPath(path) : path;
}
