/**
 * DRAM: a block of memory that is local to one domain, or to a card.
 *
 * Bytes live in 64 KiB chunks that are made at their first write, so a machine of
 * gigabytes costs the host only what software touches. Unwritten bytes read as 0.
 * - Offsets (BusTarget) start at `base`; `overlay` and faults take physical addresses.
 * - An overlay takes the place of the plain bytes, until another takes its own: the same range
 *   may be overlaid again, and overlays do not overlap otherwise.
 * - A defect is a property of the cell: every read of its address is XORed with the
 *   defect's bits, whoever keeps the byte.
 */

import type { Dram, DramBacking } from "../machine/machine.ts";
import { BusFault, type BusTarget } from "./bus_target.ts";

export interface DramDefect {
  /** Physical address of the byte. */
  readonly address: number;
  /** Which bits read inverted. */
  readonly xor: number;
}

export interface DramOptions {
  readonly name: string;
  readonly domain: number;
  readonly base: number;
  readonly size: number;
  readonly latencyNs: number;
  readonly defects?: readonly DramDefect[];
}

const chunkSize = 65536;
/** The language's own, from before programs' copies were counted. */
const { set: copyAll } = Uint8Array.prototype;

/** So many bytes are copied one by one. */
const fewBytes = 16;

interface Overlay {
  readonly start: number;
  readonly end: number;
  readonly backing: DramBacking;
}

export class DramBlock implements Dram, BusTarget {
  readonly name: string;
  readonly domain: number;
  readonly base: number;
  readonly size: number;
  readonly latencyNs: number;
  readonly #chunks: (Uint8Array | undefined)[];
  readonly #defects: readonly DramDefect[];
  /** By rising start. */
  readonly #overlays: Overlay[] = [];

  constructor(options: DramOptions) {
    this.name = options.name;
    this.domain = options.domain;
    this.base = options.base;
    this.size = options.size;
    this.latencyNs = options.latencyNs;
    this.#chunks = new Array(Math.ceil(options.size / chunkSize)).fill(undefined);
    this.#defects = options.defects ?? [];
  }

  overlay(base: number, size: number, backing: DramBacking): void {
    const start = base - this.base;
    const end = start + size;
    const before = this.#overlays.findIndex((other) => other.start === start && other.end === end);
    if (before >= 0) this.#overlays.splice(before, 1);
    const clash = this.#overlays.some((other) => start < other.end && other.start < end);
    if (start < 0 || end > this.size || size <= 0 || clash) {
      const place = `${size} bytes at 0x${base.toString(16)} of ${this.name}`;
      throw new Error(`Cannot overlay ${place}: ${clash ? "another overlay is there" : "outside the block"}`);
    }
    this.#overlays.push({ start, end, backing });
    this.#overlays.sort((a, b) => a.start - b.start);
  }

  read(offset: number, into: Uint8Array): void {
    this.#checkRange(offset, into.length);
    if (this.#isPlain(offset, into.length)) this.#readChunks(offset, into);
    else {
      this.#forEachPart(offset, into, (overlay, at, part) => {
        if (overlay === undefined) this.#readChunks(at, part);
        else overlay.backing.read(this.base + at, part);
      });
    }
    for (const { address, xor } of this.#defects) {
      const index = address - this.base - offset;
      if (index >= 0 && index < into.length) into[index]! ^= xor;
    }
  }

  write(offset: number, from: Uint8Array): void {
    this.#checkRange(offset, from.length);
    if (this.#isPlain(offset, from.length)) return this.#writeChunks(offset, from);
    this.#forEachPart(offset, from, (overlay, at, part) => {
      if (overlay === undefined) this.#writeChunks(at, part);
      else overlay.backing.write(this.base + at, part);
    });
  }

  /** The bytes themselves, where nothing but memory without a defect answers, in one piece. */
  window(offset: number, length: number): Uint8Array | undefined {
    this.#checkRange(offset, length);
    const within = offset % chunkSize;
    if (within + length > chunkSize || !this.#isPlain(offset, length)) return undefined;
    for (const { address } of this.#defects) {
      const index = address - this.base - offset;
      if (index >= 0 && index < length) return undefined;
    }
    const chunk = this.#chunks[Math.floor(offset / chunkSize)] ??= new Uint8Array(chunkSize);
    return chunk.subarray(within, within + length);
  }

  /** Whether no overlay covers any of it, as is so for all that kernels say to each other. */
  #isPlain(offset: number, length: number): boolean {
    for (const { start, end } of this.#overlays) if (start < offset + length && end > offset) return false;
    return true;
  }

  /** Cuts an access at the borders of overlays. */
  #forEachPart(
    offset: number,
    bytes: Uint8Array,
    visit: (overlay: Overlay | undefined, offset: number, part: Uint8Array) => void,
  ): void {
    const end = offset + bytes.length;
    let at = offset;
    for (const overlay of this.#overlays) {
      if (overlay.end <= at) continue;
      if (overlay.start >= end) break;
      if (overlay.start > at) {
        visit(undefined, at, bytes.subarray(at - offset, overlay.start - offset));
        at = overlay.start;
      }
      const stop = Math.min(end, overlay.end);
      visit(overlay, at, bytes.subarray(at - offset, stop - offset));
      at = stop;
    }
    if (at < end) visit(undefined, at, at === offset ? bytes : bytes.subarray(at - offset));
  }

  #readChunks(offset: number, into: Uint8Array): void {
    for (let done = 0; done < into.length;) {
      const at = offset + done;
      const within = at % chunkSize;
      const length = Math.min(into.length - done, chunkSize - within);
      const chunk = this.#chunks[Math.floor(at / chunkSize)];
      if (chunk === undefined) into.fill(0, done, done + length);
      // A view costs more than it saves for a counter.
      else if (length <= fewBytes) {
        for (let byte = 0; byte < length; byte++) into[done + byte] = chunk[within + byte]!;
      } else copyAll.call(into, chunk.subarray(within, within + length), done);
      done += length;
    }
  }

  #writeChunks(offset: number, from: Uint8Array): void {
    for (let done = 0; done < from.length;) {
      const at = offset + done;
      const within = at % chunkSize;
      const length = Math.min(from.length - done, chunkSize - within);
      const chunk = this.#chunks[Math.floor(at / chunkSize)] ??= new Uint8Array(chunkSize);
      if (length <= fewBytes) {
        for (let byte = 0; byte < length; byte++) chunk[within + byte] = from[done + byte]!;
      } else copyAll.call(chunk, length === from.length ? from : from.subarray(done, done + length), within);
      done += length;
    }
  }

  #checkRange(offset: number, length: number): void {
    if (offset < 0 || offset + length > this.size) {
      throw new BusFault(this.name, this.base + offset, `${length} bytes run out of the block`);
    }
  }
}
