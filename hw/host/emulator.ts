/**
 * The emulator around a machine: event log, disk, LAN, capture, and how it is run.
 *
 * It builds a machine with everything of the host's that is attached to it, lets it run
 * until it is switched off, and puts everything away again, whatever happens.
 * - It knows no operating system: the caller powers the machine on.
 * - Without a socket, TAP or terminal of the host's the machine runs free, else paced.
 */

import { setImmediate } from "node:timers";
import { MemoryMedium } from "../disk/memory_medium.ts";
import { type DiskMedium, sectorSize } from "../disk/medium.ts";
import { assembleMachine } from "../machine/assemble.ts";
import type { MachineDescription } from "../machine/description.ts";
import type { Machine } from "../machine/machine.ts";
import { EventQueue } from "../time/event_queue.ts";
import { LineEventLog } from "../time/event_log.ts";
import { type Instant, later, milliseconds, seconds } from "../time/time.ts";
import type { DiskFile, ImagePart } from "./disk_file.ts";
import { LanHost } from "./lan_host.ts";
import { type PacedRun, runFree, runPaced } from "./pacing.ts";
import { PcapFile } from "./pcap_file.ts";
import { Publisher } from "./publisher.ts";
import type { PublishOption } from "./publish_option.ts";
import { Tap } from "./tap.ts";
import { TraceFile } from "./trace_file.ts";

/** Virtual time that a free run passes before it looks at the host again. */
const freeSlice = milliseconds(10);

export interface EmulatorOptions {
  readonly description: MachineDescription;
  /** Opens the disk's image file; called when all else that can be refused has been accepted. */
  openDisk(): DiskFile | undefined;
  /** What a disk in memory holds when there is no image file. */
  freshDisk(): FreshDisk;
  readonly publish: readonly PublishOption[];
  /** The TAP interface of the host that is plugged into the LAN. */
  readonly tap: string | undefined;
  readonly trace: string | undefined;
  readonly pcap: string | undefined;
  /** Virtual seconds after which the machine is switched off, whatever it does. */
  readonly forSeconds: number | undefined;
}

export interface FreshDisk {
  readonly sectorCount: number;
  readonly parts: Iterable<ImagePart>;
}

/** How a run ended. */
export interface Outcome {
  readonly status: number;
  readonly virtualSeconds: number;
  readonly hostSeconds: number;
  readonly eventLogHash: string;
}

export class Emulator {
  readonly machine: Machine;
  readonly #trace: TraceFile;
  readonly #pcap: PcapFile | undefined;
  readonly #disk: DiskFile | undefined;
  readonly #horizon: Instant;
  readonly #startedMs = performance.now();
  #status: number | undefined;
  #paced: PacedRun | undefined;

  /** Throws PublishError, TapError or HostFileError, and has changed nothing then. */
  static async open(options: EmulatorOptions): Promise<Emulator> {
    const queue = new EventQueue();
    const lan = new LanHost(queue);
    const publishers: Publisher[] = [];
    let tap: Tap | undefined;
    let emulator: Emulator | undefined;
    const wake = () => emulator?.wake();
    try {
      for (const option of options.publish) {
        publishers.push(await Publisher.open(option, lan, wake));
      }
      if (options.tap !== undefined) tap = Tap.open(options.tap, { clock: queue, wake });
      return emulator = new Emulator(options, queue, lan, publishers, tap);
    } catch (error) {
      for (const publisher of publishers) await publisher.close();
      await tap?.close();
      throw error;
    }
  }

  private constructor(
    options: EmulatorOptions,
    readonly queue: EventQueue,
    readonly lan: LanHost,
    readonly publishers: readonly Publisher[],
    readonly tap: Tap | undefined,
  ) {
    this.#trace = new TraceFile(options.trace);
    try {
      this.#pcap = options.pcap === undefined ? undefined : new PcapFile(options.pcap, this.queue);
      this.#disk = options.openDisk();
    } catch (error) {
      this.#pcap?.discard();
      this.#trace.discard();
      throw error;
    }
    const log = new LineEventLog(this.queue, this.#trace.write);
    const medium = this.#disk ?? diskInMemory(options.freshDisk());
    this.machine = assembleMachine(options.description, { queue: this.queue, log, medium });
    this.machine.onPowerOff = (status) => this.#status = status;
    if (this.#pcap !== undefined) this.machine.onFrame = (frame) => this.#pcap!.frame(frame);
    this.lan.attach(this.machine.plug(this.lan));
    if (tap !== undefined) tap.attach(this.machine.plug(tap), log);
    this.#horizon = seconds(options.forSeconds ?? Infinity) as number as Instant;
  }

  get isOff(): boolean {
    return this.#status !== undefined;
  }

  /** Brings a paced run up to the present, before something of the host's goes in. */
  wake(): void {
    this.#paced?.wake();
  }

  /** Presses the machine's power button, as a signal to the emulator does. */
  pressPowerButton(): void {
    this.wake();
    this.machine.pressPowerButton();
    this.wake();
  }

  /** Runs until the machine is off or its time is over; `paced` keeps virtual time behind the wall clock. */
  async run(paced: boolean): Promise<void> {
    if (!paced) return await this.#runFree();
    this.#paced = runPaced(this.queue, { until: () => this.isOff, horizon: this.#horizon });
    await this.#paced.finished;
  }

  /** Free, but in slices: between two of them the host's signals get through. */
  async #runFree(): Promise<void> {
    const until = () => this.isOff;
    for (;;) {
      const next = this.queue.nextInstant();
      if (until() || next === undefined) return;
      const sliceEnd = later(Math.max(next, this.queue.now) as Instant, freeSlice);
      runFree(this.queue, until, Math.min(sliceEnd, this.#horizon) as Instant);
      if (this.queue.now >= this.#horizon) return;
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  /** Puts everything away; what was written stays. */
  async close(): Promise<Outcome> {
    for (const publisher of this.publishers) await publisher.close();
    await this.tap?.close();
    this.#trace.close();
    this.#pcap?.close();
    this.#disk?.flush();
    this.#disk?.close();
    return {
      status: this.#status ?? 0,
      virtualSeconds: this.queue.now / 1e9,
      hostSeconds: (performance.now() - this.#startedMs) / 1e3,
      eventLogHash: this.#trace.hash(),
    };
  }
}

function diskInMemory({ sectorCount, parts }: FreshDisk): DiskMedium {
  const medium = new MemoryMedium(sectorCount);
  for (const { offset, bytes } of parts) medium.write(offset / sectorSize, bytes);
  return medium;
}
