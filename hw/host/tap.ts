/**
 * The station of a TAP interface: the host's own network stack as a neighbour on the emulated LAN.
 *
 * Frames that the host sends on the interface enter the switch, and the switch's frames for this port
 * go to the host; so ping, curl or a mail client of the host talk to the guest directly.
 * - A batch from the host is read after `wake()`, and enters as an event at `clock.now`.
 * - At most 256 frames are on their way to the switch; further ones wait, and are lost, in the host's
 *   queue of the interface, as on a real card.
 * - A frame that the host does not take is dropped and counted, and so is one longer than an Ethernet's.
 * - When the host removes the interface, the event log tells, and the station falls silent.
 */

import { DropCounter } from "../../net/protocol/drop_counter.ts";
import { frameSizeMax } from "../../net/protocol/ethernet.ts";
import type { Cable, Station } from "../ethernet/link.ts";
import type { EventLog } from "../time/event_log.ts";
import type { Clock } from "../time/event_queue.ts";
import { openTapDevice, type TapDevice } from "./tap_device.ts";

/** What a TAP needs of the emulator. */
export interface TapSurroundings {
  readonly clock: Clock;
  /** Called before frames are handed over: brings a paced run up to the present. */
  wake(): void;
}

export type TapDrop = "the host did not take it" | "longer than an Ethernet frame";

const frameCountMax = 256;

export class Tap implements Station {
  readonly name: string;
  readonly drops = new DropCounter<TapDrop>();
  readonly #device: TapDevice;
  readonly #surroundings: TapSurroundings;
  /** One byte more than a frame may have, to know one that is longer. */
  readonly #buffer = new Uint8Array(frameSizeMax + 1);
  #cable: Cable | undefined;
  #log: EventLog | undefined;
  #framesUnderWay = 0;
  /** Lets the reading go on; set while there is no room. */
  #goOn: (() => void) | undefined;
  #reading: Promise<void> | undefined;
  #isClosed = false;

  constructor(device: TapDevice, surroundings: TapSurroundings) {
    this.name = device.name;
    this.#device = device;
    this.#surroundings = surroundings;
  }

  /** Attaches to the interface, which is made if it is not there; throws a TapError when it can't. */
  static open(interfaceName: string, surroundings: TapSurroundings): Tap {
    return new Tap(openTapDevice(interfaceName), surroundings);
  }

  /** Tells it which cable it is plugged into; from now on frames come in. */
  attach(cable: Cable, log: EventLog): void {
    this.#cable = cable;
    this.#log = log;
    this.#reading = this.#readOn();
  }

  /** Guest to host. */
  receive(frame: Uint8Array): void {
    if (!this.#device.write(frame)) this.drops.count("the host did not take it");
  }

  /** Ends the reading and lets go of the interface. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#goOn?.();
    await this.#device.close();
    await this.#reading;
  }

  /** Host to guest, batch by batch, until closed. */
  async #readOn(): Promise<void> {
    while (!this.#isClosed) {
      const outcome = await this.#device.wait();
      if (this.#isClosed || outcome === "closed") return;
      this.#surroundings.wake();
      if (outcome === "removed") {
        this.#enter(() => this.#log?.record(this.name, "the host removed the interface"));
        return;
      }
      this.#readBatch();
      if (this.#framesUnderWay >= frameCountMax) await new Promise<void>((resolve) => this.#goOn = resolve);
    }
  }

  #readBatch(): void {
    while (this.#framesUnderWay < frameCountMax) {
      const size = this.#device.read(this.#buffer);
      if (size === undefined) return;
      if (size > frameSizeMax) {
        this.drops.count("longer than an Ethernet frame");
        continue;
      }
      const frame = this.#buffer.slice(0, size);
      this.#framesUnderWay++;
      this.#enter(() => this.#cable?.transmit(frame, () => this.#sent()));
    }
  }

  #sent(): void {
    this.#framesUnderWay--;
    // Half of the room at a time, so that the host is not asked again for each frame.
    if (this.#goOn === undefined || this.#framesUnderWay > frameCountMax / 2) return;
    this.#goOn();
    this.#goOn = undefined;
  }

  /** Does something of the host's as an event of the emulation. */
  #enter(action: () => void): void {
    const { clock } = this.#surroundings;
    clock.at(clock.now, action);
  }
}
