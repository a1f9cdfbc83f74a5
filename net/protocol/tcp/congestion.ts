/**
 * Congestion control: NewReno (RFC 5681, RFC 6582) with Limited Transmit (RFC 3042).
 *
 * Knows how many bytes may be in flight, and when the first unacknowledged segment is
 * to be sent again before its timer expires.
 * - `acknowledged` and `duplicate` return true when that segment must be retransmitted now.
 * - FlightSize is what was sent and not acknowledged: SND.MAX - SND.UNA.
 */

import { sequenceDistance } from "./sequence.ts";

const duplicateThreshold = 3;
/** No window is larger (RFC 7323 section 2.3), so neither need this one be. */
const congestionWindowMax = 2 ** 30;

export class Congestion {
  readonly #segmentSize: number;
  readonly #initialWindow: number;
  #window: number;
  #slowStartThreshold = congestionWindowMax;
  #duplicateCount = 0;
  #isRecovering = false;
  /** Highest sequence number sent when recovery began. */
  #recover: number;
  /** Bytes acknowledged since the window last grew, in congestion avoidance. */
  #acknowledgedBytes = 0;

  /** `iss` is the initial send sequence number. */
  constructor(segmentSize: number, iss: number, wasSynLost: boolean) {
    this.#segmentSize = segmentSize;
    this.#initialWindow = wasSynLost ? segmentSize : initialWindow(segmentSize);
    this.#window = this.#initialWindow;
    this.#recover = iss;
  }

  get isRecovering(): boolean {
    return this.#isRecovering;
  }

  /** Bytes that may be in flight. */
  get allowance(): number {
    // Limited Transmit: each of the first two duplicates lets one more segment out.
    if (this.#isRecovering) return this.#window;
    return this.#window + Math.min(this.#duplicateCount, duplicateThreshold - 1) * this.#segmentSize;
  }

  /** SND.UNA moved to `una`, over `count` bytes; `flightSize` is what is left. */
  acknowledged(una: number, count: number, flightSize: number): boolean {
    const segmentSize = this.#segmentSize;
    this.#duplicateCount = 0;
    if (!this.#isRecovering) {
      this.#grow(count);
      return false;
    }
    if (sequenceDistance(una, this.#recover) >= 0) {
      this.#isRecovering = false;
      this.#window = Math.min(this.#slowStartThreshold, Math.max(flightSize, segmentSize) + segmentSize);
      this.#acknowledgedBytes = 0;
      return false;
    }
    // A partial acknowledgement (RFC 6582 section 3.2, step 3): the next hole starts at `una`.
    this.#window = Math.max(this.#window - count, 0) + (count >= segmentSize ? segmentSize : 0);
    this.#window = Math.max(this.#window, segmentSize);
    return true;
  }

  /** The same acknowledgement came again while data was in flight. */
  duplicate(una: number, max: number, flightSize: number): boolean {
    this.#duplicateCount++;
    if (this.#isRecovering) {
      this.#window = Math.min(this.#window + this.#segmentSize, congestionWindowMax);
      return false;
    }
    if (this.#duplicateCount !== duplicateThreshold) return false;
    // RFC 6582 section 3.2, step 2: duplicates caused by our own retransmissions do not count.
    if (sequenceDistance(una, this.#recover) <= 0) return false;
    this.#recover = max;
    this.#isRecovering = true;
    this.#slowStartThreshold = Math.max(flightSize / 2, 2 * this.#segmentSize);
    this.#window = this.#slowStartThreshold + duplicateThreshold * this.#segmentSize;
    return true;
  }

  /** The retransmission timer expired; `isFirst` when it is this segment's first time. */
  timedOut(max: number, flightSize: number, isFirst: boolean): void {
    if (isFirst) this.#slowStartThreshold = Math.max(flightSize / 2, 2 * this.#segmentSize);
    this.#window = this.#segmentSize;
    this.#duplicateCount = 0;
    this.#isRecovering = false;
    this.#recover = max;
    this.#acknowledgedBytes = 0;
  }

  /** Nothing was sent for longer than a timeout: what is known of the path is old (RFC 5681 section 4.1). */
  restartAfterIdle(): void {
    this.#window = Math.min(this.#window, this.#initialWindow);
  }

  #grow(count: number): void {
    const segmentSize = this.#segmentSize;
    if (this.#window < this.#slowStartThreshold) {
      this.#window += Math.min(count, segmentSize);
    } else {
      this.#acknowledgedBytes += count;
      if (this.#acknowledgedBytes < this.#window) return;
      this.#acknowledgedBytes -= this.#window;
      this.#window += segmentSize;
    }
    this.#window = Math.min(this.#window, congestionWindowMax);
  }
}

/** IW of RFC 5681 section 3.1. */
function initialWindow(segmentSize: number): number {
  if (segmentSize > 2190) return 2 * segmentSize;
  return segmentSize > 1095 ? 3 * segmentSize : 4 * segmentSize;
}
