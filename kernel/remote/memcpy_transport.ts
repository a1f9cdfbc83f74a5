/**
 * Remote message passing between NUMA domains: shared rings, a polling thread, memcpy.
 *
 * The receiver polls its rings and copies blocks straight out of the other domain's
 * memory, which its page tables map (paper, section 3.6).
 * - Idle polls are computed, not run: the thread parks, and a write to the shared lines
 *   wakes it at the poll that would have seen it.
 * - A copy costs one remote access per cache line: the loads miss, the stores do not.
 */

import type { Call } from "../abi/kernel.ts";
import type { AddressSpace, Clock, Cpu, Instant } from "../hal/hardware.ts";
import { elapsed, later, nanoseconds } from "../hal/hardware.ts";
import { KernelEvent, work } from "../scheduling/kernel_event.ts";
import type { Side } from "./pair_area.ts";
import { type RecordSender, Rings } from "./rings.ts";
import type { Copy, Transport } from "./transport.ts";

/** Cycles from one look at the rings to the next (fitted: two loads that hit, compare, branch, pause). */
const pollCycles = 60;
const cacheLineSize = 64;

/** Memory that both domains map; it tells a side's poller of writes by the other. */
export class SharedLines {
  readonly #watchers: Partial<Record<Side, () => void>> = {};

  watch(side: Side, onWrite: () => void): void {
    this.#watchers[side] = onWrite;
  }

  wrote(by: Side): void {
    this.#watchers[by === "a" ? "b" : "a"]?.();
  }
}

export interface MemcpyOptions {
  readonly clock: Clock;
  readonly space: AddressSpace;
  /** Physical address of the pair area. */
  readonly area: number;
  readonly side: Side;
  readonly lines: SharedLines;
  /** The CPU whose clock the poll loop runs on. */
  readonly cpu: Cpu;
  /** What a load from the peer's memory takes here, in ns. */
  readonly remoteLatencyNs: number;
}

export class MemcpyTransport implements Transport {
  readonly name = "memcpy";
  readonly #options: MemcpyOptions;
  readonly #rings: Rings;
  readonly #news = new KernelEvent();
  readonly #tell = () => this.#news.signal();
  #parkedAt: Instant | undefined;
  #poked = false;
  #isClosed = false;

  constructor(options: MemcpyOptions) {
    this.#options = options;
    const { space, area, side, lines } = options;
    this.#rings = new Rings(
      {
        read: (offset, length) => space.read(area + offset, length),
        read32: (offset) => space.read32(area + offset),
        window: (offset, length) => space.window(area + offset, length),
        wrote: () => lines.wrote(side),
        write: (offset, bytes) => {
          space.write(area + offset, bytes);
          lines.wrote(side);
        },
      },
      side,
    );
    lines.watch(side, () => this.#written());
  }

  poke(): void {
    this.#poked = true;
    this.#news.signal();
  }

  close(): void {
    this.#isClosed = true;
    this.#rings.dropBacklog();
    this.poke();
  }

  get backlog(): number {
    return this.#rings.backlog;
  }

  post(record: Uint8Array, sender?: RecordSender): void {
    this.#rings.post(record, sender);
  }

  slot(): Uint8Array | undefined {
    return this.#rings.nextSlot();
  }

  postRelease(address: number): void {
    this.#rings.postRelease(address);
  }

  wait(): Call<void> {
    if (this.#rings.hasBacklog) this.#rings.flush();
    this.#parkedAt = this.#options.clock.now;
    return this.#news.wait();
  }

  take(): readonly Uint8Array[] | undefined {
    this.#parkedAt = undefined;
    if (!this.#rings.hasNews && !this.#poked) return undefined;
    this.#poked = false;
    return this.#isClosed ? [] : this.#rings.take();
  }

  takeReleases(): readonly number[] {
    return this.#rings.takeReleases();
  }

  *pull(copies: readonly Copy[]): Call<void> {
    const { space, cpu, remoteLatencyNs } = this.#options;
    for (const { release, from, length, to } of copies) {
      const lines = Math.ceil(length / cacheLineSize);
      yield* work(lines * remoteLatencyNs * cpu.frequencyHz / 1e9);
      if (this.#isClosed) return;
      space.readInto(from, to.bytes.subarray(0, length));
      this.#rings.postRelease(release);
    }
  }

  // deno-lint-ignore require-yield -- the interface is a generator for the transport that must wait
  *push(): Call<void> {
    throw new Error("A NUMA domain reads the other's memory itself and asks for no copies");
  }

  settle(): void {
    if (this.#isClosed) return;
    this.#rings.settle();
    if (this.#rings.hasBacklog) this.#rings.flush();
  }

  /** The other side wrote: the poll loop sees it at its next look, when the line has come over. */
  #written(): void {
    const parkedAt = this.#parkedAt;
    // A look that finds only that the other side has taken something goes on polling.
    if (parkedAt === undefined || (!this.#rings.hasNews && !this.#rings.hasBacklog)) return;
    const { clock, cpu, remoteLatencyNs } = this.#options;
    const period = cpu.duration(pollCycles);
    const seen = elapsed(parkedAt, clock.now) + remoteLatencyNs;
    const looks = Math.ceil(seen / period);
    clock.at(later(parkedAt, nanoseconds(looks * period)), this.#tell);
  }
}
