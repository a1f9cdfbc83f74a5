/**
 * A port's bus-master engine: walks the table of regions (PRDs) and moves a drive's data.
 *
 * It works while software has set `start` *and* the drive has data to move; either may come first.
 * - A transfer goes in pieces, so that the bus stays free for others in between.
 * - The drive ends a command: `done` of its transfer is called when the last byte has moved.
 * - Table shorter than the data: active drops and the drive is left waiting. Table longer: active stays.
 * - A bad address or a bad entry sets the error bit and stops; the drive waits until it is reset.
 *
 * Rules: hardware-reference.md 4.3; started through bus master 2, regions may be of any size.
 */

import type { BusFault, DmaPort } from "../memory/bus_target.ts";
import { hasBit } from "../register/register_map.ts";
import type { EventLog } from "../time/event_log.ts";
import type { Clock } from "../time/event_queue.ts";
import { type Instant, later, nanoseconds } from "../time/time.ts";
import { drainNs, type FifoTiming } from "./fifo.ts";
import { bits } from "./registers.ts";

/** Data that a drive wants to move. */
export interface DriveTransfer {
  readonly direction: "to memory" | "from memory";
  readonly bytes: Uint8Array;
  /** When the drive has, or takes, everything before `offset`. */
  availableAt(offset: number): Instant;
  done(): void;
}

export interface BusMasterOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly log: EventLog;
  readonly dma: DmaPort;
  readonly fifoTiming: FifoTiming;
  /** The FIFO's low-water mark at this moment. */
  lowWaterMark(): number;
}

interface Region {
  address: number;
  left: number;
  readonly last: boolean;
}

const entryBytes = 8;
const narrowRegionMax = 0x10000;
/** [U] a compromise: the bus is free for others often enough, and the host simulates few events. */
const pieceBytesMax = 8192;

export class BusMaster {
  active = false;
  error = false;
  /** Bit 2 of the status: the drive has interrupted since it was last cleared. */
  interrupt = false;
  /** Bits 5 and 6 of the status: scratch for software. */
  driveFlags = 0;
  table = 0;
  readonly #options: BusMasterOptions;
  #command = 0;
  #wide = false;
  #nextEntry = 0;
  #region: Region | undefined;
  #transfer: DriveTransfer | undefined;
  #moved = 0;
  /** True while a memory access or a wait is under way. */
  #waiting = false;
  /** Answers to accesses of an earlier epoch are ignored. */
  #epoch = 0;

  constructor(options: BusMasterOptions) {
    this.#options = options;
  }

  get command(): number {
    return this.#command;
  }

  get addressNow(): number {
    return this.#region?.address ?? 0;
  }

  get bytesLeft(): number {
    return this.#region?.left ?? 0;
  }

  /** A write to the command register; `wide` when it came through bus master 2. */
  writeCommand(value: number, wide: boolean): void {
    const before = hasBit(this.#command, bits.BM_COMMAND.start);
    const start = hasBit(value, bits.BM_COMMAND.start);
    this.#command = value & 0x0b;
    if (start === before) return;
    this.#stop();
    if (!start) return;
    this.active = true;
    this.#wide = wide;
    this.#nextEntry = this.table & ~3;
    this.#advance();
  }

  /** The drive is ready to move data. */
  begin(transfer: DriveTransfer): void {
    this.#transfer = transfer;
    this.#moved = 0;
    this.#advance();
  }

  /** The drive was reset or pulled: nothing more will come of its transfer. */
  abandon(): void {
    this.#transfer = undefined;
    this.#epoch++;
    this.#waiting = false;
  }

  /** Forgets where it stands; answers that are under way are dropped. */
  #stop(): void {
    this.#epoch++;
    this.active = false;
    this.#region = undefined;
    this.#waiting = false;
  }

  #advance(): void {
    const transfer = this.#transfer;
    if (!this.active || this.#waiting || transfer === undefined) return;
    if (hasBit(this.#command, bits.BM_COMMAND.toMemory) !== (transfer.direction === "to memory")) {
      this.#fail(`the drive moves data ${transfer.direction}, the command register says otherwise`);
    } else if (this.#moved === transfer.bytes.length) {
      this.#transfer = undefined;
      if (this.#region?.left === 0 && this.#region.last) this.active = false;
      transfer.done();
    } else if (this.#region === undefined || this.#region.left === 0) {
      if (this.#region?.last) this.active = false;
      else this.#fetchEntry();
    } else {
      this.#movePiece(transfer, this.#region);
    }
  }

  #fetchEntry(): void {
    this.#access((succeed, failed) => {
      const read = (bytes: Uint8Array) => {
        const view = new DataView(bytes.buffer, bytes.byteOffset);
        const word = view.getUint32(4, true);
        const address = view.getUint32(0, true) & ~1;
        const left = this.#wide ? word & 0x7fff_ffff : word & 0xffff || narrowRegionMax;
        this.#enter({ address: address >>> 0, left, last: hasBit(word, 31) });
      };
      this.#options.dma.read(this.#nextEntry, entryBytes, (bytes) => succeed(() => read(bytes)), failed);
    });
  }

  #enter(region: Region): void {
    const crosses = region.address % narrowRegionMax + region.left > narrowRegionMax;
    if (region.left === 0 || (!this.#wide && crosses)) {
      const reason = region.left === 0 ? "is empty" : "crosses a 64 KiB boundary";
      this.#fail(`region of ${region.left} bytes at 0x${region.address.toString(16)} ${reason}`);
      return;
    }
    this.#nextEntry += entryBytes;
    this.#region = region;
  }

  #movePiece(transfer: DriveTransfer, region: Region): void {
    const size = Math.min(pieceBytesMax, region.left, transfer.bytes.length - this.#moved);
    const { clock, dma } = this.#options;
    const end = this.#moved + size;
    const ready = transfer.availableAt(transfer.direction === "to memory" ? end : this.#moved);
    if (ready > clock.now) {
      this.#access((succeed) => clock.at(ready, () => succeed(() => {})));
      return;
    }
    const account = () => {
      this.#moved = end;
      region.address += size;
      region.left -= size;
    };
    this.#access((succeed, failed) => {
      if (transfer.direction === "to memory") {
        const piece = transfer.bytes.subarray(this.#moved, end);
        dma.write(region.address, piece, () => succeed(account), failed);
        return;
      }
      // The FIFO may be slower than the bus, never faster.
      const drained = later(
        clock.now,
        nanoseconds(drainNs(size, this.#options.lowWaterMark(), this.#options.fifoTiming)),
      );
      const at = this.#moved;
      dma.read(region.address, size, (bytes) => {
        transfer.bytes.set(bytes, at);
        if (drained <= clock.now) succeed(account);
        else clock.at(drained, () => succeed(account));
      }, failed);
    });
  }

  /** Runs a step that ends later; its end counts only if nothing was stopped meanwhile. */
  #access(step: (succeed: (then: () => void) => void, failed: (fault: BusFault) => void) => void): void {
    const epoch = this.#epoch;
    this.#waiting = true;
    const end = (then: () => void) => {
      if (epoch !== this.#epoch) return;
      this.#waiting = false;
      then();
      this.#advance();
    };
    step(end, (fault) => end(() => this.#fail(fault.message)));
  }

  #fail(reason: string): void {
    this.#stop();
    this.error = true;
    this.#options.log.record(this.#options.name, `bus master stops: ${reason}`);
  }
}
