/**
 * Where the event log goes: its SHA-256 always, and a file when a person asked for one.
 *
 * Give `write` to a LineEventLog; ask for `hash` once, when the run is over.
 * - Lines are collected and passed on 64 KiB at a time, so a long run needs no more memory than a
 *   short one.
 * - The hash is over exactly the bytes that the file holds.
 */

import { createHash } from "node:crypto";
import { OutputFile } from "./output_file.ts";

const bufferedCharactersMax = 64 * 1024;

export class TraceFile {
  /** A function of its own, so that it can be handed over. */
  readonly write: (line: string) => void;
  readonly #file: OutputFile | undefined;
  readonly #digest = createHash("sha256");
  readonly #encoder = new TextEncoder();
  #buffered = "";
  #hash: string | undefined;

  /** Without a path only the hash is computed; a file that is there is replaced. */
  constructor(path?: string) {
    this.#file = path === undefined ? undefined : new OutputFile(path, "write trace");
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
    this.#file?.write(bytes);
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

  /** Takes back the opening: nothing was logged. */
  discard(): void {
    this.#file?.discard();
  }
}
