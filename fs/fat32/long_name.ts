/**
 * Long names on the disk: up to 20 slots of 13 UTF-16 units before the short entry.
 *
 * Slots stand in reverse: the one with the end of the name comes first and is marked as
 * the last. Each carries a checksum of the short name, so that slots left behind by a
 * system that knows only short names are noticed.
 * - `LongNameReader` is given the slots of a directory in order and yields the name only
 *   when all its parts are there, in sequence, with the right checksum.
 *
 * Follows the FAT32 specification 1.03, "FAT Long Directory Entries".
 */

import { attribute, bytesOf, longNameEntry, number, setNumber, u16At } from "./layout.ts";

const unitsPerSlot = 13;
const lastMark = 0x40;
const mostParts = 20;
const parts = ["Name1", "Name2", "Name3"] as const;

/** Specification, "ChkSum": a rotating sum over the 11 bytes. */
export function shortNameChecksum(shortName: Uint8Array): number {
  let sum = 0;
  for (const byte of shortName) sum = ((sum & 1) << 7) + (sum >>> 1) + byte & 0xff;
  return sum;
}

/** The slots that hold `name`, in the order in which they stand in the directory. */
export function longNameSlots(name: string, shortName: Uint8Array): Uint8Array[] {
  const count = Math.ceil(name.length / unitsPerSlot);
  const checksum = shortNameChecksum(shortName);
  const slots: Uint8Array[] = [];
  for (let ordinal = count; ordinal >= 1; ordinal--) {
    const slot = new Uint8Array(longNameEntry.size);
    setNumber(longNameEntry, "Ord", ordinal | (ordinal === count ? lastMark : 0), slot);
    setNumber(longNameEntry, "Attr", attribute.longName, slot);
    setNumber(longNameEntry, "Chksum", checksum, slot);
    let index = (ordinal - 1) * unitsPerSlot;
    for (const part of parts) {
      const bytes = bytesOf(longNameEntry, part, slot);
      for (let at = 0; at < bytes.length; at += 2, index++) {
        // A zero ends a name that leaves room; behind it all ones.
        const unit = index < name.length ? name.charCodeAt(index) : index === name.length ? 0 : 0xffff;
        bytes[at] = unit;
        bytes[at + 1] = unit >>> 8;
      }
    }
    slots.push(slot);
  }
  return slots;
}

/** Puts long names together again. */
export class LongNameReader {
  #units: number[] = [];
  #expected = 0;
  #checksum = 0;
  #slots = 0;

  /** Slots of the name read last, without the short entry's. */
  get slots(): number {
    return this.#slots;
  }

  /** Takes a slot whose attributes say that it is part of a long name. */
  add(bytes: Uint8Array, at: number): void {
    const mark = number(longNameEntry, "Ord", bytes, at);
    const ordinal = mark & ~lastMark;
    const checksum = number(longNameEntry, "Chksum", bytes, at);
    if ((mark & lastMark) !== 0 && ordinal >= 1 && ordinal <= mostParts) {
      this.#units = [];
      this.#expected = ordinal;
      this.#checksum = checksum;
      this.#slots = 0;
    }
    if (ordinal !== this.#expected || ordinal === 0 || checksum !== this.#checksum) {
      this.reset();
      return;
    }
    const units: number[] = [];
    for (const part of parts) {
      const field = bytesOf(longNameEntry, part, bytes, at);
      for (let index = 0; index < field.length; index += 2) units.push(u16At(field, index));
    }
    this.#units = [...units, ...this.#units];
    this.#expected--;
    this.#slots++;
  }

  /** The long name that stands before a short entry; undefined when there is none or it is another's. */
  take(shortName: Uint8Array): string | undefined {
    const complete = this.#slots > 0 && this.#expected === 0 &&
      this.#checksum === shortNameChecksum(shortName);
    if (!complete) {
      this.reset();
      return undefined;
    }
    const end = this.#units.indexOf(0);
    const name = String.fromCharCode(...(end < 0 ? this.#units : this.#units.slice(0, end)));
    this.#units = [];
    this.#expected = 0;
    return name === "" ? undefined : name;
  }

  /** Forgets what it has; called at free slots. */
  reset(): void {
    this.#units = [];
    this.#expected = 0;
    this.#slots = 0;
  }
}
