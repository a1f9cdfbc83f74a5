/**
 * Ethernet as stations see it: frames out, frames in, and whether the cable is plugged.
 *
 * A station is a NIC model, or something of the host's that lives on the emulated LAN
 * (DHCP server, port publisher, TAP). Stations know nothing of switches.
 * - A frame is destination to payload, without preamble and FCS, 14 to 1514 bytes
 *   (the wire pads to 60 and adds the FCS itself).
 * - `transmit` queues behind earlier frames and takes wire time; it never blocks,
 *   and `sent` is called when the last bit has left.
 */

export interface Station {
  readonly name: string;
  receive(frame: Uint8Array): void;
}

/** A station's end of its cable. */
export interface Cable {
  transmit(frame: Uint8Array, sent?: () => void): void;
  readonly bitsPerSecond: number;
}
