/**
 * The file system's service: requests on channels become calls of the engine.
 *
 * One thread serves all clients, one request at a time, so no two requests meet halfway.
 * - Each open file is an endpoint of its own; closing it closes the file.
 * - A failed request is answered with its code; what the engine throws beyond that is
 *   our own bug and ends the process.
 * - Dirty data is written at the latest five virtual seconds after it was first left dirty.
 * - Clients and open files are bounded; a client beyond that finds its channel closed.
 */

import { isKernelError, unlessClosed } from "../../kernel/abi/errors.ts";
import type { Call, Endpoint, EndpointSet, Kernel, MessageFrom, Service } from "../../kernel/abi/kernel.ts";
import { encodeText } from "../../kernel/abi/text.ts";
import { fileContract, type FileError, fileSystemContract } from "../contracts/file_system.ts";
import { allocate } from "./device_client.ts";
import { FileFailure } from "./failure.ts";
import type { FatFile } from "./file.ts";
import type { Volume } from "./volume.ts";

type VolumeClient = Endpoint<typeof fileSystemContract, "server">;
type FileClient = Endpoint<typeof fileContract, "server">;
type VolumeRequest = MessageFrom<typeof fileSystemContract, "client">;
type FileRequest = MessageFrom<typeof fileContract, "client">;

const flushAfterNs = 5e9;
const mostClients = 256;
const mostOpenFiles = 1024;
/** Bytes that one read returns at most. */
const mostRead = 1 << 20;
/** Entries in one listing; a name has 255 UTF-16 units at most, so it fits in 64 KiB. */
const mostListed = 64;

export class FileSystemServer {
  readonly #kernel: Kernel;
  readonly #volume: Volume;
  readonly #sources: {
    readonly files: EndpointSet<typeof fileContract, "server", FatFile>;
    readonly volumes: EndpointSet<typeof fileSystemContract, "server", undefined>;
    readonly service: Service<typeof fileSystemContract>;
  };
  /** When what is dirty has to be written; undefined while nothing is. */
  #flushAtNs: number | undefined;

  constructor(kernel: Kernel, volume: Volume, service: Service<typeof fileSystemContract>) {
    this.#kernel = kernel;
    this.#volume = volume;
    this.#sources = {
      files: kernel.endpointSet(fileContract, "server"),
      volumes: kernel.endpointSet(fileSystemContract, "server"),
      service,
    };
  }

  *serve(): Call<never> {
    for (;;) {
      const occurrence = yield* this.#kernel.select(this.#sources, yield* this.#patience());
      switch (occurrence.on) {
        case "files":
          if (occurrence.kind === "closed") this.#volume.close(occurrence.data);
          else yield* this.#serveFile(occurrence.endpoint, occurrence.data, occurrence.message);
          break;
        case "volumes":
          if (occurrence.kind === "message") {
            yield* this.#serveVolume(occurrence.endpoint, occurrence.message);
          }
          break;
        case "service":
          if (this.#sources.volumes.size < mostClients) {
            this.#sources.volumes.add(occurrence.endpoint, undefined);
          } else yield* occurrence.endpoint.close();
          break;
        case "timeout":
          yield* this.#writeDirty();
          break;
      }
    }
  }

  /** How long to wait before dirty data has to be written. */
  *#patience(): Call<number | undefined> {
    if (this.#flushAtNs === undefined) return undefined;
    const leftNs = this.#flushAtNs - (yield* this.#kernel.now());
    // Requests that never end must not keep dirty data from the disk.
    if (leftNs <= 0) yield* this.#writeDirty();
    return leftNs <= 0 ? undefined : leftNs;
  }

  *#writeDirty(): Call<void> {
    this.#flushAtNs = undefined;
    const failure = yield* failureOf(this.#volume.sync());
    // The data stays dirty; the next sync tells its client, and we try again.
    if (failure !== undefined) this.#flushAtNs = (yield* this.#kernel.now()) + flushAfterNs;
  }

  *#changed(): Call<void> {
    this.#flushAtNs ??= (yield* this.#kernel.now()) + flushAfterNs;
  }

  // -------------------------------------------------------------- volumes

  *#serveVolume(client: VolumeClient, request: VolumeRequest): Call<void> {
    const failure = yield* failureOf(this.#performOnVolume(client, request));
    if (failure !== undefined) yield* unlessClosed(client.send("failed", { code: failure }));
    if (!harmless.has(request.tag)) yield* this.#changed();
  }

  *#performOnVolume(client: VolumeClient, request: VolumeRequest): Call<void> {
    const volume = this.#volume;
    switch (request.tag) {
      case "open":
        return yield* this.#open(client, request.path, request.mode);
      case "stat":
        yield* unlessClosed(client.send("status", yield* volume.stat(request.path)));
        return;
      case "list":
        return yield* this.#list(client, request.path, request.start);
      case "makeDirectory":
        yield* volume.makeDirectory(request.path);
        break;
      case "remove":
        yield* volume.remove(request.path);
        break;
      case "rename":
        yield* volume.rename(request.from, request.to);
        break;
      case "sync":
        yield* volume.sync();
        this.#flushAtNs = undefined;
        break;
      case "volume":
        yield* unlessClosed(client.send("volumeStatus", yield* volume.space()));
        return;
    }
    yield* unlessClosed(client.send("done"));
  }

  *#open(client: VolumeClient, path: string, mode: "read" | "write" | "create" | "replace"): Call<void> {
    if (this.#sources.files.size >= mostOpenFiles) {
      throw new FileFailure("NoMemory", `${mostOpenFiles} files are open`);
    }
    const file = yield* this.#volume.open(path, mode);
    let channel;
    try {
      channel = yield* this.#kernel.createChannel(fileContract);
    } catch (error) {
      this.#volume.close(file);
      throw error;
    }
    this.#sources.files.add(channel.server, file);
    yield* unlessClosed(client.send("opened", { file: channel.client, size: file.size }));
  }

  *#list(client: VolumeClient, path: string, start: number): Call<void> {
    const { entries, next } = yield* this.#volume.list(path, start, mostListed);
    let lines = "";
    for (const { kind, size, name } of entries) lines += `${kind === "file" ? "f" : "d"} ${size} ${name}\n`;
    const bytes = encodeText(lines);
    const block = yield* allocate(this.#kernel, Math.max(bytes.length, 1));
    block.bytes.set(bytes);
    block.window(0, bytes.length);
    yield* unlessClosed(
      client.send("listing", { entries: block, next: next ?? start, more: next !== undefined }),
    );
  }

  // -------------------------------------------------------------- files

  *#serveFile(client: FileClient, file: FatFile, request: FileRequest): Call<void> {
    const failure = yield* failureOf(this.#performOnFile(client, file, request));
    if (request.tag === "write") yield* this.#kernel.free(request.data);
    if (failure !== undefined) yield* unlessClosed(client.send("failed", { code: failure }));
    else if (request.tag === "write") yield* unlessClosed(client.send("written", { size: file.size }));
    if (request.tag === "write" || request.tag === "truncate") yield* this.#changed();
  }

  *#performOnFile(client: FileClient, file: FatFile, request: FileRequest): Call<void> {
    switch (request.tag) {
      case "read":
        return yield* this.#read(client, file, request.offset, request.maximum);
      case "write":
        return yield* file.write(request.offset, request.data);
      case "truncate":
        yield* file.truncate(request.size);
        break;
      case "sync":
        yield* this.#volume.commit();
        break;
    }
    yield* unlessClosed(client.send("done"));
  }

  *#read(client: FileClient, file: FatFile, offset: number, maximum: number): Call<void> {
    const length = Math.max(Math.min(maximum, mostRead, file.size - offset), 0);
    const data = yield* allocate(this.#kernel, Math.max(length, 1));
    data.window(0, length);
    const failure = yield* failureOf(file.read(offset, data));
    if (failure !== undefined) {
      yield* this.#kernel.free(data);
      yield* unlessClosed(client.send("failed", { code: failure }));
      return;
    }
    yield* unlessClosed(client.send("data", { data }));
  }
}

/** Requests that leave the volume as it is. */
const harmless: ReadonlySet<string> = new Set(["stat", "list", "volume", "sync"]);

/** Why a call failed; undefined when it did not. A call that fails otherwise is a bug, and passes through. */
function* failureOf(call: Call<unknown>): Call<FileError | undefined> {
  try {
    yield* call;
    return undefined;
  } catch (error) {
    if (error instanceof FileFailure) return error.code;
    if (isKernelError(error) && error.code === "OutOfMemory") return "NoMemory";
    throw error;
  }
}
