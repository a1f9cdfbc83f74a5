/**
 * The file system as the mail store uses it: listings, new files written in one piece, removal, sync.
 *
 * - What cannot be done comes back as the file system's error code.
 * - Each thread has a MailDisk of its own: one request is outstanding at a time.
 * - When the file system is gone, the calls throw and the process ends: without a disk
 *   there is nothing to serve.
 */

import type { Block, Call, Endpoint, Kernel, MessageFrom } from "../../kernel/abi/kernel.ts";
import { takeText } from "../../kernel/abi/text.ts";
import { type fileContract, type FileError, fileSystemContract } from "../../fs/contracts/file_system.ts";

export interface DirectoryEntry {
  readonly kind: "file" | "directory";
  readonly size: number;
  readonly name: string;
}

/** A file that was just made, to be written or given up. */
export type NewFile = Endpoint<typeof fileContract, "client">;

export class MailDisk {
  readonly #kernel: Kernel;
  readonly #files: Endpoint<typeof fileSystemContract, "client">;

  private constructor(kernel: Kernel, files: Endpoint<typeof fileSystemContract, "client">) {
    this.#kernel = kernel;
    this.#files = files;
  }

  /** Throws a KernelError when no file system is mounted. */
  static *open(kernel: Kernel): Call<MailDisk> {
    return new MailDisk(kernel, yield* kernel.bind(fileSystemContract, "/fs"));
  }

  /** All entries of a directory, in the file system's order. */
  *list(path: string): Call<readonly DirectoryEntry[] | FileError> {
    const entries: DirectoryEntry[] = [];
    for (let start = 0;;) {
      yield* this.#files.send("list", { path, start });
      const answer = yield* this.#files.receive();
      if (answer.tag !== "listing") return errorIn(answer)!;
      for (const line of (yield* takeText(this.#kernel, answer.entries)).split("\n")) {
        if (line !== "") entries.push(entryOf(line));
      }
      if (!answer.more || answer.next <= start) return entries;
      start = answer.next;
    }
  }

  *isDirectory(path: string): Call<boolean> {
    yield* this.#files.send("stat", { path });
    const answer = yield* this.#files.receive();
    return answer.tag === "status" && answer.kind === "directory";
  }

  *makeDirectory(path: string): Call<FileError | undefined> {
    yield* this.#files.send("makeDirectory", { path });
    return errorIn(yield* this.#files.receive());
  }

  *remove(path: string): Call<FileError | undefined> {
    yield* this.#files.send("remove", { path });
    return errorIn(yield* this.#files.receive());
  }

  /** Returns when all that was written before is on the disk. */
  *sync(): Call<FileError | undefined> {
    yield* this.#files.send("sync");
    return errorIn(yield* this.#files.receive());
  }

  /** Makes a file that was not there. */
  *create(path: string): Call<NewFile | FileError> {
    yield* this.#files.send("open", { path, mode: "create" });
    const answer = yield* this.#files.receive();
    return answer.tag === "opened" ? answer.file : errorIn(answer)!;
  }

  /** Fills a new file with one write and closes it; the block is gone afterwards. */
  *fill(file: NewFile, data: Block): Call<FileError | undefined> {
    yield* file.send("write", { offset: 0, data });
    const answer = yield* file.receive();
    yield* file.close();
    return answer.tag === "failed" ? answer.code : undefined;
  }
}

function errorIn(answer: MessageFrom<typeof fileSystemContract, "server">): FileError | undefined {
  return answer.tag === "failed" ? answer.code : undefined;
}

/** A line is `d` or `f`, size, name, separated by one space; the name may hold spaces. */
function entryOf(line: string): DirectoryEntry {
  const [kind = "", size = "", ...name] = line.split(" ");
  return { kind: kind === "d" ? "directory" : "file", size: Number(size), name: name.join(" ") };
}
