/**
 * Text for programs: UTF-8, lines out to a pipe, lines in from a pipe.
 *
 * Guests have no TextEncoder, and a pipe carries bytes, so each program that
 * talks to a person needs the same few functions.
 * - `writeText` waits until the reader took the text; false says nobody reads any more.
 * - A `LineReader` holds the only view of its pipe: give each pipe one reader, and
 *   do not receive on the endpoint beside it.
 * - Malformed UTF-8 becomes U+FFFD, one for each offending byte; so does half a surrogate pair.
 */

import type { pipeContract } from "../contracts/pipe.ts";
import type { Block, Call, Endpoint, Kernel } from "./kernel.ts";

/** A line longer than this is handed out in pieces, so that a reader's memory is bounded. */
export const lineBytesMax = 65536;

const replacement = 0xfffd;

/** UTF-8 of `text` (RFC 3629). */
export function encodeText(text: string): Uint8Array {
  // A UTF-16 unit makes at most three bytes; a pair makes four out of two units.
  const bytes = new Uint8Array(text.length * 3);
  let size = 0;
  for (let index = 0; index < text.length; index++) {
    let code = text.charCodeAt(index);
    if (code >= 0xd800 && code <= 0xdfff) {
      const low = index + 1 < text.length ? text.charCodeAt(index + 1) : 0;
      if (code <= 0xdbff && low >= 0xdc00 && low <= 0xdfff) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        index++;
      } else {
        code = replacement;
      }
    }
    if (code < 0x80) {
      bytes[size++] = code;
    } else if (code < 0x800) {
      bytes[size++] = 0xc0 | code >> 6;
      bytes[size++] = 0x80 | code & 0x3f;
    } else if (code < 0x10000) {
      bytes[size++] = 0xe0 | code >> 12;
      bytes[size++] = 0x80 | code >> 6 & 0x3f;
      bytes[size++] = 0x80 | code & 0x3f;
    } else {
      bytes[size++] = 0xf0 | code >> 18;
      bytes[size++] = 0x80 | code >> 12 & 0x3f;
      bytes[size++] = 0x80 | code >> 6 & 0x3f;
      bytes[size++] = 0x80 | code & 0x3f;
    }
  }
  return bytes.slice(0, size);
}

/** The text that `bytes` spell in UTF-8. */
export function decodeText(bytes: Uint8Array): string {
  let text = "";
  for (let index = 0; index < bytes.length;) {
    const first = bytes[index]!;
    if (first < 0x80) {
      text += String.fromCharCode(first);
      index++;
      continue;
    }
    const length = sequenceLength(bytes, index);
    if (length === 0) {
      text += String.fromCharCode(replacement);
      index++;
      continue;
    }
    // The lead byte of n bytes holds 7 - n bits of the code.
    let code = first & (0x7f >> length);
    for (let offset = 1; offset < length; offset++) code = code << 6 | bytes[index + offset]! & 0x3f;
    text += String.fromCodePoint(code);
    index += length;
  }
  return text;
}

/** Bytes of the well-formed sequence at `index` that starts with a byte above 7Fh; 0 when there is none (RFC 3629, section 4). */
function sequenceLength(bytes: Uint8Array, index: number): number {
  const first = bytes[index]!;
  const length = first >= 0xc2 && first <= 0xdf
    ? 2
    : first >= 0xe0 && first <= 0xef
    ? 3
    : first >= 0xf0 && first <= 0xf4
    ? 4
    : 0;
  if (length === 0 || index + length > bytes.length) return 0;
  // The second byte's range shuts out overlong forms, surrogates, and codes above 10FFFFh.
  const second = bytes[index + 1]!;
  const lowest = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const highest = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < lowest || second > highest) return 0;
  for (let offset = 2; offset < length; offset++) {
    if ((bytes[index + offset]! & 0xc0) !== 0x80) return 0;
  }
  return length;
}

/** Sends bytes down a pipe and waits until they are taken; false when the reader is gone. */
export function* writeBytes(
  kernel: Kernel,
  output: Endpoint<typeof pipeContract, "client">,
  bytes: Uint8Array,
): Call<boolean> {
  if (bytes.length === 0) return true;
  const block = yield* kernel.allocate(bytes.length);
  block.bytes.set(bytes);
  yield* output.send("write", { data: block });
  return (yield* output.receiveOrClosed()) !== undefined;
}

/** A block whose window is the UTF-8 of `text`, such as a table of JSON rows. */
export function* textBlock(kernel: Kernel, text: string): Call<Block> {
  const bytes = encodeText(text);
  const block = yield* kernel.allocate(Math.max(1, bytes.length));
  block.bytes.set(bytes);
  block.window(0, bytes.length);
  return block;
}

/** The text in a received block, which is freed. */
export function* takeText(kernel: Kernel, block: Block): Call<string> {
  const text = decodeText(block.bytes);
  yield* kernel.free(block);
  return text;
}

/** Writes text to a pipe, such as `kernel.stdout`; false when the reader is gone. */
export function* writeText(
  kernel: Kernel,
  output: Endpoint<typeof pipeContract, "client">,
  text: string,
): Call<boolean> {
  return yield* writeBytes(kernel, output, encodeText(text));
}

/** Lines from a pipe, such as `kernel.stdin`. */
export class LineReader {
  readonly #kernel: Kernel;
  readonly #input: Endpoint<typeof pipeContract, "server">;
  #pending: Uint8Array = new Uint8Array(0);
  #ended = false;
  /** True while the rest of a line that was too long is still to be dropped. */
  #dropping = false;

  constructor(kernel: Kernel, input: Endpoint<typeof pipeContract, "server">) {
    this.#kernel = kernel;
    this.#input = input;
  }

  /** The next line without its line feed (and a carriage return before it); undefined at the end of input. */
  *next(): Call<string | undefined> {
    let searched = 0;
    for (;;) {
      const feed = this.#pending.indexOf(0x0a, searched);
      if (this.#dropping) {
        if (feed >= 0) this.#dropping = false;
        this.#pending = feed >= 0 ? this.#pending.slice(feed + 1) : new Uint8Array(0);
        if (feed < 0 && this.#ended) return undefined;
        if (feed < 0) yield* this.#fill();
        continue;
      }
      if (feed >= 0) return this.#take(feed, feed + 1);
      searched = this.#pending.length;
      if (searched >= lineBytesMax) {
        // What follows up to the line feed belongs to this line, and must not pass for one of its own.
        this.#dropping = true;
        return this.#take(searched, searched);
      }
      if (this.#ended) return searched > 0 ? this.#take(searched, searched) : undefined;
      yield* this.#fill();
    }
  }

  *#fill(): Call<void> {
    const message = yield* this.#input.receiveOrClosed();
    if (message === undefined) {
      this.#ended = true;
      return;
    }
    const joined = new Uint8Array(this.#pending.length + message.data.length);
    joined.set(this.#pending);
    joined.set(message.data.bytes, this.#pending.length);
    this.#pending = joined;
    yield* this.#kernel.free(message.data);
    yield* this.#input.send("written");
  }

  #take(end: number, rest: number): string {
    const line = this.#pending.subarray(0, end);
    const text = decodeText(
      end > 0 && rest > end && line[end - 1] === 0x0d ? line.subarray(0, end - 1) : line,
    );
    this.#pending = this.#pending.slice(rest);
    return text;
  }
}
