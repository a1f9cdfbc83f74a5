/**
 * Messages to records and back: the work of the shadow endpoints (paper, section 3.6).
 *
 * Going out, blocks stay where they are until the receiver has copied them, and
 * endpoints leave this kernel. Coming in, the record says what to copy; the message
 * can be built when the copies are here.
 * - Nothing of a process is touched: blocks and ends were taken from it at the send.
 */

import { type CompiledField, recordSizeOf } from "../contracts/fields.ts";
import type { CompiledContract, CompiledMessage } from "../contracts/monitor.ts";
import type { Block } from "../memory/exchange_heap.ts";
import type { ChannelEnd, Message, MessageValue } from "../channels/channel_end.ts";
import { PeerFault } from "./peer_fault.ts";
import {
  bodySizeMax,
  decodeText,
  encodeText,
  inlineStringMax,
  recordKind,
  RecordReader,
  RecordWriter,
} from "./record.ts";

const inBlock = 0xffff;
/** Bytes that name a block: address, offset, length. */
const blockSize = 16;
/** In the length, which is 16 MiB at most. */
const readOnlyBit = 1 << 31;
/** SHA-256 of a contract. */
const digestSize = 32;

/** A block of the sending kernel, as its record names it. */
export interface RemoteBlock {
  readonly address: number;
  /** The window. */
  readonly offset: number;
  readonly length: number;
  /** It was shared: so is the copy, or a program could tell where its peer is. */
  readonly isReadOnly: boolean;
}

/** What a kernel must know to go on with an end that comes from another one. */
export interface TravellingEnd {
  readonly channel: number;
  readonly end: "client" | "server";
  readonly contract: string;
  readonly digest: string;
  readonly state: number;
  readonly credits: Int32Array;
  readonly sendSequence: number;
  readonly receiveSequence: number;
  /** This journey included. */
  readonly moves: number;
  readonly peerMoves: number;
  /** The kernel that holds the other end, as far as the sender knows. */
  readonly peerKernel: number;
}

/** What the sending kernel does on the way. */
export interface Departure {
  /** Puts a text into a block of its own; may throw, as long as nothing has left. */
  textBlock(text: Uint8Array): Block;
  /** The block must stay until it is released. */
  blockLeaves(block: Block): void;
  /** Gives the end away. */
  endLeaves(end: ChannelEnd): TravellingEnd;
}

export function encodeMessage(
  channel: number,
  receiverEnd: number,
  sequence: number,
  message: Message,
  departure: Departure,
  writer = new RecordWriter(recordKind.message, channel, receiverEnd, sequence),
  slot?: Uint8Array,
): Uint8Array {
  const { fields, index } = message.definition;
  writer.begin(recordKind.message, channel, receiverEnd, sequence, index, slot);
  if (message.definition.isPlain) {
    for (let at = 0; at < fields.length; at++) {
      encodeField(writer, fields[at]!, message.values[at]!, departure);
    }
    return writer.bytes;
  }
  // Texts come first: what they need may not be there, and then nothing has left yet.
  const texts = placeTexts(message, departure);
  fields.forEach((field, index) => {
    const text = texts[index];
    if (text !== undefined) encodeString(writer, text, departure);
    else encodeField(writer, field, message.values[index]!, departure);
  });
  return writer.bytes;
}

/** A text stands in the record if the record has the room to spare, otherwise in a block of its own. */
function placeTexts(message: Message, departure: Departure): (Uint8Array | Block | undefined)[] {
  const { fields } = message.definition;
  let spare = bodySizeMax - fields.reduce((sum, field) => sum + recordSizeOf(field), 0);
  return fields.map((field, index) => {
    if (field.kind !== "string") return undefined;
    const bytes = encodeText(message.values[index] as string);
    const needed = Math.max(0, bytes.length - blockSize);
    if (bytes.length > inlineStringMax || needed > spare) return departure.textBlock(bytes);
    spare -= needed;
    return bytes;
  });
}

function encodeField(
  writer: RecordWriter,
  field: CompiledField,
  value: MessageValue,
  departure: Departure,
): void {
  switch (field.kind) {
    case "bool":
      return writer.u8(value === true ? 1 : 0);
    case "u8":
      return writer.u8(value as number);
    case "u16":
      return writer.u16(value as number);
    case "u32":
    case "i32":
      return writer.u32((value as number) >>> 0);
    case "u64":
    case "f64":
      return writer.f64(value as number);
    case "enum":
      return writer.u8(field.words.indexOf(value as string));
    case "bytes":
      departure.blockLeaves(value as Block);
      return encodeBlock(writer, value as Block);
    case "endpoint":
      return encodeEnd(writer, departure.endLeaves(value as ChannelEnd));
  }
}

function encodeString(writer: RecordWriter, text: Uint8Array | Block, departure: Departure): void {
  if (text instanceof Uint8Array) {
    writer.u16(text.length);
    writer.raw(text);
    return;
  }
  departure.blockLeaves(text);
  writer.u16(inBlock);
  encodeBlock(writer, text);
}

function encodeBlock(writer: RecordWriter, block: Block): void {
  writer.carries("block");
  writer.f64(block.address);
  writer.u32(block.offset);
  writer.u32((block.length | (block.isReadOnly ? readOnlyBit : 0)) >>> 0);
}

function encodeEnd(writer: RecordWriter, end: TravellingEnd): void {
  writer.carries("end");
  writer.u32(end.channel);
  writer.u8(end.end === "client" ? 0 : 1);
  writer.u8(end.peerKernel);
  writer.u16(end.state);
  writer.u32(end.sendSequence);
  writer.u32(end.receiveSequence);
  writer.u32(end.moves);
  writer.u32(end.peerMoves);
  writer.u8(end.credits.length);
  for (const credit of end.credits) writer.u32(credit >>> 0);
  writer.raw(Uint8Array.fromHex(end.digest));
  writer.text(end.contract);
}

/** A field as the record gives it: blocks and ends still to be brought here. */
export type RawValue =
  | { readonly kind: "value"; readonly value: number | boolean | string }
  | { readonly kind: "text"; readonly block: RemoteBlock }
  | { readonly kind: "block"; readonly block: RemoteBlock }
  /** `contract` is what the field says of it. */
  | { readonly kind: "end"; readonly end: TravellingEnd; readonly contract: CompiledContract | undefined };

/** The blocks and ends of a record whose contract is not known here. */
export function decodeCarried(reader: RecordReader): RawValue[] {
  const carried: RawValue[] = [];
  reader.forEachCarried((kind) =>
    carried.push(
      kind === "end"
        ? { kind, end: decodeEnd(reader), contract: undefined }
        : { kind, block: decodeBlock(reader) },
    )
  );
  return carried;
}

export function decodeFields(reader: RecordReader, definition: CompiledMessage): RawValue[] {
  return definition.fields.map((field) => decodeField(reader, field));
}

/** The values of a message that is plain. */
export function decodePlain(reader: RecordReader, { fields }: CompiledMessage): MessageValue[] {
  // Array literals, because the host lets an array grow ten times as slowly; their elements are read in order.
  switch (fields.length) {
    case 0:
      return [];
    case 1:
      return [decodeScalar(reader, fields[0]!)];
    case 2:
      return [decodeScalar(reader, fields[0]!), decodeScalar(reader, fields[1]!)];
    default:
      return fields.map((field) => decodeScalar(reader, field));
  }
}

function decodeField(reader: RecordReader, field: CompiledField): RawValue {
  switch (field.kind) {
    case "string":
      return decodeString(reader);
    case "bytes":
      return { kind: "block", block: decodeBlock(reader) };
    case "endpoint":
      return { kind: "end", end: decodeEnd(reader), contract: field.contract };
    default:
      return { kind: "value", value: decodeScalar(reader, field) };
  }
}

function decodeScalar(reader: RecordReader, field: CompiledField): number | boolean | string {
  switch (field.kind) {
    case "bool":
      return reader.u8() === 1;
    case "u8":
      return reader.u8();
    case "u16":
      return reader.u16();
    case "u32":
      return reader.u32();
    case "i32":
      return reader.u32() | 0;
    case "u64":
    case "f64":
      return reader.f64();
    case "enum":
      return decodeWord(reader.u8(), field.words);
    default:
      throw new Error(`A field of kind ${field.kind} does not stand in the record itself`);
  }
}

function decodeWord(index: number, words: readonly string[]): string {
  const word = words[index];
  if (word === undefined) throw new PeerFault(`a field holds word ${index} of ${words.length}`);
  return word;
}

function decodeString(reader: RecordReader): RawValue {
  const length = reader.u16();
  if (length === inBlock) return { kind: "text", block: decodeBlock(reader) };
  return { kind: "value", value: decodeText(reader.raw(length)) };
}

function decodeBlock(reader: RecordReader): RemoteBlock {
  const [address, offset, length] = [reader.f64(), reader.u32(), reader.u32()];
  return { address, offset, length: length & ~readOnlyBit, isReadOnly: (length & readOnlyBit) !== 0 };
}

function decodeEnd(reader: RecordReader): TravellingEnd {
  const channel = reader.u32();
  const end = reader.u8() === 0 ? "client" : "server";
  const peerKernel = reader.u8();
  const state = reader.u16();
  const sendSequence = reader.u32();
  const receiveSequence = reader.u32();
  const moves = reader.u32();
  const peerMoves = reader.u32();
  const credits = Int32Array.from({ length: reader.u8() }, () => reader.u32());
  const digest = reader.raw(digestSize).toHex();
  const contract = reader.text();
  return {
    channel,
    end,
    peerKernel,
    state,
    credits,
    sendSequence,
    receiveSequence,
    moves,
    peerMoves,
    digest,
    contract,
  };
}
