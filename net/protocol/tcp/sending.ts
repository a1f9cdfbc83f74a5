/**
 * TCP sending: what the next segment is (RFC 9293 section 3.10, RFC 5681, RFC 1122 section 4.2.3.4).
 *
 * `emitSegment` writes at most one segment, and is called until it says that there is none.
 * The order is: reset, handshake, retransmission, probe, data and FIN, bare acknowledgement.
 * - Small segments wait while data is in flight (Nagle), unless `noDelay`; and wait for the window
 *   to open far enough (silly window avoidance), with the persist timer as the way out.
 */

import type { ControlBlock } from "./control_block.ts";
import { ACK, FIN, headerSizeOf, PSH, RST, SYN, writeSegment } from "./segment.ts";
import { sequenceAfter, sequenceDistance } from "./sequence.ts";

/** Writes the next segment at `at`; returns its size, or 0 when nothing is to be sent now. */
export function emitSegment(block: ControlBlock, now: number, bytes: Uint8Array, at: number): number {
  const reset = block.pendingReset;
  if (reset !== undefined) {
    block.pendingReset = undefined;
    const controlBits = reset.hasAck ? RST | ACK : RST;
    return write(block, bytes, at, reset.sequenceNumber, controlBits, 0, 0);
  }
  switch (block.state) {
    case "CLOSED":
      return 0;
    case "SYN-SENT":
      return block.sndNxt === block.iss ? emitSyn(block, now, bytes, at, SYN) : 0;
    case "SYN-RECEIVED":
      if (block.sndNxt === block.iss) return emitSyn(block, now, bytes, at, SYN | ACK);
      return emitAck(block, bytes, at);
    default:
      return emitData(block, now, bytes, at) || emitAck(block, bytes, at);
  }
}

function emitSyn(
  block: ControlBlock,
  now: number,
  bytes: Uint8Array,
  at: number,
  controlBits: number,
): number {
  block.sndNxt = sequenceAfter(block.iss, 1);
  measureRoundTrip(block, now, block.sndNxt);
  block.sndMax = block.sndNxt;
  block.retransmitAt = now + block.rto.currentNs;
  return write(block, bytes, at, block.iss, controlBits, 0, 0);
}

function emitAck(block: ControlBlock, bytes: Uint8Array, at: number): number {
  return block.isAckDue ? write(block, bytes, at, block.bareSequenceNumber, ACK, 0, 0) : 0;
}

function emitData(block: ControlBlock, now: number, bytes: Uint8Array, at: number): number {
  if (block.isRetransmitDue) {
    const size = retransmitFirst(block, now, bytes, at);
    if (size > 0) return size;
  }
  const queued = block.sendBuffer.length;
  const offset = sequenceDistance(block.sndNxt, block.sndUna);
  const unsent = queued - offset; // -1 when the FIN was sent too
  const isFinWaiting = block.isFinQueued && !block.isFinAcknowledged;
  if (unsent < 0 || (unsent === 0 && !isFinWaiting)) {
    block.isProbeDue = false;
    return 0;
  }
  if (offset === 0 && now - block.lastSentAt > block.rto.currentNs) block.congestion.restartAfterIdle();
  const usable = Math.min(block.sndWnd, block.congestion.allowance) - offset;
  const length = Math.max(0, Math.min(block.sendMss, usable, unsent));
  const hasFin = isFinWaiting && length === unsent && usable > length;
  if (maySend(block, offset, length, unsent, hasFin) || (block.isProbeDue && length > 0)) {
    return writeData(block, now, bytes, at, offset, length, hasFin);
  }
  if (block.isProbeDue) return probe(block, now, bytes, at, Math.min(unsent, 1));
  if (offset === 0 && block.persistAt === Infinity) {
    block.progressAt = now;
    block.persistAt = now + block.rto.probeIntervalNs(block.probeCount);
  }
  return 0;
}

/** The sender's part of silly window avoidance, and Nagle (RFC 9293 sections 3.7.4 and 3.8.6.2.1). */
function maySend(
  block: ControlBlock,
  offset: number,
  length: number,
  unsent: number,
  hasFin: boolean,
): boolean {
  if (hasFin) return true;
  if (length === 0) return false;
  if (length === block.sendMss || sequenceDistance(block.sndMax, block.sndNxt) > 0) return true;
  if (length === unsent && (offset === 0 || block.noDelay || block.isFinQueued)) return true;
  return length >= block.sndWndMax / 2;
}

function writeData(
  block: ControlBlock,
  now: number,
  bytes: Uint8Array,
  at: number,
  offset: number,
  length: number,
  hasFin: boolean,
): number {
  const sequenceNumber = block.sndNxt;
  block.sndNxt = sequenceAfter(sequenceNumber, length + (hasFin ? 1 : 0));
  if (block.sndUna === block.sndMax) block.progressAt = now;
  if (sequenceDistance(block.sndNxt, block.sndMax) > 0) {
    if (sequenceNumber === block.sndMax) measureRoundTrip(block, now, block.sndNxt);
    block.sndMax = block.sndNxt;
  }
  block.lastSentAt = now;
  block.persistAt = Infinity;
  block.probeCount = 0;
  block.isProbeDue = false;
  if (block.retransmitAt === Infinity) block.retransmitAt = now + block.rto.currentNs;
  const isLast = offset + length === block.sendBuffer.length;
  const controlBits = ACK | (isLast && length > 0 ? PSH : 0) | (hasFin ? FIN : 0);
  return write(block, bytes, at, sequenceNumber, controlBits, offset, length);
}

/** Fast retransmission: the segment at SND.UNA again, whatever the congestion window says. */
function retransmitFirst(block: ControlBlock, now: number, bytes: Uint8Array, at: number): number {
  block.isRetransmitDue = false;
  block.measuredSequence = undefined;
  const queued = block.sendBuffer.length;
  const length = Math.min(queued, block.sendMss, block.flightSize);
  const hasFin = block.isFinQueued && length === queued && block.flightSize > length;
  if (length === 0 && !hasFin) return 0;
  const end = sequenceAfter(block.sndUna, length + (hasFin ? 1 : 0));
  if (sequenceDistance(end, block.sndNxt) > 0) block.sndNxt = end;
  block.lastSentAt = now;
  block.retransmitAt = now + block.rto.currentNs;
  return write(block, bytes, at, block.sndUna, hasFin ? ACK | FIN : ACK, 0, length);
}

/**
 * Asks a peer whose window is closed with one byte, or with the FIN when no byte is left (RFC 9293
 * section 3.8.6.1). SND.NXT stays, so what was sent counts as unsent until it is acknowledged.
 */
function probe(block: ControlBlock, now: number, bytes: Uint8Array, at: number, length: number): number {
  block.isProbeDue = false;
  block.measuredSequence = undefined;
  block.probeCount++;
  block.persistAt = now + block.rto.probeIntervalNs(block.probeCount);
  const hasFin = length === 0;
  const end = sequenceAfter(block.sndUna, hasFin ? 1 : length);
  if (sequenceDistance(end, block.sndMax) > 0) block.sndMax = end;
  block.lastSentAt = now;
  return write(block, bytes, at, block.sndUna, hasFin ? ACK | FIN : ACK, 0, length);
}

/** Starts to measure a round trip if none is being measured. */
function measureRoundTrip(block: ControlBlock, now: number, end: number): void {
  if (block.measuredSequence !== undefined || block.timeoutCount > 0) return;
  block.measuredSequence = end;
  block.measuredSince = now;
}

function write(
  block: ControlBlock,
  bytes: Uint8Array,
  at: number,
  sequenceNumber: number,
  controlBits: number,
  offset: number,
  length: number,
): number {
  const hasAck = (controlBits & ACK) !== 0;
  const isSyn = (controlBits & SYN) !== 0;
  if (length > 0) block.sendBuffer.copy(offset, length, bytes, at + headerSizeOf(controlBits));
  if (hasAck) {
    block.isAckDue = false;
    block.delayedAckAt = Infinity;
  }
  const { localAddress, localPort, remoteAddress, remotePort } = block.addresses;
  const header = {
    sourcePort: localPort,
    destinationPort: remotePort,
    sequenceNumber,
    acknowledgmentNumber: hasAck ? block.rcvNxt : 0,
    controlBits,
    window: (controlBits & RST) !== 0 ? 0 : isSyn ? synWindow(block) : nextWindow(block),
    maximumSegmentSize: isSyn ? block.settings.maximumSegmentSize : undefined,
    // A SYN,ACK scales only when the SYN did (RFC 7323 section 2.2).
    windowShift: isSyn && (!hasAck || block.isScaling) ? block.rcvShift : undefined,
  };
  return writeSegment(bytes, at, localAddress, remoteAddress, header, length);
}

/** The window of a SYN is never scaled (RFC 7323 section 2.2). */
function synWindow(block: ControlBlock): number {
  return Math.min(block.receiveBuffer.space, 0xffff);
}

/**
 * The window to tell now. Its right edge never moves back, and moves on only when that is worth
 * a segment (the receiver's part of silly window avoidance, RFC 9293 section 3.8.6.2.2).
 */
function nextWindow(block: ControlBlock): number {
  const { capacity, space } = block.receiveBuffer;
  const promised = block.rcvWnd;
  const isWorthIt = space - promised >= Math.min(capacity / 2, block.settings.maximumSegmentSize);
  const window = Math.min(Math.max(isWorthIt ? space : 0, promised) >>> block.rcvShift, 0xffff);
  const edge = sequenceAfter(block.rcvNxt, window * 2 ** block.rcvShift);
  if (sequenceDistance(edge, block.rcvAdv) > 0) block.rcvAdv = edge;
  return window;
}
