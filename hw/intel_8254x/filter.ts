/**
 * Which frames the NIC lets in: receive addresses, multicast table, promiscuous modes, VLAN table.
 *
 * A pure decision about a frame's first bytes (hardware-reference.md 3.6).
 * - The answer names the kind of address, for the statistics, or is undefined for a frame to drop.
 */

import { hasBit } from "../register/register_map.ts";
import { addressValidBit, nicRegisters } from "./registers.ts";

export type AddressKind = "unicast" | "multicast" | "broadcast";

const rctl = nicRegisters.RCTL.bits;
const multicastOffsetShift = 12;
/** By RCTL.MO: how far byte 4 of the address goes right, and byte 5 left, to make the 12-bit hash. */
const hashShifts = [[4, 4], [3, 5], [2, 6], [0, 8]] as const;

export function addressKind(frame: Uint8Array): AddressKind {
  if ((frame[0]! & 1) === 0) return "unicast";
  for (let index = 0; index < 6; index++) if (frame[index] !== 0xff) return "multicast";
  return "broadcast";
}

/** Whether the destination passes. `addresses` is RAL0, RAH0, RAL1, ...; `table` the MTA. */
export function acceptsAddress(
  frame: Uint8Array,
  control: number,
  addresses: Uint32Array,
  table: Uint32Array,
): AddressKind | undefined {
  const kind = addressKind(frame);
  if (kind === "unicast" && hasBit(control, rctl.UPE)) return kind;
  if (kind !== "unicast" && hasBit(control, rctl.MPE)) return kind;
  if (kind === "broadcast" && hasBit(control, rctl.BAM)) return kind;
  const low = (frame[0]! | frame[1]! << 8 | frame[2]! << 16 | frame[3]! << 24) >>> 0;
  const high = frame[4]! | frame[5]! << 8;
  for (let index = 0; index < addresses.length; index += 2) {
    const upper = addresses[index + 1]!;
    if (addresses[index] === low && (upper & 0xffff) === high && hasBit(upper, addressValidBit)) return kind;
  }
  if (kind !== "multicast") return undefined;
  const [right, left] = hashShifts[control >>> multicastOffsetShift & 3]!;
  const hash = (frame[4]! >> right | frame[5]! << left) & 0xfff;
  return hasBit(table[hash >> 5]!, hash & 31) ? kind : undefined;
}

/** Whether a VLAN, given its tag control word, is switched on in the VFTA. */
export const acceptsVlan = (tag: number, table: Uint32Array): boolean =>
  hasBit(table[(tag & 0xfff) >> 5]!, tag & 31);
