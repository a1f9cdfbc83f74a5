/**
 * Neighbour table: which Ethernet address answers for an IPv4 address.
 *
 * One per interface. It also holds the packets that wait for an answer, so that the
 * first packet to a neighbour is not lost.
 * - An entry dies 60 s after it was last confirmed (RFC 1122 section 2.3.2.1).
 * - A full table forgets its oldest entry; a full queue drops its oldest packet.
 * - A query goes out at most once a second per address (RFC 1122), three times, then
 *   what waited is dropped and counted.
 *
 * Follows RFC 826. Left out: announcements of our own and conflict detection (RFC 5227).
 */

import { DropCounter } from "./drop_counter.ts";

export interface ArpTableOptions {
  readonly entryCountMax?: number;
  readonly unresolvedCountMax?: number;
  /** Packets that wait per address. */
  readonly waitingCountMax?: number;
}

interface Entry {
  readonly mac: number;
  readonly expiresAt: number;
}

interface Unresolved {
  readonly packets: Uint8Array[];
  queriesLeft: number;
  queryAt: number;
}

export type ArpDropReason = "neighbour does not answer" | "too many packets wait for a neighbour";

const entryLifeNs = 60e9;
const queryIntervalNs = 1e9;
const queryCountMax = 3;

export class ArpTable {
  readonly drops = new DropCounter<ArpDropReason>();
  /** Oldest confirmation first. */
  readonly #entries = new Map<number, Entry>();
  readonly #unresolved = new Map<number, Unresolved>();
  readonly #entryCountMax: number;
  readonly #unresolvedCountMax: number;
  readonly #waitingCountMax: number;

  constructor(options: ArpTableOptions = {}) {
    this.#entryCountMax = options.entryCountMax ?? 256;
    this.#unresolvedCountMax = options.unresolvedCountMax ?? 16;
    this.#waitingCountMax = options.waitingCountMax ?? 8;
  }

  /** The MAC of `address`, or undefined when it must be asked for. */
  lookup(now: number, address: number): number | undefined {
    const entry = this.#entries.get(address);
    if (entry === undefined) return undefined;
    if (entry.expiresAt > now) return entry.mac;
    this.#entries.delete(address);
    return undefined;
  }

  /** Keeps `packet` until `address` answers; a query then comes out of `dueQuery`. */
  wait(now: number, address: number, packet: Uint8Array): void {
    let unresolved = this.#unresolved.get(address);
    if (unresolved === undefined) {
      if (this.#unresolved.size >= this.#unresolvedCountMax) {
        this.drops.count("too many packets wait for a neighbour");
        return;
      }
      unresolved = { packets: [], queriesLeft: queryCountMax, queryAt: now };
      this.#unresolved.set(address, unresolved);
    }
    if (unresolved.packets.length >= this.#waitingCountMax) {
      unresolved.packets.shift();
      this.drops.count("too many packets wait for a neighbour");
    }
    unresolved.packets.push(packet);
  }

  /**
   * Notes what an ARP message told. Returns the packets that waited for it, oldest first.
   * With `create` false a neighbour that nobody asked for is not added (RFC 826's Merge_flag).
   */
  confirm(now: number, address: number, mac: number, create: boolean): readonly Uint8Array[] {
    const unresolved = this.#unresolved.get(address);
    if (!create && unresolved === undefined && !this.#entries.has(address)) return [];
    this.#entries.delete(address);
    this.#entries.set(address, { mac, expiresAt: now + entryLifeNs });
    if (this.#entries.size > this.#entryCountMax) {
      for (const oldest of this.#entries.keys()) {
        this.#entries.delete(oldest);
        break;
      }
    }
    this.#unresolved.delete(address);
    return unresolved?.packets ?? [];
  }

  /** An address to ask for now, or undefined; ask again until undefined. */
  dueQuery(now: number): number | undefined {
    for (const [address, unresolved] of this.#unresolved) {
      if (unresolved.queryAt > now) continue;
      if (unresolved.queriesLeft === 0) {
        for (let left = unresolved.packets.length; left > 0; left--) {
          this.drops.count("neighbour does not answer");
        }
        this.#unresolved.delete(address);
        continue;
      }
      unresolved.queriesLeft--;
      unresolved.queryAt = now + queryIntervalNs;
      return address;
    }
    return undefined;
  }

  /** When `dueQuery` has something to do next; undefined when nothing waits. */
  nextTimer(): number | undefined {
    let next: number | undefined;
    for (const { queryAt } of this.#unresolved.values()) {
      if (next === undefined || queryAt < next) next = queryAt;
    }
    return next;
  }
}
