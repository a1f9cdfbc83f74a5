/**
 * The text of a message, out of what follows DATA: dots unstuffed, faults noticed.
 *
 * Only CR LF "." CR LF ends a message (RFC 5321, section 4.1.1.4), and a CR or LF that stands
 * alone makes the whole message unacceptable: servers that read line ends differently
 * can then not be played against each other (SMTP smuggling).
 * - Bytes come in pieces of any size; what comes out does not depend on the pieces.
 * - After the first fault nothing comes out any more, but the end is still found.
 */

/** Why a message cannot be taken. */
export type DataFault = "lineTooLong" | "bareLineEnd" | "tooLarge";

/** RFC 5321, section 4.5.3.1.6: with CR LF, without a stuffed dot. */
const lineMax = 1000;
const carriageReturn = 0x0d;
const lineFeed = 0x0a;
const dot = 0x2e;

/** What the last byte was. */
const at = { lineStart: 0, stuffedDot: 1, dotAndReturn: 2, inLine: 3, afterReturn: 4 } as const;

export class MessageData {
  readonly #sizeMax: number;
  /** Room for a piece and what the one before left open. */
  readonly #out: Uint8Array;
  #state: number = at.lineStart;
  #lineLength = 0;
  #size = 0;
  #written = 0;
  fault: DataFault | undefined;
  hasEnded = false;
  /** How many bytes the last `read` took. */
  consumed = 0;

  /** `pieceMax`: the longest piece that `read` will get. */
  constructor(sizeMax: number, pieceMax: number) {
    this.#sizeMax = sizeMax;
    this.#out = new Uint8Array(pieceMax + 2);
  }

  /** Readies for the next message. */
  start(): void {
    this.#state = at.lineStart;
    this.#lineLength = 0;
    this.#size = 0;
    this.fault = undefined;
    this.hasEnded = false;
  }

  /** Takes bytes up to the end of the message; the text in them, valid until the next call. */
  read(bytes: Uint8Array): Uint8Array {
    this.#written = 0;
    let index = 0;
    while (index < bytes.length && !this.hasEnded) this.#take(bytes[index++]!);
    this.consumed = index;
    return this.#out.subarray(0, this.#written);
  }

  #take(byte: number): void {
    switch (this.#state) {
      case at.lineStart:
        if (byte === dot) this.#state = at.stuffedDot;
        else this.#takeInLine(byte);
        return;
      case at.stuffedDot:
        if (byte === carriageReturn) this.#state = at.dotAndReturn;
        else this.#takeInLine(byte);
        return;
      case at.dotAndReturn:
        if (byte === lineFeed) {
          this.hasEnded = true;
          return;
        }
        this.#put(carriageReturn);
        this.#takeAfterReturn(byte);
        return;
      case at.inLine:
        return this.#takeInLine(byte);
      default:
        return this.#takeAfterReturn(byte);
    }
  }

  #takeInLine(byte: number): void {
    if (byte === lineFeed) this.fault ??= "bareLineEnd";
    this.#put(byte);
    this.#state = byte === carriageReturn ? at.afterReturn : at.inLine;
  }

  #takeAfterReturn(byte: number): void {
    if (byte !== lineFeed) {
      this.fault ??= "bareLineEnd";
      return this.#takeInLine(byte);
    }
    this.#put(byte);
    this.#lineLength = 0;
    this.#state = at.lineStart;
  }

  #put(byte: number): void {
    if (++this.#lineLength > lineMax) this.fault ??= "lineTooLong";
    if (++this.#size > this.#sizeMax) this.fault ??= "tooLarge";
    if (this.fault === undefined) this.#out[this.#written++] = byte;
  }
}
