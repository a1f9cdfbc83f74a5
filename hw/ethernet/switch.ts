/**
 * A learning Ethernet switch and the cables to its stations.
 *
 * A frame takes wire time up its cable, the switch's latency, a place in the queue
 * of the port where its destination was seen last, and wire time down that cable.
 * - Unknown and group destinations go to all ports but the one they came from.
 * - A full output queue drops the frame, counts it and logs it.
 * - Wire time is that of the padded frame with FCS, preamble and gap
 *   (hardware-reference.md 3.9); cables are full duplex.
 * - A frame that no Ethernet carries (below 14 or above 1514 bytes) is dropped and logged.
 */

import type { EventLog } from "../time/event_log.ts";
import type { Clock } from "../time/event_queue.ts";
import { type Duration, nanoseconds } from "../time/time.ts";
import type { Cable, Station } from "./link.ts";

export interface SwitchOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly log: EventLog;
  readonly bitsPerSecond: number;
  readonly latencyNs: number;
}

export const frameSizeMin = 14;
export const frameSizeMax = 1514;
const paddedSize = 60;
const fcsSize = 4;
/** Preamble, start delimiter and inter-frame gap. */
const gapSize = 20;
const queueCapacity = 256;
/** Frames that a station may have under way up its cable; NICs hold theirs back themselves. */
const stationQueueCapacity = 4096;
/** Addresses that the switch remembers; the one learnt first goes first. */
const addressCapacity = 1024;

interface QueuedFrame {
  readonly frame: Uint8Array;
  readonly sent: (() => void) | undefined;
}

/** One direction of a cable: frames leave one after another. */
class Wire {
  readonly #queue: QueuedFrame[] = [];
  #busy = false;

  constructor(
    readonly clock: Clock,
    readonly bitsPerSecond: number,
    readonly capacity: number,
    readonly arrived: (frame: Uint8Array) => void,
  ) {}

  /** False if the queue is full. */
  send(queued: QueuedFrame): boolean {
    if (this.#queue.length >= this.capacity) return false;
    this.#queue.push(queued);
    this.#next();
    return true;
  }

  #next(): void {
    const queued = this.#busy ? undefined : this.#queue.shift();
    if (queued === undefined) return;
    this.#busy = true;
    this.clock.after(wireTime(queued.frame.length, this.bitsPerSecond), () => {
      this.#busy = false;
      this.#next();
      queued.sent?.();
      this.arrived(queued.frame);
    });
  }
}

/** How long a frame keeps the wire busy. */
export function wireTime(length: number, bitsPerSecond: number): Duration {
  return nanoseconds((Math.max(paddedSize, length) + fcsSize + gapSize) * 8e9 / bitsPerSecond);
}

class Port {
  dropped = 0;

  constructor(readonly station: Station, readonly down: Wire) {}
}

export class EthernetSwitch {
  /** Sees each frame that the switch takes in, before it is forwarded. */
  onFrame: ((frame: Uint8Array) => void) | undefined;
  readonly #options: SwitchOptions;
  readonly #ports: Port[] = [];
  readonly #learnt = new Map<number, Port>();

  constructor(options: SwitchOptions) {
    this.#options = options;
  }

  /** Frames dropped because a queue was full, over all ports. */
  get dropped(): number {
    return this.#ports.reduce((sum, port) => sum + port.dropped, 0);
  }

  plug(station: Station): Cable {
    const { clock, bitsPerSecond, latencyNs } = this.#options;
    const port = new Port(
      station,
      new Wire(clock, bitsPerSecond, queueCapacity, (frame) => station.receive(frame)),
    );
    this.#ports.push(port);
    const up = new Wire(clock, bitsPerSecond, stationQueueCapacity, (frame) => {
      clock.after(nanoseconds(latencyNs), () => this.#forward(port, frame));
    });
    return {
      bitsPerSecond,
      transmit: (frame, sent) => {
        const carried = frame.length >= frameSizeMin && frame.length <= frameSizeMax;
        if (carried && up.send({ frame: frame.slice(), sent })) return;
        const reason = carried ? `${stationQueueCapacity} wait already` : "no Ethernet carries it";
        this.#log(`a frame of ${frame.length} bytes from ${station.name} dropped: ${reason}`);
        if (carried) port.dropped++;
        clock.after(nanoseconds(0), () => sent?.());
      },
    };
  }

  #forward(from: Port, frame: Uint8Array): void {
    this.onFrame?.(frame);
    this.#learn(addressAt(frame, 6), from);
    const destination = isGroup(frame) ? undefined : this.#learnt.get(addressAt(frame, 0));
    if (destination === from) return;
    const targets = destination === undefined ? this.#ports.filter((port) => port !== from) : [destination];
    for (const port of targets) {
      // Each station gets bytes of its own: it may keep or change them.
      if (port.down.send({ frame: frame.slice(), sent: undefined })) continue;
      port.dropped++;
      this.#log(
        `a frame of ${frame.length} bytes for ${port.station.name} dropped: ${queueCapacity} wait already`,
      );
    }
  }

  #learn(address: number, port: Port): void {
    if (this.#learnt.get(address) === port) return;
    this.#learnt.delete(address);
    if (this.#learnt.size >= addressCapacity) this.#learnt.delete(this.#learnt.keys().next().value!);
    this.#learnt.set(address, port);
  }

  #log(text: string): void {
    this.#options.log.record(this.#options.name, text);
  }
}

const isGroup = (frame: Uint8Array): boolean => (frame[0]! & 1) === 1;

/** Six bytes as one number. */
function addressAt(frame: Uint8Array, offset: number): number {
  let address = 0;
  for (let index = 0; index < 6; index++) address = address * 256 + frame[offset + index]!;
  return address;
}
