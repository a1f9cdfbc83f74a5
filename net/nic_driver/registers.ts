/**
 * Registers of the Intel 8254x that its driver uses, as a table.
 *
 * Offsets count from base address register 0; names are the data sheet's.
 * - `bits` are bit numbers; `mask` makes a register value out of their names.
 * - Multi-bit fields stand below the table as shifts, with their meaning.
 *
 * Follows hardware-reference.md sections 3.2 and 3.8.
 */

interface Register {
  readonly offset: number;
  readonly doc: string;
  readonly bits?: Readonly<Record<string, number>>;
}

const interruptCauses = {
  TXDW: 0, // a transmit descriptor was written back
  LSC: 2, // the link came up or went down
  RXSEQ: 3, // receive sequence error
  RXDMT0: 4, // the receive ring runs low
  RXO: 6, // a frame found no descriptor
  RXT0: 7, // a frame was received
} as const;

export const nicRegisters = {
  CTRL: {
    offset: 0x0000,
    doc: "Device control",
    bits: { LRST: 3, ASDE: 5, SLU: 6, ILOS: 7, FRCSPD: 11, FRCDPX: 12, RST: 26 },
  },
  CTRL_DUP: { offset: 0x0004, doc: "Device control again; the 82545GM is reset here", bits: { RST: 26 } },
  STATUS: { offset: 0x0008, doc: "Device status", bits: { FD: 0, LU: 1 } },
  EERD: {
    offset: 0x0014,
    doc: "EEPROM read: start, done, word address and data",
    bits: { START: 0, DONE: 4 },
  },
  ICR: { offset: 0x00c0, doc: "Interrupt causes; reading clears them", bits: interruptCauses },
  ITR: { offset: 0x00c4, doc: "Shortest time between two interrupts, in units of 256 ns" },
  ICS: { offset: 0x00c8, doc: "Sets interrupt causes", bits: interruptCauses },
  IMS: { offset: 0x00d0, doc: "Lets causes interrupt", bits: interruptCauses },
  IMC: { offset: 0x00d8, doc: "Keeps causes from interrupting", bits: interruptCauses },
  RCTL: { offset: 0x0100, doc: "Receive control", bits: { EN: 1, BAM: 15, SECRC: 26 } },
  TCTL: { offset: 0x0400, doc: "Transmit control", bits: { EN: 1, PSP: 3 } },
  TIPG: { offset: 0x0410, doc: "Gap between transmitted frames" },
  RDBAL: { offset: 0x2800, doc: "Receive ring address, low half" },
  RDBAH: { offset: 0x2804, doc: "Receive ring address, high half" },
  RDLEN: { offset: 0x2808, doc: "Receive ring length in bytes" },
  RDH: { offset: 0x2810, doc: "Receive ring head: the device's" },
  RDT: { offset: 0x2818, doc: "Receive ring tail: the driver's" },
  RDTR: { offset: 0x2820, doc: "Receive interrupt delay" },
  TDBAL: { offset: 0x3800, doc: "Transmit ring address, low half" },
  TDBAH: { offset: 0x3804, doc: "Transmit ring address, high half" },
  TDLEN: { offset: 0x3808, doc: "Transmit ring length in bytes" },
  TDH: { offset: 0x3810, doc: "Transmit ring head: the device's" },
  TDT: { offset: 0x3818, doc: "Transmit ring tail: the driver's" },
  TIDV: { offset: 0x3820, doc: "Transmit interrupt delay" },
  CRCERRS: { offset: 0x4000, doc: "Frames with a wrong check sequence; reading clears" },
  RXERRC: { offset: 0x400c, doc: "Frames with a symbol error; reading clears" },
  MPC: { offset: 0x4010, doc: "Missed frames: no descriptor was free; reading clears" },
  ROC: { offset: 0x40ac, doc: "Frames that were too long; reading clears" },
  RXCSUM: { offset: 0x5000, doc: "Receive checksum offload" },
  MTA: { offset: 0x5200, doc: "Multicast filter, 128 words" },
  RAL: { offset: 0x5400, doc: "Own address, bytes 0-3 (byte 0 lowest); 16 of them, 8 bytes apart" },
  RAH: { offset: 0x5404, doc: "Own address, bytes 4-5; 16 of them, 8 bytes apart", bits: { AV: 31 } },
} as const satisfies Readonly<Record<string, Register>>;

export type NicRegisters = typeof nicRegisters;
export type RegisterName = keyof NicRegisters;

/** The bits that register `R` names. */
export type BitName<R extends RegisterName> = NicRegisters[R] extends { readonly bits: infer B } ? keyof B
  : never;

/** The register value in which exactly the named bits are 1. */
export function mask<R extends RegisterName>(register: R, ...names: BitName<R>[]): number {
  const bits = (nicRegisters[register] as { readonly bits?: Readonly<Record<PropertyKey, number>> }).bits;
  let value = 0;
  for (const name of names) value |= 1 << bits![name]!;
  return value >>> 0;
}

/** EERD: word address in bits 15:8, data in bits 31:16. */
export const eerdAddressShift = 8;
export const eerdDataShift = 16;

/** TCTL: collision threshold in bits 11:4, collision distance in bits 21:12; the values for full duplex. */
export const tctlCollisions = 0x0f << 4 | 0x3f << 12;

/** TIPG for copper. */
export const tipgCopper = 8 | 8 << 10 | 6 << 20;

/** ITR for at most 8000 interrupts a second: 10^9 / (8000 * 256 ns). */
export const itrInterval = 488;

/** How many own-address registers there are (RAL/RAH), and words of the multicast filter. */
export const ownAddressCount = 16;
export const multicastWords = 128;

/** Words of the EEPROM that hold the MAC address, low byte first: section 3.7. */
export const eepromMacWords = 3;
