/**
 * Configuration space as a kernel reaches it, whatever leads there: the ECAM window of
 * the host, or the ATU's configuration registers on the card.
 *
 * - Offsets are multiples of 4; registers are 32 bits.
 * - A function that is not there reads as all ones, on the card too, where the
 *   hardware answers with a data abort.
 */

export interface ConfigurationSpace {
  read32(bus: number, device: number, fn: number, offset: number): number;
  write32(bus: number, device: number, fn: number, offset: number, value: number): void;
}
