/**
 * Dates of the trace header against the host's calendar.
 *
 * The epoch is the file system's: a message and its file must carry the same day.
 */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { fatTimestamp } from "../../fs/fat32/timestamp.ts";
import { formatDate } from "./trace_header.ts";

Deno.test("power-on is the first day of SOSP 2009, and seconds count on from there", () => {
  assertEquals(formatDate(0), "Sun, 11 Oct 2009 00:00:00 +0000");
  assertEquals(formatDate(86_399.9e9), "Sun, 11 Oct 2009 23:59:59 +0000");
  assertEquals(formatDate(86_400e9), "Mon, 12 Oct 2009 00:00:00 +0000");
});

Deno.test("any date is the one that the host's calendar gives, and the one that files get", () => {
  const epoch = Date.UTC(2009, 9, 11);
  fc.assert(fc.property(fc.integer({ min: 0, max: 2_000_000_000 }), (seconds) => {
    const date = new Date(epoch + seconds * 1000);
    assertEquals(formatDate(seconds * 1e9), date.toUTCString().replace("GMT", "+0000"));
    const day = fatTimestamp(seconds * 1e9).date;
    assertEquals([(day >> 9) + 1980, (day >> 5 & 15) - 1, day & 31], [
      date.getUTCFullYear(),
      date.getUTCMonth(),
      date.getUTCDate(),
    ]);
  }));
});
