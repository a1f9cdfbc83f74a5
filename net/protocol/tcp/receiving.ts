/**
 * TCP receiving: what a segment that arrives does to a connection (RFC 9293 section 3.10.7).
 *
 * `segmentArrives` follows the RFC's order: sequence number, RST, SYN, ACK, text, FIN. Nothing
 * is sent here; what is owed to the peer is noted in the control block.
 * - RST and SYN are validated, and answered with a challenge ACK when in doubt (RFC 5961), at
 *   most 10 a second.
 * - A RST in TIME-WAIT is ignored (RFC 1337).
 *
 * Left out: urgent data (the pointer is ignored and the bytes stay in line), timestamps, SACK.
 */

import type { ControlBlock } from "./control_block.ts";
import { ACK, FIN, RST, segmentLength, SYN, type TcpSegment } from "./segment.ts";
import { sequenceAfter, sequenceDistance } from "./sequence.ts";

/** RFC 5961 section 7 leaves the figures open: this many challenge ACKs... */
const challengeCountMax = 10;
/** ...in this time. */
const challengeIntervalNs = 1e9;

export function segmentArrives(block: ControlBlock, now: number, segment: TcpSegment): void {
  if (block.state === "CLOSED") return;
  if (block.state === "SYN-SENT") {
    synSentSegmentArrives(block, now, segment);
    return;
  }
  const bits = segment.controlBits;
  let skipped = 0;
  if (block.state === "SYN-RECEIVED" && (bits & SYN) !== 0 && segment.sequenceNumber === block.irs) {
    if ((bits & ACK) === 0) {
      resendSyn(block);
      return;
    }
    // Simultaneous open: the peer's SYN comes again, now with its ACK (RFC 9293 figure 7).
    skipped = 1;
  }
  const sequenceNumber = sequenceAfter(segment.sequenceNumber, skipped);
  if (!isAcceptable(block, sequenceNumber, segmentLength(segment) - skipped)) {
    refuse(block, now, segment);
    return;
  }
  if ((bits & RST) !== 0) {
    resetArrives(block, now, sequenceNumber);
    return;
  }
  if ((bits & SYN) !== 0 && skipped === 0) {
    challenge(block, now);
    return;
  }
  if ((bits & ACK) === 0 || !acknowledgmentArrives(block, now, segment, sequenceNumber)) return;
  textArrives(block, now, segment, sequenceNumber);
}

function synSentSegmentArrives(block: ControlBlock, now: number, segment: TcpSegment): void {
  const bits = segment.controlBits;
  const hasAck = (bits & ACK) !== 0;
  const acknowledged = segment.acknowledgmentNumber;
  if (hasAck && acknowledged !== sequenceAfter(block.iss, 1)) {
    if ((bits & RST) === 0) block.pendingReset = { sequenceNumber: acknowledged, hasAck: false };
    return;
  }
  if ((bits & RST) !== 0) {
    if (hasAck) block.fail("Refused");
    return;
  }
  if ((bits & SYN) === 0) return;
  block.takeSyn(segment);
  if (!hasAck) {
    block.state = "SYN-RECEIVED";
    resendSyn(block);
    return;
  }
  synAcknowledged(block, now);
  block.isAckDue = true;
  // A SYN may carry data (RFC 9293 section 3.10.7.3); its first byte follows the SYN.
  textArrives(block, now, segment, block.rcvNxt);
}

/** Sends the SYN (with ACK, in SYN-RECEIVED) again; its round trip can't be measured then (Karn). */
function resendSyn(block: ControlBlock): void {
  block.sndNxt = block.iss;
  block.measuredSequence = undefined;
}

function synAcknowledged(block: ControlBlock, now: number): void {
  block.sndUna = sequenceAfter(block.iss, 1);
  block.sndNxt = block.sndUna;
  block.retransmitAt = Infinity;
  block.progressAt = now;
  finishMeasurement(block, now);
  block.established();
}

/** The four cases of RFC 9293 table 6, with a closed window taking bare segments at RCV.NXT. */
function isAcceptable(block: ControlBlock, sequenceNumber: number, length: number): boolean {
  const window = block.rcvWnd;
  const first = sequenceDistance(sequenceNumber, block.rcvNxt);
  // A segment at RCV.NXT goes on even when the window is closed, for its ACK; its text is cut off.
  if (first === 0) return true;
  if (first > 0) return first < window;
  return length > 0 && first + length > 0;
}

/** An unacceptable segment: acknowledged, so that a peer that lost our ACK learns where we are. */
function refuse(block: ControlBlock, now: number, segment: TcpSegment): void {
  if ((segment.controlBits & RST) !== 0) return;
  // The peer did not get our last ACK: it will send its FIN for another 2 MSL.
  if (block.state === "TIME-WAIT") block.closeAt = now + block.settings.timeWaitNs;
  if (segmentLength(segment) > 0 && (segment.controlBits & SYN) === 0) block.isAckDue = true;
  else challenge(block, now);
}

/** Answers something dubious with where we are (RFC 5961), but not without limit. */
function challenge(block: ControlBlock, now: number): void {
  if (now - block.challengeSince >= challengeIntervalNs) {
    block.challengeSince = now;
    block.challengeCount = 0;
  }
  if (block.challengeCount >= challengeCountMax) return;
  block.challengeCount++;
  block.isAckDue = true;
}

/** RFC 5961 section 3.2: only a RST exactly at RCV.NXT is believed. */
function resetArrives(block: ControlBlock, now: number, sequenceNumber: number): void {
  if (block.state === "TIME-WAIT") return;
  if (sequenceNumber !== block.rcvNxt) {
    challenge(block, now);
    return;
  }
  if (block.state === "SYN-RECEIVED" && !block.isPassive) {
    block.fail("Refused");
  } else if (block.sendBuffer.length === 0 && (block.state === "CLOSING" || block.state === "LAST-ACK")) {
    // Only the acknowledgement of our FIN was missing: an orderly end (RFC 9293 section 3.10.7.4, second).
    block.state = "CLOSED";
    block.stopTimers();
  } else {
    block.fail("Reset");
  }
}

/** RFC 9293 section 3.10.7.4, fifth; false when the segment is not to be looked at further. */
function acknowledgmentArrives(
  block: ControlBlock,
  now: number,
  segment: TcpSegment,
  sequenceNumber: number,
): boolean {
  const acknowledged = segment.acknowledgmentNumber;
  if (block.state === "SYN-RECEIVED") {
    if (acknowledged !== sequenceAfter(block.iss, 1)) {
      block.pendingReset = { sequenceNumber: acknowledged, hasAck: false };
      return false;
    }
    synAcknowledged(block, now);
    takeWindow(block, segment, sequenceNumber);
    return true;
  }
  const isTooNew = sequenceDistance(acknowledged, block.sndMax) > 0;
  // RFC 5961 section 5.2.
  const isTooOld = sequenceDistance(acknowledged, block.sndUna) < -block.sndWndMax;
  if (isTooNew || isTooOld) {
    challenge(block, now);
    return false;
  }
  const count = sequenceDistance(acknowledged, block.sndUna);
  const isDuplicate = count === 0 && block.flightSize > 0 && segmentLength(segment) === 0 &&
    windowOf(block, segment) === block.sndWnd;
  if (count > 0) newlyAcknowledged(block, now, acknowledged, count);
  if (isDuplicate && block.sndWnd > 0) {
    if (block.congestion.duplicate(block.sndUna, block.sndMax, block.flightSize)) {
      block.isRetransmitDue = true;
    }
  }
  if (count >= 0) takeWindow(block, segment, sequenceNumber);
  // A peer that keeps its window closed but answers is alive (RFC 9293 section 3.8.6.1).
  if (block.sndWnd === 0) block.progressAt = now;
  if (block.isFinAcknowledged) finAcknowledged(block, now);
  return block.state !== "CLOSED";
}

/** SND.UNA moves on by `count`: data leaves the buffer, and timers and windows learn of it. */
function newlyAcknowledged(block: ControlBlock, now: number, acknowledged: number, count: number): void {
  const queued = block.sendBuffer.length;
  block.sendBuffer.drop(Math.min(count, queued));
  if (count > queued) block.isFinAcknowledged = true;
  const measured = block.measuredSequence;
  if (measured !== undefined && sequenceDistance(acknowledged, measured) >= 0) finishMeasurement(block, now);
  block.sndUna = acknowledged;
  if (sequenceDistance(block.sndNxt, acknowledged) < 0) block.sndNxt = acknowledged;
  block.timeoutCount = 0;
  block.progressAt = now;
  if (block.congestion.acknowledged(acknowledged, count, block.flightSize)) block.isRetransmitDue = true;
  // RFC 6298 (5.2) and (5.3). After a probe nothing is in flight, though SND.MAX is ahead.
  const isInFlight = sequenceDistance(block.sndNxt, block.sndUna) > 0;
  block.retransmitAt = isInFlight ? now + block.rto.currentNs : Infinity;
}

function finishMeasurement(block: ControlBlock, now: number): void {
  if (block.measuredSequence === undefined) return;
  block.measuredSequence = undefined;
  block.rto.measured(now - block.measuredSince);
}

/** Takes the peer's window unless a newer segment told it already. */
function takeWindow(block: ControlBlock, segment: TcpSegment, sequenceNumber: number): void {
  const newer = sequenceDistance(sequenceNumber, block.sndWl1);
  const isNewer = newer > 0 ||
    (newer === 0 && sequenceDistance(segment.acknowledgmentNumber, block.sndWl2) >= 0);
  if (!isNewer) return;
  block.sndWnd = windowOf(block, segment);
  block.sndWl1 = sequenceNumber;
  block.sndWl2 = segment.acknowledgmentNumber;
  if (block.sndWnd > block.sndWndMax) block.sndWndMax = block.sndWnd;
  if (block.sndWnd > 0) {
    block.persistAt = Infinity;
    block.probeCount = 0;
    block.isProbeDue = false;
  }
}

/** SEG.WND in bytes; that of a SYN is never scaled (RFC 7323 section 2.2). */
function windowOf(block: ControlBlock, segment: TcpSegment): number {
  return (segment.controlBits & SYN) !== 0 ? segment.window : segment.window * 2 ** block.sndShift;
}

/** The peer has our FIN. */
function finAcknowledged(block: ControlBlock, now: number): void {
  switch (block.state) {
    case "FIN-WAIT-1":
      block.state = "FIN-WAIT-2";
      if (block.isAbandoned) block.closeAt = now + block.settings.closeTimeoutNs;
      break;
    case "CLOSING":
      enterTimeWait(block, now);
      break;
    case "LAST-ACK":
      block.state = "CLOSED";
      block.stopTimers();
      break;
  }
}

function enterTimeWait(block: ControlBlock, now: number): void {
  block.state = "TIME-WAIT";
  block.retransmitAt = Infinity;
  block.persistAt = Infinity;
  block.closeAt = now + block.settings.timeWaitNs;
}

/** RFC 9293 section 3.10.7.4, seventh and eighth: text, then FIN. */
function textArrives(block: ControlBlock, now: number, segment: TcpSegment, sequenceNumber: number): void {
  if (block.isPeerFinished) return;
  const { payload } = segment;
  const offset = sequenceDistance(sequenceNumber, block.rcvNxt);
  const end = offset + payload.length;
  if (payload.length > 0) {
    if (block.isAbandoned && block.state === "FIN-WAIT-2") {
      // Nobody will ever read this (RFC 1122 section 4.2.2.13).
      block.pendingReset = { sequenceNumber: block.bareSequenceNumber, hasAck: true };
      block.fail("Reset");
      return;
    }
    const window = Math.min(block.rcvWnd, block.receiveBuffer.space);
    const text = payload.subarray(Math.max(0, -offset), Math.max(0, payload.length - (end - window)));
    takeText(block, now, Math.max(0, offset), text);
    if (text.length < payload.length) block.isAckDue = true;
  }
  if ((segment.controlBits & FIN) !== 0) {
    block.earlyFin = sequenceAfter(sequenceNumber, payload.length);
    block.isAckDue = true;
  }
  if (block.earlyFin === block.rcvNxt) finArrives(block, now);
}

function takeText(block: ControlBlock, now: number, offset: number, text: Uint8Array): void {
  if (text.length === 0) return;
  const hadGap = block.receiveBuffer.hasGap;
  const grown = block.receiveBuffer.insert(offset, text);
  if (grown !== undefined) block.rcvNxt = sequenceAfter(block.rcvNxt, grown);
  if (block.isAbandoned) block.receiveBuffer.discard();
  // Gaps are told at once, so that the peer retransmits fast (RFC 5681 section 4.2); else
  // every second segment is acknowledged (RFC 9293 section 3.8.6.3).
  if (hadGap || offset > 0 || block.delayedAckAt !== Infinity) block.isAckDue = true;
  else block.delayedAckAt = now + block.settings.delayedAckNs;
}

function finArrives(block: ControlBlock, now: number): void {
  block.isPeerFinished = true;
  block.rcvNxt = sequenceAfter(block.rcvNxt, 1);
  block.isAckDue = true;
  switch (block.state) {
    case "ESTABLISHED":
      block.state = "CLOSE-WAIT";
      break;
    case "FIN-WAIT-1":
      block.state = "CLOSING";
      break;
    case "FIN-WAIT-2":
      enterTimeWait(block, now);
      break;
  }
}
