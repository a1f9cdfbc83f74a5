/**
 * Transmission control block: all that one TCP connection remembers (RFC 9293 section 3.3.1).
 *
 * Variables carry the RFC's names: `sndUna` is SND.UNA. `receiving.ts`, `sending.ts` and
 * `timers.ts` are the three halves of the machine that work on it; `connection.ts` is what
 * callers hold.
 * - Times are nanoseconds on the caller's clock; a timer that is off stands at Infinity.
 * - Sequence numbers are u32 (see `sequence.ts`).
 */

import { Congestion } from "./congestion.ts";
import { ReceiveBuffer } from "./receive_buffer.ts";
import { RetransmissionTimeout } from "./retransmission_timeout.ts";
import { type TcpSegment } from "./segment.ts";
import { SendBuffer } from "./send_buffer.ts";
import { sequenceAfter, sequenceDistance } from "./sequence.ts";

/** States of a connection; LISTEN is a `TcpListener`. */
export type TcpState =
  | "CLOSED"
  | "SYN-SENT"
  | "SYN-RECEIVED"
  | "ESTABLISHED"
  | "FIN-WAIT-1"
  | "FIN-WAIT-2"
  | "CLOSE-WAIT"
  | "CLOSING"
  | "LAST-ACK"
  | "TIME-WAIT";

/** Why a connection is gone before its time. */
export type TcpFailure = "Refused" | "Reset" | "TimedOut";

export interface TcpSettings {
  readonly sendBufferSize: number;
  readonly receiveBufferSize: number;
  /** Largest payload that we take; also the most we send. */
  readonly maximumSegmentSize: number;
  /** Switches Nagle's algorithm off. */
  readonly noDelay: boolean;
  /** How long an acknowledgement may wait for company (RFC 9293 section 3.8.6.3: below 0.5 s). */
  readonly delayedAckNs: number;
  /** 2 MSL. RFC 9293 says 4 minutes; no segment of ours lives for a second on one emulated LAN. */
  readonly timeWaitNs: number;
  readonly minimumRtoNs: number;
  /** How long a handshake may take. */
  readonly connectTimeoutNs: number;
  /** How long the peer may acknowledge nothing: R2 of RFC 9293 section 3.8.3, at least 100 s. */
  readonly userTimeoutNs: number;
  /** How long a connection that nobody holds any more waits for the peer's FIN. */
  readonly closeTimeoutNs: number;
}

/** The two last figures are Singularity's (helios-reference.md: connect timeout 15 s, close 10 s). */
export const defaultTcpSettings: TcpSettings = {
  sendBufferSize: 65_536,
  receiveBufferSize: 65_536,
  maximumSegmentSize: 1460,
  noDelay: false,
  delayedAckNs: 40e6,
  timeWaitNs: 2e9,
  minimumRtoNs: 200e6,
  userTimeoutNs: 100e9,
  connectTimeoutNs: 15e9,
  closeTimeoutNs: 10e9,
};

/** The four numbers that name a connection. */
export interface TcpAddresses {
  readonly localAddress: number;
  readonly localPort: number;
  readonly remoteAddress: number;
  readonly remotePort: number;
}

/** A reset that is to be sent before anything else. */
interface PendingReset {
  readonly sequenceNumber: number;
  readonly hasAck: boolean;
}

/** The MSS of a peer that names none (RFC 9293 section 3.7.1). */
const defaultSendMss = 536;

export class ControlBlock {
  readonly addresses: TcpAddresses;
  readonly settings: TcpSettings;
  state: TcpState;
  failure: TcpFailure | undefined;
  readonly isPassive: boolean;

  // Send sequence space.
  readonly iss: number;
  sndUna: number;
  sndNxt: number;
  /** Behind the highest byte ever sent; SND.NXT goes back to SND.UNA when the timer expires. */
  sndMax: number;
  sndWnd = 0;
  sndWl1 = 0;
  sndWl2 = 0;
  /** Largest window that the peer ever offered (Max(SND.WND)). */
  sndWndMax = 0;
  sndShift = 0;
  sendMss: number;
  readonly sendBuffer: SendBuffer;
  /** The user has finished: a FIN follows the buffer's last byte. */
  isFinQueued = false;
  isFinAcknowledged = false;
  congestion: Congestion;
  noDelay: boolean;

  // Receive sequence space.
  irs = 0;
  rcvNxt = 0;
  /** Right edge of the window that the peer was told. */
  rcvAdv = 0;
  rcvShift: number;
  /** Both sides offered window scaling. */
  isScaling = false;
  readonly receiveBuffer: ReceiveBuffer;
  /** Where a FIN stands that came before the data in front of it. */
  earlyFin: number | undefined;
  /** The peer's FIN has been reached. */
  isPeerFinished = false;

  // What the next call of `emitSegment` owes.
  isAckDue = false;
  isRetransmitDue = false;
  isProbeDue = false;
  pendingReset: PendingReset | undefined;

  // Timers.
  readonly rto: RetransmissionTimeout;
  retransmitAt = Infinity;
  persistAt = Infinity;
  delayedAckAt = Infinity;
  /** End of TIME-WAIT, or of waiting in FIN-WAIT-2 for a peer that nobody listens to. */
  closeAt = Infinity;
  probeCount = 0;
  /** Times that the timer expired since the peer last acknowledged something new. */
  timeoutCount = 0;
  /** When the peer last gave a sign of life, or data went into an empty flight. */
  progressAt: number;
  lastSentAt: number;
  /** An acknowledgement up to here ends the measurement of a round trip; undefined when none runs. */
  measuredSequence: number | undefined;
  measuredSince = 0;

  /** The user closed and will not read any more. */
  isAbandoned = false;
  challengeCount = 0;
  challengeSince = -Infinity;

  constructor(
    addresses: TcpAddresses,
    settings: TcpSettings,
    iss: number,
    now: number,
    syn: TcpSegment | undefined,
  ) {
    this.addresses = addresses;
    this.settings = settings;
    this.iss = iss >>> 0;
    this.sndUna = this.iss;
    this.sndNxt = this.iss;
    this.sndMax = this.iss;
    this.isPassive = syn !== undefined;
    this.state = syn === undefined ? "SYN-SENT" : "SYN-RECEIVED";
    this.sendMss = Math.min(defaultSendMss, settings.maximumSegmentSize);
    this.congestion = new Congestion(this.sendMss, this.iss, false);
    this.noDelay = settings.noDelay;
    this.sendBuffer = new SendBuffer(settings.sendBufferSize);
    this.receiveBuffer = new ReceiveBuffer(settings.receiveBufferSize);
    this.rcvShift = windowShiftFor(settings.receiveBufferSize);
    this.rto = new RetransmissionTimeout(settings.minimumRtoNs);
    this.progressAt = now;
    this.lastSentAt = now;
    if (syn !== undefined) this.takeSyn(syn);
  }

  /** RCV.WND: how far beyond RCV.NXT the peer may send. */
  get rcvWnd(): number {
    return sequenceDistance(this.rcvAdv, this.rcvNxt);
  }

  /**
   * Sequence number of segments that carry nothing: behind all that was sent, so that a peer that
   * has it finds them in order; but at SND.NXT when a probe may have gone beyond a closed window.
   */
  get bareSequenceNumber(): number {
    return this.sndWnd === 0 ? this.sndNxt : this.sndMax;
  }

  /** FlightSize of RFC 5681. */
  get flightSize(): number {
    return sequenceDistance(this.sndMax, this.sndUna);
  }

  /** Notes what the peer's SYN says: its sequence number, window and options. */
  takeSyn(syn: TcpSegment): void {
    this.irs = syn.sequenceNumber;
    this.rcvNxt = sequenceAfter(syn.sequenceNumber, 1);
    this.rcvAdv = sequenceAfter(this.rcvNxt, Math.min(this.receiveBuffer.capacity, 0xffff));
    const peerMss = syn.maximumSegmentSize ?? defaultSendMss;
    // A peer that wants less than 64 bytes wants us to drown in headers.
    this.sendMss = Math.min(Math.max(peerMss, 64), this.settings.maximumSegmentSize);
    this.sndShift = syn.windowShift ?? 0;
    // Scaling holds in both directions or in none (RFC 7323 section 2.2).
    this.isScaling = syn.windowShift !== undefined;
    if (!this.isScaling) this.rcvShift = 0;
    this.sndWnd = syn.window;
    this.sndWndMax = syn.window;
    this.sndWl1 = syn.sequenceNumber;
    this.sndWl2 = syn.acknowledgmentNumber;
  }

  /** The handshake is complete. */
  established(): void {
    const wasSynLost = this.timeoutCount > 0;
    if (wasSynLost) this.rto.synWasLost();
    this.timeoutCount = 0;
    this.congestion = new Congestion(this.sendMss, this.iss, wasSynLost);
    this.state = this.isFinQueued ? "FIN-WAIT-1" : "ESTABLISHED";
  }

  stopTimers(): void {
    this.retransmitAt = Infinity;
    this.persistAt = Infinity;
    this.delayedAckAt = Infinity;
    this.closeAt = Infinity;
  }

  /** The connection is gone; what was buffered is lost. */
  fail(failure: TcpFailure): void {
    this.failure = failure;
    this.state = "CLOSED";
    this.sendBuffer.clear();
    this.receiveBuffer.clear();
    this.stopTimers();
    this.isAckDue = false;
  }
}

/** The smallest shift that lets a window as large as the buffer be told in 16 bits. */
function windowShiftFor(bufferSize: number): number {
  let shift = 0;
  while (bufferSize >>> shift > 0xffff) shift++;
  return shift;
}
