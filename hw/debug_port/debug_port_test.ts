/**
 * The debug and power-off ports, written to as software would.
 * - Text is UTF-8, written byte by byte.
 * - Power-off is a 16-bit write.
 */

import { assertEquals, assertThrows } from "@std/assert";
import { BusFault } from "../memory/bus_target.ts";
import { silentLog } from "../time/event_log.ts";
import { debugTextPort, powerOffCommand, powerOffTarget } from "./debug_port.ts";

Deno.test("bytes written to the debug port become lines at each newline", () => {
  const lines: string[] = [];
  const port = debugTextPort((line) => lines.push(line));
  for (const byte of new TextEncoder().encode("kernel 0: grüß\n\nha")) port.write(0, Uint8Array.of(byte));
  assertEquals(lines, ["kernel 0: grüß", ""]);
  port.write(0, new TextEncoder().encode("lt\n"));
  assertEquals(lines[2], "halt");
});

Deno.test("a debug line without an end is cut at 1024 bytes", () => {
  const lines: string[] = [];
  const port = debugTextPort((line) => lines.push(line));
  port.write(0, new Uint8Array(2500).fill(97));
  assertEquals(lines.map((line) => line.length), [1024, 1024]);
});

Deno.test("the power-off port ends the machine with the status, and only on its command bit", () => {
  const ends: number[] = [];
  const port = powerOffTarget(silentLog, (status) => ends.push(status));
  const write16 = (value: number) => port.write(0, Uint8Array.of(value & 0xff, value >> 8));
  write16(3);
  assertEquals(ends, []);
  write16(powerOffCommand);
  write16(powerOffCommand | 3);
  assertEquals(ends, [0, 3]);
  assertThrows(() => port.write(0, Uint8Array.of(0)), BusFault, "must be 2");
});
