/**
 * The exchange heap: blocks that move between processes without being copied.
 *
 * Each block is an ArrayBuffer of its own that answers at a physical address, so
 * that devices and other kernels reach it by DMA or by load, and a change of owner
 * detaches every view the former owner kept.
 * - A block has one owner: a process, a message on its way, or the kernel.
 * - Small blocks share pages (power-of-two classes from 64 B, so that no two share a
 *   cache line), larger ones take whole pages.
 * - Programs get zeroed blocks and are charged for it; blocks that a transfer will fill
 *   at once are not zeroed in virtual time (the paper's DMA-aware allocator, section 3.6).
 */

import { BusFault, type CachedRange, type DramBacking } from "../hal/hardware.ts";
import { BlockLines } from "./block_lines.ts";
import { PageAllocator, pageSize } from "./page_allocator.ts";

/** Singularity starts at 16 B; 64 B is the line size that DMA must not share. */
const smallestClass = 64;
const largestClass = 2048;

/** Who holds a block, for quotas and for freeing what a dead process leaves. */
export interface BlockOwner {
  readonly blocks: Set<Block>;
  /** Sum of their capacities. */
  heapBytes: number;
}

/** Physical addresses of the buffers of blocks that programs look into. */
const addresses = new WeakMap<ArrayBufferLike, number>();

/** The physical address of a buffer that is a block's; undefined for any other. */
export function addressOfBlock(buffer: ArrayBufferLike): number | undefined {
  return addresses.get(buffer);
}

export class Block {
  /** What the CPU's cache holds; `buffer` is what the CPU sees. */
  cached: ArrayBuffer;
  /** What DMA sees, once there was any, on a kernel whose cache is not coherent with DMA. */
  lines: BlockLines | undefined;
  owner: BlockOwner | undefined;
  /** The window that a receiver sees. */
  offset = 0;
  length: number;

  constructor(readonly address: number, readonly capacity: number, length: number) {
    this.cached = new ArrayBuffer(capacity);
    this.length = length;
  }

  /** The CPU looks at the block: lines that its cache does not hold come in. */
  fill(): void {
    this.lines?.fill(this.cached);
  }

  get buffer(): ArrayBuffer {
    this.fill();
    return this.cached;
  }

  /** Bytes of the window, for the kernel's own use. */
  get bytes(): Uint8Array {
    return new Uint8Array(this.buffer, this.offset, this.length);
  }

  /** A view of the window for a program, whose accesses the caches may ask the address of. */
  lookInto(): Uint8Array {
    addresses.set(this.buffer, this.address);
    return this.bytes;
  }

  /** Kills every view of the block that anyone holds. */
  detachViews(): void {
    this.cached = this.cached.transfer();
  }
}

interface SmallPage {
  readonly base: number;
  readonly classSize: number;
  readonly slots: (Block | undefined)[];
  used: number;
}

export class ExchangeHeap implements DramBacking, CachedRange {
  readonly #pages: PageAllocator;
  /** Page base to the block that covers it, or the small page. */
  readonly #map = new Map<number, Block | SmallPage>();
  /** Small pages with a free slot, by class. */
  readonly #partial = new Map<number, SmallPage[]>();
  #liveBlocks = 0;
  #liveBytes = 0;

  /** `base` and `size`: the physical range that the heap may use; `isCoherent`: whether DMA sees what the CPU caches. */
  constructor(readonly base: number, readonly size: number, readonly isCoherent = true) {
    this.#pages = new PageAllocator(base, size);
  }

  get liveBlocks(): number {
    return this.#liveBlocks;
  }

  get liveBytes(): number {
    return this.#liveBytes;
  }

  /** A zeroed block of at least `size` bytes, its window exactly `size`; undefined when memory is out. */
  allocate(size: number, owner: BlockOwner | undefined): Block | undefined {
    const block = size <= largestClass ? this.#allocateSmall(size) : this.#allocateLarge(size);
    if (block === undefined) return undefined;
    this.#liveBlocks++;
    this.#liveBytes += block.capacity;
    this.setOwner(block, owner);
    return block;
  }

  setOwner(block: Block, owner: BlockOwner | undefined): void {
    const before = block.owner;
    if (before === owner) return;
    if (before !== undefined) {
      before.blocks.delete(block);
      before.heapBytes -= block.capacity;
    }
    block.owner = owner;
    if (owner !== undefined) {
      owner.blocks.add(block);
      owner.heapBytes += block.capacity;
    }
  }

  free(block: Block): void {
    if (this.blockAt(block.address) !== block) {
      throw new Error(`Block at 0x${block.address.toString(16)} is freed twice`);
    }
    this.setOwner(block, undefined);
    block.cached.transfer(0);
    this.#liveBlocks--;
    this.#liveBytes -= block.capacity;
    const pageBase = block.address - block.address % pageSize;
    const entry = this.#map.get(pageBase);
    if (entry === block) {
      const pages = block.capacity / pageSize;
      for (let page = 0; page < pages; page++) this.#map.delete(block.address + page * pageSize);
      this.#pages.free(block.address, pages);
      return;
    }
    const small = entry as SmallPage;
    const slot = (block.address - pageBase) / small.classSize;
    small.slots[slot] = undefined;
    const partial = this.#partial.get(small.classSize)!;
    if (small.used === small.slots.length) partial.push(small);
    small.used--;
    if (small.used === 0 && partial.length > 1) {
      partial.splice(partial.indexOf(small), 1);
      this.#map.delete(pageBase);
      this.#pages.free(pageBase, 1);
    }
  }

  /** The block that covers `address`, or undefined. */
  blockAt(address: number): Block | undefined {
    const pageBase = address - address % pageSize;
    const entry = this.#map.get(pageBase);
    if (entry === undefined || entry instanceof Block) return entry;
    return entry.slots[Math.floor((address - pageBase) / entry.classSize)];
  }

  /** DMA, or another kernel, reads. */
  read(address: number, into: Uint8Array): void {
    const { block, offset } = this.#locate(address, into.length);
    into.set(this.#memoryOf(block).subarray(offset, offset + into.length));
  }

  write(address: number, from: Uint8Array): void {
    const { block, offset } = this.#locate(address, from.length);
    this.#memoryOf(block).set(from, offset);
  }

  /** Of memory without a block the cache holds nothing that matters; DMA itself gets the fault. */
  clean(address: number, length: number): void {
    const block = this.blockAt(address);
    if (block === undefined) return;
    const from = address - block.address;
    this.#linesOf(block)?.clean(block.cached, from, Math.min(from + length, block.capacity));
  }

  invalidate(address: number, length: number): void {
    const block = this.blockAt(address);
    if (block === undefined) return;
    const from = address - block.address;
    this.#linesOf(block)?.invalidate(block.cached, from, Math.min(from + length, block.capacity));
  }

  #memoryOf(block: Block): Uint8Array {
    return this.#linesOf(block)?.memory ?? new Uint8Array(block.cached);
  }

  #linesOf(block: Block): BlockLines | undefined {
    return this.isCoherent ? undefined : block.lines ??= new BlockLines(block.capacity);
  }

  #locate(address: number, length: number): { block: Block; offset: number } {
    const block = this.blockAt(address);
    // A device that a dead driver left running gets here: the bus answers it with a fault.
    if (block === undefined) throw new BusFault("exchange heap", address, "no block is there");
    const offset = address - block.address;
    if (offset + length > block.capacity) {
      throw new BusFault("exchange heap", address, `${length} bytes run past the end of their block`);
    }
    return { block, offset };
  }

  #allocateSmall(size: number): Block | undefined {
    let classSize = smallestClass;
    while (classSize < size) classSize *= 2;
    let partial = this.#partial.get(classSize);
    if (partial === undefined) this.#partial.set(classSize, partial = []);
    let page = partial[partial.length - 1];
    if (page === undefined) {
      const base = this.#pages.allocate(1);
      if (base === undefined) return undefined;
      page = {
        base,
        classSize,
        slots: new Array<Block | undefined>(pageSize / classSize).fill(undefined),
        used: 0,
      };
      this.#map.set(base, page);
      partial.push(page);
    }
    const slot = page.slots.indexOf(undefined);
    const block = new Block(page.base + slot * classSize, classSize, size);
    page.slots[slot] = block;
    page.used++;
    if (page.used === page.slots.length) partial.splice(partial.indexOf(page), 1);
    return block;
  }

  #allocateLarge(size: number): Block | undefined {
    const pages = Math.ceil(size / pageSize);
    const base = this.#pages.allocate(pages);
    if (base === undefined) return undefined;
    const block = new Block(base, pages * pageSize, size);
    for (let page = 0; page < pages; page++) this.#map.set(base + page * pageSize, block);
    return block;
  }
}
