/**
 * What answers on a bus: DRAM, a device's registers, a window onto another bus.
 *
 * An access is an offset into the target and bytes, little-endian.
 * - `read` fills the whole of `into`; `write` takes the whole of `from`.
 * - A target that cannot serve an access throws BusFault, naming itself,
 *   the offset and the value; it never answers with made-up data.
 *   (All ones from an empty PCI slot is right: real buses answer so.)
 * - Targets do not take time; whoever starts the access accounts for it.
 */

export interface BusTarget {
  read(offset: number, into: Uint8Array): void;
  write(offset: number, from: Uint8Array): void;
  /**
   * The bytes themselves, for who reads and writes the same place again and again; undefined where that is not the
   * same as an access. It is the same for as long as the machine runs.
   */
  window?(offset: number, length: number): Uint8Array | undefined;
  /** What an access at `offset` costs, where it differs from what its mapping says. */
  latencies?(offset: number): AccessLatencies | undefined;
}

/** What one CPU load or store costs beyond the instruction, in ns. */
export interface AccessLatencies {
  readonly readLatencyNs: number;
  readonly writeLatencyNs: number;
}

/** An access that nothing answers, or that its target refuses. */
export class BusFault extends Error {
  override readonly name = "BusFault";
  constructor(
    readonly device: string,
    readonly address: number,
    reason: string,
    readonly value?: number,
  ) {
    const at = `0x${address.toString(16)}`;
    const written = value === undefined ? "" : `, value 0x${value.toString(16)}`;
    super(`Bus fault at ${device} address ${at}${written}: ${reason}`);
  }
}

/** A device's interrupt output, as a wire: level-sensitive, may be shared. */
export interface InterruptLine {
  /** True asserts the line; setting the level that it has changes nothing. */
  set(asserted: boolean): void;
}

/**
 * A device's way to memory. Transfers take bus time, complete in the order in
 * which they were asked for, and call `done` at the instant of completion.
 * A transfer that faults calls `failed` instead.
 */
export interface DmaPort {
  read(
    address: number,
    length: number,
    done: (bytes: Uint8Array) => void,
    failed: (fault: BusFault) => void,
  ): void;
  write(address: number, bytes: Uint8Array, done: () => void, failed: (fault: BusFault) => void): void;
}
