/**
 * A file system in memory behind the file-system contract, for tests of its clients.
 *
 * Directories are names in a map that end with "/"; a listing comes three entries at a
 * time, so that asking again is tested too.
 * - Files and clients are served one request at a time, as the contract has it.
 */

import type { Call, Endpoint, Kernel, MessageFrom, Program } from "../../abi/kernel.ts";
import { textBlock } from "../../abi/text.ts";
import { fileContract, fileErrors, fileSystemContract } from "../../../fs/contracts/file_system.ts";

type Client = Endpoint<typeof fileSystemContract, "server">;
type Request = MessageFrom<typeof fileSystemContract, "client">;
type FileError = typeof fileErrors[number];

const entriesPerListing = 3;

export class TestFiles {
  readonly files = new Map<string, Uint8Array>([["/", new Uint8Array(0)]]);
  /** A write beyond this many bytes finds the disk full. */
  capacity = Infinity;

  readonly main = (kernel: Kernel): Program => serveFiles(this, kernel);

  kindOf(path: string): "file" | "directory" | undefined {
    if (path === "/" || this.files.has(`${path}/`)) return "directory";
    return this.files.has(path) ? "file" : undefined;
  }

  /** Names directly below a directory. */
  below(path: string): string[] {
    const start = path === "/" ? "/" : `${path}/`;
    return [...this.files.keys()].filter((name) =>
      name !== start && name.startsWith(start) && !name.slice(start.length, -1).includes("/")
    ).sort();
  }
}

function* serveFiles(store: TestFiles, kernel: Kernel): Program {
  const service = yield* kernel.register(fileSystemContract, "/fs");
  for (;;) {
    const client = yield* service.accept();
    yield* kernel.createThread(function* () {
      for (;;) {
        const request = yield* client.receiveOrClosed();
        if (request === undefined) return yield* client.close();
        const code = yield* answer(store, kernel, client, request);
        if (code !== undefined) yield* client.send("failed", { code });
      }
    });
  }
}

function* answer(
  store: TestFiles,
  kernel: Kernel,
  client: Client,
  request: Request,
): Call<FileError | undefined> {
  switch (request.tag) {
    case "open":
      return yield* open(store, kernel, client, request.path, request.mode);
    case "stat": {
      const kind = store.kindOf(request.path);
      if (kind === undefined) return "NotFound";
      yield* client.send("status", { kind, size: store.files.get(request.path)?.length ?? 0 });
      return undefined;
    }
    case "list": {
      if (store.kindOf(request.path) !== "directory") return "NotADirectory";
      const names = store.below(request.path);
      const next = request.start + entriesPerListing;
      const lines = names.slice(request.start, next).map((name) => {
        const kind = name.endsWith("/") ? "d" : "f";
        return `${kind} ${store.files.get(name)!.length} ${
          name.split("/").filter((part) => part !== "").at(-1)
        }\n`;
      });
      const entries = yield* textBlock(kernel, lines.join(""));
      yield* client.send("listing", { entries, next, more: next < names.length });
      return undefined;
    }
    case "makeDirectory":
      if (store.kindOf(request.path) !== undefined) return "AlreadyExists";
      store.files.set(`${request.path}/`, new Uint8Array(0));
      break;
    case "remove":
      if (store.kindOf(request.path) === undefined) return "NotFound";
      if (store.below(request.path).length > 0) return "NotEmpty";
      store.files.delete(request.path);
      store.files.delete(`${request.path}/`);
      break;
    case "sync":
      break;
    default:
      throw new Error(`The test file system does not know ${request.tag}`);
  }
  yield* client.send("done");
  return undefined;
}

function* open(
  store: TestFiles,
  kernel: Kernel,
  client: Client,
  path: string,
  mode: string,
): Call<FileError | undefined> {
  const kind = store.kindOf(path);
  if (kind === "directory") return "IsADirectory";
  if (kind === undefined && mode !== "replace" && mode !== "create") return "NotFound";
  if (mode === "replace" || kind === undefined) store.files.set(path, new Uint8Array(0));
  const { client: file, server } = yield* kernel.createChannel(fileContract);
  yield* kernel.createThread(() => serveFile(store, kernel, server, path));
  yield* client.send("opened", { file, size: store.files.get(path)!.length });
  return undefined;
}

function* serveFile(
  store: TestFiles,
  kernel: Kernel,
  file: Endpoint<typeof fileContract, "server">,
  path: string,
): Program {
  for (;;) {
    const request = yield* file.receiveOrClosed();
    if (request === undefined) return yield* file.close();
    const content = store.files.get(path) ?? new Uint8Array(0);
    if (request.tag === "read") {
      const bytes = content.slice(request.offset, request.offset + request.maximum);
      const data = yield* kernel.allocate(Math.max(1, bytes.length));
      data.bytes.set(bytes);
      data.window(0, bytes.length);
      yield* file.send("data", { data });
    } else if (request.tag === "write") {
      const end = request.offset + request.data.length;
      if (end > store.capacity) {
        yield* file.send("failed", { code: "NoSpace" });
        continue;
      }
      const grown = new Uint8Array(Math.max(content.length, end));
      grown.set(content);
      grown.set(request.data.bytes, request.offset);
      store.files.set(path, grown);
      yield* kernel.free(request.data);
      yield* file.send("written", { size: grown.length });
    } else {
      yield* file.send("done");
    }
  }
}
