/**
 * The exchange heap: blocks that move between processes without being copied.
 *
 * A block is what somebody holds; an extent is the memory under it, an ArrayBuffer of its own that answers
 * at a physical address, so that devices and other kernels reach it by DMA or by load. A change of owner
 * detaches every view the former owner kept. Blocks stand apart from memory as in Singularity, so that they
 * can be split, shared and truncated; a shared extent has several blocks, and goes with the last.
 * - A block has one owner: a process, a message on its way, or the kernel.
 * - Small blocks share pages (power-of-two classes from 64 B), larger ones take whole pages. Parts of a block
 *   start on cache lines: no two extents ever share one.
 * - Programs get zeroed blocks and are charged for it; blocks that a transfer will fill
 *   at once are not zeroed in virtual time (the paper's DMA-aware allocator, section 3.6).
 */

import { BusFault, type CachedRange, type DramBacking } from "../hal/hardware.ts";
import { Extent } from "./extent.ts";
import { PageAllocator, pageSize } from "./page_allocator.ts";

/** Singularity starts at 16 B; 64 B is the line size that DMA must not share. */
const smallestClass = 64;
const largestClass = 2048;
/** Where a part of a block may start: the longest cache line of any ISA here. */
export const partAlignment = 64;

/** Who holds a block, for quotas and for freeing what a dead process leaves. */
export interface BlockOwner {
  /** Undefined of those whose blocks are found elsewhere: in queues of messages. */
  readonly blocks: Set<Block> | undefined;
  /** Sum of their capacities; each holder of a shared block counts it in full. */
  heapBytes: number;
}

/** Physical addresses of the buffers of blocks that programs look into. */
const addresses = new WeakMap<ArrayBufferLike, number>();

/** The physical address of a buffer that is a block's; undefined for any other. */
export function addressOfBlock(buffer: ArrayBufferLike): number | undefined {
  return addresses.get(buffer);
}

export class Block {
  owner: BlockOwner | undefined;
  /** The window that a receiver sees. */
  offset = 0;
  length: number;
  isFree = false;
  /** What the holder of read-only memory looks into, so that nothing it writes reaches the others. */
  #copy: ArrayBuffer | undefined;

  constructor(readonly extent: Extent, length: number) {
    this.length = length;
  }

  get address(): number {
    return this.extent.address;
  }

  get capacity(): number {
    return this.extent.capacity;
  }

  get isReadOnly(): boolean {
    return this.extent.isReadOnly;
  }

  /** The CPU looks at the block: lines that its cache does not hold come in. */
  fill(): void {
    this.extent.fill();
  }

  /** Bytes of the window, for the kernel's own use. */
  get bytes(): Uint8Array {
    return new Uint8Array(this.extent.buffer, this.offset, this.length);
  }

  /** A view of the window for a program, whose accesses the caches may ask the address of. */
  lookInto(): Uint8Array {
    const buffer = this.isReadOnly ? this.#copy ??= this.extent.buffer.slice() : this.extent.buffer;
    addresses.set(buffer, this.address);
    return new Uint8Array(buffer, this.offset, this.length);
  }

  /** Kills every view of the block that its holder has. */
  detachViews(): void {
    if (!this.isReadOnly) this.extent.detach();
    this.#copy?.transfer(0);
    this.#copy = undefined;
  }

  /** From now on nobody changes its bytes; views that were there before are dead. */
  makeReadOnly(): void {
    if (this.isReadOnly) return;
    this.detachViews();
    this.extent.isReadOnly = true;
  }

  /** Of the window, what lies from `from` up to `to`, as a window of a block that starts at `from`. */
  windowWithin(from: number, to: number): { readonly offset: number; readonly length: number } {
    const clip = (at: number) => Math.min(Math.max(at, from), to);
    const start = clip(this.offset);
    return { offset: start - from, length: clip(this.offset + this.length) - start };
  }
}

/** What lies in a slot or on a page: an extent, or the parts of one that was split and are still there. */
type Place = Extent | readonly Extent[];

interface SmallPage {
  readonly base: number;
  readonly classSize: number;
  readonly slots: (Place | undefined)[];
  used: number;
}

export class ExchangeHeap implements DramBacking, CachedRange {
  readonly #pages: PageAllocator;
  /** Page base to what lies on the page. */
  readonly #map = new Map<number, Place | SmallPage>();
  /** Small pages with a free slot, by class. */
  readonly #partial = new Map<number, SmallPage[]>();
  #extents = 0;
  #liveBytes = 0;
  #liveBlocks = 0;

  /** `base` and `size`: the physical range that the heap may use; `isCoherent`: whether DMA sees what the CPU caches. */
  constructor(readonly base: number, readonly size: number, readonly isCoherent = true) {
    this.#pages = new PageAllocator(base, size);
  }

  /** Blocks that somebody holds; of a shared one each holder's counts. */
  get liveBlocks(): number {
    return this.#liveBlocks;
  }

  /** Pieces of memory under them. */
  get liveExtents(): number {
    return this.#extents;
  }

  /** Memory under them. */
  get liveBytes(): number {
    return this.#liveBytes;
  }

  /** In pages where nothing lies. */
  get freeBytes(): number {
    return this.#pages.freePages * pageSize;
  }

  /** How much memory there is of each size: small classes first, then `Infinity` for whole pages. */
  get usage(): { readonly classSize: number; readonly extents: number; readonly bytes: number }[] {
    const extents = new Set<Extent>();
    for (const entry of this.#map.values()) {
      const places = isSmallPage(entry) ? entry.slots : [entry];
      for (const place of places) for (const extent of extentsIn(place)) extents.add(extent);
    }
    const classes = new Map<number, { extents: number; bytes: number }>();
    for (let size = smallestClass; size <= largestClass; size *= 2) {
      classes.set(size, { extents: 0, bytes: 0 });
    }
    classes.set(Infinity, { extents: 0, bytes: 0 });
    for (const { capacity } of extents) {
      const sum = classes.get(capacity <= largestClass ? classOf(capacity) : Infinity)!;
      sum.extents++;
      sum.bytes += capacity;
    }
    return [...classes].map(([classSize, sum]) => ({ classSize, ...sum }));
  }

  /** A zeroed block of at least `size` bytes, its window exactly `size`; undefined when memory is out. */
  allocate(size: number, owner: BlockOwner | undefined): Block | undefined {
    const extent = size <= largestClass ? this.#allocateSmall(size) : this.#allocateLarge(size);
    if (extent === undefined) return undefined;
    this.#extents++;
    this.#liveBytes += extent.capacity;
    return this.#hold(extent, size, owner);
  }

  setOwner(block: Block, owner: BlockOwner | undefined): void {
    const before = block.owner;
    if (before === owner) return;
    if (before !== undefined) {
      before.blocks?.delete(block);
      before.heapBytes -= block.capacity;
    }
    block.owner = owner;
    if (owner !== undefined) {
      owner.blocks?.add(block);
      owner.heapBytes += block.capacity;
    }
  }

  /**
   * Makes two blocks of one: the first `offset` bytes stay it, the rest is the one given back, of the same
   * owner. Each keeps what the window had in it. `offset` must be a multiple of `partAlignment` inside it.
   */
  split(block: Block, offset: number): Block {
    const head = block.extent;
    if (offset <= 0 || offset >= head.capacity || offset % partAlignment !== 0 || head.isReadOnly) {
      throw new Error(`Block at 0x${head.address.toString(16)} cannot be split at ${offset}`);
    }
    const { owner } = block;
    const window = block.windowWithin(offset, head.capacity);
    this.setOwner(block, undefined);
    Object.assign(block, block.windowWithin(0, offset));
    const tail = head.split(offset);
    this.setOwner(block, owner);
    for (const unit of this.#unitsUnder(tail)) {
      const parts = extentsIn(this.#placeAt(unit));
      // Where the cut goes through a page or a slot, both lie there.
      this.#put(unit, unit < tail.address ? [...parts, tail] : replaced(parts, head, tail));
    }
    this.#extents++;
    const made = this.#hold(tail, 0, owner);
    return Object.assign(made, window);
  }

  /** One more block over the same memory, with the same window; from now on nobody may write there. */
  share(block: Block, owner: BlockOwner | undefined): Block {
    block.makeReadOnly();
    block.extent.holders++;
    const made = this.#hold(block.extent, block.length, owner);
    made.offset = block.offset;
    return made;
  }

  /** Gives back what is beyond the first `capacity` bytes, a multiple of `partAlignment`. */
  truncate(block: Block, capacity: number): void {
    if (capacity < block.capacity) this.free(this.split(block, capacity));
  }

  free(block: Block): void {
    const { extent } = block;
    if (block.isFree) throw new Error(`Block at 0x${extent.address.toString(16)} is freed twice`);
    block.isFree = true;
    this.setOwner(block, undefined);
    this.#liveBlocks--;
    if (extent.isReadOnly) block.detachViews();
    if (--extent.holders > 0) return;
    extent.cached.transfer(0);
    this.#extents--;
    this.#liveBytes -= extent.capacity;
    this.#giveBack(extent);
  }

  /** The memory of blocks that covers `address`, or undefined. */
  extentAt(address: number): Extent | undefined {
    const place = this.#placeAt(address);
    if (!Array.isArray(place)) {
      const extent = place as Extent | undefined;
      return extent !== undefined && address >= extent.address && address < extent.end ? extent : undefined;
    }
    return (place as readonly Extent[]).find((part) => address >= part.address && address < part.end);
  }

  /** DMA, or another kernel, reads. */
  read(address: number, into: Uint8Array): void {
    const { extent, offset } = this.#locate(address, into.length);
    into.set(this.#memoryOf(extent).subarray(offset, offset + into.length));
  }

  write(address: number, from: Uint8Array): void {
    const { extent, offset } = this.#locate(address, from.length);
    this.#memoryOf(extent).set(from, offset);
  }

  /** Of memory without a block the cache holds nothing that matters; DMA itself gets the fault. */
  clean(address: number, length: number): void {
    if (this.isCoherent) return;
    const extent = this.extentAt(address);
    const from = address - (extent?.address ?? 0);
    extent?.dmaLines.clean(extent.cached, from, Math.min(from + length, extent.capacity));
  }

  invalidate(address: number, length: number): void {
    if (this.isCoherent) return;
    const extent = this.extentAt(address);
    const from = address - (extent?.address ?? 0);
    extent?.dmaLines.invalidate(extent.cached, from, Math.min(from + length, extent.capacity));
  }

  #memoryOf(extent: Extent): Uint8Array {
    return this.isCoherent ? new Uint8Array(extent.cached) : extent.dmaLines.memory;
  }

  #locate(address: number, length: number): { extent: Extent; offset: number } {
    const extent = this.extentAt(address);
    // A device that a dead driver left running gets here: the bus answers it with a fault.
    if (extent === undefined) throw new BusFault("exchange heap", address, "no block is there");
    const offset = address - extent.address;
    if (offset + length > extent.capacity) {
      throw new BusFault("exchange heap", address, `${length} bytes run past the end of their block`);
    }
    return { extent, offset };
  }

  #hold(extent: Extent, length: number, owner: BlockOwner | undefined): Block {
    const block = new Block(extent, length);
    this.#liveBlocks++;
    this.setOwner(block, owner);
    return block;
  }

  /** Takes an extent out of the slot or the pages that it lies in; what nothing lies in any more is free. */
  #giveBack(extent: Extent): void {
    const page = this.#map.get(pageOf(extent.address));
    if (isSmallPage(page)) {
      const slot = slotOf(page, extent.address);
      page.slots[slot] = placeOf(without(page.slots[slot], extent));
      if (page.slots[slot] === undefined) this.#freeSlot(page);
      return;
    }
    let run: number | undefined;
    const freeRun = (end: number) => {
      if (run !== undefined) this.#pages.free(run, (end - run) / pageSize);
      run = undefined;
    };
    for (const unit of this.#unitsUnder(extent)) {
      const rest = placeOf(without(this.#map.get(unit) as Place, extent));
      if (rest === undefined) {
        this.#map.delete(unit);
        run ??= unit;
      } else {
        this.#map.set(unit, rest);
        freeRun(unit);
      }
    }
    freeRun(pageOf(extent.end + pageSize - 1));
  }

  #freeSlot(page: SmallPage): void {
    const partial = this.#partial.get(page.classSize)!;
    if (page.used === page.slots.length) partial.push(page);
    page.used--;
    if (page.used === 0 && partial.length > 1) {
      partial.splice(partial.indexOf(page), 1);
      this.#map.delete(page.base);
      this.#pages.free(page.base, 1);
    }
  }

  /** Where a cover of `extent` is written down: its slot's start, or the starts of its pages. */
  #unitsUnder(extent: Extent): number[] {
    const first = pageOf(extent.address);
    const page = this.#map.get(first);
    if (isSmallPage(page)) return [first + slotOf(page, extent.address) * page.classSize];
    return Array.from(
      { length: Math.ceil((extent.end - first) / pageSize) },
      (_, index) => first + index * pageSize,
    );
  }

  #placeAt(address: number): Place | undefined {
    const entry = this.#map.get(pageOf(address));
    return isSmallPage(entry) ? entry.slots[slotOf(entry, address)] : entry;
  }

  #put(unit: number, parts: readonly Extent[]): void {
    const place = placeOf(parts)!;
    const entry = this.#map.get(pageOf(unit));
    if (isSmallPage(entry)) entry.slots[slotOf(entry, unit)] = place;
    else this.#map.set(unit, place);
  }

  #allocateSmall(size: number): Extent | undefined {
    const classSize = classOf(size);
    let partial = this.#partial.get(classSize);
    if (partial === undefined) this.#partial.set(classSize, partial = []);
    let page = partial[partial.length - 1];
    if (page === undefined) {
      const base = this.#pages.allocate(1);
      if (base === undefined) return undefined;
      page = {
        base,
        classSize,
        slots: new Array<Place | undefined>(pageSize / classSize).fill(undefined),
        used: 0,
      };
      this.#map.set(base, page);
      partial.push(page);
    }
    const slot = page.slots.indexOf(undefined);
    const extent = new Extent(page.base + slot * classSize, classSize);
    page.slots[slot] = extent;
    page.used++;
    if (page.used === page.slots.length) partial.splice(partial.indexOf(page), 1);
    return extent;
  }

  #allocateLarge(size: number): Extent | undefined {
    const pages = Math.ceil(size / pageSize);
    const base = this.#pages.allocate(pages);
    if (base === undefined) return undefined;
    const extent = new Extent(base, pages * pageSize);
    for (let page = 0; page < pages; page++) this.#map.set(base + page * pageSize, extent);
    return extent;
  }
}

const pageOf = (address: number): number => address - address % pageSize;

const slotOf = ({ base, classSize }: SmallPage, address: number): number =>
  Math.floor((address - base) / classSize);

function classOf(size: number): number {
  let classSize = smallestClass;
  while (classSize < size) classSize *= 2;
  return classSize;
}

function isSmallPage(entry: Place | SmallPage | undefined): entry is SmallPage {
  return entry !== undefined && "slots" in entry;
}

function extentsIn(place: Place | undefined): readonly Extent[] {
  if (place === undefined) return [];
  return place instanceof Extent ? [place] : place;
}

function placeOf(parts: readonly Extent[]): Place | undefined {
  return parts.length > 1 ? parts : parts[0];
}

function without(place: Place | undefined, extent: Extent): readonly Extent[] {
  return extentsIn(place).filter((part) => part !== extent);
}

function replaced(parts: readonly Extent[], extent: Extent, by: Extent): readonly Extent[] {
  return parts.map((part) => part === extent ? by : part);
}
