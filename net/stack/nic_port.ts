/**
 * The stack's side of the channel to the NIC driver: credit both ways.
 *
 * - Frames go out while the driver has granted credit; the rest waits in the
 *   interface's queue, which is bounded.
 * - Received frames are granted again in batches, so that one message pays for many.
 */

import type { Call, Endpoint } from "../../kernel/abi/kernel.ts";
import type { nicDeviceContract } from "../contracts/nic_device.ts";
import type { IpInterface } from "./ip_interface.ts";

/** Received frames that may be on their way to us at once. */
const receiveCredit = 128;
/** Frames after which their credit is given back. */
const grantBatch = 32;

export class NicPort {
  linkUp: boolean;
  receivedFrames = 0;
  transmittedFrames = 0;
  readonly #endpoint: Endpoint<typeof nicDeviceContract, "client">;
  #transmitCredit: number;
  /** Received frames that have not been granted again. */
  #owed = 0;

  constructor(
    endpoint: Endpoint<typeof nicDeviceContract, "client">,
    transmitCredit: number,
    linkUp: boolean,
  ) {
    this.#endpoint = endpoint;
    this.#transmitCredit = transmitCredit;
    this.linkUp = linkUp;
  }

  /** Lets the first frames in. */
  *open(): Call<void> {
    yield* this.#endpoint.send("grant", { frames: receiveCredit });
  }

  /** The cable was plugged or pulled. */
  *noteLink(up: boolean): Call<void> {
    this.linkUp = up;
    yield* this.#endpoint.send("linkSeen");
  }

  noteTransmitted(frames: number): void {
    this.#transmitCredit += frames;
  }

  *noteReceived(): Call<void> {
    this.receivedFrames++;
    this.#owed++;
    if (this.#owed < grantBatch) return;
    const frames = this.#owed;
    this.#owed = 0;
    yield* this.#endpoint.send("grant", { frames });
  }

  /** Sends what waits in the interface's queue, as far as credit goes. */
  *flush(ipInterface: IpInterface): Call<void> {
    const { outgoing } = ipInterface;
    while (this.#transmitCredit > 0) {
      const frame = outgoing.shift();
      if (frame === undefined) return;
      this.#transmitCredit--;
      this.transmittedFrames++;
      yield* this.#endpoint.send("transmit", { frame });
    }
  }

  /** Asks the driver for its counters; `counted` will come. */
  *askCounters(): Call<void> {
    yield* this.#endpoint.send("count");
  }
}
