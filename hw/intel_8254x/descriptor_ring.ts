/**
 * A ring of 16-byte descriptors in memory, as both halves of the NIC use it.
 *
 * Hardware owns [head, tail) and fetches descriptors in batches ahead of using them.
 * - `take` gives the next fetched descriptor; when there is none it starts a fetch, and `fetched` is
 *   called when it is worth trying again.
 * - `retire` moves the head past descriptors that have been written back, in their order.
 * - A tail outside of the ring, or a fetch that faults, stops the ring until the device is reset
 *   (hardware-reference.md 3.9).
 */

import type { DmaPort } from "../memory/bus_target.ts";
import type { EventLog } from "../time/event_log.ts";

export interface Descriptor {
  readonly index: number;
  readonly address: number;
  readonly bytes: Uint8Array;
  /** Tells descriptors of a ring that was set up anew since from present ones. */
  readonly epoch: number;
}

export interface DescriptorRingOptions {
  /** For the log, such as "nic0.rx". */
  readonly name: string;
  readonly log: EventLog;
  readonly dma: DmaPort;
  fetched(): void;
}

export const descriptorBytes = 16;
/** [U]: descriptors that one bus transaction brings. */
const batchMax = 16;
/** Rings are a multiple of 128 bytes and at most 1 MiB long. */
const lengthMask = 0xfff80;
const indexMask = 0xffff;

export class DescriptorRing {
  readonly #options: DescriptorRingOptions;
  #baseLow = 0;
  #baseHigh = 0;
  #length = 0;
  #head = 0;
  #tail = 0;
  /** The first descriptor that has not been taken. */
  #next = 0;
  #fetchedAhead: Descriptor[] = [];
  /** Descriptors that are done while earlier ones are not. */
  readonly #done = new Set<number>();
  #fetching = false;
  #stopped = false;
  #epoch = 0;

  constructor(options: DescriptorRingOptions) {
    this.#options = options;
  }

  get baseLow(): number {
    return this.#baseLow;
  }

  set baseLow(value: number) {
    this.#baseLow = (value & ~0xf) >>> 0;
    this.#restart();
  }

  get baseHigh(): number {
    return this.#baseHigh;
  }

  set baseHigh(value: number) {
    this.#baseHigh = value;
    this.#restart();
  }

  get length(): number {
    return this.#length;
  }

  set length(value: number) {
    this.#length = value & lengthMask;
    this.#restart();
  }

  get head(): number {
    return this.#head;
  }

  set head(value: number) {
    this.#head = value & indexMask;
    this.#restart();
  }

  get tail(): number {
    return this.#tail;
  }

  /** The doorbell. */
  set tail(value: number) {
    this.#tail = value & indexMask;
    if (this.#tail !== 0 && this.#tail >= this.size) {
      this.stop(`tail ${this.#tail} lies outside of the ring of ${this.size} descriptors`);
    }
  }

  /** Descriptors in the ring. */
  get size(): number {
    return this.#length / descriptorBytes;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** Descriptors that hardware owns and has not taken yet. */
  get available(): number {
    return this.#stopped || this.size === 0 ? 0 : this.#distance(this.#next);
  }

  /** Descriptors that hardware owns: not yet written back. */
  get owned(): number {
    return this.size === 0 ? 0 : this.#distance(this.#head);
  }

  /** The next descriptor, if one has been fetched. */
  take(): Descriptor | undefined {
    const descriptor = this.available > 0 ? this.#fetchedAhead.shift() : undefined;
    if (descriptor === undefined) this.prefetch();
    else this.#next = (this.#next + 1) % this.size;
    return descriptor;
  }

  /** Starts to fetch, if descriptors wait and none are at hand. */
  prefetch(): void {
    const { available } = this;
    if (this.#fetching || this.#fetchedAhead.length > 0 || available === 0) return;
    const first = this.#next;
    if (first >= this.size) {
      return this.stop(`head ${first} lies outside of the ring of ${this.size} descriptors`);
    }
    const count = Math.min(available, batchMax, this.size - first);
    const address = this.#addressOf(first);
    const epoch = this.#epoch;
    this.#fetching = true;
    this.#options.dma.read(address, count * descriptorBytes, (bytes) => {
      if (epoch !== this.#epoch) return;
      this.#fetching = false;
      for (let index = 0; index < count; index++) {
        const start = index * descriptorBytes;
        this.#fetchedAhead.push({
          index: first + index,
          address: address + start,
          bytes: bytes.subarray(start, start + descriptorBytes),
          epoch,
        });
      }
      this.#options.fetched();
    }, (fault) => {
      if (epoch === this.#epoch) this.stop(`descriptor fetch failed: ${fault.message}`);
    });
  }

  /**
   * A descriptor is done with. The head moves over it once all before it are done, too; a descriptor
   * from before a new set-up changes nothing.
   */
  retire({ index, epoch }: Descriptor): void {
    if (epoch !== this.#epoch) return;
    this.#done.add(index);
    while (this.#done.delete(this.#head)) this.#head = (this.#head + 1) % this.size;
  }

  stop(reason: string): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#restart();
    this.#options.log.record(this.#options.name, `ring stops until reset: ${reason}`);
  }

  reset(): void {
    this.#stopped = false;
    this.#baseLow = 0;
    this.#baseHigh = 0;
    this.#length = 0;
    this.#head = 0;
    this.#tail = 0;
    this.#restart();
  }

  /** Forgets fetched descriptors; what is under way is dropped. */
  #restart(): void {
    this.#epoch++;
    this.#next = this.#head;
    this.#fetchedAhead = [];
    this.#fetching = false;
    this.#done.clear();
  }

  #distance(from: number): number {
    return ((this.#tail - from) % this.size + this.size) % this.size;
  }

  #addressOf(index: number): number {
    return this.#baseHigh * 2 ** 32 + this.#baseLow + index * descriptorBytes;
  }
}
