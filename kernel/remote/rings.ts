/**
 * One side's view of the rings of a pair area: put records in, take records out.
 *
 * All state that the other side needs is in memory; this class keeps only its own
 * counters, which nobody else writes, and what does not fit in a full ring yet.
 * - `post` never blocks: a record that finds the ring full waits in a backlog, which
 *   `flush` empties when the other side has made room. The backlog is bounded.
 * - `take` reads what the other side has put in; its counters are read from memory.
 */

import {
  counter,
  counterLine,
  messageSlot,
  messageSlots,
  otherSide,
  releaseSize,
  releaseSlot,
  releaseSlots,
  type Side,
} from "./pair_area.ts";
import { PeerFault } from "./peer_fault.ts";
import { setWord32, slotSize, word32 } from "./record.ts";

/** Memory that holds a pair area; offsets are from the start of the area. */
export interface AreaMemory {
  read(offset: number, length: number): Uint8Array;
  read32(offset: number): number;
  write(offset: number, bytes: Uint8Array): void;
  /** The bytes themselves, where the memory can be had so: reads then need no copy. */
  window?(offset: number, length: number): Uint8Array | undefined;
  /** Has to be called after a write to such a window. */
  wrote?(): void;
}

/** Who answers for records that wait for room. */
export interface RecordSender {
  recordsWaiting: number;
}

interface Waiting {
  readonly record: Uint8Array;
  readonly sender: RecordSender | undefined;
}

const none: readonly number[] = [];
/** The language's own, from before programs' copies were counted. */
const { set: copyAll } = Uint8Array.prototype;

/** More waiting records than this means that the peer has stopped for good. */
const backlogMax = 65_536;

export class Rings {
  readonly #memory: AreaMemory;
  readonly #counters = new Uint8Array(counterLine("a").size);
  readonly #backlog: Waiting[] = [];
  readonly #releaseBacklog: number[] = [];
  readonly #peerLine: number;
  readonly #ownLine: number;
  /** The other side's counters, and its slots as they were first read. */
  readonly #peerWindow: Uint8Array | undefined;
  readonly #slotWindows: (Uint8Array | undefined)[] = [];
  readonly #ownWindow: Uint8Array | undefined;
  readonly #ownSlotWindows: (Uint8Array | undefined)[] = [];
  /** Messages taken; the counter follows when they are dealt with, since they stand in the slots until then. */
  #taken = 0;

  readonly side: Side;

  constructor(memory: AreaMemory, side: Side) {
    this.side = side;
    this.#memory = memory;
    this.#ownLine = counterLine(side).offset;
    const peer = counterLine(otherSide(side));
    this.#peerLine = peer.offset;
    this.#peerWindow = memory.window?.(peer.offset, peer.size);
    this.#ownWindow = memory.window?.(this.#ownLine, peer.size);
  }

  /** Own counters, by name. */
  own(name: keyof typeof counter): number {
    return this.#own(counter[name]);
  }

  #own(place: number): number {
    return word32(this.#counters, place);
  }

  /** The other side's counters as they stand in memory. */
  peer(name: keyof typeof counter): number {
    return this.#peer(counter[name]);
  }

  #peer(place: number): number {
    const window = this.#peerWindow;
    return window === undefined ? this.#memory.read32(this.#peerLine + place) : word32(window, place);
  }

  /** True when the other side has put in something that was not taken. */
  get hasNews(): boolean {
    return this.#peer(counter.messageHead) !== this.#taken ||
      this.#peer(counter.releaseHead) !== this.#own(counter.releaseTail);
  }

  /** Throws PeerFault when the other side claims to have put in more than there are slots. */
  check(): void {
    checkCount((this.#peer(counter.messageHead) - this.#taken) >>> 0, messageSlots);
    checkCount((this.#peer(counter.releaseHead) - this.#own(counter.releaseTail)) >>> 0, releaseSlots);
  }

  /** Records that wait for room in the ring. */
  get backlog(): number {
    return this.#backlog.length;
  }

  /** True when something waits for room in a ring. */
  get hasBacklog(): boolean {
    return this.#backlog.length > 0 || this.#releaseBacklog.length > 0;
  }

  /** The bytes of the slot that the next record goes into; undefined when there is none, or it is not to be had. */
  nextSlot(): Uint8Array | undefined {
    return this.#hasRoom ? this.#ownSlot(this.#own(counter.messageHead)) : undefined;
  }

  get #hasRoom(): boolean {
    return this.#backlog.length === 0 && this.#releaseBacklog.length === 0 &&
      ((this.#own(counter.messageHead) - this.#peer(counter.messageTail)) >>> 0) < messageSlots;
  }

  /** Puts a record in, unless it stands in the next slot already, or keeps a copy until there is room. */
  post(record: Uint8Array, sender?: RecordSender): void {
    if (this.#hasRoom) {
      const head = this.#own(counter.messageHead);
      if (record !== this.#ownSlot(head)) this.#writeSlot(head, record);
      this.#set(counter.messageHead, head + 1);
      this.#publish();
      return;
    }
    if (this.#backlog.length >= backlogMax) {
      throw new Error(`More than ${backlogMax} records wait for a kernel that takes none`);
    }
    // Who posts may use its bytes again.
    this.#backlog.push({ record: record.slice(), sender });
    if (sender !== undefined) sender.recordsWaiting++;
    this.flush();
  }

  postRelease(address: number): void {
    this.#releaseBacklog.push(address);
    this.flush();
  }

  /** Nobody takes anything any more: what waits is given up. */
  dropBacklog(): void {
    for (const { sender } of this.#backlog.splice(0)) if (sender !== undefined) sender.recordsWaiting--;
  }

  /** Moves what waits into the rings, as far as there is room. */
  flush(): void {
    const head = this.#own(counter.messageHead);
    const room = Math.max(0, messageSlots - ((head - this.#peer(counter.messageTail)) >>> 0));
    const count = Math.min(room, this.#backlog.length);
    for (let index = 0; index < count; index++) {
      const { record, sender } = this.#backlog[index]!;
      this.#writeSlot(head + index, record);
      if (sender !== undefined) sender.recordsWaiting--;
    }
    if (count > 0) this.#backlog.splice(0, count);
    const releases = this.#flushReleases();
    if (count === 0 && releases === 0) return;
    this.#set(counter.messageHead, head + count);
    this.#publish();
  }

  /** Takes all new records; the slots are free for the other side after `settle`, so copy what is needed longer. */
  take(): Uint8Array[] {
    this.check();
    const tail = this.#taken;
    const count = (this.#peer(counter.messageHead) - tail) >>> 0;
    this.#taken = (tail + count) >>> 0;
    if (count === 1) return [this.#slot(tail)];
    const records: Uint8Array[] = [];
    for (let index = 0; index < count; index++) {
      records.push(this.#slot(tail + index));
    }
    return records;
  }

  #slot(index: number): Uint8Array {
    const at = index % messageSlots;
    this.#slotWindows[at] ??= this.#memory.window?.(messageSlot(otherSide(this.side), at), slotSize);
    return this.#slotWindows[at] ?? this.#memory.read(messageSlot(otherSide(this.side), at), slotSize);
  }

  #ownSlot(index: number): Uint8Array | undefined {
    const at = index % messageSlots;
    return this.#ownSlotWindows[at] ??= this.#memory.window?.(messageSlot(this.side, at), slotSize);
  }

  #writeSlot(index: number, record: Uint8Array): void {
    const window = this.#ownSlot(index);
    if (window === undefined) return this.#memory.write(messageSlot(this.side, index), record);
    copyAll.call(window, record);
    this.#memory.wrote?.();
  }

  /** Addresses of blocks that the other side no longer needs. */
  takeReleases(): readonly number[] {
    const tail = this.#own(counter.releaseTail);
    const count = (this.#peer(counter.releaseHead) - tail) >>> 0;
    if (count === 0) return none;
    const addresses: number[] = [];
    for (let index = 0; index < count; index++) {
      const bytes = this.#memory.read(releaseSlot(otherSide(this.side), tail + index), releaseSize);
      addresses.push(new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0, true));
    }
    this.#set(counter.releaseTail, tail + count);
    return addresses;
  }

  /** Shows the other side how far this one has come. */
  settle(): void {
    this.#set(counter.messageTail, this.#taken);
    this.#publish();
  }

  countCopy(count: number): void {
    this.#set(counter.copiesDone, this.#own(counter.copiesDone) + count);
  }

  #flushReleases(): number {
    if (this.#releaseBacklog.length === 0) return 0;
    const head = this.#own(counter.releaseHead);
    const room = Math.max(0, releaseSlots - ((head - this.#peer(counter.releaseTail)) >>> 0));
    const count = Math.min(room, this.#releaseBacklog.length);
    for (let index = 0; index < count; index++) {
      const bytes = new Uint8Array(releaseSize);
      new DataView(bytes.buffer).setFloat64(0, this.#releaseBacklog[index]!, true);
      this.#memory.write(releaseSlot(this.side, head + index), bytes);
    }
    this.#releaseBacklog.splice(0, count);
    this.#set(counter.releaseHead, head + count);
    return count;
  }

  /** Shows in the window at once; nobody looks there before `#publish` says so. */
  #set(place: number, value: number): void {
    setWord32(this.#counters, place, value);
    if (this.#ownWindow !== undefined) setWord32(this.#ownWindow, place, value);
  }

  #publish(): void {
    if (this.#ownWindow === undefined) this.#memory.write(this.#ownLine, this.#counters);
    else this.#memory.wrote?.();
  }
}

function checkCount(count: number, slots: number): void {
  if (count > slots) throw new PeerFault(`its counter is ${count} ahead in a ring of ${slots} slots`);
}
