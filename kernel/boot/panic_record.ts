/**
 * The panic record: why a satellite kernel has stopped, in memory that the coordinator can read.
 *
 * A kernel of the host has it at the start of its message area, where the pair area with
 * kernel 0 would be (that one lies with the coordinator); a card behind its boot-info block.
 * - Magic number, length, UTF-8. It is written before the alarm and cleared when it was read.
 */

import type { AddressSpace } from "../hal/hardware.ts";
import { encodeText } from "../remote/record.ts";

const magic = 0x494e4150;
const textOffset = 8;
const textMax = 240;

export function writePanicRecord(space: AddressSpace, address: number, reason: string): void {
  const text = encodeText(reason).slice(0, textMax);
  space.write(address + textOffset, text);
  space.write32(address + 4, text.length);
  space.write32(address, magic);
}

/** Why the kernel has panicked; undefined when it has not. */
export function takePanicRecord(space: AddressSpace, address: number): string | undefined {
  if (space.read32(address) !== magic) return undefined;
  const length = Math.min(space.read32(address + 4), textMax);
  const text = space.read(address + textOffset, length);
  space.write32(address, 0);
  return new TextDecoder().decode(text);
}
