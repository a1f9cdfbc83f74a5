/**
 * TCP sequence numbers: arithmetic modulo 2^32 (RFC 9293 section 3.4).
 *
 * Sequence numbers wrap, so `a < b` on them is meaningless; compare through these.
 * - Values are u32. A comparison holds for numbers less than 2^31 apart, which the
 *   largest window (2^30, RFC 7323) guarantees.
 */

/** How far `a` lies behind `b`: `a - b`, negative when `a` is the earlier one. */
export const sequenceDistance = (a: number, b: number): number => (a - b) | 0;

/** The sequence number `count` after `a`. */
export const sequenceAfter = (a: number, count: number): number => (a + count) >>> 0;
