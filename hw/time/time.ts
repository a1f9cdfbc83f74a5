/**
 * Virtual time: instants and durations, both in nanoseconds.
 *
 * They are two different types, so that adding two instants, or passing a raw
 * number where a duration is wanted, does not compile.
 * - Nanoseconds are float64 and may have a fraction: a cycle of a 2.66 GHz
 *   clock is 0.376 ns, and must not be rounded away.
 * - Instant 0 is power-on. Virtual time has no relation to the wall clock.
 */

declare const instantBrand: unique symbol;
declare const durationBrand: unique symbol;

/** A point in virtual time: nanoseconds since power-on. */
export type Instant = number & { readonly [instantBrand]: true };

/** A length of virtual time in nanoseconds. */
export type Duration = number & { readonly [durationBrand]: true };

export const powerOn = 0 as Instant;

export const nanoseconds = (count: number): Duration => count as Duration;
export const microseconds = (count: number): Duration => count * 1e3 as Duration;
export const milliseconds = (count: number): Duration => count * 1e6 as Duration;
export const seconds = (count: number): Duration => count * 1e9 as Duration;

/** The instant that lies `duration` after `instant`. */
export const later = (instant: Instant, duration: Duration): Instant => (instant + duration) as Instant;

/** How long it is from `start` to `end`; negative when `end` lies before. */
export const elapsed = (start: Instant, end: Instant): Duration => (end - start) as Duration;

/** The time that `count` cycles take on a clock of `frequencyHz`. */
export const cycles = (count: number, frequencyHz: number): Duration => count * 1e9 / frequencyHz as Duration;
