/**
 * Remote message passing with a card, seen from a kernel of the host.
 *
 * The rings lie in the host's memory; the card's DMA engine reads and writes them
 * there. The host rings the messaging unit's inbound doorbell after writing, and is
 * interrupted through the outbound doorbell after the card has written.
 * - The host cannot reach the card's memory cheaply, so it asks the card to copy: a
 *   `copy` record, and the card counts it done in its line of counters.
 */

import type { Call } from "../abi/kernel.ts";
import type { AddressSpace, Cpu } from "../hal/hardware.ts";
import { KernelEvent } from "../scheduling/kernel_event.ts";
import { recordKind, RecordWriter } from "./record.ts";
import { type RecordSender, Rings } from "./rings.ts";
import type { Copy, Transport } from "./transport.ts";

/** A copy record names at most this many pieces of 20 bytes. */
const piecesMax = 16;
/**
 * The card learns with the next doorbell what the host has given back; without other
 * traffic it is rung for this many. An interrupt each time would cost it more than the memory.
 */
const unannouncedMax = 16;

export class HostCardTransport implements Transport {
  readonly name = "adma";
  readonly #news = new KernelEvent();
  readonly #rings: Rings;
  #poked = false;
  #isClosed = false;
  #copiesWanted = 0;
  #copiesSeen = 0;
  /** Slots and blocks given back that the card has not been rung for. */
  #unannounced = 0;

  /** `ringDoorbell` writes this kernel's bit to the card's inbound doorbell. */
  constructor(
    space: AddressSpace,
    area: number,
    readonly cpu: Cpu,
    readonly ringDoorbell: () => void,
  ) {
    this.#rings = new Rings(
      {
        read: (offset, length) => space.read(area + offset, length),
        read32: (offset) => space.read32(area + offset),
        write: (offset, bytes) => space.write(area + offset, bytes),
      },
      "a",
    );
  }

  /** The card has rung: look at the rings. */
  interrupted(): void {
    this.#news.signal();
  }

  /** Somebody may have rung: wakes the service thread only if there is something for it. */
  lookAround(): void {
    if (this.#rings.hasNews || this.#rings.peer("copiesDone") !== this.#copiesSeen) this.#news.signal();
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
    this.#unannounced = 0;
    this.ringDoorbell();
  }

  postRelease(address: number): void {
    this.#rings.postRelease(address);
  }

  wait(): Call<void> {
    if (this.#rings.hasBacklog) {
      this.#rings.flush();
      this.ringDoorbell();
    }
    return this.#news.wait();
  }

  take(): readonly Uint8Array[] | undefined {
    if (!this.#rings.hasNews && !this.#poked) return undefined;
    this.#poked = false;
    if (this.#isClosed) return [];
    const records = this.#rings.take();
    this.#unannounced += records.length;
    return records;
  }

  takeReleases(): readonly number[] {
    return this.#rings.takeReleases();
  }

  *pull(copies: readonly Copy[]): Call<void> {
    for (let first = 0; first < copies.length; first += piecesMax) {
      const pieces = copies.slice(first, first + piecesMax);
      const writer = new RecordWriter(recordKind.copy, 0, 0, 0, pieces.length);
      for (const { from, length, to } of pieces) {
        writer.f64(from);
        writer.f64(to.address);
        writer.u32(length);
      }
      this.post(writer.bytes);
      this.#copiesWanted = (this.#copiesWanted + 1) >>> 0;
    }
    while (this.#rings.peer("copiesDone") !== this.#copiesWanted && !this.#isClosed) yield* this.#news.wait();
    if (this.#isClosed) return;
    this.#copiesSeen = this.#copiesWanted;
    for (const { release } of copies) this.#rings.postRelease(release);
    this.#unannounced += copies.length;
    // The same interrupt may have brought records too: look again before parking.
    this.#news.signal();
  }

  // deno-lint-ignore require-yield -- the interface is a generator for the transport that must wait
  *push(): Call<void> {
    throw new Error("Only a card copies its memory into another kernel's");
  }

  settle(): void {
    if (this.#isClosed) return;
    this.#rings.settle();
    const hadBacklog = this.#rings.hasBacklog;
    this.#rings.flush();
    if (!hadBacklog && this.#unannounced < unannouncedMax) return;
    this.#unannounced = 0;
    this.ringDoorbell();
  }
}
