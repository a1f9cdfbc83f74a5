/**
 * Where the event log goes: its SHA-256 always, and a file when a person asked for one.
 *
 * Give `write` to a LineEventLog; ask for `hash` once, when the run is over.
 * - Lines are collected and passed on 64 KiB at a time, so a long run needs no more memory than a
 *   short one.
 * - The hash is over exactly the bytes that the file holds.
 */

import { createHash } from "node:crypto";
import { HostFileError, reasonOf } from "./host_file_error.ts";

const bufferedCharactersMax = 64 * 1024;
const attempt = "write trace";

export class TraceFile {
  /** A function of its own, so that it can be handed over. */
  readonly write: (line: string) => void;
  readonly #path: string | undefined;
  readonly #file: Deno.FsFile | undefined;
  readonly #digest = createHash("sha256");
  readonly #encoder = new TextEncoder();
  #buffered = "";
  #hash: string | undefined;

  /** Without a path only the hash is computed; a file that is there is replaced. */
  constructor(path?: string) {
    this.#path = path;
    this.#file = path === undefined ? undefined : this.#attempt(() => Deno.createSync(path));
    this.write = (line) => {
      this.#buffered += line;
      if (this.#buffered.length >= bufferedCharactersMax) this.flush();
    };
  }

  /** Passes on what is collected. */
  flush(): void {
    if (this.#buffered === "") return;
    if (this.#hash !== undefined) throw new Error("The event log went on after its hash was taken");
    const bytes = this.#encoder.encode(this.#buffered);
    this.#buffered = "";
    this.#digest.update(bytes);
    const file = this.#file;
    if (file === undefined) return;
    this.#attempt(() => {
      for (let position = 0; position < bytes.length;) position += file.writeSync(bytes.subarray(position));
    });
  }

  /** The event-log hash, in hexadecimal; ends the log. */
  hash(): string {
    this.flush();
    return this.#hash ??= this.#digest.digest("hex");
  }

  close(): void {
    this.flush();
    this.#file?.close();
  }

  #attempt<T>(operation: () => T): T {
    try {
      return operation();
    } catch (error) {
      throw new HostFileError(attempt, this.#path!, reasonOf(error));
    }
  }
}
