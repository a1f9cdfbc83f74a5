/**
 * How the engine refuses: one exception with a code of the file contracts.
 *
 * A request runs through several layers, each a generator; the code travels up
 * them as a FileFailure and becomes a `failed` reply at the one place that serves
 * requests. Nothing else catches it, save code that must undo something first.
 * - Throw it before anything is changed, or undo the change.
 * - `detail` is for people and names the thing and the value.
 */

import type { FileError } from "../contracts/file_system.ts";

export class FileFailure extends Error {
  readonly code: FileError;

  constructor(code: FileError, detail: string) {
    super(`${code}: ${detail}`);
    this.code = code;
  }
}
