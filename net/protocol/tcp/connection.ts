/**
 * A TCP connection as its user sees it: bytes in, bytes out, and an end (RFC 9293 section 3.9.1).
 *
 * Sans-I/O. Give it segments (`segment`) and expired timers (`timer`), and after each call of
 * anything here send what `emit` writes, until it writes nothing.
 * - Look at the levels, not for events: `available`, `sendSpace`, `endOfStream`, `state`, `failure`.
 * - `finish` ends our direction only; `close` also says that nobody reads any more; `abort` resets.
 * - After `state` is CLOSED and `emit` gave its last segment, it can be forgotten.
 */

import {
  ControlBlock,
  type TcpAddresses,
  type TcpFailure,
  type TcpSettings,
  type TcpState,
} from "./control_block.ts";
import { segmentArrives } from "./receiving.ts";
import type { TcpSegment } from "./segment.ts";
import { emitSegment } from "./sending.ts";
import { expireTimers, nextTimer } from "./timers.ts";

export class TcpConnection {
  readonly addresses: TcpAddresses;
  readonly #block: ControlBlock;
  /** Told after every call that may leave something to emit or a new timer. */
  readonly #onActivity: (connection: TcpConnection) => void;

  private constructor(block: ControlBlock, onActivity: (connection: TcpConnection) => void) {
    this.addresses = block.addresses;
    this.#block = block;
    this.#onActivity = onActivity;
  }

  /** Active open: the SYN is the first segment that `emit` writes. */
  static connect(
    addresses: TcpAddresses,
    settings: TcpSettings,
    iss: number,
    now: number,
    onActivity: (connection: TcpConnection) => void = ignore,
  ): TcpConnection {
    return new TcpConnection(new ControlBlock(addresses, settings, iss, now, undefined), onActivity);
  }

  /** Passive open: answers the SYN that a listener got. */
  static accept(
    addresses: TcpAddresses,
    settings: TcpSettings,
    iss: number,
    now: number,
    syn: TcpSegment,
    onActivity: (connection: TcpConnection) => void = ignore,
  ): TcpConnection {
    return new TcpConnection(new ControlBlock(addresses, settings, iss, now, syn), onActivity);
  }

  get state(): TcpState {
    return this.#block.state;
  }

  /** Why it ended before its time; undefined while it lives or when it closed in order. */
  get failure(): TcpFailure | undefined {
    return this.#block.failure;
  }

  /** Bytes that `receive` would give now. */
  get available(): number {
    return this.#block.receiveBuffer.available;
  }

  /** The peer has finished and all it sent was read. */
  get endOfStream(): boolean {
    return this.#block.isPeerFinished && this.available === 0;
  }

  /** Bytes that `send` would take now. */
  get sendSpace(): number {
    return this.#canSend() ? this.#block.sendBuffer.space : 0;
  }

  /** Sequence number that the peer is to send next (RCV.NXT). */
  get receiveNext(): number {
    return this.#block.rcvNxt;
  }

  /** Switches Nagle's algorithm off or on. */
  set noDelay(value: boolean) {
    this.#block.noDelay = value;
    this.#onActivity(this);
  }

  /** Takes as many bytes as fit into the send buffer; returns how many. */
  send(bytes: Uint8Array): number {
    if (!this.#canSend()) return 0;
    const count = this.#block.sendBuffer.append(bytes);
    if (count > 0) this.#onActivity(this);
    return count;
  }

  /** Moves bytes in order to `into`; returns how many. The window opens when that is worth a segment. */
  receive(into: Uint8Array): number {
    const block = this.#block;
    const count = block.receiveBuffer.read(into);
    if (count === 0 || block.isPeerFinished || block.state === "CLOSED") return count;
    const increase = block.receiveBuffer.space - block.rcvWnd;
    const { capacity } = block.receiveBuffer;
    // Two segments or half of the buffer, as BSD does, so that a reader of small pieces
    // does not make a segment of each.
    if (increase >= Math.min(2 * block.settings.maximumSegmentSize, capacity / 2)) {
      block.isAckDue = true;
      this.#onActivity(this);
    }
    return count;
  }

  /** No more will be sent: FIN follows what was written. Reading goes on. */
  finish(): void {
    const block = this.#block;
    if (block.isFinQueued || block.state === "CLOSED") return;
    block.isFinQueued = true;
    if (block.state === "ESTABLISHED") block.state = "FIN-WAIT-1";
    else if (block.state === "CLOSE-WAIT") block.state = "LAST-ACK";
    this.#onActivity(this);
  }

  /** Ends both directions in order: what was written is delivered, what arrives is dropped. */
  close(now: number): void {
    const block = this.#block;
    block.isAbandoned = true;
    block.receiveBuffer.discard();
    if (block.state === "SYN-SENT" && block.sendBuffer.length === 0) {
      block.state = "CLOSED";
      block.stopTimers();
    } else if (block.state === "FIN-WAIT-2") {
      block.closeAt = now + block.settings.closeTimeoutNs;
    }
    this.finish();
    this.#onActivity(this);
  }

  /** Ends it at once: the peer gets a RST where it has a connection to reset (RFC 9293 section 3.10.5). */
  abort(): void {
    const block = this.#block;
    switch (block.state) {
      case "CLOSED":
        return;
      case "SYN-RECEIVED":
      case "ESTABLISHED":
      case "FIN-WAIT-1":
      case "FIN-WAIT-2":
      case "CLOSE-WAIT":
        block.pendingReset = { sequenceNumber: block.bareSequenceNumber, hasAck: true };
    }
    block.fail("Reset");
    this.#onActivity(this);
  }

  /** A segment for this connection arrived. */
  segment(now: number, segment: TcpSegment): void {
    segmentArrives(this.#block, now, segment);
    this.#onActivity(this);
  }

  /** When `timer` is to be called; undefined when no timer runs. */
  nextTimer(): number | undefined {
    const next = nextTimer(this.#block);
    return next === Infinity ? undefined : next;
  }

  /** The time that `nextTimer` told has come. */
  timer(now: number): void {
    expireTimers(this.#block, now);
    this.#onActivity(this);
  }

  /** Writes the next segment to send at `at`; returns its size, 0 when there is none. */
  emit(now: number, bytes: Uint8Array, at: number): number {
    return emitSegment(this.#block, now, bytes, at);
  }

  #canSend(): boolean {
    const { state, isFinQueued } = this.#block;
    return !isFinQueued &&
      (state === "ESTABLISHED" || state === "CLOSE-WAIT" || state === "SYN-SENT" || state === "SYN-RECEIVED");
  }
}

function ignore(): void {}
