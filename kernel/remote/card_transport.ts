/**
 * Remote message passing with a kernel of the host, seen from the card.
 *
 * The pair area lies in the host's memory; the card works on a mirror of it in its own
 * DRAM and lets a transfer engine carry the changes, in one chain that ends with a write
 * of the messaging unit's own doorbell: the host is interrupted when all is there
 * (paper, section 3.6). The engine is ADMA, or memcpy as in the paper's first version.
 * - What the host has written is fetched after it rang: its counters, then new slots.
 * - Releases ride behind the data they belong to, in the same chain.
 */

import type { Call } from "../abi/kernel.ts";
import type { Cpu, DataCache } from "../hal/hardware.ts";
import type { Transfer, TransferEngine, TransferEngineName } from "../hal/transfer_engine.ts";
import { KernelEvent } from "../scheduling/kernel_event.ts";
import {
  counterLine,
  messageSlot,
  messageSlots,
  releaseSize,
  releaseSlot,
  releaseSlots,
} from "./pair_area.ts";
import { slotSize } from "./record.ts";
import { type RecordSender, Rings } from "./rings.ts";
import type { Copy, Transport } from "./transport.ts";

/** Outbound doorbell, as the core sees the messaging unit (hardware-reference.md section 2.5). */
const outboundDoorbell = 0xffd8_402c;
/** Copies that fit into a chain beside the slots, counters and doorbell that may follow. */
const copiesPerChain = 48;
/** Fetched together with the counters: one message, and a line of releases. */
const slotsAhead = 1;
const releasesAhead = 8;
/** The host need not hear of each slot that was taken, only before its ring fills. */
const quietTailMax = messageSlots / 2;

export interface CardTransportOptions {
  /** The CPU's view of the card's memory. */
  readonly cache: DataCache;
  readonly cpu: Cpu;
  readonly engine: TransferEngine;
  /** Address of the pair area on the PCI Express bus. */
  readonly hostArea: number;
  /** Address of the mirror in the card's memory. */
  readonly mirror: number;
  /** A word of the card's memory that holds the doorbell's value; a line of 64 bytes to send counters from follows it. */
  readonly bellWord: number;
}

export class CardTransport implements Transport {
  readonly #options: CardTransportOptions;
  readonly #rings: Rings;
  readonly #news = new KernelEvent();
  #rung = true;
  #poked = false;
  /** All that the host had put in when it was last looked at is here. */
  #isFetched = false;
  #isClosed = false;
  #sentHead = 0;
  #sentReleases = 0;
  #sentTail = 0;
  #sentCopies = 0;
  /** Up to where messages and releases of the host have been fetched. */
  #fetchedHead = 0;
  #fetchedReleases = 0;

  constructor(options: CardTransportOptions) {
    this.#options = options;
    const { cache, mirror } = options;
    this.#rings = new Rings(
      {
        read: (offset, length) => cache.read(mirror + offset, length),
        read32: (offset) => cache.read32(mirror + offset),
        write: (offset, bytes) => cache.write(mirror + offset, bytes),
      },
      "b",
    );
  }

  get name(): TransferEngineName {
    return this.engine.name;
  }

  /** What carries the bytes. */
  get engine(): TransferEngine {
    return this.#options.engine;
  }

  /** The host has rung the doorbell of this pair. */
  interrupted(): void {
    this.#rung = true;
    this.#news.signal();
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
    this.#news.signal();
  }

  postRelease(address: number): void {
    this.#rings.postRelease(address);
    this.#news.signal();
  }

  *wait(): Call<void> {
    while (!this.#isClosed) {
      if (this.#rung) {
        this.#rung = false;
        yield* this.#look();
        this.#rings.flush();
      }
      yield* this.#announce();
      if (this.#rings.hasNews || this.#poked) break;
      if (!this.#rung && !this.#hasUnsent) yield* this.#news.wait();
    }
    if (this.#isClosed) return;
    this.#poked = false;
    yield* this.#fetchRest();
    this.#isFetched = true;
  }

  take(): readonly Uint8Array[] | undefined {
    if (this.#isClosed) return [];
    if (!this.#isFetched) return undefined;
    this.#isFetched = false;
    return this.#rings.take();
  }

  takeReleases(): readonly number[] {
    return this.#rings.takeReleases();
  }

  *pull(copies: readonly Copy[]): Call<void> {
    for (let first = 0; first < copies.length && !this.#isClosed; first += copiesPerChain) {
      const group = copies.slice(first, first + copiesPerChain);
      const transfers = group.map(({ from, length, to }): Transfer => ({
        direction: "host to local",
        source: from,
        destination: to.address,
        length,
      }));
      for (const { release } of group) this.#rings.postRelease(release);
      yield* this.#options.engine.run([...transfers, ...this.#unsent()]);
    }
  }

  *push(
    copies: readonly { readonly from: number; readonly to: number; readonly length: number }[],
  ): Call<void> {
    const transfers = copies.map(({ from, to, length }): Transfer => ({
      direction: "local to host",
      source: from,
      destination: to,
      length,
    }));
    this.#rings.countCopy(1);
    this.#rings.settle();
    yield* this.#options.engine.run([...transfers, ...this.#unsent()]);
  }

  settle(): void {
    if (this.#isClosed) return;
    this.#rings.settle();
    this.#rings.flush();
  }

  /** Fetches the host's counters, and behind them what is most often new: the next message and releases. */
  *#look(): Call<void> {
    const rings = this.#rings;
    const [tail, releases] = [rings.own("messageTail"), rings.own("releaseTail")];
    const counters = counterLine("a");
    yield* this.#options.engine.run([
      { ...this.#fetch(counters.offset, counters.size), isWatched: true },
      ...this.#fetchMessages(tail, tail + slotsAhead),
      ...this.#fetchReleases(releases, releases + releasesAhead),
    ]);
    // What stands behind the counters is older than the slots that came after them.
    this.#fetchedHead = tail + Math.min(slotsAhead, (rings.peer("messageHead") - tail) >>> 0) >>> 0;
    this.#fetchedReleases =
      releases + Math.min(releasesAhead, (rings.peer("releaseHead") - releases) >>> 0) >>> 0;
  }

  get #hasUnsent(): boolean {
    const rings = this.#rings;
    return rings.own("messageHead") !== this.#sentHead || rings.own("releaseHead") !== this.#sentReleases ||
      rings.own("copiesDone") !== this.#sentCopies ||
      ((rings.own("messageTail") - this.#sentTail) >>> 0) >= quietTailMax;
  }

  *#announce(): Call<void> {
    if (this.#hasUnsent) yield* this.#options.engine.run(this.#unsent());
  }

  /** The transfers that bring the host up to date, the doorbell last; they count as sent from here on. */
  #unsent(): Transfer[] {
    const rings = this.#rings;
    const { cache, mirror, hostArea, bellWord } = this.#options;
    // The engine reads memory when it gets there: counters that go out must not run ahead of
    // the slots in this chain, so they are sent from a copy.
    const line = counterLine("b");
    const counters = bellWord + line.size;
    cache.write(counters, cache.read(mirror + line.offset, line.size));
    const head = rings.own("messageHead");
    const releases = rings.own("releaseHead");
    const transfers = [
      ...runs(this.#sentHead, head, messageSlots).map(([first, count]) =>
        this.#send(messageSlot("b", first), count * slotSize)
      ),
      ...runs(this.#sentReleases, releases, releaseSlots).map(([first, count]) =>
        this.#send(releaseSlot("b", first), count * releaseSize)
      ),
      {
        direction: "local to host",
        source: counters,
        destination: hostArea + line.offset,
        length: line.size,
      } as const,
      { direction: "local to internal", source: bellWord, destination: outboundDoorbell, length: 4 } as const,
    ];
    this.#sentHead = head;
    this.#sentReleases = releases;
    this.#sentTail = rings.own("messageTail");
    this.#sentCopies = rings.own("copiesDone");
    return transfers;
  }

  /** Fetches what the look has not brought. */
  *#fetchRest(): Call<void> {
    const rings = this.#rings;
    rings.check();
    const [head, releases] = [rings.peer("messageHead"), rings.peer("releaseHead")];
    yield* this.#options.engine.run([
      ...this.#fetchMessages(this.#fetchedHead, head),
      ...this.#fetchReleases(this.#fetchedReleases, releases),
    ]);
    this.#fetchedHead = head;
    this.#fetchedReleases = releases;
  }

  #fetchMessages(tail: number, head: number): Transfer[] {
    return runs(tail, head, messageSlots).map(([first, count]) =>
      this.#fetch(messageSlot("a", first), count * slotSize)
    );
  }

  #fetchReleases(tail: number, head: number): Transfer[] {
    return runs(tail, head, releaseSlots).map(([first, count]) =>
      this.#fetch(releaseSlot("a", first), count * releaseSize)
    );
  }

  #fetch(offset: number, length: number): Transfer {
    const { hostArea, mirror } = this.#options;
    return { direction: "host to local", source: hostArea + offset, destination: mirror + offset, length };
  }

  #send(offset: number, length: number): Transfer {
    const { hostArea, mirror } = this.#options;
    return { direction: "local to host", source: mirror + offset, destination: hostArea + offset, length };
  }
}

/** The numbers from `tail` up to `head` as runs of slots that do not wrap: first number and count. */
function runs(tail: number, head: number, slots: number): [first: number, count: number][] {
  const count = (head - tail) >>> 0;
  const beforeWrap = Math.min(count, slots - tail % slots);
  const parts: [number, number][] = [[tail, beforeWrap], [tail + beforeWrap, count - beforeWrap]];
  return parts.filter(([, part]) => part > 0);
}
