/**
 * Commands about files, and `ls`, which also looks into the rest of the namespace.
 *
 * Files are below `/fs`; every other path is a name: `mkdir` makes directories of the
 * namespace there, and `rm` removes them, and links.
 * - Of several files the ones that can be done are done; the first failure is told.
 */

import { reasonOf } from "../../kernel/abi/errors.ts";
import type { Call } from "../../kernel/abi/kernel.ts";
import { type CommandDefinition, type Context, done, failure, type Result } from "./command.ts";
import {
  changeFiles,
  Failure,
  FileOutput,
  kindOf,
  listDirectory,
  openFile,
  pathOfFile,
  readFile,
} from "./files.ts";
import type { Row } from "./table.ts";

const fileColumns = [
  { field: "kind", heading: "KIND" },
  { field: "size", heading: "SIZE (bytes)" },
  { field: "name", heading: "NAME" },
];
const entryColumns = [
  { field: "kind", heading: "KIND" },
  { field: "contract", heading: "CONTRACT" },
  { field: "kernel", heading: "KERNEL" },
  { field: "name", heading: "NAME" },
];

const lastPart = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

function* list(context: Context): Call<Result> {
  const path = context.words[1] ?? "/";
  if (pathOfFile(path) === undefined) return yield* listNames(context, path);
  const entry = yield* kindOf(context.kernel, path);
  if (entry instanceof Failure) return failure(`Cannot list "${path}": ${entry.reason}`);
  if (entry.kind === "file") {
    const row = { kind: entry.kind, size: entry.size, name: lastPart(path) };
    return { status: 0, rows: [row], columns: fileColumns };
  }
  const rows = yield* listDirectory(context.kernel, path);
  if (rows instanceof Failure) return failure(`Cannot list "${path}": ${rows.reason}`);
  return { status: 0, rows, columns: fileColumns };
}

/** Paths with the same comparable form lead to the same file: FAT finds names without regard to case. */
function comparable(path: string): string {
  return path.split("/").filter((part) => part !== "").map((part) => part.toLowerCase()).join("/");
}

/** What is directly below a path of the namespace, or the name itself. */
function* listNames({ kernel }: Context, given: string): Call<Result> {
  const path = given.length > 1 && given.endsWith("/") ? given.slice(0, -1) : given;
  try {
    const entries = yield* kernel.enumerate(path, "children");
    const rows = entries.map((entry): Row => ({
      kind: entry.kind,
      contract: entry.contract,
      kernel: entry.kernel,
      name: lastPart(entry.path),
    }));
    return { status: 0, rows, columns: entryColumns };
  } catch (error) {
    return failure(`Cannot list "${given}": ${reasonOf(error)}`);
  }
}

function* cat(context: Context): Call<Result> {
  const { kernel, words, output } = context;
  return yield* forEach(words.slice(1), function* (path) {
    const file = yield* openFile(kernel, path, "read");
    if (file instanceof Failure) return `Cannot read "${path}": ${file.reason}`;
    const failed = yield* readFile(kernel, file, function* (block) {
      yield* output.block(block);
      return undefined;
    });
    yield* file.close();
    return failed && `Cannot read "${path}": ${failed.reason}`;
  });
}

function* makeDirectories({ kernel, words }: Context): Call<Result> {
  return yield* forEach(words.slice(1), function* (path) {
    const reason = pathOfFile(path) === undefined ? yield* changeNames(kernel.makeDirectory(path)) : reasonIn(
      yield* changeFiles(kernel, path, (files, below) => files.send("makeDirectory", { path: below })),
    );
    return reason && `Cannot make the directory "${path}": ${reason}`;
  });
}

function* remove({ kernel, words }: Context): Call<Result> {
  return yield* forEach(words.slice(1), function* (path) {
    const reason = pathOfFile(path) === undefined
      ? yield* changeNames(kernel.removeName(path))
      : reasonIn(yield* changeFiles(kernel, path, (files, below) => files.send("remove", { path: below })));
    return reason && `Cannot remove "${path}": ${reason}`;
  });
}

/** Changes names outside of the file system; why it cannot be done, if so. */
function* changeNames(change: Call<void>): Call<string | undefined> {
  try {
    yield* change;
    return undefined;
  } catch (error) {
    return reasonOf(error);
  }
}

const reasonIn = (failed: Failure | undefined): string | undefined => failed?.reason;

function* copy({ kernel, words }: Context): Call<Result> {
  const [, from = "", given = ""] = words;
  const target = yield* kindOf(kernel, given);
  const isDirectory = !(target instanceof Failure) && target.kind === "directory";
  const to = isDirectory ? `${given.endsWith("/") ? given : `${given}/`}${lastPart(from)}` : given;
  const refuse = ({ reason }: Failure, place: string) =>
    failure(`Cannot copy "${from}" to "${to}": ${reason} (${place})`);
  // Opening the target for writing empties it, which must not happen to the source.
  if (comparable(from) === comparable(to)) return refuse(new Failure("they are the same file"), to);
  const source = yield* openFile(kernel, from, "read");
  if (source instanceof Failure) return refuse(source, from);
  const file = yield* openFile(kernel, to, "replace");
  if (file instanceof Failure) {
    yield* source.close();
    return refuse(file, to);
  }
  const output = new FileOutput(kernel, file);
  const failed = yield* readFile(kernel, source, function* (block) {
    yield* output.block(block);
    return output.failure;
  });
  yield* source.close();
  yield* output.close();
  return failed === undefined ? done : refuse(failed, failed === output.failure ? to : from);
}

function* echo({ words, output }: Context): Call<Result> {
  yield* output.text(`${words.slice(1).join(" ")}\n`);
  return done;
}

/** Does the same with each word; the first failure is the result. */
function* forEach(words: readonly string[], act: (word: string) => Call<string | undefined>): Call<Result> {
  let first: string | undefined;
  for (const word of words) {
    const reason = yield* act(word);
    first ??= reason;
  }
  return first === undefined ? done : failure(first);
}

export const fileCommands: readonly CommandDefinition[] = [
  { name: "ls", usage: "ls [PATH]", doc: "lists a directory, or names", words: [0, 1], run: list },
  { name: "cat", usage: "cat FILE...", doc: "shows files", words: [1, Infinity], run: cat },
  {
    name: "mkdir",
    usage: "mkdir DIRECTORY...",
    doc: "makes directories",
    words: [1, Infinity],
    run: makeDirectories,
  },
  {
    name: "rm",
    usage: "rm PATH...",
    doc: "removes files, links and empty directories",
    words: [1, Infinity],
    run: remove,
  },
  { name: "cp", usage: "cp FROM TO", doc: "copies a file", words: [2, 2], run: copy },
  {
    name: "echo",
    usage: "echo [WORD...]",
    doc: "shows its words; with > FILE, writes them to a file",
    words: [0, Infinity],
    run: echo,
  },
];
