/**
 * The NIC's transmit unit: fetches descriptors and data, assembles frames, hands them to the wire.
 *
 * A descriptor is written back once its data has been fetched; a frame goes to the wire when its last
 * descriptor's data is there. Data is fetched ahead as far as the packet buffer has room.
 * - Without a link frames are lost and counted (TNCRS), as on a pulled cable.
 * - Left out: segmentation (TSE) and frames above 1514 bytes. A segmentation descriptor stops the ring;
 *   a longer frame is dropped; both are logged.
 *
 * Ring rules: hardware-reference.md 3.4.
 */

import type { BusFault, DmaPort } from "../memory/bus_target.ts";
import { hasBit } from "../register/register_map.ts";
import type { EventLog } from "../time/event_log.ts";
import type { Clock } from "../time/event_queue.ts";
import { type Descriptor, DescriptorRing } from "./descriptor_ring.ts";
import { DelayTimer, type InterruptUnit } from "./interrupts.ts";
import { causes, nicRegisters } from "./registers.ts";
import type { Statistics } from "./statistics.ts";
import {
  type DataDescriptor,
  decodeTransmitDescriptor,
  insertChecksum,
  type OffloadContext,
  type TransmitDescriptor,
} from "./transmit_descriptor.ts";

export interface TransmitOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly log: EventLog;
  readonly dma: DmaPort;
  readonly interrupts: InterruptUnit;
  readonly statistics: Statistics;
  /** Bytes of packet buffer for transmit, as PBA splits it. */
  bufferBytes(): number;
  vlan(): { readonly enabled: boolean; readonly etherType: number };
  /** Hands a frame to the wire; false when there is no link. */
  send(frame: Uint8Array, sent: () => void): boolean;
}

/** A descriptor that was taken, and its data once it has come. */
interface Step {
  readonly source: Descriptor;
  readonly descriptor: TransmitDescriptor;
  data: Uint8Array | undefined;
}

const tctl = nicRegisters.TCTL.bits;
const statusOffset = 12;
const descriptorDone = 1;
const frameBytesMin = 14;
const paddedBytes = 60;
const frameBytesMax = 1514;
const vlanTagBytes = 4;
/** [U]: descriptors whose data is being fetched at a time. */
const stepsMax = 64;

export class TransmitUnit {
  readonly ring: DescriptorRing;
  /** TIDV and TADV. */
  readonly timer: DelayTimer;
  readonly #options: TransmitOptions;
  #control = 0;
  /** Taken descriptors, oldest first. */
  #steps: Step[] = [];
  #parts: Uint8Array[] = [];
  #partsBytes = 0;
  /** The first data descriptor of the packet: it says which checksums to insert. */
  #firstOfPacket: DataDescriptor | undefined;
  #context: OffloadContext | undefined;
  #bufferedBytes = 0;
  /** True while steps are being finished: they must not overtake each other. */
  #finishing = false;
  #epoch = 0;

  constructor(options: TransmitOptions) {
    this.#options = options;
    this.ring = new DescriptorRing({
      name: `${options.name}.tx`,
      log: options.log,
      dma: options.dma,
      fetched: () => this.advance(),
    });
    this.timer = new DelayTimer(options.clock, (which) => {
      options.statistics.count(which === "delay" ? "ICTXPTC" : "ICTXATC");
      options.interrupts.raise(causes.TXDW);
    });
  }

  get control(): number {
    return this.#control;
  }

  set control(value: number) {
    this.#control = value;
    this.advance();
  }

  /** Takes descriptors while there are any and the packet buffer has room. */
  advance(): void {
    while (hasBit(this.#control, tctl.EN) && this.#hasRoom()) {
      const source = this.ring.take();
      if (source === undefined) return;
      const descriptor = decodeTransmitDescriptor(source.bytes);
      if ("refused" in descriptor) return this.#stop(descriptor.refused);
      if (descriptor.segmentation) {
        return this.#stop("segmentation offload (TSE) is not emulated; send frames of wire size");
      }
      const step: Step = { source, descriptor, data: undefined };
      this.#steps.push(step);
      if (descriptor.kind === "context" || descriptor.length === 0) {
        step.data = new Uint8Array(0);
        this.#finishSteps();
      } else this.#fetchData(step, descriptor);
    }
  }

  reset(): void {
    this.ring.reset();
    this.timer.reset();
    this.#control = 0;
    this.#context = undefined;
    this.#forget();
  }

  /** Room for one more descriptor of a full frame; an empty buffer takes a descriptor of any size. */
  #hasRoom(): boolean {
    if (this.#steps.length >= stepsMax) return false;
    return this.#bufferedBytes === 0 || this.#bufferedBytes + frameBytesMax <= this.#options.bufferBytes();
  }

  #fetchData(step: Step, descriptor: DataDescriptor): void {
    const epoch = this.#epoch;
    this.#bufferedBytes += descriptor.length;
    this.#options.dma.read(descriptor.address, descriptor.length, (bytes) => {
      if (epoch !== this.#epoch) return;
      step.data = bytes;
      this.#finishSteps();
      this.advance();
    }, (fault) => {
      if (epoch === this.#epoch) this.#stop(fault.message);
    });
  }

  /** Finishes taken descriptors in order, as far as their data is there. */
  #finishSteps(): void {
    if (this.#finishing) return;
    this.#finishing = true;
    for (let step = this.#steps[0]; step?.data !== undefined; step = this.#steps[0]) {
      this.#steps.shift();
      const { descriptor } = step;
      if (descriptor.kind === "context") this.#context = descriptor;
      else this.#addData(descriptor, step.data);
      this.#retire(step);
    }
    this.#finishing = false;
  }

  #addData(descriptor: DataDescriptor, data: Uint8Array): void {
    this.#firstOfPacket ??= descriptor;
    this.#partsBytes += data.length;
    if (this.#partsBytes <= frameBytesMax + vlanTagBytes) {
      if (data.length > 0) this.#parts.push(data);
    } else {
      // Too long for the wire: what comes now is counted and not kept.
      this.#released(data.length);
    }
    if (!descriptor.endOfPacket) return;
    const first = this.#firstOfPacket;
    const size = this.#partsBytes;
    const parts = this.#parts;
    const heldBytes = parts.reduce((sum, part) => sum + part.length, 0);
    this.#firstOfPacket = undefined;
    this.#parts = [];
    this.#partsBytes = 0;
    const { enabled, etherType } = this.#options.vlan();
    const tagged = enabled && descriptor.insertVlan;
    if (size < frameBytesMin || size > frameBytesMax + (tagged ? 0 : vlanTagBytes)) {
      this.#options.log.record(
        this.#options.name,
        `frame of ${size} bytes dropped: the wire takes 14 to 1514`,
      );
      return this.#released(heldBytes);
    }
    const frame = joined(parts, size);
    this.#insertChecksums(frame, first, descriptor);
    this.#transmit(tagged ? withTag(frame, etherType, descriptor.vlanTag) : frame, heldBytes);
  }

  #insertChecksums(frame: Uint8Array, first: DataDescriptor, last: DataDescriptor): void {
    // Legacy descriptors say it in the last one of the packet, data descriptors in the first.
    if (last.checksum !== undefined) insertChecksum(frame, last.checksum, false);
    if (this.#context === undefined) return;
    if (first.insertIp) insertChecksum(frame, this.#context.ip, false);
    if (first.insertTransport) insertChecksum(frame, this.#context.transport, !this.#context.isTcp);
  }

  #transmit(unpadded: Uint8Array, bufferedSize: number): void {
    const { log, name, statistics, send } = this.#options;
    const short = hasBit(this.#control, tctl.PSP) && unpadded.length < paddedBytes;
    const frame = short ? joined([unpadded], paddedBytes) : unpadded;
    const epoch = this.#epoch;
    const sent = () => {
      if (epoch === this.#epoch) this.#released(bufferedSize);
    };
    if (send(frame, sent)) {
      log.record(name, `sent ${frame.length} bytes`);
      statistics.sent(frame);
    } else {
      log.record(name, `frame of ${frame.length} bytes lost: no link`);
      statistics.count("TNCRS");
      this.#released(bufferedSize);
    }
  }

  #released(size: number): void {
    this.#bufferedBytes -= size;
    if (!this.#finishing) this.advance();
  }

  /** Writes the status back if asked to, and moves the head. */
  #retire({ source, descriptor }: Step): void {
    if (!descriptor.reportStatus) return this.#done(source);
    const epoch = this.#epoch;
    const answer = source.bytes.slice(statusOffset);
    answer[0] = answer[0]! & 0xf0 | descriptorDone;
    this.#options.dma.write(source.address + statusOffset, answer, () => {
      if (epoch !== this.#epoch) return;
      this.#done(source);
      if (descriptor.delayInterrupt && this.timer.delay > 0) this.timer.start();
      else this.#options.interrupts.raise(causes.TXDW);
    }, (fault: BusFault) => {
      if (epoch === this.#epoch) this.#stop(fault.message);
    });
  }

  #done(source: Descriptor): void {
    this.ring.retire(source);
    if (this.ring.head === this.ring.tail) this.#options.interrupts.raise(causes.TXQE);
  }

  #stop(reason: string): void {
    this.ring.stop(reason);
    this.#forget();
  }

  /** Drops everything that is under way. */
  #forget(): void {
    this.#epoch++;
    this.#steps = [];
    this.#parts = [];
    this.#partsBytes = 0;
    this.#firstOfPacket = undefined;
    this.#bufferedBytes = 0;
  }
}

/** One array of `size` bytes from parts; what they do not fill stays zero. */
function joined(parts: readonly Uint8Array[], size: number): Uint8Array {
  const frame = new Uint8Array(size);
  let position = 0;
  for (const part of parts) {
    frame.set(part, position);
    position += part.length;
  }
  return frame;
}

function withTag(frame: Uint8Array, etherType: number, tag: number): Uint8Array {
  const tagged = new Uint8Array(frame.length + vlanTagBytes);
  tagged.set(frame.subarray(0, 12));
  tagged.set([etherType >> 8, etherType, tag >> 8, tag], 12);
  tagged.set(frame.subarray(12), 12 + vlanTagBytes);
  return tagged;
}
