/**
 * TCP timers: retransmission, persist, delayed ACK, and the end of TIME-WAIT (RFC 9293 section 3.10.8).
 *
 * `nextTimer` is the earliest of them; `expireTimers` does what is due. What must be sent
 * then comes out of `emitSegment`.
 * - A peer that acknowledges nothing for the user timeout (for the connect timeout, in a
 *   handshake) is given up; a closed window that is still answered never is.
 */

import type { ControlBlock } from "./control_block.ts";

/** When the next timer expires; Infinity when none runs. */
export function nextTimer(block: ControlBlock): number {
  return Math.min(block.retransmitAt, block.persistAt, block.delayedAckAt, block.closeAt);
}

/** Does what is due at `now`. */
export function expireTimers(block: ControlBlock, now: number): void {
  if (now >= block.delayedAckAt) {
    block.delayedAckAt = Infinity;
    block.isAckDue = true;
  }
  if (now >= block.closeAt) {
    block.state = "CLOSED";
    block.stopTimers();
    return;
  }
  if (now >= block.retransmitAt) retransmissionTimeout(block, now);
  if (now >= block.persistAt) {
    block.persistAt = Infinity;
    if (isGivenUp(block, now)) block.fail("TimedOut");
    else block.isProbeDue = true;
  }
}

/** RFC 6298 (5.4) to (5.6): back off, and send again from SND.UNA on. */
function retransmissionTimeout(block: ControlBlock, now: number): void {
  block.retransmitAt = Infinity;
  if (isGivenUp(block, now)) {
    block.fail("TimedOut");
    return;
  }
  block.rto.backOff();
  block.timeoutCount++;
  block.measuredSequence = undefined;
  block.isRetransmitDue = false;
  if (block.state === "SYN-SENT" || block.state === "SYN-RECEIVED") {
    block.sndNxt = block.iss;
    return;
  }
  block.congestion.timedOut(block.sndMax, block.flightSize, block.timeoutCount === 1);
  block.sndNxt = block.sndUna;
}

function isGivenUp(block: ControlBlock, now: number): boolean {
  const { connectTimeoutNs, userTimeoutNs } = block.settings;
  const isHandshake = block.state === "SYN-SENT" || block.state === "SYN-RECEIVED";
  return now - block.progressAt >= (isHandshake ? connectTimeoutNs : userTimeoutNs);
}
