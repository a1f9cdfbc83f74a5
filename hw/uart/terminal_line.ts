/**
 * What a person typed and the UART has not received yet.
 *
 * - Bytes wait here as long as the receiver has no room, so typing ahead loses nothing
 *   up to 1 MiB; what does not fit is dropped and counted.
 */

const capacity = 2 ** 20;

export class TerminalLine {
  #chunks: Uint8Array[] = [];
  #first = 0;
  #waiting = 0;
  #dropped = 0;

  /** Bytes that wait. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Bytes that were typed and did not fit. */
  get dropped(): number {
    return this.#dropped;
  }

  add(bytes: Uint8Array): void {
    const taken = bytes.slice(0, capacity - this.#waiting);
    this.#dropped += bytes.length - taken.length;
    if (taken.length === 0) return;
    this.#chunks.push(taken);
    this.#waiting += taken.length;
  }

  /** The next byte; there must be one. */
  take(): number {
    const chunk = this.#chunks[0]!;
    const byte = chunk[this.#first++]!;
    if (this.#first === chunk.length) {
      this.#chunks.shift();
      this.#first = 0;
    }
    this.#waiting--;
    return byte;
  }
}
