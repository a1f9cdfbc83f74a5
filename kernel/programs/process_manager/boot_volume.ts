/**
 * The boot volume: programs as files, read through the file system.
 *
 * `/bin/<Name>.il` is a program's intermediate language and `/manifests/<Name>.xml` its manifest; both are
 * read anew for each start, so what is written to the volume counts from then on.
 * - A file comes back as a block, or as a text: one line, why it cannot be had.
 * - Sizes and waits are bounded, whatever stands on the disk.
 */

import { isKernelError, unlessClosed } from "../../abi/errors.ts";
import type { Block, Call, Endpoint, Kernel } from "../../abi/kernel.ts";
import { ilBytesMax, ilPath, manifestBytesMax, manifestPath } from "../../abi/program_paths.ts";
import { type fileContract, type FileError, fileSystemContract } from "../../../fs/contracts/file_system.ts";

/** The file system answers with at most 1 MiB; its other clients wait for no longer than this much takes. */
const pieceBytes = 262_144;
const mountPoint = "/fs";
const bindTimeoutNs = 1e8;
/** A drive that needs longer has been given up by its driver. */
const answerTimeoutNs = 60e9;

const reasons: Readonly<Partial<Record<FileError, string>>> = {
  NotFound: "it is not on the boot volume",
  BadName: "a file cannot have that name",
  IsADirectory: "it is a directory",
  NotADirectory: "its parent is no directory",
  Corrupt: "the file system is damaged there",
  MediaFault: "the disk cannot be read there",
  NoMemory: "the file system is out of memory",
};

type File = Endpoint<typeof fileContract, "client">;

export class BootVolume {
  readonly #kernel: Kernel;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** Whether a file system is there at all. */
  *isMounted(): Call<boolean> {
    const top = yield* this.#kernel.enumerate("/", "children");
    return top.some(({ path, kind }) => path === mountPoint && kind === "service");
  }

  /** A program's manifest; undefined when no program has that name. */
  *manifest(name: string): Call<Block | string | undefined> {
    if (name === "" || name.includes("/")) return undefined;
    const found = yield* this.#read(manifestPath(name), manifestBytesMax);
    if (found !== reasons.NotFound) {
      return typeof found === "string" ? `${manifestPath(name)}: ${found}` : found;
    }
    const il = yield* this.#open(ilPath(name));
    if (typeof il === "string") return undefined;
    yield* il.file.close();
    return `${ilPath(name)} is on the boot volume, but its manifest ${manifestPath(name)} is not`;
  }

  *il(name: string): Call<Block | string> {
    const found = yield* this.#read(ilPath(name), ilBytesMax);
    return typeof found === "string" ? `${ilPath(name)}: ${found}` : found;
  }

  *#read(path: string, bytesMax: number): Call<Block | string> {
    try {
      const opened = yield* this.#open(path);
      if (typeof opened === "string") return opened;
      const { file, size } = opened;
      const content = size > bytesMax
        ? `it has ${size} bytes, expected at most ${bytesMax}`
        : yield* this.#content(file, size);
      yield* file.close();
      return content;
    } catch (error) {
      if (!isKernelError(error)) throw error;
      return error.code === "TimedOut" ? `no file system is mounted at ${mountPoint}` : error.message;
    }
  }

  *#open(path: string): Call<{ readonly file: File; readonly size: number } | string> {
    const files = yield* this.#kernel.bind(fileSystemContract, mountPoint, bindTimeoutNs);
    try {
      if (!(yield* unlessClosed(files.send("open", { path, mode: "read" })))) {
        return "the file system is gone";
      }
      const event = yield* this.#kernel.select({ files }, answerTimeoutNs);
      if (event.on === "timeout") return "the file system does not answer";
      if (event.on === "unsatisfiable" || event.kind === "closed") return "the file system is gone";
      if (event.message.tag === "opened") return event.message;
      return event.message.tag === "failed" ? reasonOf(event.message.code) : event.message.tag;
    } finally {
      yield* files.close();
    }
  }

  /** All bytes of an open file: its only piece, or a block that its pieces are copied to. */
  *#content(file: File, size: number): Call<Block | string> {
    const first = yield* this.#piece(file, 0);
    if (typeof first === "string" || first.length >= size) return first;
    const whole = yield* this.#kernel.allocate(size);
    let piece: Block = first;
    for (let offset = 0;;) {
      const { length } = piece;
      if (length > 0 && offset + length <= size) whole.bytes.set(piece.bytes, offset);
      yield* this.#kernel.free(piece);
      offset += length;
      if (offset === size) return whole;
      const next = length > 0 && offset < size
        ? yield* this.#piece(file, offset)
        : "it changed while it was read";
      if (typeof next === "string") {
        yield* this.#kernel.free(whole);
        return next;
      }
      piece = next;
    }
  }

  *#piece(file: File, offset: number): Call<Block | string> {
    const asked = yield* unlessClosed(file.send("read", { offset, maximum: pieceBytes }));
    if (!asked) return "the file system is gone";
    const event = yield* this.#kernel.select({ file }, answerTimeoutNs);
    if (event.on === "timeout") return "the file system does not answer";
    if (event.on === "unsatisfiable" || event.kind === "closed") return "the file system is gone";
    if (event.message.tag === "data") return event.message.data;
    return event.message.tag === "failed" ? reasonOf(event.message.code) : event.message.tag;
  }
}

const reasonOf = (code: FileError): string => reasons[code] ?? code;
