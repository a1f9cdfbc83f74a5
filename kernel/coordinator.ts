/**
 * What the first kernel has and the others do not: the namespace, the boot archive,
 * the list of kernels, and the say over placement.
 */

import type { KernelRow } from "./abi/kernel.ts";
import type { BootArchive } from "./boot/boot_archive.ts";
import { takePanicRecord } from "./boot/panic_record.ts";
import { CallError } from "./calls/errors.ts";
import { type Instant, later, milliseconds, nanoseconds } from "./hal/hardware.ts";
import type { Kernel } from "./kernel.ts";
import type { Namespace } from "./namespace/namespace.ts";
import type { Manifest } from "./placement/manifest.ts";
import { type Candidate, place, type Placement } from "./placement/placement.ts";
import type { RemotePeer } from "./remote/remote_peer.ts";
import { WaitQueue } from "./scheduling/wait_queue.ts";

/** A kernel of the machine, as the coordinator knows it. */
export interface KnownKernel {
  readonly index: number;
  readonly station: number;
  readonly row: KernelRow;
  /** Where the kernel writes why it panics, as the host's CPUs see it. */
  readonly panicRecord: number;
  /** Of a kernel of the host: its message area, and whom to interrupt. */
  readonly host?: { readonly messages: { base: number; size: number }; readonly apicId: number };
  /** Of a card: where its messaging unit is, for introductions. */
  readonly messagingUnit?: number;
  /** Takes the machine's part away from it: its CPUs stop, or its card may not reach memory any more. */
  stop(): void;
}

/** A place whose kernel is gone. */
export interface DownKernel {
  readonly row: KernelRow;
  readonly station: number;
  readonly reason: string;
}

/**
 * Each kernel writes a counter with every tick of 10 ms, and the coordinator looks at all of them halfway
 * between; the third look in a row that finds one unchanged declares its kernel dead. As with polls
 * (DESIGN section 3) the looks that find nothing are computed, not run: they cost less than a thousandth of
 * a per cent of a CPU. 10 ms is the tick that kernels of the time have (fitted; Linux 2.6 on servers: HZ is 100).
 * A tick is an interrupt, which waits for an instruction or, with interrupts off, for the dispatcher's
 * `interruptsOffCyclesMax`: half a microsecond. So a CPU that runs never misses one, whatever its load, and three
 * in a row leave room for a counter's line that is slow to come over.
 */
const heartbeat = milliseconds(10);
const missedBeats = 3;

/** How long a kernel may take to tell how busy it is; it takes microseconds, unless it is dead. */
export const answerTime = milliseconds(5);

/** A kernel for the boot log. */
export function describeKernel({ name, isa, cpus, memoryMiB, place }: KernelRow): string {
  return `kernel ${name}: ${isa}, ${cpus} ${cpus === 1 ? "CPU" : "CPUs"}, ${
    Math.round(memoryMiB)
  } MiB, ${place}`;
}

/** Channel numbers carry eight bits of it. */
const indexesMax = 256;

export class Coordinator {
  readonly kernels: KnownKernel[] = [];
  /** Places where a kernel was, and is no more. */
  readonly down: DownKernel[] = [];
  /** The cards that were met, in the order of their numbers. */
  readonly cardLocations: string[] = [];
  /** How many domains the host has. */
  domains = 1;
  /** Boots a kernel in a domain again; set by the boot loader. */
  bootDomain: ((station: number) => void) | undefined;
  #nextIndex = 1;
  /** Threads that wait for the power button. */
  readonly powerButton = new WaitQueue();
  powerButtonPressed = false;
  readonly #measurements = new Set<(peer: RemotePeer) => void>();

  constructor(
    readonly kernel: Kernel,
    readonly namespace: Namespace,
    readonly archive: BootArchive,
    /** Switches the machine off. */
    readonly powerOff: (status: number) => void,
  ) {}

  /** Figure 3 over the kernels that are up, with the CPU use that is known of them; throws PlacementError. */
  place(manifest: Manifest): Placement {
    const { services } = this.namespace;
    const candidates = this.kernels.flatMap(({ index, row }): Candidate[] => {
      const control = services.find(({ path, kernel }) => path === row.path && kernel === index);
      if (control === undefined) return [];
      return [{ index, name: row.name, platform: control.platform, cpuUse: this.#cpuUseOf(index) }];
    });
    const kernelsServing = (contractName: string) =>
      services.filter((service) => service.contractName === contractName).map(({ kernel }) => kernel);
    return place(manifest, candidates, kernelsServing);
  }

  /** Contracts that a manifest has an affinity to and no running service speaks: they count nowhere. */
  unservedWishes({ endpoints }: Manifest): string[] {
    const served = new Set(this.namespace.services.map(({ contractName }) => contractName));
    return endpoints.filter(({ affinity, contractName }) => affinity !== 0 && !served.has(contractName))
      .map(({ contractName }) => contractName);
  }

  /** The kernels of the host, in the order of their numbers. */
  get hosts(): (KnownKernel & Required<Pick<KnownKernel, "host">>)[] {
    return this.kernels.filter((known) => known.host !== undefined) as never;
  }

  /** A number for a kernel that is about to start. */
  takeIndex(): number {
    if (this.#nextIndex >= indexesMax) {
      throw new CallError(
        "OutOfMemory",
        `This machine has started ${indexesMax} kernels, and numbers no more`,
      );
    }
    return this.#nextIndex++;
  }

  /** A kernel is up. */
  enter(known: KnownKernel): void {
    const at = this.down.findIndex(({ row }) => row.name === known.row.name);
    if (at >= 0) this.down.splice(at, 1);
    this.kernels.push(known);
    this.kernel.say(describeKernel(known.row));
  }

  /** All kernels as tables show them, those that are down among them. */
  get rows(): KernelRow[] {
    const down = this.down.map(({ row, reason }): KernelRow =>
      Object.freeze({ ...row, state: "down", reason })
    );
    return [...this.kernels.map(({ row }) => row), ...down];
  }

  /** A kernel has interrupted because it panics. */
  heedAlarms(): void {
    const { space } = this.kernel.complex;
    for (const { index, panicRecord } of [...this.kernels]) {
      if (index === this.kernel.index) continue;
      const reason = takePanicRecord(space, panicRecord);
      if (reason !== undefined) this.bury(index, `kernel panic: ${reason}`);
    }
  }

  /** The CPUs of a kernel have stopped: its counter does not change any more, which the third look shows. */
  heartbeatStops(index: number): void {
    const { timers, clock } = this.kernel;
    const lastBeat = Math.floor(clock.now / heartbeat) * heartbeat as Instant;
    const noticed = later(lastBeat, nanoseconds((missedBeats + 0.5) * heartbeat));
    timers.at(noticed, () => this.bury(index, `no heartbeat for ${missedBeats * heartbeat / 1e6} ms`));
  }

  /** A kernel is dead: its names go, its channels close, and all others are told. */
  bury(index: number, reason: string): void {
    const at = this.kernels.findIndex((known) => known.index === index);
    if (at < 0) return;
    const [known] = this.kernels.splice(at, 1);
    const { row, station } = known!;
    this.down.push({ row, station, reason });
    this.kernel.say(`${row.name} is down: ${reason}`);
    known!.stop();
    this.kernel.disconnect(index);
    for (const peer of this.kernel.peers) peer.sendGone(index);
  }

  /**
   * Starts a kernel again, fresh, at the place of one that is down; one that runs is stopped first. The location of
   * its device, if it is a card, which its driver is to bring up.
   */
  restart(name: string): string {
    const running = this.kernels.find(({ row }) => row.name === name);
    if (running?.index === this.kernel.index) {
      throw new CallError("BadArgument", `${name} is the coordinator: only the machine can be started again`);
    }
    if (running !== undefined) this.bury(running.index, "stopped, to be started again");
    const down = this.down.find(({ row }) => row.name === name);
    if (down === undefined) throw new CallError("NotFound", `No kernel is named "${name}"`);
    const card = this.cardLocations[down.station - this.domains];
    if (card !== undefined) return card;
    this.bootDomain!(down.station);
    return "";
  }

  pressPowerButton(): void {
    this.powerButtonPressed = true;
    this.powerButton.wakeAll();
  }

  /**
   * Asks all kernels how busy they are, for `place`; calls `done` when all have answered, or after `answerTime`:
   * then what a kernel told last has to do.
   */
  measureCpuUse(done: () => void): void {
    const { peers, timers, clock } = this.kernel;
    const missing = new Set(peers);
    if (missing.size === 0) return done();
    const finish = () => {
      timers.cancel(timer);
      this.#measurements.delete(heard);
      done();
    };
    const heard = (peer: RemotePeer) => {
      if (missing.delete(peer) && missing.size === 0) finish();
    };
    const timer = timers.at(later(clock.now, answerTime), finish);
    this.#measurements.add(heard);
    for (const peer of peers) {
      peer.onLoad = () => {
        for (const listener of [...this.#measurements]) listener(peer);
      };
      peer.askLoad();
    }
  }

  #cpuUseOf(index: number): number {
    return index === this.kernel.index ? this.kernel.cpuUse : this.kernel.findPeer(index)?.load ?? 0;
  }
}
