/**
 * The NIC's PHY: standard MII registers behind MDIC, and the state of the link.
 *
 * The link comes up when a cable is plugged, the MAC wants it (CTRL.SLU) and negotiation has ended:
 * 1 ms, where copper takes 2 to 3 s (hardware-reference.md 3.7).
 * - `changed` is called when the link goes up or down.
 * - MDIC answers at once; a PHY address other than 1 answers with the error bit.
 */

import type { Clock, ScheduledEvent } from "../time/event_queue.ts";
import { milliseconds } from "../time/time.ts";

const negotiationTime = milliseconds(1);
const phyAddress = 1;
/** M88E1011, the PHY of both parts. */
const identifier = [0x0141, 0x0c20] as const;

const mii = {
  control: 0,
  status: 1,
  id1: 2,
  id2: 3,
  advertise: 4,
  partner: 5,
  gigabitStatus: 10,
  specific: 17,
};
const controlReset = 1 << 15;
const controlRestart = 1 << 9;
/** Negotiation on, full duplex, 1000 Mb/s. */
const controlDefault = 1 << 12 | 1 << 8 | 1 << 6;
/** All 10 and 100 Mb/s modes, extended status and register set. */
const statusAbilities = 0x7949;
const statusLink = 1 << 2;
const statusNegotiated = 1 << 5;
const advertiseDefault = 0x0de1;
const registerCount = 32;

const operation = { write: 1, read: 2 } as const;
const ready = 1 << 28;
const failed = 1 << 30;

export interface PhyOptions {
  readonly clock: Clock;
  readonly cablePlugged: boolean;
  /** The speed of the wire: 0, 1, 2 for 10, 100, 1000 Mb/s. */
  readonly speed: number;
  changed(): void;
}

export class Phy {
  readonly #options: PhyOptions;
  readonly #stored = new Uint16Array(registerCount);
  #mdic = ready;
  #wanted = false;
  #link = false;
  #negotiation: ScheduledEvent | undefined;

  constructor(options: PhyOptions) {
    this.#options = options;
    this.#restoreDefaults();
  }

  get linkUp(): boolean {
    return this.#link;
  }

  /** The MAC sets or drops "set link up". */
  want(wanted: boolean): void {
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    this.#negotiate();
  }

  reset(): void {
    this.#restoreDefaults();
    this.#negotiate();
  }

  get mdic(): number {
    return this.#mdic;
  }

  /** A write to MDIC; the answer is ready at once. */
  access(value: number): void {
    const register = value >>> 16 & 0x1f;
    const code = value >>> 26 & 3;
    const kept = value & 0x2fff_ffff;
    if ((value >>> 21 & 0x1f) !== phyAddress || (code !== operation.read && code !== operation.write)) {
      this.#mdic = (kept | ready | failed) >>> 0;
    } else if (code === operation.read) {
      this.#mdic = (kept & ~0xffff | this.#read(register) | ready) >>> 0;
    } else {
      this.#write(register, value & 0xffff);
      this.#mdic = (kept | ready) >>> 0;
    }
  }

  #read(register: number): number {
    switch (register) {
      case mii.status:
        return statusAbilities | (this.#link ? statusLink | statusNegotiated : 0);
      case mii.id1:
        return identifier[0];
      case mii.id2:
        return identifier[1];
      case mii.partner:
        return this.#link ? advertiseDefault | 1 << 14 : 0;
      case mii.gigabitStatus:
        // Both ends can do 1000BASE-T full duplex and receive well.
        return this.#link ? 1 << 13 | 1 << 12 | 1 << 11 : 0;
      case mii.specific:
        return this.#link ? this.#options.speed << 14 | 1 << 13 | 1 << 11 | 1 << 10 : 0;
      default:
        return this.#stored[register]!;
    }
  }

  #write(register: number, value: number): void {
    if (register === mii.control && (value & controlReset) !== 0) return this.reset();
    this.#stored[register] = register === mii.control ? value & ~controlRestart : value;
    if (register === mii.control && (value & controlRestart) !== 0) this.#negotiate();
  }

  #restoreDefaults(): void {
    this.#stored.fill(0);
    this.#stored[mii.control] = controlDefault;
    this.#stored[mii.advertise] = advertiseDefault;
  }

  #negotiate(): void {
    if (this.#negotiation !== undefined) this.#options.clock.cancel(this.#negotiation);
    this.#negotiation = undefined;
    this.#set(false);
    if (!this.#wanted || !this.#options.cablePlugged) return;
    this.#negotiation = this.#options.clock.after(negotiationTime, () => this.#set(true));
  }

  #set(link: boolean): void {
    if (link === this.#link) return;
    this.#link = link;
    this.#options.changed();
  }
}
