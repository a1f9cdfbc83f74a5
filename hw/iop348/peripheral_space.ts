/**
 * The 512 KiB of peripheral registers (PMMR): which unit answers at which offset.
 *
 * - Offsets that no unit has read as 0 and drop writes (hardware-reference.md 0);
 *   so do I2C, GPIO and the other blocks of 2.3 that are not emulated.
 * - An access may not cross from one unit into what follows it.
 */

import { BusFault, type BusTarget } from "../memory/bus_target.ts";

export interface PeripheralBlock {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
  readonly target: BusTarget;
}

export class PeripheralSpace implements BusTarget {
  readonly #blocks: readonly PeripheralBlock[];

  constructor(blocks: readonly PeripheralBlock[]) {
    this.#blocks = blocks;
  }

  read(offset: number, into: Uint8Array): void {
    const block = this.#at(offset, into.length);
    if (block === undefined) into.fill(0);
    else block.target.read(offset - block.offset, into);
  }

  write(offset: number, from: Uint8Array): void {
    const block = this.#at(offset, from.length);
    block?.target.write(offset - block.offset, from);
  }

  #at(offset: number, length: number): PeripheralBlock | undefined {
    const block = this.#blocks.find((candidate) =>
      offset >= candidate.offset && offset < candidate.offset + candidate.size
    );
    if (block !== undefined && offset + length > block.offset + block.size) {
      throw new BusFault(block.name, offset - block.offset, `${length} bytes run past its registers`);
    }
    return block;
  }
}
