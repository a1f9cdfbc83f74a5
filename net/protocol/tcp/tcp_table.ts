/**
 * The TCP of one host: all connections and listeners, and which segment is for whom.
 *
 * Guests' net stacks and the host's port publisher both use it. After each call, send what
 * `poll` writes until it writes nothing, and come back at `nextTimer`.
 * - `takeChanged` and `takeAcceptable` name connections and listeners that are worth a look.
 * - A segment for nobody is answered with a RST (RFC 9293 section 3.10.7.1).
 * - Bounded: connections, half-open ones per listener, and resets that wait to be sent.
 *   When the table is full, the oldest connection in TIME-WAIT makes room.
 */

import { DropCounter } from "../drop_counter.ts";
import { TcpConnection } from "./connection.ts";
import { defaultTcpSettings, type TcpAddresses, type TcpSettings } from "./control_block.ts";
import {
  ACK,
  parseSegment,
  RST,
  segmentLength,
  SYN,
  type TcpHeader,
  type TcpMalformation,
  type TcpSegment,
  writeSegment,
} from "./segment.ts";
import { sequenceAfter, sequenceDistance } from "./sequence.ts";
import { TcpListener } from "./tcp_listener.ts";

export interface TcpTableOptions {
  /** A random u32: initial sequence numbers (RFC 6528) and the first ephemeral port. */
  readonly random: () => number;
  readonly settings?: Partial<TcpSettings>;
  readonly connectionCountMax?: number;
  readonly halfOpenCountMax?: number;
}

export type TcpDropReason =
  | TcpMalformation
  | "no room for another connection"
  | "listener's queue is full"
  | "too many resets wait to be sent";

/** A segment that `poll` wrote; valid until the next call. */
export interface EmittedSegment {
  readonly source: number;
  readonly destination: number;
  readonly size: number;
}

interface Reply {
  readonly source: number;
  readonly destination: number;
  readonly header: TcpHeader;
}

/** Dynamic ports (RFC 6335 section 6). */
const ephemeralPortFirst = 49_152;
const ephemeralPortCount = 65_536 - ephemeralPortFirst;
const replyCountMax = 64;

export class TcpTable {
  readonly drops = new DropCounter<TcpDropReason>();
  readonly #random: () => number;
  readonly #settings: TcpSettings;
  readonly #connectionCountMax: number;
  readonly #halfOpenCountMax: number;
  /** By the two ports; few connections differ in addresses alone. */
  readonly #connections = new Map<number, TcpConnection[]>();
  #connectionCount = 0;
  readonly #listeners = new Map<number, TcpListener>();
  /** Which listener a half-open connection belongs to. */
  readonly #halfOpen = new Map<TcpConnection, TcpListener>();
  /** Connections that may have something to emit. */
  readonly #ready = new Set<TcpConnection>();
  readonly #replies: Reply[] = [];
  readonly #changed = new Set<TcpConnection>();
  readonly #acceptable = new Set<TcpListener>();
  /** No timer is earlier than this; it may have been stopped since. */
  #timerNotBefore = Infinity;
  #nextPort: number;
  readonly #onActivity = (connection: TcpConnection) => this.#touch(connection);

  constructor(options: TcpTableOptions) {
    this.#random = options.random;
    this.#settings = { ...defaultTcpSettings, ...options.settings };
    this.#connectionCountMax = options.connectionCountMax ?? 1024;
    this.#halfOpenCountMax = options.halfOpenCountMax ?? 64;
    this.#nextPort = (options.random() >>> 0) % ephemeralPortCount;
  }

  get connectionCount(): number {
    return this.#connectionCount;
  }

  /** Opens a port; 0 takes a free one of the dynamic range. */
  listen(port: number, backlog: number): TcpListener | "PortInUse" {
    const chosen = port === 0
      ? this.#freePort((candidate) => this.#listenerAt(candidate) === undefined)
      : port;
    if (chosen === undefined || this.#listenerAt(chosen) !== undefined) return "PortInUse";
    const listener = new TcpListener(chosen, backlog, this.#halfOpenCountMax);
    this.#listeners.set(chosen, listener);
    return listener;
  }

  /** Begins an active open from a free local port. */
  connect(
    now: number,
    localAddress: number,
    remoteAddress: number,
    remotePort: number,
  ): TcpConnection | "TooMany" {
    if (!this.#makeRoom()) return "TooMany";
    const localPort = this.#freePort((candidate) =>
      this.#listenerAt(candidate) === undefined &&
      this.#find(localAddress, candidate, remoteAddress, remotePort) === undefined
    );
    if (localPort === undefined) return "TooMany";
    const addresses = { localAddress, localPort, remoteAddress, remotePort };
    const connection = TcpConnection.connect(
      addresses,
      this.#settings,
      this.#random(),
      now,
      this.#onActivity,
    );
    this.#add(connection);
    return connection;
  }

  /** A TCP segment arrived, from `source` to our address `destination`. */
  segment(now: number, source: number, destination: number, bytes: Uint8Array): void {
    const segment = parseSegment(source, destination, bytes);
    if (typeof segment === "string") {
      this.drops.count(segment);
      return;
    }
    const connection = this.#find(destination, segment.destinationPort, source, segment.sourcePort);
    if (connection !== undefined && !this.#replaces(connection, segment)) {
      this.#deliver(now, connection, segment);
      return;
    }
    if (connection !== undefined) this.#remove(connection);
    this.#arriveAtListener(now, source, destination, segment);
  }

  /** Writes the next segment to send at `at`, or returns undefined when there is none. */
  poll(now: number, bytes: Uint8Array, at: number): EmittedSegment | undefined {
    const reply = this.#replies.shift();
    if (reply !== undefined) {
      const { source, destination, header } = reply;
      return { source, destination, size: writeSegment(bytes, at, source, destination, header, 0) };
    }
    for (const connection of this.#ready) {
      const size = connection.emit(now, bytes, at);
      if (size > 0) {
        // To the end of the line, so that no connection keeps the others from sending.
        this.#ready.delete(connection);
        this.#ready.add(connection);
        const { localAddress, remoteAddress } = connection.addresses;
        return { source: localAddress, destination: remoteAddress, size };
      }
      this.#ready.delete(connection);
      this.#noteTimer(connection);
      if (connection.state === "CLOSED") this.#remove(connection);
    }
    return undefined;
  }

  /** When `timer` is to be called, at the latest; undefined when no timer runs. */
  nextTimer(): number | undefined {
    return this.#timerNotBefore === Infinity ? undefined : this.#timerNotBefore;
  }

  /** The time that `nextTimer` told has come. */
  timer(now: number): void {
    if (now < this.#timerNotBefore) return;
    this.#timerNotBefore = Infinity;
    for (const chain of this.#connections.values()) {
      for (const connection of chain) {
        if ((connection.nextTimer() ?? Infinity) <= now) {
          connection.timer(now);
          this.#settle(connection);
          if (connection.state === "CLOSED") this.#changed.add(connection);
        }
        this.#noteTimer(connection);
      }
    }
  }

  /** A connection whose levels changed since it was last returned here; ask until undefined. */
  takeChanged(): TcpConnection | undefined {
    return takeFirst(this.#changed);
  }

  /** A listener with connections to accept; ask until undefined. */
  takeAcceptable(): TcpListener | undefined {
    return takeFirst(this.#acceptable);
  }

  #deliver(now: number, connection: TcpConnection, segment: TcpSegment): void {
    const { state, available, sendSpace, endOfStream } = connection;
    connection.segment(now, segment);
    this.#settle(connection);
    const isChanged = connection.state !== state || connection.available !== available ||
      connection.sendSpace !== sendSpace || connection.endOfStream !== endOfStream;
    if (isChanged) this.#changed.add(connection);
  }

  /** Hands a connection whose handshake is over to its listener. */
  #settle(connection: TcpConnection): void {
    const listener = this.#halfOpen.get(connection);
    if (listener === undefined || connection.state === "SYN-RECEIVED") return;
    this.#halfOpen.delete(connection);
    if (listener.leaveHalfOpen(connection)) this.#acceptable.add(listener);
  }

  /** A new SYN may take the place of a connection in TIME-WAIT (RFC 9293 section 3.10.7.4, RFC 6191). */
  #replaces(connection: TcpConnection, segment: TcpSegment): boolean {
    return connection.state === "CLOSED" || (connection.state === "TIME-WAIT" &&
      (segment.controlBits & (SYN | ACK | RST)) === SYN &&
      sequenceDistance(segment.sequenceNumber, connection.receiveNext) > 0 &&
      this.#listenerAt(segment.destinationPort) !== undefined);
  }

  #arriveAtListener(now: number, source: number, destination: number, segment: TcpSegment): void {
    const bits = segment.controlBits;
    if ((bits & RST) !== 0) return;
    const listener = this.#listenerAt(segment.destinationPort);
    if (listener === undefined || (bits & ACK) !== 0) {
      this.#reset(source, destination, segment);
      return;
    }
    if ((bits & SYN) === 0) return;
    if (!listener.hasRoom) {
      this.drops.count("listener's queue is full");
      return;
    }
    if (!this.#makeRoom()) {
      this.drops.count("no room for another connection");
      return;
    }
    const addresses: TcpAddresses = {
      localAddress: destination,
      localPort: segment.destinationPort,
      remoteAddress: source,
      remotePort: segment.sourcePort,
    };
    const iss = this.#random();
    const connection = TcpConnection.accept(addresses, this.#settings, iss, now, segment, this.#onActivity);
    listener.addHalfOpen(connection);
    this.#halfOpen.set(connection, listener);
    this.#add(connection);
  }

  /** RFC 9293 section 3.10.7.1. */
  #reset(source: number, destination: number, segment: TcpSegment): void {
    if (this.#replies.length >= replyCountMax) {
      this.drops.count("too many resets wait to be sent");
      return;
    }
    const hasAck = (segment.controlBits & ACK) !== 0;
    const header: TcpHeader = {
      sourcePort: segment.destinationPort,
      destinationPort: segment.sourcePort,
      sequenceNumber: hasAck ? segment.acknowledgmentNumber : 0,
      acknowledgmentNumber: hasAck ? 0 : sequenceAfter(segment.sequenceNumber, segmentLength(segment)),
      controlBits: hasAck ? RST : RST | ACK,
      window: 0,
      maximumSegmentSize: undefined,
      windowShift: undefined,
    };
    this.#replies.push({ source: destination, destination: source, header });
  }

  #listenerAt(port: number): TcpListener | undefined {
    const listener = this.#listeners.get(port);
    if (listener?.isOpen !== false) return listener;
    this.#listeners.delete(port);
    return undefined;
  }

  #touch(connection: TcpConnection): void {
    this.#ready.add(connection);
    this.#noteTimer(connection);
  }

  #noteTimer(connection: TcpConnection): void {
    const next = connection.nextTimer();
    if (next !== undefined && next < this.#timerNotBefore) this.#timerNotBefore = next;
  }

  #find(
    localAddress: number,
    localPort: number,
    remoteAddress: number,
    remotePort: number,
  ): TcpConnection | undefined {
    const chain = this.#connections.get(localPort * 65_536 + remotePort);
    return chain?.find(({ addresses }) =>
      addresses.remoteAddress === remoteAddress && addresses.localAddress === localAddress
    );
  }

  #add(connection: TcpConnection): void {
    const key = keyOf(connection);
    const chain = this.#connections.get(key);
    if (chain === undefined) this.#connections.set(key, [connection]);
    else chain.push(connection);
    this.#connectionCount++;
    this.#touch(connection);
  }

  #remove(connection: TcpConnection): void {
    const key = keyOf(connection);
    const chain = this.#connections.get(key);
    const index = chain?.indexOf(connection) ?? -1;
    if (chain === undefined || index < 0) return;
    chain.splice(index, 1);
    if (chain.length === 0) this.#connections.delete(key);
    this.#connectionCount--;
    this.#ready.delete(connection);
    this.#settle(connection);
  }

  /** True when one more connection fits, after the oldest in TIME-WAIT was forgotten if need be. */
  #makeRoom(): boolean {
    if (this.#connectionCount < this.#connectionCountMax) return true;
    for (const chain of this.#connections.values()) {
      const waiting = chain.find(({ state }) => state === "TIME-WAIT" || state === "CLOSED");
      if (waiting === undefined) continue;
      this.#remove(waiting);
      return true;
    }
    return false;
  }

  /** The next port of the dynamic range that `isFree` (RFC 6056 section 3.3.1, algorithm 1, with a random start). */
  #freePort(isFree: (port: number) => boolean): number | undefined {
    for (let count = 0; count < ephemeralPortCount; count++) {
      const port = ephemeralPortFirst + this.#nextPort;
      this.#nextPort = (this.#nextPort + 1) % ephemeralPortCount;
      if (isFree(port)) return port;
    }
    return undefined;
  }
}

function keyOf(connection: TcpConnection): number {
  return connection.addresses.localPort * 65_536 + connection.addresses.remotePort;
}

function takeFirst<T>(set: Set<T>): T | undefined {
  for (const first of set) {
    set.delete(first);
    return first;
  }
  return undefined;
}
