/**
 * The engine's block device, behind a channel to the disk driver.
 *
 * Each call is one request to the driver and its answer; blocks of the exchange heap
 * carry the data and are filled and emptied in place.
 * - Any failure, and a driver that has gone, is FileFailure "MediaFault" (or "NoMemory").
 * - After the driver has gone every further call fails, without waiting.
 */

import { isKernelError } from "../../kernel/abi/errors.ts";
import type { Block, Call, Endpoint, Kernel, MessageFrom } from "../../kernel/abi/kernel.ts";
import type { blockDeviceContract, BlockDeviceError } from "../contracts/block_device.ts";
import { type BlockDevice, sectorBytes } from "./block_device.ts";
import type { Refusable } from "./boot_sector.ts";
import { FileFailure } from "./failure.ts";

type Driver = Endpoint<typeof blockDeviceContract, "client">;
type Reply = MessageFrom<typeof blockDeviceContract, "server">;

export class DeviceClient implements BlockDevice {
  readonly sectorCount: number;
  readonly maximumSectors: number;
  readonly #kernel: Kernel;
  readonly #driver: Driver;
  #isGone = false;

  private constructor(kernel: Kernel, driver: Driver, sectorCount: number, maximumSectors: number) {
    this.#kernel = kernel;
    this.#driver = driver;
    this.sectorCount = sectorCount;
    this.maximumSectors = maximumSectors;
  }

  /** Asks the driver what the device is; refuses one whose sectors the engine cannot use. */
  static *identify(kernel: Kernel, driver: Driver): Call<Refusable<DeviceClient>> {
    yield* driver.send("identify");
    const reply = yield* driver.receiveOrClosed();
    if (reply?.tag !== "geometry") return { refused: "its driver does not answer" };
    if (reply.sectorBytes !== sectorBytes) {
      return { refused: `sector size is ${reply.sectorBytes}, must be ${sectorBytes}` };
    }
    return { accepted: new DeviceClient(kernel, driver, reply.sectorCount, reply.maximumSectors) };
  }

  *read(firstSector: number, count: number, take: (bytes: Uint8Array) => void): Call<void> {
    const reply = yield* this.#request(
      this.#driver.send("read", { firstSector, count }),
      `read sector ${firstSector}`,
    );
    if (reply.tag !== "data") throw new Error(`a driver answered "${reply.tag}" to a read`);
    if (reply.data.length !== count * sectorBytes) {
      throw new FileFailure("MediaFault", `${reply.data.length} bytes for ${count} sectors`);
    }
    take(reply.data.bytes);
    yield* this.#kernel.free(reply.data);
  }

  *write(firstSector: number, count: number, fill: (bytes: Uint8Array) => void): Call<void> {
    const data = yield* allocate(this.#kernel, count * sectorBytes);
    fill(data.bytes);
    yield* this.#request(this.#driver.send("write", { firstSector, data }), `write sector ${firstSector}`);
  }

  *flush(): Call<void> {
    yield* this.#request(this.#driver.send("flush"), "flush");
  }

  *#request(send: Call<void>, what: string): Call<Reply> {
    if (this.#isGone) throw new FileFailure("MediaFault", `${what}: the driver has gone`);
    yield* send;
    const reply = yield* this.#driver.receiveOrClosed();
    if (reply === undefined) {
      this.#isGone = true;
      throw new FileFailure("MediaFault", `${what}: the driver has gone`);
    }
    if (reply.tag === "failed") throw new FileFailure(failureCode(reply.code), `${what}: ${reply.code}`);
    return reply;
  }
}

const failureCode = (code: BlockDeviceError) => code === "NoMemory" ? "NoMemory" : "MediaFault";

/** A block of the exchange heap, or FileFailure "NoMemory". */
export function* allocate(kernel: Kernel, size: number): Call<Block> {
  try {
    return yield* kernel.allocate(size);
  } catch (error) {
    if (isKernelError(error) && error.code === "OutOfMemory") {
      throw new FileFailure("NoMemory", `${size} bytes`);
    }
    throw error;
  }
}
