/**
 * One Application DMA channel of the IOP348, programmed through its registers.
 *
 * A chain of descriptors is written into the card's memory, the channel is started,
 * and the end-of-chain interrupt wakes the thread that waits for it.
 * - One chain at a time: threads that share a channel queue for it.
 * - DMA and the CPU's cache do not see each other: before a chain starts, lines that it reads are
 *   cleaned and lines that it writes are invalidated (hardware-reference.md 2.6, cache note).
 * - Register and bit numbers: hardware-reference.md section 2.6.
 * - A transfer that fails ends `run` with a TransferFault; the channel can be used again.
 */

import type { Call } from "../abi/kernel.ts";
import { KernelEvent, work } from "../scheduling/kernel_event.ts";
import type { AddressSpace, Cpu, DataCache } from "./hardware.ts";
import { type Transfer, type TransferEngine, TransferFault } from "./transfer_engine.ts";

const peripheralBase = 0xffd8_0000;
const channelStride = 0x200;
const register = { ACCR: 0x00, ACSR: 0x04, ANDAR: 0x24 } as const;
/** ACCR: enable, and host interface = PCI Express. */
const enableOverPcie = 0x2000_0001;
const endOfChain = 1 << 11;
const endOfTransfer = 1 << 12;
/** Bits 1 to 5 and 9. */
const errorBits = 0x23e;
const interruptEnable = 1;
const descriptorSize = 32;
export const descriptorsMax = 64;

const directionBits = {
  "host to local": 0 << 1,
  "local to host": 1 << 1,
  "local to internal": 3 << 1,
} as const;

export class AdmaChannel implements TransferEngine {
  readonly name = "adma";
  /** Chains that were started, and what was in them. */
  readonly counters = { chains: 0, descriptors: 0, lines: 0 };
  cpuCycles = 0;
  readonly #space: AddressSpace;
  readonly #cache: DataCache;
  readonly #cpu: Cpu;
  readonly #base: number;
  readonly #descriptors: number;
  readonly #done = new KernelEvent();
  readonly #free = new KernelEvent();
  #status = 0;

  /** `descriptors`: physical address of room for `descriptorsMax` descriptors. */
  constructor(space: AddressSpace, cache: DataCache, cpu: Cpu, readonly index: number, descriptors: number) {
    this.#space = space;
    this.#cache = cache;
    this.#cpu = cpu;
    this.#base = peripheralBase + index * channelStride;
    this.#descriptors = descriptors;
    this.#free.signal();
    // A kernel that was here before may have died in the middle of a chain, whose end is not this one's news.
    space.write32(this.#base + register.ACCR, 0);
    space.write32(this.#base + register.ACSR, endOfChain | endOfTransfer | errorBits);
  }

  /** Interrupt sources of this channel: end of transfer, end of chain, error (section 2.8). */
  get sources(): { transfer: number; chain: number; error: number } {
    return { transfer: 2 * this.index, chain: 2 * this.index + 1, error: 57 + this.index };
  }

  /** Reads and clears the channel's causes. */
  interrupted(): void {
    const status = this.#space.read32(this.#base + register.ACSR);
    this.#space.write32(this.#base + register.ACSR, status & (endOfChain | endOfTransfer | errorBits));
    this.#status |= status;
    if ((this.#status & (endOfChain | errorBits)) !== 0) this.#done.signal();
  }

  /** Runs a chain; returns when its last descriptor is done. */
  *run(transfers: readonly Transfer[]): Call<void> {
    if (transfers.length === 0) return;
    if (transfers.length > descriptorsMax) {
      throw new Error(`A chain of ${transfers.length} descriptors, at most ${descriptorsMax} fit`);
    }
    yield* this.#free.wait();
    const { dmaProgram, cacheLineClean } = this.#cpu.isa.primitives;
    const lines = transfers.length + this.#linesOf(transfers);
    const cycles = dmaProgram.cycles + lines * cacheLineClean.cycles;
    this.cpuCycles += cycles;
    yield* work(cycles);
    this.#writeChain(transfers);
    for (const transfer of transfers) this.#prepareCache(transfer);
    this.counters.chains++;
    this.counters.descriptors += transfers.length;
    this.counters.lines += lines;
    this.#status = 0;
    this.#space.write32(this.#base + register.ACCR, 0);
    this.#space.write32(this.#base + register.ANDAR, this.#descriptors);
    this.#space.write32(this.#base + register.ACCR, enableOverPcie);
    yield* this.#done.wait();
    this.#free.signal();
    if ((this.#status & errorBits) !== 0) {
      throw new TransferFault(
        `ADMA channel ${this.index} stopped with status 0x${this.#status.toString(16)}`,
      );
    }
    for (const transfer of transfers) {
      if (transfer.isWatched === true) this.#cache.invalidate(transfer.destination, transfer.length);
    }
  }

  /** Cache lines to clean or to invalidate; a watched destination twice. */
  #linesOf(transfers: readonly Transfer[]): number {
    let lines = 0;
    for (const { direction, source, destination, length, isWatched } of transfers) {
      const isIncoming = direction === "host to local";
      lines += this.#cache.linesOf(isIncoming ? destination : source, length) * (isWatched === true ? 2 : 1);
    }
    return lines;
  }

  #prepareCache({ direction, source, destination, length }: Transfer): void {
    if (length === 0) return;
    if (direction === "host to local") this.#cache.invalidate(destination, length);
    else this.#cache.clean(source, length);
  }

  #writeChain(transfers: readonly Transfer[]): void {
    transfers.forEach((transfer, index) => {
      const last = index === transfers.length - 1;
      const words = new Uint32Array([
        last ? 0 : this.#descriptors + (index + 1) * descriptorSize,
        directionBits[transfer.direction] | (last ? interruptEnable : 0),
        0,
        transfer.length,
        transfer.destination >>> 0,
        Math.floor(transfer.destination / 2 ** 32),
        transfer.source >>> 0,
        Math.floor(transfer.source / 2 ** 32),
      ]);
      this.#cache.write(this.#descriptors + index * descriptorSize, new Uint8Array(words.buffer));
    });
    this.#cache.clean(this.#descriptors, transfers.length * descriptorSize);
  }
}
