/**
 * The trace header that the server puts in front of each message (RFC 5321, section 4.4).
 *
 * Dates are virtual: time since power-on, counted from one fixed instant, midnight before
 * the first day of SOSP 2009. The file system's timestamps count from the same one
 * (fs/fat32/timestamp.ts), so a message and its file agree.
 */

import { mailDomain } from "../contracts/mail_store.ts";
import type { Envelope } from "./session.ts";

const secondsPerDay = 86_400;
/** Days from 1970-01-01 to 2009-10-11. */
const epochDays = 14_528;
const dayNames = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]; // 1970-01-01 was a Thursday
const monthNames = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** Return-Path and Received, with their line ends. `address` is the client's, dotted. */
export function traceHeader(envelope: Envelope, address: string, id: number, nowNs: number): string {
  const protocol = envelope.isExtended ? "ESMTP" : "SMTP";
  return `Return-Path: <${envelope.reversePath}>\r\n` +
    `Received: from ${envelope.clientName} ([${address}])\r\n` +
    `\tby ${mailDomain} (Helios) with ${protocol} id ${id};\r\n` +
    `\t${formatDate(nowNs)}\r\n`;
}

/** An instant, in nanoseconds since power-on, as RFC 5322, section 3.3, writes it. */
export function formatDate(nowNs: number): string {
  const seconds = Math.floor(nowNs / 1e9);
  const days = epochDays + Math.floor(seconds / secondsPerDay);
  const { year, month, day } = civilDate(days);
  const time = [seconds / 3600 % 24, seconds / 60 % 60, seconds % 60].map((part) =>
    twoDigits(Math.floor(part))
  );
  return `${dayNames[days % 7]}, ${twoDigits(day)} ${monthNames[month]} ${year} ${time.join(":")} +0000`;
}

/** Gregorian date of a day counted from 1970-01-01; `month` counts from 0. */
function civilDate(days: number): { readonly year: number; readonly month: number; readonly day: number } {
  let year = 1970;
  let left = days;
  for (let length = 365; left >= length; left -= length, year++, length = isLeapYear(year) ? 366 : 365);
  let month = 0;
  while (left >= monthLength(year, month)) left -= monthLength(year, month++);
  return { year, month, day: left + 1 };
}

function isLeapYear(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

function monthLength(year: number, month: number): number {
  if (month === 1) return isLeapYear(year) ? 29 : 28;
  return month === 3 || month === 5 || month === 8 || month === 10 ? 30 : 31;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}
