/**
 * The NIC's receive unit: filter, packet buffer, descriptors, checksum offload, interrupts.
 *
 * A frame that passes the filter waits in the packet buffer until its bytes and its descriptor have
 * been written to memory; the descriptor, and in it the status, goes last.
 * - No descriptor, or no room in the packet buffer: the frame is dropped and counted (MPC, RNBC) and
 *   the RXO cause is raised (hardware-reference.md 3.4).
 * - A frame longer than one buffer takes several descriptors; only the last says end of packet.
 * - Frames come without FCS; one is appended unless the driver asked to strip it (RCTL.SECRC).
 */

import type { BusFault, DmaPort } from "../memory/bus_target.ts";
import { hasBit } from "../register/register_map.ts";
import type { EventLog } from "../time/event_log.ts";
import type { Clock } from "../time/event_queue.ts";
import { type ChecksumVerdict, frameCheckSequence, inspectReceived, onesComplementSum } from "./checksum.ts";
import { type Descriptor, descriptorBytes, DescriptorRing } from "./descriptor_ring.ts";
import { acceptsAddress, acceptsVlan } from "./filter.ts";
import { DelayTimer, type InterruptUnit } from "./interrupts.ts";
import { causes, nicRegisters, registerArrays } from "./registers.ts";
import type { Statistics } from "./statistics.ts";

export interface ReceiveOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly log: EventLog;
  readonly dma: DmaPort;
  readonly interrupts: InterruptUnit;
  readonly statistics: Statistics;
  /** Bytes of packet buffer for receive, as PBA splits it. */
  bufferBytes(): number;
  /** Whether VLAN tags are stripped and inserted (CTRL.VME), and their EtherType (VET). */
  vlan(): { readonly enabled: boolean; readonly etherType: number };
}

interface BufferedFrame {
  readonly bytes: Uint8Array;
  readonly checksum: number;
  readonly verdict: ChecksumVerdict;
  /** The stripped VLAN tag. */
  readonly tag: number | undefined;
  /** How much has been given to descriptors. */
  position: number;
}

const rctl = nicRegisters.RCTL.bits;
const rxcsum = nicRegisters.RXCSUM.bits;
const status = { DD: 1, EOP: 2, IXSM: 4, VP: 8, UDPCS: 16, TCPCS: 32, IPCS: 64 } as const;
const error = { TCPE: 1 << 5, IPE: 1 << 6 } as const;
/** Buffer sizes by RCTL 17:16, without and with the size extension. */
const bufferSizes = [2048, 1024, 512, 256] as const;
const extendedSizes = [2048, 16384, 8192, 4096] as const;
/** Frames on the wire are at least 60 bytes, without FCS. */
const frameBytesMin = 60;
const frameBytesMax = 1514;
const longFrameBytesMax = 16384;
const vlanTagBytes = 4;
/** [U]: what the packet buffer spends on a frame besides its bytes. */
const bufferOverheadBytes = 16;

export class ReceiveUnit {
  readonly ring: DescriptorRing;
  /** RDTR and RADV. */
  readonly timer: DelayTimer;
  readonly addresses = new Uint32Array(registerArrays.RA.count);
  readonly multicastTable = new Uint32Array(registerArrays.MTA.count);
  readonly vlanTable = new Uint32Array(registerArrays.VFTA.count);
  checksumControl = 0;
  readonly #options: ReceiveOptions;
  #control = 0;
  #buffer: BufferedFrame[] = [];
  #bufferedBytes = 0;
  #epoch = 0;

  constructor(options: ReceiveOptions) {
    this.#options = options;
    this.ring = new DescriptorRing({
      name: `${options.name}.rx`,
      log: options.log,
      dma: options.dma,
      fetched: () => this.#deliver(),
    });
    this.timer = new DelayTimer(options.clock, (which) => {
      options.statistics.count(which === "delay" ? "ICRXPTC" : "ICRXATC");
      options.interrupts.raise(causes.RXT0);
    });
  }

  get control(): number {
    return this.#control;
  }

  set control(value: number) {
    this.#control = value;
    this.tailMoved();
  }

  /** Software gave descriptors: fetch them before a frame needs them. */
  tailMoved(): void {
    if (!hasBit(this.#control, rctl.EN)) return;
    this.ring.prefetch();
    this.#deliver();
  }

  /** A frame arrives from the wire, while the link is up. */
  receive(wire: Uint8Array): void {
    if (!hasBit(this.#control, rctl.EN)) return;
    const { statistics } = this.#options;
    const frame = padded(wire);
    statistics.arrived(frame.length);
    const tag = this.#vlanTag(frame);
    const longest = hasBit(this.#control, rctl.LPE)
      ? longFrameBytesMax
      : frameBytesMax + (tag === undefined ? 0 : vlanTagBytes);
    if (frame.length > longest) return statistics.count("ROC");
    const kind = acceptsAddress(frame, this.#control, this.addresses, this.multicastTable);
    if (kind === undefined) return;
    if (tag !== undefined && hasBit(this.#control, rctl.VFE) && !acceptsVlan(tag, this.vlanTable)) return;
    statistics.received(frame.length, kind);
    const entry = this.#prepare(frame, tag);
    const room = this.#options.bufferBytes() - this.#bufferedBytes;
    if (this.ring.stopped || entry.bytes.length + bufferOverheadBytes > room) {
      return this.#drop("packet buffer full");
    }
    this.#buffer.push(entry);
    this.#bufferedBytes += entry.bytes.length + bufferOverheadBytes;
    this.#deliver();
  }

  reset(): void {
    this.#epoch++;
    this.ring.reset();
    this.timer.reset();
    this.#control = 0;
    this.checksumControl = 0;
    this.#buffer = [];
    this.#bufferedBytes = 0;
    this.addresses.fill(0);
    this.multicastTable.fill(0);
    this.vlanTable.fill(0);
  }

  #vlanTag(frame: Uint8Array): number | undefined {
    const { etherType } = this.#options.vlan();
    return (frame[12]! << 8 | frame[13]!) === etherType ? frame[14]! << 8 | frame[15]! : undefined;
  }

  /** Strips the VLAN tag, appends the FCS, and computes what the descriptor will say. */
  #prepare(frame: Uint8Array, tag: number | undefined): BufferedFrame {
    const stripped = tag !== undefined && this.#options.vlan().enabled;
    let bytes = frame;
    if (stripped) {
      bytes = new Uint8Array(frame.length - vlanTagBytes);
      bytes.set(frame.subarray(0, 12));
      bytes.set(frame.subarray(12 + vlanTagBytes), 12);
    }
    const start = Math.min(this.checksumControl & 0xff, bytes.length);
    const checksum = onesComplementSum(bytes, start, bytes.length);
    const verdict = inspectReceived(bytes);
    if (!hasBit(this.#control, rctl.SECRC)) {
      const withCrc = new Uint8Array(bytes.length + 4);
      withCrc.set(bytes);
      withCrc.set(frameCheckSequence(frame), bytes.length);
      bytes = withCrc;
    }
    return { bytes, checksum, verdict, tag: stripped ? tag : undefined, position: 0 };
  }

  /** Moves buffered frames to memory, as far as descriptors are at hand. */
  #deliver(): void {
    const bufferSize = this.#bufferSize();
    for (let frame = this.#buffer[0]; frame !== undefined; frame = this.#buffer[0]) {
      const needed = Math.ceil(frame.bytes.length / bufferSize);
      if (frame.position === 0 && this.ring.available < needed) {
        this.#release(frame.bytes.length + bufferOverheadBytes);
        this.#buffer.shift();
        this.#drop(`${this.ring.available} descriptors, ${needed} needed`);
        continue;
      }
      const descriptor = this.ring.take();
      if (descriptor === undefined) return;
      this.#fill(frame, descriptor, bufferSize);
      if (frame.position === frame.bytes.length) this.#buffer.shift();
    }
  }

  /** Writes the next part of a frame and its descriptor; a null buffer address takes nothing. */
  #fill(frame: BufferedFrame, descriptor: Descriptor, bufferSize: number): void {
    const view = new DataView(descriptor.bytes.buffer, descriptor.bytes.byteOffset, descriptorBytes);
    const address = view.getUint32(4, true) * 2 ** 32 + view.getUint32(0, true);
    const size = address === 0 ? 0 : Math.min(bufferSize, frame.bytes.length - frame.position);
    const part = frame.bytes.subarray(frame.position, frame.position + size);
    frame.position += size;
    const last = frame.position === frame.bytes.length;
    const answer = this.#answer(frame, size, last);
    const epoch = this.#epoch;
    const { dma } = this.#options;
    const failed = (fault: BusFault) => {
      if (epoch === this.#epoch) this.#stop(fault);
    };
    const written = () => {
      if (epoch !== this.#epoch || this.ring.stopped) return;
      this.ring.retire(descriptor);
      this.#release(size + (last ? bufferOverheadBytes : 0));
      if (last) this.#frameDelivered(frame.bytes.length);
    };
    // The descriptor goes out only when its data is in memory.
    const writeBack = () => {
      if (epoch === this.#epoch && !this.ring.stopped) {
        dma.write(descriptor.address + 8, answer, written, failed);
      }
    };
    if (size > 0) dma.write(address, part, writeBack, failed);
    else writeBack();
  }

  /** Bytes 8 to 15 of a descriptor that is written back. */
  #answer(frame: BufferedFrame, size: number, last: boolean): Uint8Array {
    const answer = new Uint8Array(8);
    const view = new DataView(answer.buffer);
    view.setUint16(0, size, true);
    view.setUint16(2, frame.checksum, true);
    const { ip, transport, isUdp } = frame.verdict;
    let flags = status.DD;
    let errors = 0;
    if (last) {
      flags |= status.EOP;
      if (hasBit(this.checksumControl, rxcsum.IPOFL) && ip !== undefined) {
        flags |= status.IPCS;
        if (!ip) errors |= error.IPE;
      }
      if (hasBit(this.checksumControl, rxcsum.TUOFL) && transport !== undefined) {
        // Drivers of these parts look at TCPCS for both protocols.
        flags |= status.TCPCS | (isUdp ? status.UDPCS : 0);
        if (!transport) errors |= error.TCPE;
      }
      if ((flags & (status.IPCS | status.TCPCS)) === 0) flags |= status.IXSM;
      if (frame.tag !== undefined) {
        flags |= status.VP;
        view.setUint16(6, frame.tag, true);
      }
    }
    view.setUint8(4, flags);
    view.setUint8(5, errors);
    return answer;
  }

  #frameDelivered(size: number): void {
    const { log, name, interrupts } = this.#options;
    log.record(name, `received ${size} bytes`);
    this.timer.start();
    const threshold = this.ring.size >> 1 + Math.min(this.#control >>> 8 & 3, 2);
    if (this.ring.owned <= threshold) interrupts.raise(causes.RXDMT0);
  }

  #drop(reason: string): void {
    const { log, name, statistics, interrupts } = this.#options;
    statistics.count("MPC");
    statistics.count("RNBC");
    log.record(name, `frame dropped: ${reason}`);
    interrupts.raise(causes.RXO);
  }

  #release(size: number): void {
    this.#bufferedBytes -= size;
  }

  #stop(fault: BusFault): void {
    this.ring.stop(fault.message);
    this.#buffer = [];
    this.#bufferedBytes = 0;
  }

  #bufferSize(): number {
    const sizes = hasBit(this.#control, rctl.BSEX) ? extendedSizes : bufferSizes;
    return sizes[this.#control >>> 16 & 3]!;
  }
}

/** The frame as the wire carries it: short ones are padded with zeros. */
function padded(frame: Uint8Array): Uint8Array {
  if (frame.length >= frameBytesMin) return frame;
  const bytes = new Uint8Array(frameBytesMin);
  bytes.set(frame);
  return bytes;
}
