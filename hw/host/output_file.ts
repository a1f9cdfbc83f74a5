/**
 * A file that a run writes: opened before the run, changed only once the run has begun.
 *
 * Opening tells whether it can be written; until the first write a file that was there
 * keeps what is in it, so a command that is refused after all has changed nothing.
 * - `discard` takes back an opening: a file that was not there before is removed.
 */

import { HostFileError, reasonOf } from "./host_file_error.ts";

export class OutputFile {
  readonly #path: string;
  readonly #purpose: string;
  readonly #file: Deno.FsFile;
  readonly #isNew: boolean;
  #begun = false;

  /** `purpose` says in messages what was attempted, such as "write trace". */
  constructor(path: string, purpose: string) {
    this.#path = path;
    this.#purpose = purpose;
    this.#isNew = !exists(path);
    this.#file = this.#attempt(() => Deno.openSync(path, { write: true, create: true }));
  }

  write(bytes: Uint8Array): void {
    this.#attempt(() => {
      this.#begin();
      for (let position = 0; position < bytes.length;) {
        position += this.#file.writeSync(bytes.subarray(position));
      }
    });
  }

  close(): void {
    this.#attempt(() => this.#begin());
    this.#file.close();
  }

  discard(): void {
    this.#file.close();
    if (this.#isNew) this.#attempt(() => Deno.removeSync(this.#path));
  }

  #begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    this.#file.truncateSync(0);
  }

  #attempt<T>(operation: () => T): T {
    try {
      return operation();
    } catch (error) {
      throw new HostFileError(this.#purpose, this.#path, reasonOf(error));
    }
  }
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    // Whatever else is wrong with it, opening it will tell.
    return false;
  }
}
