/**
 * Retransmission timeout: how long to wait for an acknowledgement (RFC 6298).
 *
 * Keeps the smoothed round-trip time and its variation, and doubles the timeout each
 * time it expires.
 * - Only segments sent once are measured (Karn's algorithm); the caller sees to that.
 * - The minimum is a setting: RFC 6298 (2.4) says 1 s, which on an emulated LAN would
 *   make each lost segment cost more than whole transfers; 0.2 s is what Linux uses.
 */

/** RFC 6298 (2.1). */
const initialRtoNs = 1e9;
/** RFC 6298 (5.7): after a handshake whose SYN was lost. */
const afterLostSynRtoNs = 3e9;
/** RFC 6298 (2.5). */
const maximumRtoNs = 60e9;
/** Clock granularity G of RFC 6298 (2.2). */
const granularityNs = 1e6;

export class RetransmissionTimeout {
  readonly #minimumNs: number;
  #smoothedNs: number | undefined;
  #variationNs = 0;
  #currentNs = initialRtoNs;

  constructor(minimumNs: number) {
    this.#minimumNs = minimumNs;
  }

  get currentNs(): number {
    return this.#currentNs;
  }

  /** A round trip was measured. */
  measured(roundTripNs: number): void {
    if (this.#smoothedNs === undefined) {
      this.#smoothedNs = roundTripNs;
      this.#variationNs = roundTripNs / 2;
    } else {
      this.#variationNs = 0.75 * this.#variationNs + 0.25 * Math.abs(this.#smoothedNs - roundTripNs);
      this.#smoothedNs = 0.875 * this.#smoothedNs + 0.125 * roundTripNs;
    }
    const timeoutNs = this.#smoothedNs + Math.max(granularityNs, 4 * this.#variationNs);
    this.#currentNs = Math.min(Math.max(timeoutNs, this.#minimumNs), maximumRtoNs);
  }

  /** The timer expired: waits twice as long from now on. */
  backOff(): void {
    this.#currentNs = Math.min(this.#currentNs * 2, maximumRtoNs);
  }

  /** The handshake is complete, but only after its SYN was sent again. */
  synWasLost(): void {
    this.#currentNs = afterLostSynRtoNs;
  }

  /** How long to wait before the probe number `count` (0 for the first) of a closed window. */
  probeIntervalNs(count: number): number {
    return Math.min(this.#currentNs * 2 ** Math.min(count, 16), maximumRtoNs);
  }
}
