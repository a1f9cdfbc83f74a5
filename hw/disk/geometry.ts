/**
 * Where a sector lies on the platters, and how long the arm and the platters take to get there.
 *
 * Positions are *turns*: turn 0 is the outermost track, and the fraction of a turn is the angle at
 * which a sector starts. Outer tracks hold more sectors, so a turn there moves more bytes.
 * - The rotational position follows from virtual time alone: angle 0 passes the head at instant 0.
 * - Tracks are skewed by the time of a track switch, so reading on never misses a turn.
 * - Seek time (hardware-reference.md 4.7): a square-root curve up to a third of the stroke, then
 *   linear. Its coefficients are derived from the data-sheet figures (track to track, average, full
 *   stroke), because the reference's own two do not add up to its 8.5 ms average.
 */

import type { Instant } from "../time/time.ts";
import type { DriveParameters } from "./parameters.ts";
import { sectorSize } from "./medium.ts";

const nanosecondsPerMinute = 60e9;
/** Fitted: a drive of 2008 changes heads within its track-to-track time, less the settling of the arm. */
const trackSwitchShareOfTrackToTrack = 0.8;
/** A sector that has passed by less than this is still caught: rounding must not cost a turn. */
const rotationToleranceNs = 50;

export class DriveGeometry {
  /** Time of one turn, in ns. */
  readonly turnNs: number;
  readonly #totalBytes: number;
  readonly #turns: number;
  readonly #turnsPerCylinder: number;
  readonly #cylinders: number;
  readonly #outer: number;
  readonly #inner: number;
  readonly #trackSwitchNs: number;
  readonly #parameters: DriveParameters;

  /** `sectorCount` is that of the drive's nominal capacity, whatever its medium holds. */
  constructor(parameters: DriveParameters, sectorCount: number) {
    this.#parameters = parameters;
    this.turnNs = nanosecondsPerMinute / parameters.rotationsPerMinute;
    this.#totalBytes = sectorCount * sectorSize;
    this.#outer = parameters.outerBytesPerSecond;
    this.#inner = parameters.innerBytesPerSecond;
    this.#turns = this.#totalBytes / ((this.#outer + this.#inner) / 2 * this.turnNs / 1e9);
    this.#cylinders = parameters.cylinders;
    this.#turnsPerCylinder = this.#turns / parameters.cylinders;
    this.#trackSwitchNs = parameters.trackToTrackSeekMs * 1e6 * trackSwitchShareOfTrackToTrack;
  }

  /**
   * Turns from the outermost track to the start of `sector`. The media rate falls linearly over the
   * tracks, so the capacity outside track fraction x is (outer x - (outer - inner) x^2 / 2) of it all.
   */
  turnsTo(sector: number): number {
    const share = sector * sectorSize / this.#totalBytes;
    const slope = this.#outer - this.#inner;
    if (slope === 0) return share * this.#turns;
    const root = Math.sqrt(this.#outer ** 2 - (this.#outer ** 2 - this.#inner ** 2) * Math.min(share, 1));
    return (this.#outer - root) / slope * this.#turns;
  }

  /** How long `count` sectors pass under the head, track switches included. */
  transferNs(first: number, count: number): number {
    const start = this.turnsTo(first);
    const end = this.turnsTo(first + count);
    return (end - start) * this.turnNs + (Math.floor(end) - Math.floor(start)) * this.#trackSwitchNs;
  }

  /** How many sectors pass under the head within `durationNs`, reading on from `first`. */
  sectorsWithin(first: number, durationNs: number): number {
    const perSector = this.transferNs(first, 64) / 64;
    return Math.max(0, Math.floor(durationNs / perSector));
  }

  /** Time to move the arm between the tracks of two sectors. */
  seekNs(from: number, to: number, direction: "read" | "write"): number {
    const distance = Math.abs(
      Math.floor(this.turnsTo(to) / this.#turnsPerCylinder) -
        Math.floor(this.turnsTo(from) / this.#turnsPerCylinder),
    );
    if (distance === 0) return 0;
    const { trackToTrackSeekMs: short, fullStrokeSeekMs: full } = this.#parameters;
    const average = direction === "read"
      ? this.#parameters.averageReadSeekMs
      : this.#parameters.averageWriteSeekMs;
    const third = Math.max(2, this.#cylinders / 3);
    if (distance <= third) {
      return 1e6 * (short + (average - short) * (Math.sqrt(distance) - 1) / (Math.sqrt(third) - 1));
    }
    return 1e6 * (average + (full - average) * Math.min(1, (distance - third) / (this.#cylinders - third)));
  }

  /** How long, from `instant`, until the start of `sector` comes by the head. */
  rotationNs(instant: Instant, sector: number): number {
    const turns = this.turnsTo(sector);
    const target = turns + Math.floor(turns) * this.#trackSwitchNs / this.turnNs;
    const ahead = target - instant / this.turnNs;
    const waitNs = (ahead - Math.floor(ahead)) * this.turnNs;
    return waitNs > this.turnNs - rotationToleranceNs ? 0 : waitNs;
  }
}
