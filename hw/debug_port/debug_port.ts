/**
 * Two ports for software that has no drivers yet: a line of text out, and power off.
 *
 * - Port E9h: each byte written is one of a line; a newline, or the 1024th byte, ends it.
 * - Port 604h: writing `powerOffCommand | status` as 16 bits ends the machine with that
 *   status, 0 to 255. (Bit 13 is SLP_EN, as in an ACPI PM1 control register; bits 7:0
 *   are ours.) Writes without bit 13 do nothing.
 */

import { BusFault, type BusTarget } from "../memory/bus_target.ts";
import type { EventLog } from "../time/event_log.ts";

export const debugPort = 0xe9;
export const powerOffPort = 0x604;
export const powerOffCommand = 0x2000;
const statusMask = 0xff;

const longestLine = 1024;
const newline = 0x0a;

export function debugTextPort(onLine: (line: string) => void): BusTarget {
  let bytes: number[] = [];
  const finish = () => {
    const line = decodeUtf8(bytes);
    bytes = [];
    onLine(line);
  };
  return {
    read: (_, into) => void into.fill(debugPort), // the customary sign that the port exists
    write(_, from) {
      for (const byte of from) {
        if (byte !== newline) bytes.push(byte);
        if (byte === newline || bytes.length >= longestLine) finish();
      }
    },
  };
}

export function powerOffTarget(log: EventLog, onPowerOff: (status: number) => void): BusTarget {
  return {
    read: (_, into) => void into.fill(0),
    write(offset, from) {
      const command = from[0]! | (from[1] ?? 0) << 8;
      if (from.length !== 2) {
        throw new BusFault(
          "power-off port",
          powerOffPort + offset,
          `${from.length} bytes written, must be 2`,
          command,
        );
      }
      if ((command & powerOffCommand) === 0) return;
      const status = command & statusMask;
      log.record("power", `off with status ${status}`);
      onPowerOff(status);
    },
  };
}

function decodeUtf8(bytes: readonly number[]): string {
  return new TextDecoder().decode(Uint8Array.from(bytes));
}
