/**
 * A hard disk drive: mechanics, buffer, write cache and read-ahead in front of a medium.
 *
 * It knows sectors and time, not ATA: a controller's port decodes commands, asks here when data can
 * move, and moves it. Figures follow hardware-reference.md section 4.7.
 * - `planRead` and `planWrite` claim the drive; call them once per command, in the order of commands.
 * - Written bytes reach the medium at once (so they can be read back); the *cache* is about time, and
 *   about `medium.flush`, which has been called before `flush` reports success.
 * - The cache drains while the drive is idle; that is worked out when the next command comes, so an
 *   idle drive schedules nothing.
 * - `faults` are for tests and fault scenarios: the drive then fails as real ones do.
 */

import type { EventLog } from "../time/event_log.ts";
import { silentLog } from "../time/event_log.ts";
import type { Clock } from "../time/event_queue.ts";
import { type Instant, later, milliseconds, nanoseconds } from "../time/time.ts";
import { DriveGeometry } from "./geometry.ts";
import { type DiskMedium, MediumError, sectorSize } from "./medium.ts";
import { barracuda200, type DriveParameters } from "./parameters.ts";
import { ReadAhead } from "./read_ahead.ts";
import { SectorRanges } from "./sector_ranges.ts";

/** When the bytes of a transfer cross the interface: evenly from `start` to `end`. */
export interface TransferPlan {
  readonly start: Instant;
  readonly end: Instant;
}

/** What is broken; change it at any time. */
export interface DriveFaults {
  /** Sectors that cannot be read; writing one mends it, as the drive puts a spare in its place. */
  readonly unreadable: Set<number>;
  /** Writes and flushes end in a drive fault. */
  writeFault: boolean;
  /** This many of the next data transfers are damaged on the cable. */
  damagedTransfers: number;
  /** Commands are accepted and never end. */
  silent: boolean;
}

export interface DriveOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly medium: DiskMedium;
  readonly parameters?: DriveParameters;
  readonly log?: EventLog;
}

/** [U]: how long the drive stays idle before it drains its cache, so that a burst of reads is not held up. */
const drainDelay = milliseconds(10);
/** [U]: sectors written to the platters at a time; a command that comes meanwhile waits for them. */
const drainSectorsMax = 1024;
/** [U]: from standby to full speed. */
const spinUp = milliseconds(5000);

export class DiskDrive {
  readonly name: string;
  readonly parameters: DriveParameters;
  readonly sectorCount: number;
  readonly faults: DriveFaults = {
    unreadable: new Set(),
    writeFault: false,
    damagedTransfers: 0,
    silent: false,
  };
  /** Set by the controller that the drive is cabled to. */
  onConnectionChange: (() => void) | undefined;
  writeCacheEnabled = true;
  readAheadEnabled = true;
  readonly #clock: Clock;
  readonly #medium: DiskMedium;
  readonly #log: EventLog;
  readonly #geometry: DriveGeometry;
  readonly #dirty = new SectorRanges();
  readonly #readAhead: ReadAhead;
  readonly #bufferSectors: number;
  #connected = true;
  #spinning = true;
  /** The sector that the head stands at. */
  #head = 0;
  /** The drive is busy until then; later it is idle. */
  #busyUntil = 0 as Instant;

  constructor(options: DriveOptions) {
    this.name = options.name;
    this.#clock = options.clock;
    this.#medium = options.medium;
    this.#log = options.log ?? silentLog;
    this.parameters = options.parameters ?? barracuda200;
    this.sectorCount = options.medium.sectorCount;
    this.#geometry = new DriveGeometry(
      this.parameters,
      Math.max(this.parameters.sectorCount, this.sectorCount),
    );
    this.#bufferSectors = Math.floor(this.parameters.bufferMiB * 2 ** 20 / sectorSize);
    this.#readAhead = new ReadAhead(this.#geometry, this.#bufferSectors);
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** Plugs or pulls the cable. */
  connect(connected: boolean): void {
    if (connected === this.#connected) return;
    this.#connected = connected;
    this.onConnectionChange?.();
  }

  get spinning(): boolean {
    return this.#spinning;
  }

  /** How many sectors wait in the write cache. */
  get dirtySectors(): number {
    return this.#dirty.sectorCount;
  }

  /** Power-on defaults, after a hard reset. */
  restoreDefaults(): void {
    this.writeCacheEnabled = true;
    this.readAheadEnabled = true;
  }

  /** Puts a read into the drive's schedule. */
  planRead(first: number, count: number): TransferPlan {
    const ready = this.#claim();
    const wire = count * sectorSize * 1e9 / this.parameters.interfaceBytesPerSecond;
    const fromBuffer = later(ready, milliseconds(this.parameters.commandOverheadMs / 2));
    if (this.#dirty.contains(first, first + count)) return this.#occupy(fromBuffer, wire, wire);
    const buffered = this.readAheadEnabled ? this.#readAhead.lookup(ready, first, count) : undefined;
    if (buffered !== undefined) {
      const plan = this.#occupy(fromBuffer, wire, buffered - fromBuffer);
      this.#readAhead.extend(plan.end, first + count);
      return plan;
    }
    const start = this.#position(this.#spunUp(ready), first, "read");
    const media = this.#geometry.transferNs(first, count);
    this.#head = first + count;
    if (this.readAheadEnabled) this.#readAhead.begin(first, count, later(start, nanoseconds(media)));
    return this.#occupy(start, wire, media);
  }

  /** Puts a write into the drive's schedule: the instant from which it takes data. */
  planWrite(): Instant {
    const ready = this.#claim();
    return this.#busyUntil = later(ready, milliseconds(this.parameters.commandOverheadMs / 2));
  }

  /** The first sector of the range that cannot be read. */
  firstUnreadable(first: number, count: number): number | undefined {
    if (this.faults.unreadable.size === 0) return undefined;
    for (let sector = first; sector < first + count; sector++) {
      if (this.faults.unreadable.has(sector)) return sector;
    }
    return undefined;
  }

  /** Fetches sectors' bytes; false when the medium failed. */
  read(first: number, into: Uint8Array): boolean {
    return this.#tryMedium(() => this.#medium.read(first, into));
  }

  /**
   * Takes the data of a write, all of which has arrived now. Answers when the command is over, or
   * undefined when the write failed. `through` writes to the platters before it ends.
   */
  write(first: number, bytes: Uint8Array, through: boolean): Instant | undefined {
    if (this.faults.writeFault || !this.#tryMedium(() => this.#medium.write(first, bytes))) return undefined;
    const count = bytes.length / sectorSize;
    if (this.faults.unreadable.size > 0) {
      for (let sector = first; sector < first + count; sector++) this.faults.unreadable.delete(sector);
    }
    let instant = this.#laterOf(this.#clock.now, this.#busyUntil);
    if (this.writeCacheEnabled && !through) {
      this.#dirty.add(first, first + count);
      if (this.#dirty.sectorCount > this.#bufferSectors) instant = this.#spunUp(instant);
      while (this.#dirty.sectorCount > this.#bufferSectors) instant = this.#drainOnce(instant);
    } else {
      instant = this.#writeThrough(this.#spunUp(instant), first, count);
      if (!this.#tryMedium(() => this.#medium.flush())) return undefined;
    }
    return this.#busyUntil = instant;
  }

  /** FLUSH CACHE: drains the cache in sector order, then calls `medium.flush`, then `done`. */
  flush(done: (succeeded: boolean) => void): void {
    let instant = later(this.#claim(), milliseconds(this.parameters.cleanFlushMs));
    if (this.#dirty.sectorCount > 0) instant = this.#spunUp(instant);
    while (this.#dirty.sectorCount > 0) instant = this.#drainOnce(instant);
    this.#busyUntil = instant;
    this.#clock.at(instant, () => {
      done(!this.faults.writeFault && this.#tryMedium(() => this.#medium.flush()));
    });
  }

  /** IDLE IMMEDIATE: the platters turn; answers when they do. */
  idle(): Instant {
    return this.#busyUntil = this.#spunUp(this.#claim());
  }

  /** STANDBY IMMEDIATE: flushes, then stops the platters; the next access to them spins up first. */
  standby(done: (succeeded: boolean) => void): void {
    this.flush((succeeded) => {
      this.#spinning = false;
      this.#readAhead.clear();
      done(succeeded);
    });
  }

  /** When the drive is free for a new command; drains the cache for as long as it was idle before. */
  #claim(): Instant {
    const { now } = this.#clock;
    let instant = later(this.#busyUntil, drainDelay);
    while (this.#spinning && instant < now && this.#dirty.sectorCount > 0) {
      instant = this.#drainOnce(instant);
      this.#busyUntil = instant;
    }
    return this.#laterOf(now, this.#busyUntil);
  }

  #occupy(start: Instant, wireNs: number, mediaNs: number): TransferPlan {
    const end = later(start, nanoseconds(Math.max(wireNs, mediaNs)));
    this.#busyUntil = end;
    return { start, end };
  }

  #spunUp(instant: Instant): Instant {
    if (this.#spinning) return instant;
    this.#spinning = true;
    return later(instant, spinUp);
  }

  /** Command overhead, seek and rotation: when `sector` comes under the head. */
  #position(from: Instant, sector: number, direction: "read" | "write"): Instant {
    this.#head = this.#readAhead.stop(from) ?? this.#head;
    const overhead = later(from, milliseconds(this.parameters.commandOverheadMs));
    const arrived = later(overhead, nanoseconds(this.#geometry.seekNs(this.#head, sector, direction)));
    return later(arrived, nanoseconds(this.#geometry.rotationNs(arrived, sector)));
  }

  #writeThrough(from: Instant, first: number, count: number): Instant {
    const start = this.#position(from, first, "write");
    this.#head = first + count;
    return later(start, nanoseconds(this.#geometry.transferNs(first, count)));
  }

  /** Writes the next piece of the cache to the platters, without the overhead of a command. */
  #drainOnce(from: Instant): Instant {
    this.#head = this.#readAhead.stop(from) ?? this.#head;
    const range = this.#dirty.takeFrom(this.#head, drainSectorsMax);
    if (range === undefined) throw new Error(`${this.name} drains an empty cache`);
    const seek = this.#geometry.seekNs(this.#head, range.first, "write");
    const arrived = later(from, nanoseconds(seek));
    const start = later(arrived, nanoseconds(this.#geometry.rotationNs(arrived, range.first)));
    this.#head = range.end;
    return later(start, nanoseconds(this.#geometry.transferNs(range.first, range.end - range.first)));
  }

  #laterOf(a: Instant, b: Instant): Instant {
    return a > b ? a : b;
  }

  #tryMedium(access: () => void): boolean {
    try {
      access();
      return true;
    } catch (error) {
      if (!(error instanceof MediumError)) throw error;
      this.#log.record(this.name, `medium failed: ${error.message}`);
      return false;
    }
  }
}
