/**
 * Another kernel, as this one deals with it: shadow endpoints over one transport.
 *
 * A message for an end over there is encoded where it is sent and put on its way; a
 * service thread takes what comes, has the blocks copied here, and hands each message
 * to its end (paper, section 3.6). Many channels share one pair.
 * - A block that was sent stays until the receiver has copied it and released it.
 * - A peer that breaks the rules is cut off: its channels close, its blocks are taken as they come back.
 * - Records are dealt with in order; messages of one channel are numbered besides,
 *   because an end that moves makes them come by two ways.
 */

import type { Call } from "../abi/kernel.ts";
import type { Message, MessageValue } from "../channels/channel_end.ts";
import type { End } from "../contracts/contract.ts";
import type { CompiledMessage } from "../contracts/monitor.ts";
import { BusFault } from "../hal/hardware.ts";
import { TransferFault } from "../hal/transfer_engine.ts";
import type { Kernel } from "../kernel.ts";
import type { Block } from "../memory/exchange_heap.ts";
import { departureFrom, nothingLeaves } from "./departure.ts";
import { type Introduction, readIntroduction, writeIntroduction } from "./introduction.ts";
import { Loans } from "./loans.ts";
import type { Probe } from "./lost_kernels.ts";
import {
  decodeCarried,
  decodeFields,
  decodePlain,
  encodeMessage,
  type RawValue,
  type RemoteBlock,
} from "./marshal.ts";
import { PeerFault } from "./peer_fault.ts";
import { decodeText, recordKind, RecordReader, RecordWriter } from "./record.ts";
import type { RecordSender } from "./rings.ts";
import { work } from "../scheduling/kernel_event.ts";
import type { Copy, Transport } from "./transport.ts";

const endCode = { client: 0, server: 1 } as const;
const earlyMax = 4096;
/** Heap that stays for the kernel's own needs when processes elsewhere send more than is received here. */
const heapReserve = 4 << 20;
/** Records that may wait for a peer; a process that has its share of them and goes on breaks its contract's bound. */
const backlogMax = 16_384;
/** So many may be of a process that does no wrong: all that a kernel has are no more than the rings' backlog takes. */
const shareMax = 48;
const endOfCode = ["client", "server"] as const;
/** The first kernel that boots. */
const coordinatorIndex = 0;

export class RemotePeer {
  readonly #loans: Loans;
  /** Blocks whose bytes are on their way here from the peer. */
  readonly #arriving = new Set<Block>();
  /** Records for ends that are still on their way here from a third kernel. */
  #early: Uint8Array[] = [];
  readonly #retries: Uint8Array[] = [];
  /** Taken from the ring and not dealt with yet. */
  readonly #due: Uint8Array[] = [];
  /** For messages; the transport copies. */
  readonly #writer = new RecordWriter(recordKind.message, 0, 0, 0);
  /** The peer's CPU use, 0 to 1, as it last told. */
  load = 0;
  /** The peer has told its CPU use. */
  onLoad: (() => void) | undefined;
  sentMessages = 0;
  receivedMessages = 0;
  copiedBytes = 0;
  #isCutOff = false;
  #isGone = false;

  readonly kernel: Kernel;
  /** Index of the other kernel. */
  readonly index: number;
  readonly transport: Transport;

  constructor(kernel: Kernel, index: number, transport: Transport) {
    this.kernel = kernel;
    this.index = index;
    this.transport = transport;
    this.#loans = new Loans(kernel.heap);
  }

  /** True when nothing is taken from the peer, nor sent to it, any more. */
  get isCutOff(): boolean {
    return this.#isCutOff;
  }

  /** Blocks that are lent out: the peer copies them, then releases them. */
  get lent(): readonly Block[] {
    return this.#loans.blocks;
  }

  /** Blocks that belong to no message yet. */
  get arriving(): ReadonlySet<Block> {
    return this.#arriving;
  }

  /** True when so many records wait for the peer that a process which has more than a few among them may send no more. */
  isStalledFor(sender: RecordSender | undefined): boolean {
    return this.transport.backlog >= backlogMax && sender !== undefined && sender.recordsWaiting >= shareMax;
  }

  /** Sends a message to the end `end` of a channel, over there; throws CallError without memory, and took nothing. */
  sendMessage(
    channel: number,
    end: "client" | "server",
    sequence: number,
    message: Message,
    line = this.lineOf(channel, message),
    sender?: RecordSender,
  ): void {
    const { kernel } = this;
    if (message.definition.isPlain) {
      const code = endCode[end];
      // Written where the peer reads it; what only this process and numbers are in takes nothing away.
      const slot = this.transport.slot?.();
      const record = encodeMessage(channel, code, sequence, message, nothingLeaves, this.#writer, slot);
      return this.#postMessage(record, line, sender);
    }
    const afterwards: (() => void)[] = [];
    const departure = departureFrom(kernel, this.index, this.#loans, afterwards);
    const record = encodeMessage(channel, endCode[end], sequence, message, departure, this.#writer);
    this.#postMessage(record, line, sender);
    for (const follow of afterwards) follow();
  }

  #postMessage(record: Uint8Array, line: string, sender: RecordSender | undefined): void {
    const { kernel } = this;
    this.sentMessages++;
    kernel.charge(kernel.costs.remoteEnqueue);
    kernel.note(line);
    this.transport.post(record, sender);
  }

  /** What the log says of a message that leaves. */
  lineOf(channel: number, { definition }: Message): string {
    return `remote message ${definition.tag} on channel ${channel} to kernel ${this.index}`;
  }

  sendClose(channel: number, end: "client" | "server", sequence: number): void {
    this.#post(new RecordWriter(recordKind.close, channel, endCode[end], sequence).bytes);
  }

  /** Tells the peer that the other end of a channel now lives on kernel `location`, after `moves` moves. */
  sendMoved(channel: number, end: "client" | "server", location: number, moves: number): void {
    const writer = new RecordWriter(recordKind.moved, channel, endCode[end], location);
    writer.u32(moves);
    this.#post(writer.bytes);
  }

  /** Tells the peer that an end which may have been there is gone. */
  sendSettled(channel: number, end: "client" | "server"): void {
    this.#post(new RecordWriter(recordKind.settled, channel, endCode[end], 0).bytes);
  }

  /** Asks the peer for its CPU use; `onLoad` is called when it has answered. */
  askLoad(): void {
    this.#post(new RecordWriter(recordKind.askLoad, 0, 0, 0).bytes);
  }

  #tellLoad(): void {
    const thousandths = Math.round(this.kernel.cpuUse * 1000);
    this.#post(new RecordWriter(recordKind.load, 0, 0, thousandths).bytes);
  }

  /** Introduces a card to the peer, or to a card a kernel of the host. */
  sendMeet(introduction: Introduction): void {
    const writer = new RecordWriter(recordKind.meet, 0, 0, 0);
    writeIntroduction(writer, introduction);
    this.#post(writer.bytes);
  }

  /** The service thread: deals with what comes, until the peer is gone, or is cut off and goes on breaking rules. */
  *serve(): Call<void> {
    while (!this.#isGone) {
      try {
        yield* this.#rounds();
      } catch (fault) {
        const isPeers = fault instanceof PeerFault || fault instanceof TransferFault ||
          fault instanceof BusFault;
        if (!isPeers) throw fault;
        if (this.#isCutOff) return;
        this.cutOff(fault.message);
      }
    }
  }

  /** Without the library's methods and a generator for each record, where one record comes at a time. */
  *#rounds(): Call<void> {
    const { transport } = this;
    while (!this.#isGone) {
      const records = transport.take();
      if (records === undefined) {
        yield* transport.wait();
        continue;
      }
      yield* work(records.length * this.kernel.costs.remoteDequeue);
      if (this.#isGone) return;
      const releases = transport.takeReleases();
      for (let index = 0; index < releases.length; index++) this.#released(releases[index]!);
      if (records.length === 1 && this.#due.length === 0 && this.#retries.length === 0) {
        const more = this.#handle(records[0]!);
        if (more !== undefined) yield* more;
      } else {
        this.#due.push(...this.#retries.splice(0), ...records);
        for (let record = this.#due.shift(); record !== undefined; record = this.#due.shift()) {
          const more = this.#handle(record);
          if (more !== undefined) yield* more;
        }
      }
      transport.settle();
    }
  }

  /**
   * The peer has broken the rules: all channels with it end, as if it had closed them, and it is told so. Blocks
   * that it was lent stay until it releases them or says the same, since it may still be copying.
   */
  cutOff(reason: string): void {
    if (this.#isCutOff) return;
    this.transport.post(new RecordWriter(recordKind.farewell, 0, 0, 0).bytes);
    const line = `${this.kernel.name} cuts ${this.kernel.nameOf(this.index)} off: ${reason}`;
    this.kernel.note(line);
    this.kernel.say(line);
    this.#endChannels();
  }

  /** The peer is dead: besides its channels its loans end, and the service thread. */
  abandon(): void {
    this.#isGone = true;
    this.#due.length = 0;
    this.#loans.takeBack();
    this.transport.close();
    this.#endChannels();
  }

  /** The peer takes nothing any more, so it copies nothing either. */
  #takeLeave(): void {
    this.#loans.takeBack();
    this.cutOff(`it has cut ${this.kernel.name} off`);
  }

  #endChannels(): void {
    this.#isCutOff = true;
    this.#early.length = 0;
    this.kernel.lost.add(this);
  }

  /** Tells the peer that a kernel is gone. */
  sendGone(index: number): void {
    this.#post(new RecordWriter(recordKind.gone, 0, 0, index).bytes);
  }

  sendProbe({ channel, end, sent }: Probe): void {
    this.#post(new RecordWriter(recordKind.probe, channel, endCode[end], sent).bytes);
  }

  /** Tells the peer that what came or went between an end over there and its other end is lost. */
  sendBroken(channel: number, end: End): void {
    this.#post(new RecordWriter(recordKind.broken, channel, endCode[end], 0).bytes);
  }

  /** Visits what waits for ends that have not come. */
  forEachEarly(visit: (record: RecordReader, end: End) => void): void {
    for (const bytes of this.#early) {
      const record = new RecordReader(bytes);
      visit(record, endOfCode[record.end]!);
    }
  }

  /** Gives back what came for an end that never will. */
  dropEarly(channel: number, end: End): void {
    const dropped: RecordReader[] = [];
    this.#early = this.#early.filter((record) => {
      const reader = new RecordReader(record);
      if (reader.channel !== channel || endOfCode[reader.end] !== end) return true;
      dropped.push(reader);
      return false;
    });
    for (const reader of dropped) this.#drop(decodeCarried(reader));
  }

  /** Who comes and who is gone is for the coordinator to say: another kernel could bury one that lives. */
  #mustBeCoordinator(claim: string): void {
    if (this.index !== coordinatorIndex) throw new PeerFault(`it ${claim}, and is not the coordinator`);
  }

  #broken({ channel }: RecordReader, end: End): void {
    const { channels } = this.kernel;
    const to = channels.movedTo(channel, end);
    if (to !== undefined) this.kernel.findPeer(to)?.sendBroken(channel, end);
    else if (!channels.isLocal(channel, end)) channels.lose(channel, end);
  }

  #post(record: Uint8Array): void {
    if (this.transport.backlog >= 2 * backlogMax) {
      this.cutOff(`it has taken nothing while ${this.transport.backlog} records wait`);
    }
    if (!this.#isCutOff) this.transport.post(record);
  }

  #released(address: number): void {
    if (this.#loans.release(address) || this.#isCutOff) return;
    throw new PeerFault(`it released 0x${address.toString(16)}, which it did not hold`);
  }

  /** An end has arrived: what came for it before, by a shorter way, can be dealt with now. */
  retryEarly(channel: number, end: "client" | "server"): void {
    const isFor = (record: Uint8Array) => {
      const reader = new RecordReader(record);
      return reader.channel === channel && endOfCode[reader.end] === end;
    };
    const due = this.#early.filter(isFor);
    if (due.length === 0) return;
    this.#early = this.#early.filter((record) => !isFor(record));
    this.#retries.push(...due);
    this.transport.poke();
  }

  /** Deals with a record, at once or by the call that it gives. */
  #handle(bytes: Uint8Array): Call<void> | void {
    const record = new RecordReader(bytes);
    const end = endOfCode[record.end]!;
    const { channels } = this.kernel;
    // It may wait for its copies, and says farewell; all else of a peer that is cut off is dropped.
    if (this.#isCutOff && record.kind !== recordKind.copy && record.kind !== recordKind.farewell) return;
    const isForEnd = record.kind <= recordKind.close;
    if (isForEnd && !channels.knows(record.channel, end)) {
      if (this.#early.length >= earlyMax) {
        throw new PeerFault("it sends to ends that never come");
      }
      // The slot is the peer's again after this round.
      this.#early.push(bytes.slice());
      return this.kernel.lost.awaited(record, end);
    }
    switch (record.kind) {
      case recordKind.message:
        return this.#handleMessage(record, end);
      case recordKind.close:
        return channels.arrived(record.channel, end, record.sequence, "closed");
      case recordKind.moved:
        return channels.peerMoved(record.channel, end, record.sequence, record.u32());
      case recordKind.settled:
        return channels.settled(record.channel, end);
      case recordKind.copy:
        return this.transport.push(readPieces(record));
      case recordKind.askLoad:
        return this.#tellLoad();
      case recordKind.load:
        this.load = record.sequence / 1000;
        return this.onLoad?.();
      case recordKind.meet:
        this.#mustBeCoordinator("introduces a kernel");
        return this.kernel.onMeet?.(readIntroduction(record));
      case recordKind.farewell:
        return this.#takeLeave();
      case recordKind.gone:
        this.#mustBeCoordinator(`says that ${this.kernel.nameOf(record.sequence)} is gone`);
        return this.kernel.disconnect(record.sequence);
      case recordKind.probe:
        return this.kernel.lost.probed({ channel: record.channel, end, sent: record.sequence });
      case recordKind.broken:
        return this.#broken(record, end);
      default:
        throw new PeerFault(`it sent a record of kind ${record.kind}`);
    }
  }

  #handleMessage(record: RecordReader, end: "client" | "server"): Call<void> | void {
    const { channels } = this.kernel;
    const contract = channels.contractOf(record.channel, end);
    const definition = contract?.messages[record.message];
    if (definition === undefined) {
      // The process that brought the contract died while its end was on its way.
      this.#drop(decodeCarried(record));
      return channels.lost(record.channel, end, record.sequence);
    }
    this.receivedMessages++;
    if (definition.isPlain) {
      return this.#arrived(record, end, { definition, values: decodePlain(record, definition) });
    }
    return this.#bringMessage(record, end, definition);
  }

  *#bringMessage(
    record: RecordReader,
    end: "client" | "server",
    definition: CompiledMessage,
  ): Call<void> {
    const { channels } = this.kernel;
    const raw = decodeFields(record, definition);
    const carriesBlocks = raw.some((value) => "block" in value);
    const blocks = carriesBlocks ? this.#allocateFor(raw) : [];
    if (blocks === undefined) {
      this.#drop(raw);
      return channels.lost(record.channel, end, record.sequence);
    }
    if (carriesBlocks && !(yield* this.#bring(raw, blocks))) return;
    const values = raw.map((value, index): MessageValue => this.#settleValue(value, blocks[index]));
    this.#arrived(record, end, { definition, values });
  }

  #arrived({ channel, sequence }: RecordReader, end: "client" | "server", message: Message): void {
    this.kernel.note(
      `remote message ${message.definition.tag} on channel ${channel} from kernel ${this.index}`,
    );
    this.kernel.channels.arrived(channel, end, sequence, { message });
  }

  /** Blocks for all that a message names, or undefined when this kernel has no room for them. */
  #allocateFor(raw: readonly RawValue[]): (Block | undefined)[] | undefined {
    const { heap } = this.kernel;
    const sizes = raw.map((value) => "block" in value ? value.block.length : undefined);
    const bytes = sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0);
    if (heap.liveBytes + bytes > heap.size - heapReserve) return undefined;
    const blocks = sizes.map((size) =>
      size === undefined ? undefined : this.kernel.allocateKernelBlock(size)
    );
    if (blocks.every((block, index) => block !== undefined || sizes[index] === undefined)) {
      for (const block of blocks) if (block !== undefined) this.#arriving.add(block);
      return blocks;
    }
    // The heap has the bytes, but not in one piece.
    for (const block of blocks) if (block !== undefined) heap.free(block);
    return undefined;
  }

  /** Gives back what a message carries without taking it. */
  #drop(raw: readonly RawValue[]): void {
    for (const value of raw) {
      if ("block" in value) this.transport.postRelease(value.block.address);
      if (value.kind === "end") {
        this.kernel.channels.close(this.kernel.channels.adopt(value.end, value.contract));
      }
    }
  }

  /** Copies what a message names into blocks of this kernel's heap; false when the peer was lost meanwhile. */
  *#bring(raw: readonly RawValue[], blocks: readonly (Block | undefined)[]): Call<boolean> {
    const copies = raw.flatMap((value, index) =>
      "block" in value ? [copyOf(value.block, blocks[index]!)] : []
    );
    let isHere = false;
    try {
      yield* this.transport.pull(copies);
      isHere = !this.#isCutOff;
    } finally {
      // The copy has stopped, so nobody writes there any more.
      for (const block of blocks) {
        if (block === undefined) continue;
        this.#arriving.delete(block);
        if (!isHere) this.kernel.heap.free(block);
      }
    }
    if (isHere) { for (const copy of copies) this.copiedBytes += copy.length; }
    return isHere;
  }

  #settleValue(raw: RawValue, block: Block | undefined): MessageValue {
    switch (raw.kind) {
      case "value":
        return raw.value;
      case "block":
        this.kernel.heap.setOwner(block!, this.kernel.self.underWay);
        if (raw.block.isReadOnly) block!.makeReadOnly();
        return block!;
      case "text": {
        const text = decodeText(block!.bytes);
        this.kernel.heap.free(block!);
        return text;
      }
      case "end":
        return this.kernel.channels.adopt(raw.end, raw.contract);
    }
  }
}

/** The window of a remote block, to the start of a local one. */
function copyOf(remote: RemoteBlock, to: Block): Copy {
  // An empty window may stand at the block's end, where another block begins that is not lent.
  const offset = remote.length === 0 ? 0 : remote.offset;
  return { release: remote.address, from: remote.address + offset, length: remote.length, to };
}

function readPieces(record: RecordReader): { from: number; to: number; length: number }[] {
  return Array.from({ length: record.message }, () => ({
    from: record.f64(),
    to: record.f64(),
    length: record.u32(),
  }));
}
