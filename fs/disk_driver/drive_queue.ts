/**
 * The requests of one drive: in order of arrival, one at a time.
 *
 * Each client has at most one request outstanding, so the queue is as long as there
 * are clients at most. A request ends with exactly one reply, unless its client is gone.
 * - Blocks of reads are allocated when the request is started, those of writes are freed
 *   when it has ended.
 * - A command that does not end in time is given up, the drive is reset, and the client
 *   learns of a MediaFault.
 * - A drive that was unplugged, or stays silent after a reset, fails all requests with Gone.
 */

import { isKernelError, unlessClosed } from "../../kernel/abi/errors.ts";
import type { Block, Call, Device, Endpoint, Kernel, MessageFrom } from "../../kernel/abi/kernel.ts";
import { type blockDeviceContract, type BlockDeviceError } from "../contracts/block_device.ts";
import type { DriveCommand, DrivePort } from "./port.ts";

export type Client = Endpoint<typeof blockDeviceContract, "server">;
export type Request = MessageFrom<typeof blockDeviceContract, "client">;

/** Sectors that one request may move. */
export const maximumSectors = 256;
const dataTimeoutNs = 5e9;
/** FLUSH CACHE may take up to 30 s (hardware-reference.md 4.4). */
const flushTimeoutNs = 35e9;
/** Transfers that were damaged on the cable are tried so often in all. */
const mostTries = 3;
/** The controller's addresses have 32 bits. */
const addressLimit = 2 ** 32;

interface Queued {
  readonly client: Client;
  readonly request: Request;
}

interface Active extends Queued {
  readonly command: DriveCommand;
  readonly block: Block | undefined;
  tries: number;
  deadlineNs: number;
}

export class DriveQueue {
  readonly path: string;
  readonly port: DrivePort;
  readonly #kernel: Kernel;
  readonly #device: Device;
  readonly #waiting: Queued[] = [];
  /** Clients that have gone while a request of theirs was under way. */
  readonly #closed = new Set<Client>();
  #active: Active | undefined;
  #isGone = false;

  constructor(kernel: Kernel, device: Device, port: DrivePort, path: string) {
    this.#kernel = kernel;
    this.#device = device;
    this.port = port;
    this.path = path;
  }

  /** When the running command must have ended; undefined while the drive is idle. */
  get deadlineNs(): number | undefined {
    return this.#active?.deadlineNs;
  }

  *accept(client: Client, request: Request): Call<void> {
    this.#waiting.push({ client, request });
    if (this.#active === undefined) yield* this.#startNext();
  }

  forget(client: Client): void {
    if (this.#active?.client === client || this.#waiting.some((queued) => queued.client === client)) {
      this.#closed.add(client);
    }
  }

  /** Looks whether the interrupt was this port's, and goes on if it was. */
  *interrupted(): Call<void> {
    const pending = yield* this.port.pending();
    if (pending.link && !(yield* this.port.linkChanged())) {
      this.#isGone = true;
      const active = this.#active;
      if (active !== undefined) {
        this.#active = undefined;
        yield* this.#fail(active, "Gone");
      }
      yield* this.#startNext();
    } else if (pending.command) {
      yield* this.#finished(pending.pciError);
    }
  }

  /** Gives the running command up if its time is over. */
  *checkDeadline(nowNs: number): Call<void> {
    const active = this.#active;
    if (active === undefined || nowNs < active.deadlineNs) return;
    this.#active = undefined;
    if (!(yield* this.port.recover())) this.#isGone = true;
    yield* this.#fail(active, "MediaFault");
    yield* this.#startNext();
  }

  *#finished(pciError: boolean): Call<void> {
    const active = this.#active;
    const outcome = yield* this.port.finish(pciError);
    if (active === undefined) return;
    if (outcome === "retry" && ++active.tries < mostTries) {
      active.deadlineNs = (yield* this.#kernel.now()) + timeoutOf(active.request);
      yield* this.port.start(active.command);
      return;
    }
    this.#active = undefined;
    if (outcome === "done") yield* this.#complete(active);
    else yield* this.#fail(active, outcome === "retry" ? "MediaFault" : outcome);
    yield* this.#startNext();
  }

  /** Starts the next request; those that need no drive, or cannot be met, are answered on the way. */
  *#startNext(): Call<void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      if (yield* this.#begin(next)) return;
    }
  }

  /** True when the drive is busy with it now. */
  *#begin(queued: Queued): Call<boolean> {
    const { client, request } = queued;
    if (request.tag === "identify") {
      yield* this.#reply(client, () => client.send("geometry", { ...this.port.identity, maximumSectors }));
      return false;
    }
    const refusal = this.#isGone ? "Gone" : this.#refusal(request);
    const block = refusal === undefined ? yield* this.#blockFor(request) : undefined;
    // From `addressOf` on the block is the device's: not to be looked at before it is done.
    const byteOffset = block?.bytes.byteOffset ?? 0;
    const address = block === undefined ? 0 : (yield* this.#device.addressOf(block)) + byteOffset;
    const reachable = address + (block?.length ?? 0) <= addressLimit;
    if (refusal !== undefined || !reachable || (block === undefined && request.tag !== "flush")) {
      yield* this.#fail(
        { ...queued, block: request.tag === "write" ? request.data : block },
        refusal ?? "NoMemory",
      );
      return false;
    }
    const command = commandOf(request, address, this.port.identity.sectorBytes);
    this.#active = {
      ...queued,
      command,
      block,
      tries: 0,
      deadlineNs: (yield* this.#kernel.now()) + timeoutOf(request),
    };
    yield* this.port.start(command);
    return true;
  }

  #refusal(request: Request): BlockDeviceError | undefined {
    if (request.tag !== "read" && request.tag !== "write") return undefined;
    const { sectorBytes, sectorCount } = this.port.identity;
    const count = request.tag === "read" ? request.count : request.data.length / sectorBytes;
    const isOdd = request.tag === "write" && request.data.length > 0 &&
      request.data.bytes.byteOffset % 2 !== 0;
    if (isOdd || !Number.isInteger(count) || count < 1 || count > maximumSectors) return "BadRequest";
    return request.firstSector + count > sectorCount ? "OutOfRange" : undefined;
  }

  *#blockFor(request: Request): Call<Block | undefined> {
    if (request.tag === "write") return request.data;
    if (request.tag !== "read") return undefined;
    try {
      return yield* this.#kernel.allocate(request.count * this.port.identity.sectorBytes);
    } catch (error) {
      if (isKernelError(error) && error.code === "OutOfMemory") return undefined;
      throw error;
    }
  }

  *#complete({ client, request, block }: Active): Call<void> {
    if (request.tag === "read" && block !== undefined) {
      if (this.#closed.has(client)) yield* this.#kernel.free(block);
      yield* this.#reply(client, () => client.send("data", { data: block }));
      return;
    }
    if (block !== undefined) yield* this.#kernel.free(block);
    yield* this.#reply(
      client,
      () => request.tag === "write" ? client.send("written") : client.send("flushed"),
    );
  }

  *#fail(failed: Queued & { readonly block: Block | undefined }, code: BlockDeviceError): Call<void> {
    if (failed.block !== undefined) yield* this.#kernel.free(failed.block);
    yield* this.#reply(failed.client, () => failed.client.send("failed", { code }));
  }

  /** Sends a reply, unless nobody waits for it any more. */
  *#reply(client: Client, send: () => Call<void>): Call<void> {
    if (!this.#closed.delete(client)) yield* unlessClosed(send());
  }
}

const timeoutOf = (request: Request): number => request.tag === "flush" ? flushTimeoutNs : dataTimeoutNs;

function commandOf(request: Request, address: number, sectorBytes: number): DriveCommand {
  if (request.tag === "read") {
    return { kind: "read", firstSector: request.firstSector, count: request.count, address };
  }
  if (request.tag !== "write") return { kind: "flush", firstSector: 0, count: 0, address: 0 };
  return {
    kind: "write",
    firstSector: request.firstSector,
    count: request.data.length / sectorBytes,
    address,
  };
}
