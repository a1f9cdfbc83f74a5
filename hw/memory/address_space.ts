/**
 * A physical address space: which target answers at which address.
 *
 * The host has one (DRAM, APICs, PCI windows), and so has each card (DRAM,
 * on-chip registers, windows to PCI). CPUs and DMA engines reach everything here.
 * - Mappings do not overlap; mapping over another one is a bug and throws.
 * - An access may not cross from one mapping into another.
 * - An address that nobody claims is a BusFault that names the space.
 * - Addresses are numbers below 2^53; offsets given to a target start at 0.
 */

import { type AccessLatencies, BusFault, type BusTarget } from "./bus_target.ts";

export interface Mapping extends AccessLatencies {
  readonly name: string;
  readonly base: number;
  readonly size: number;
  readonly target: BusTarget;
}

export class AddressSpace {
  readonly #mappings: Mapping[] = [];
  readonly #word = new Uint8Array(4);
  readonly #wordView = new DataView(this.#word.buffer);
  #last: Mapping | undefined;

  constructor(readonly name: string) {}

  map(mapping: Mapping): void {
    const end = mapping.base + mapping.size;
    const clash = this.#mappings.find((other) => mapping.base < other.base + other.size && other.base < end);
    if (clash !== undefined) {
      throw new Error(
        `Cannot map ${mapping.name} at 0x${mapping.base.toString(16)} in ${this.name}: ` +
          `${clash.name} is there`,
      );
    }
    this.#mappings.push(mapping);
    this.#mappings.sort((a, b) => a.base - b.base);
  }

  /** Removes the mapping that starts at `base`; nothing happens if there is none. */
  unmap(base: number): void {
    const index = this.#mappings.findIndex((mapping) => mapping.base === base);
    if (index >= 0) this.#mappings.splice(index, 1);
    this.#last = undefined;
  }

  /** All mappings, by rising base. */
  get mappings(): readonly Mapping[] {
    return this.#mappings;
  }

  /** The mapping that answers at `address`, or undefined. */
  lookup(address: number): Mapping | undefined {
    const last = this.#last;
    if (last !== undefined && address >= last.base && address < last.base + last.size) return last;
    let low = 0;
    let high = this.#mappings.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const mapping = this.#mappings[middle]!;
      if (address < mapping.base) high = middle - 1;
      else if (address >= mapping.base + mapping.size) low = middle + 1;
      else return this.#last = mapping;
    }
    return undefined;
  }

  /** What a load or store at `address` costs beyond the instruction, in ns; 0 where nobody answers. */
  latencyNs(address: number, access: "read" | "write"): number {
    const mapping = this.lookup(address);
    if (mapping === undefined) return 0;
    const latencies = mapping.target.latencies?.(address - mapping.base) ?? mapping;
    return access === "read" ? latencies.readLatencyNs : latencies.writeLatencyNs;
  }

  /** The bytes at `address` themselves, if plain memory answers there. */
  window(address: number, length: number): Uint8Array | undefined {
    const mapping = this.#claim(address, length);
    return mapping.target.window?.(address - mapping.base, length);
  }

  /** Fills `into` from `address` on; throws BusFault. */
  readInto(address: number, into: Uint8Array): void {
    const mapping = this.#claim(address, into.length);
    mapping.target.read(address - mapping.base, into);
  }

  /** A copy of `length` bytes at `address`; throws BusFault. */
  read(address: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    this.readInto(address, bytes);
    return bytes;
  }

  write(address: number, bytes: Uint8Array): void {
    const mapping = this.#claim(address, bytes.length);
    mapping.target.write(address - mapping.base, bytes);
  }

  read32(address: number): number {
    this.readInto(address, this.#word);
    return this.#wordView.getUint32(0, true);
  }

  write32(address: number, value: number): void {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, value, true);
    this.write(address, bytes);
  }

  #claim(address: number, length: number): Mapping {
    const mapping = this.lookup(address);
    if (mapping === undefined) throw new BusFault(this.name, address, "nobody answers there");
    if (address + length > mapping.base + mapping.size) {
      throw new BusFault(this.name, address, `${length} bytes run past the end of ${mapping.name}`);
    }
    return mapping;
  }
}
