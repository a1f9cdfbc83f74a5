/**
 * The ATA task file: the byte-wide registers through which a command gets its arguments.
 *
 * For 48-bit commands each of count and address registers is a two-deep queue: the byte written
 * before the last one is the high-order one (hardware-reference.md 4.4).
 * - Reading gives the low-order bytes, or the high-order ones while the HOB bit is set.
 * - The drive answers in the same registers: `answerAddress`, `answerSignature`.
 */

/** A register that remembers the byte it held before. */
class QueuedByte {
  current = 0;
  previous = 0;

  push(value: number): void {
    this.previous = this.current;
    this.current = value & 0xff;
  }

  set(current: number, previous: number): void {
    this.current = current;
    this.previous = previous;
  }
}

const narrowCountMax = 256;
const wideCountMax = 65536;

export class TaskFile {
  readonly count = new QueuedByte();
  readonly low = new QueuedByte();
  readonly mid = new QueuedByte();
  readonly high = new QueuedByte();
  features = 0;
  device = 0;
  error = 0;

  /** First sector of a command: 28 or 48 bits. */
  address(wide: boolean): number {
    const lowBits = this.high.current << 16 | this.mid.current << 8 | this.low.current;
    if (!wide) return (this.device & 0x0f) * 2 ** 24 + lowBits;
    return (this.high.previous << 16 | this.mid.previous << 8 | this.low.previous) * 2 ** 24 + lowBits;
  }

  /** Sectors of a command; zero stands for the largest count. */
  sectorCount(wide: boolean): number {
    if (!wide) return this.count.current || narrowCountMax;
    return this.count.previous << 8 | this.count.current || wideCountMax;
  }

  /** Reports a sector, as failed commands do. */
  answerAddress(sector: number, wide: boolean): void {
    const byte = (index: number) => Math.floor(sector / 2 ** (8 * index)) & 0xff;
    this.low.set(byte(0), wide ? byte(3) : 0);
    this.mid.set(byte(1), wide ? byte(4) : 0);
    this.high.set(byte(2), wide ? byte(5) : 0);
    if (!wide) this.device = this.device & 0xf0 | byte(3) & 0x0f;
  }

  /** What an ATA disk shows after a reset: count 1, address 1/0/0. */
  answerSignature(): void {
    this.count.set(1, 0);
    this.low.set(1, 0);
    this.mid.set(0, 0);
    this.high.set(0, 0);
    this.device = 0;
    this.error = 1;
  }
}
