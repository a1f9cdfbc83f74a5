/**
 * Test bench: two TCP hosts and a link between them whose every misdeed is prescribed.
 *
 * Segments go through real bytes. The link may lose a segment, delay it (so that later
 * ones overtake it), or deliver it more than once; time is a number that jumps.
 * - `settle` runs until nothing happens any more, or until a deadline.
 * - Only tests use this; it is as deterministic as the machine under test.
 */

import { TcpTable, type TcpTableOptions } from "./tcp_table.ts";
import { parseSegment, type TcpSegment } from "./segment.ts";

/** What the link does to one segment: when each copy arrives, in ns after it was sent. */
export type Fate = readonly number[];

/** A segment in flight. */
interface Delivery {
  readonly at: number;
  readonly to: Host;
  readonly source: number;
  readonly destination: number;
  readonly bytes: Uint8Array;
}

export class Host {
  readonly address: number;
  readonly table: TcpTable;
  constructor(address: number, options: TcpTableOptions) {
    this.address = address;
    this.table = new TcpTable(options);
  }
}

export const perfectFate: Fate = [1e6];
const segmentSizeMax = 1500;

export class TwoHosts {
  now = 0;
  readonly a: Host;
  readonly b: Host;
  /** Decides on the segment with this number; the default delivers it once, after 1 ms. */
  fate: (index: number, segment: TcpSegment, from: Host) => Fate = () => perfectFate;
  /** Called after each step, so that users can read, write and close. */
  onStep: () => void = () => {};
  /** Every segment that was sent, in order. */
  readonly sent: { readonly from: Host; readonly at: number; readonly segment: TcpSegment }[] = [];
  readonly #flying: Delivery[] = [];

  constructor(a: Partial<TcpTableOptions> = {}, b: Partial<TcpTableOptions> = {}) {
    this.a = new Host(0x0a000001, { random: () => 1000, ...a });
    this.b = new Host(0x0a000002, { random: () => 2000, ...b });
  }

  /** Puts bytes on the link as if `to`'s peer had sent them. */
  inject(to: Host, bytes: Uint8Array): void {
    const source = to === this.a ? this.b.address : this.a.address;
    this.#flying.push({ at: this.now, to, source, destination: to.address, bytes });
  }

  /** Runs until nothing is left to do or `until` is reached; true when nothing is left. */
  settle(until = Infinity): boolean {
    for (;;) {
      this.onStep();
      this.#transmit(this.a, this.b);
      this.#transmit(this.b, this.a);
      const next = this.#nextInstant();
      if (next > until || next === Infinity) {
        if (until !== Infinity) this.now = Math.max(this.now, until);
        return next === Infinity;
      }
      this.now = Math.max(this.now, next);
      this.#deliverDue();
      for (const { table } of [this.a, this.b]) {
        if ((table.nextTimer() ?? Infinity) <= this.now) table.timer(this.now);
      }
    }
  }

  #nextInstant(): number {
    let next = Math.min(this.a.table.nextTimer() ?? Infinity, this.b.table.nextTimer() ?? Infinity);
    for (const { at } of this.#flying) next = Math.min(next, at);
    return next;
  }

  /** Delivers the first segment that is due; others follow in the next step. */
  #deliverDue(): void {
    const index = this.#flying.findIndex(({ at }) => at <= this.now);
    if (index < 0) return;
    const { to, source, destination, bytes } = this.#flying.splice(index, 1)[0]!;
    to.table.segment(this.now, source, destination, bytes);
  }

  #transmit(from: Host, to: Host): void {
    const room = new Uint8Array(segmentSizeMax).fill(0xa5);
    for (;;) {
      const emitted = from.table.poll(this.now, room, 0);
      if (emitted === undefined) return;
      const bytes = room.slice(0, emitted.size);
      const segment = parseSegment(emitted.source, emitted.destination, bytes);
      if (typeof segment === "string") throw new Error(`a table emitted nonsense: ${segment}`);
      const fate = this.fate(this.sent.length, segment, from);
      this.sent.push({ from, at: this.now, segment });
      for (const delayNs of fate) {
        const { source, destination } = emitted;
        this.#flying.push({ at: this.now + delayNs, to, source, destination, bytes });
      }
    }
  }
}
