/**
 * Virtual time as FAT dates and times.
 *
 * The machine has no wall clock: a file's times count virtual time since power-on from
 * one fixed instant, midnight before the first day of SOSP 2009, where Helios was
 * presented. So the same run gives the same disk, to the byte.
 * - A FAT time has steps of two seconds; the creation time adds tenths of seconds.
 * - Years end at 2107, as the format's do.
 */

const secondsPerDay = 86_400;
/** Days from 1970-01-01 to 2009-10-11. */
const epochDays = 14_528;

export interface FatTimestamp {
  readonly date: number;
  readonly time: number;
  /** Hundredths of a second beyond `time`, 0 to 199. */
  readonly hundredths: number;
}

/** The timestamp of an instant, in nanoseconds since power-on. */
export function fatTimestamp(nanoseconds: number): FatTimestamp {
  const totalSeconds = Math.floor(nanoseconds / 1e9);
  const { year, month, day } = civilDate(epochDays + Math.floor(totalSeconds / secondsPerDay));
  const second = totalSeconds % secondsPerDay;
  const hundredths = Math.floor(nanoseconds % 1e9 / 1e7) + second % 2 * 100;
  return {
    date: Math.min(year - 1980, 127) << 9 | month << 5 | day,
    time: Math.floor(second / 3600) << 11 | Math.floor(second / 60) % 60 << 5 | second % 60 >>> 1,
    hundredths,
  };
}

/**
 * Gregorian date of a day counted from 1970-01-01. Inside, years start in March, so that
 * leap days come last.
 */
function civilDate(days: number): { year: number; month: number; day: number } {
  const shifted = days + 719_468; // from 0000-03-01
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  return {
    year: era * 400 + yearOfEra + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1,
  };
}
