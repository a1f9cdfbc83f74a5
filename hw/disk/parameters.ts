/**
 * The figures of a disk drive, as a machine file gives them, and those of a common one.
 *
 * The names are those of the `disk` object of a machine file, so a description is passed on as it is.
 * - Times are milliseconds of virtual time, rates bytes per second, as data sheets print them.
 * - `barracuda200` is the 200 GB, 7200 rpm drive of hardware-reference.md section 4.7.
 */

export interface DriveParameters {
  readonly model: string;
  readonly serial: string;
  /** Nominal capacity: it lays out the platters. A smaller medium sits on the outermost tracks. */
  readonly sectorCount: number;
  readonly cylinders: number;
  readonly rotationsPerMinute: number;
  readonly trackToTrackSeekMs: number;
  readonly averageReadSeekMs: number;
  readonly averageWriteSeekMs: number;
  readonly fullStrokeSeekMs: number;
  /** Media rate of the outermost and the innermost track. */
  readonly outerBytesPerSecond: number;
  readonly innerBytesPerSecond: number;
  readonly interfaceBytesPerSecond: number;
  readonly bufferMiB: number;
  /** A command that goes to the platters; one that the buffer answers takes half of it. */
  readonly commandOverheadMs: number;
  /** FLUSH CACHE when nothing waits in the cache. */
  readonly cleanFlushMs: number;
}

export const barracuda200: DriveParameters = {
  model: "ST3200822AS",
  serial: "5LJ0HELIOS",
  sectorCount: 390_721_968,
  cylinders: 100_000,
  rotationsPerMinute: 7200,
  trackToTrackSeekMs: 1.0,
  averageReadSeekMs: 8.5,
  averageWriteSeekMs: 9.5,
  fullStrokeSeekMs: 18,
  outerBytesPerSecond: 78e6,
  innerBytesPerSecond: 38e6,
  interfaceBytesPerSecond: 150e6,
  bufferMiB: 8,
  commandOverheadMs: 0.2,
  cleanFlushMs: 0.1,
};
