/**
 * The file system behind paths that start with `/fs`, for the shell's commands.
 *
 * - Functions return a value, or a `Failure` whose text says what is wrong with the file.
 * - Data moves in blocks of 64 KiB, from channel to channel without being copied.
 */

import { isKernelError } from "../../kernel/abi/errors.ts";
import type { Block, Call, Endpoint, Kernel, MessageFrom } from "../../kernel/abi/kernel.ts";
import { takeText, textBlock } from "../../kernel/abi/text.ts";
import { type fileContract, fileErrors, fileSystemContract } from "../../fs/contracts/file_system.ts";
import type { Output } from "./output.ts";
import type { Row } from "./table.ts";

export const fileRoot = "/fs";
const pieceBytes = 65536;
const bindTimeoutNs = 2e9;

export class Failure {
  readonly reason: string;
  constructor(reason: string) {
    this.reason = reason;
  }
}

const reasons: Readonly<Record<typeof fileErrors[number], string>> = {
  NotFound: "there is no such file or directory",
  AlreadyExists: "it exists already",
  NotADirectory: "it is not a directory",
  IsADirectory: "it is a directory",
  NotEmpty: "the directory is not empty",
  BadName: "a file cannot have that name",
  NoSpace: "the disk is full",
  TooLarge: "it would be too large",
  InUse: "it is in use",
  OutOfRange: "that place is beyond its end",
  Corrupt: "the file system is damaged there",
  NoMemory: "the file system is out of memory",
  MediaFault: "the disk cannot be read or written there",
};

type FileSystem = Endpoint<typeof fileSystemContract, "client">;
type OpenFile = Endpoint<typeof fileContract, "client">;
type Answer = MessageFrom<typeof fileSystemContract, "server">;
export type OpenMode = "read" | "write" | "create" | "replace";

/** The path below the mount point, such as "/a/b"; undefined for paths elsewhere in the namespace. */
export function pathOfFile(path: string): string | undefined {
  if (path === fileRoot || path === `${fileRoot}/`) return "/";
  return path.startsWith(`${fileRoot}/`) ? path.slice(fileRoot.length) : undefined;
}

/** Asks the file system one thing about a path of the namespace. */
export function* askFiles(
  kernel: Kernel,
  path: string,
  send: (files: FileSystem, below: string) => Call<void>,
): Call<Answer | Failure> {
  const below = pathOfFile(path);
  if (below === undefined) return new Failure(`files have paths that start with ${fileRoot}/`);
  try {
    const files = yield* kernel.bind(fileSystemContract, fileRoot, bindTimeoutNs);
    yield* send(files, below);
    const answer = yield* files.receive();
    yield* files.close();
    return answer.tag === "failed" ? new Failure(reasons[answer.code]) : answer;
  } catch (error) {
    if (!isKernelError(error)) throw error;
    const isMissing = error.code === "TimedOut" || error.code === "NotFound";
    return new Failure(isMissing ? `no file system is mounted at ${fileRoot}` : error.message);
  }
}

/** A request that is answered `done`; the failure if it could not be done. */
export function* changeFiles(
  kernel: Kernel,
  path: string,
  send: (files: FileSystem, below: string) => Call<void>,
): Call<Failure | undefined> {
  const answer = yield* askFiles(kernel, path, send);
  return answer instanceof Failure ? answer : undefined;
}

export function* kindOf(kernel: Kernel, path: string): Call<{ kind: string; size: number } | Failure> {
  const answer = yield* askFiles(kernel, path, (files, below) => files.send("stat", { path: below }));
  if (answer instanceof Failure) return answer;
  return answer.tag === "status" ? { kind: answer.kind, size: answer.size } : new Failure(answer.tag);
}

/** The entries of a directory, in the file system's order. */
export function* listDirectory(kernel: Kernel, path: string): Call<Row[] | Failure> {
  const rows: Row[] = [];
  for (let start = 0;;) {
    const answer = yield* askFiles(
      kernel,
      path,
      (files, below) => files.send("list", { path: below, start }),
    );
    if (answer instanceof Failure) return answer;
    if (answer.tag !== "listing") return new Failure(answer.tag);
    for (const line of (yield* takeText(kernel, answer.entries)).split("\n")) {
      if (line !== "") rows.push(entryOf(line));
    }
    if (!answer.more || answer.next <= start) return rows;
    start = answer.next;
  }
}

/** A line is `d` or `f`, size, name, separated by one space; the name may hold spaces. */
function entryOf(line: string): Row {
  const [kind = "", size = "", ...name] = line.split(" ");
  return { kind: kind === "d" ? "directory" : "file", size: Number(size), name: name.join(" ") };
}

export function* openFile(kernel: Kernel, path: string, mode: OpenMode): Call<OpenFile | Failure> {
  const answer = yield* askFiles(kernel, path, (files, below) => files.send("open", { path: below, mode }));
  if (answer instanceof Failure) return answer;
  return answer.tag === "opened" ? answer.file : new Failure(answer.tag);
}

/** Reads a file from its start and hands each block on; the failure that ended it early. */
export function* readFile(
  kernel: Kernel,
  file: OpenFile,
  take: (block: Block) => Call<Failure | undefined>,
): Call<Failure | undefined> {
  for (let offset = 0;;) {
    yield* file.send("read", { offset, maximum: pieceBytes });
    const answer = yield* file.receiveOrClosed();
    if (answer === undefined) return new Failure("the file system is gone");
    if (answer.tag !== "data") {
      return new Failure(answer.tag === "failed" ? reasons[answer.code] : answer.tag);
    }
    const size = answer.data.length;
    if (size === 0) {
      yield* kernel.free(answer.data);
      return undefined;
    }
    const failure = yield* take(answer.data);
    if (failure !== undefined) return failure;
    offset += size;
  }
}

/** A file that commands write their output to; the first failure is kept, and nothing is written after it. */
export class FileOutput implements Output {
  readonly #kernel: Kernel;
  readonly #file: OpenFile;
  #offset = 0;
  failure: Failure | undefined;

  constructor(kernel: Kernel, file: OpenFile) {
    this.#kernel = kernel;
    this.#file = file;
  }

  *text(text: string): Call<void> {
    if (text !== "") yield* this.block(yield* textBlock(this.#kernel, text));
  }

  *block(block: Block): Call<void> {
    if (this.failure !== undefined) return yield* this.#kernel.free(block);
    const size = block.length;
    yield* this.#file.send("write", { offset: this.#offset, data: block });
    const answer = yield* this.#file.receiveOrClosed();
    if (answer?.tag === "written") this.#offset += size;
    else if (answer?.tag === "failed") this.failure = new Failure(reasons[answer.code]);
    else this.failure = new Failure("the file system is gone");
  }

  close(): Call<void> {
    return this.#file.close();
  }
}
