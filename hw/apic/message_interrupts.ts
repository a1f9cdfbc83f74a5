/**
 * Where devices write message-signalled interrupts: FEE00000h as the bus sees it.
 *
 * A DMA write of 4 bytes there is an interrupt (hardware-reference.md 1.3): the
 * address names the CPU and the data the vector. CPUs do not come here: at the same
 * address each finds its own local APIC on its local bus.
 */

import { BusFault, type BusTarget } from "../memory/bus_target.ts";
import type { InterruptBus } from "./interrupt_bus.ts";

export const messageInterruptBase = 0xfee0_0000;
export const messageInterruptSize = 0x10_0000;

const name = "message interrupts";
const logicalBit = 1 << 2;
const levelTriggerBit = 1 << 15;

export function messageInterruptTarget(bus: InterruptBus): BusTarget {
  return {
    read(offset) {
      throw new BusFault(
        name,
        messageInterruptBase + offset,
        "write-only; a local APIC is on its CPU's local bus",
      );
    },
    write(offset, from) {
      if (from.length !== 4) {
        throw new BusFault(name, messageInterruptBase + offset, `${from.length} bytes written, must be 4`);
      }
      const data = from[0]! | from[1]! << 8;
      const kind = (offset & logicalBit) !== 0 ? "logical" as const : "physical" as const;
      const message = { mode: data >> 8 & 7, vector: data & 0xff, level: (data & levelTriggerBit) !== 0 };
      bus.sendFromDevice(name, { kind, id: offset >> 12 & 0xff }, message, () => {});
    },
  };
}
