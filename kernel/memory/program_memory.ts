/**
 * Where the buffers of one process lie in the memory of its kernel, for the caches of the CPUs.
 *
 * A block of the exchange heap has its physical address. Buffers that a program makes for itself are put,
 * one behind the other, into the process's part of the memory beside the heap: small ones into a window
 * that comes round, as a nursery does whose garbage is dropped, large ones into a wider window. Each begins
 * with a line of its own behind one for the object that holds it.
 * - Addresses depend on nothing but the order in which the buffers are first used.
 * - They only say which cache lines a program touches: where windows come round, two buffers may share one.
 */

import type { ProcessMemory } from "../compiler/element_sampling.ts";
import type { CpuCaches } from "../hal/hardware.ts";
import { addressOfBlock } from "./exchange_heap.ts";
import type { KernelMemory } from "./layout.ts";

/** Small buffers come round in this much (fitted: the usual size of a nursery, of the order of an L2). */
const nurseryBytes = 1 << 20;
/** Larger buffers come round in this much (fitted: what the largest programs here keep at a time). */
const largeBytes = 31 << 20;
/** Smaller buffers go to the nursery (fitted: one page of the kernel's). */
const largeFrom = 4096;

export class ProgramMemory implements ProcessMemory {
  readonly lineBytes: number;
  readonly sampleBytes: number;
  readonly origin: number;
  readonly #addresses = new WeakMap<ArrayBufferLike, number>();
  readonly #nursery: Window;
  readonly #large: Window;

  /** `serial` tells the processes of a kernel apart; they share its memory in turn. */
  constructor({ heap, programs }: KernelMemory, serial: number, caches: CpuCaches) {
    this.lineBytes = caches.lineBytes;
    this.sampleBytes = caches.sampleBytes;
    this.origin = Math.floor(heap.base / caches.sampleBytes) * caches.sampleBytes;
    const size = Math.min(nurseryBytes + largeBytes, programs.size);
    const places = Math.floor(programs.size / size);
    const base = programs.base + (serial % places) * size;
    const nurserySize = Math.min(nurseryBytes, size / 2);
    this.#nursery = new Window(base, nurserySize, caches.lineBytes);
    this.#large = new Window(base + nurserySize, size - nurserySize, caches.lineBytes);
  }

  addressOf(buffer: ArrayBufferLike): number {
    const known = addressOfBlock(buffer) ?? this.#addresses.get(buffer);
    if (known !== undefined) return known;
    const size = buffer.byteLength;
    const address = (size < largeFrom ? this.#nursery : this.#large).take(size);
    this.#addresses.set(buffer, address);
    return address;
  }
}

/** A range of memory that is given out from the bottom up, and again from the bottom when it is used up. */
class Window {
  readonly #base: number;
  readonly #size: number;
  readonly #lineBytes: number;
  #used = 0;

  constructor(base: number, size: number, lineBytes: number) {
    this.#base = Math.ceil(base / lineBytes) * lineBytes;
    this.#size = size - lineBytes;
    this.#lineBytes = lineBytes;
  }

  take(size: number): number {
    const taken = (1 + Math.ceil(size / this.#lineBytes)) * this.#lineBytes;
    // A buffer larger than the window begins where the window does and reaches beyond.
    if (this.#used + taken > this.#size) this.#used = 0;
    const address = this.#base + this.#used + this.#lineBytes;
    this.#used += taken;
    return address;
  }
}
