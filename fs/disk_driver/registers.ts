/**
 * Registers of the Silicon Image 3114 that its driver uses, as a table.
 *
 * Offsets count from base address register 5 and are those of port 0; `registersOf`
 * moves them to another port. Names follow the ATA standard and hardware-reference.md
 * sections 4.2 to 4.4; widths are in bytes.
 * - Read and write meanings that share an offset share an entry, as ERROR_FEATURES does.
 * - Bits are numbers; `mask` makes a value out of their names.
 */

interface Register {
  readonly offset: number;
  /** Distance from an even port's register to its odd neighbour's. */
  readonly stride: 0x40 | 0x08 | 0x04 | 0x80;
  readonly width: 1 | 2 | 4;
  readonly doc: string;
  readonly bits?: Readonly<Record<string, number>>;
}

export const portRegisters = {
  BM_COMMAND: {
    offset: 0x000,
    stride: 0x08,
    width: 1,
    doc: "Bus master: start, direction; steering is port 2's alone",
    bits: { START: 0, STEERING: 1, TO_MEMORY: 3 },
  },
  BM_STATUS: {
    offset: 0x002,
    stride: 0x08,
    width: 1,
    doc: "Bus master: writing 1 clears error and interrupt",
    bits: { ERROR: 1, INTERRUPT: 2 },
  },
  BM_PRD_TABLE: { offset: 0x004, stride: 0x08, width: 4, doc: "Bus address of the table of regions" },
  BM2: {
    offset: 0x010,
    stride: 0x08,
    width: 4,
    doc: "Bus master 2: the wide status, read without side effect",
    bits: { SATA_INTERRUPT: 4, PCI_ERROR: 17, COMPLETE: 18 },
  },
  FIFO_CONTROL: {
    offset: 0x040,
    stride: 0x04,
    width: 2,
    doc: "Thresholds: 13:8 write, 5:0 read, in 32 bytes",
  },
  DATA: { offset: 0x080, stride: 0x40, width: 2, doc: "Programmed input and output" },
  ERROR_FEATURES: {
    offset: 0x081,
    stride: 0x40,
    width: 1,
    doc: "Read: error; written: features",
    bits: { ABRT: 2, IDNF: 4, UNC: 6, ICRC: 7 },
  },
  SECTOR_COUNT: { offset: 0x082, stride: 0x40, width: 1, doc: "48-bit commands: high byte first" },
  LBA_LOW: { offset: 0x083, stride: 0x40, width: 1, doc: "Bits 31:24, then 7:0" },
  LBA_MID: { offset: 0x084, stride: 0x40, width: 1, doc: "Bits 39:32, then 15:8" },
  LBA_HIGH: { offset: 0x085, stride: 0x40, width: 1, doc: "Bits 47:40, then 23:16" },
  DEVICE: { offset: 0x086, stride: 0x40, width: 1, doc: "Addressing", bits: { LBA: 6 } },
  STATUS_COMMAND: {
    offset: 0x087,
    stride: 0x40,
    width: 1,
    doc: "Read: status, and INTRQ drops; written: command",
    bits: { ERR: 0, DRQ: 3, DF: 5, DRDY: 6, BSY: 7 },
  },
  ALTERNATE_STATUS_CONTROL: {
    offset: 0x08a,
    stride: 0x40,
    width: 1,
    doc: "Read: status without side effect; written: device control",
    bits: { NIEN: 1, SRST: 2 },
  },
  TRANSFER_MODE: { offset: 0x0b4, stride: 0x40, width: 4, doc: "1:0 of device 0: 3 is Ultra DMA" },
  SCONTROL: { offset: 0x100, stride: 0x80, width: 4, doc: "3:0 DET: 1 resets the link" },
  SSTATUS: { offset: 0x104, stride: 0x80, width: 4, doc: "3:0 DET: 3 is a drive with a working link" },
  SERROR: { offset: 0x108, stride: 0x80, width: 4, doc: "Writing 1 clears", bits: { PHY_READY_CHANGE: 16 } },
  SIEN: { offset: 0x148, stride: 0x80, width: 4, doc: "What interrupts", bits: { PHY_READY_CHANGE: 16 } },
  SFIS_CONFIG: {
    offset: 0x14c,
    stride: 0x80,
    width: 4,
    doc: "01 after a reset triggers an erratum; must be 00",
  },
} as const satisfies Readonly<Record<string, Register>>;

export type RegisterName = keyof typeof portRegisters;
type BitsOf<N extends RegisterName> = typeof portRegisters[N] extends { readonly bits: infer B } ? keyof B
  : never;

export const registerBar = 5;
export const portCount = 4;
/** Ports 2 and 3 repeat the registers of 0 and 1. */
const pairDistance = 0x200;

/** Where a register of a port is. */
export function offsetOf(name: RegisterName, port: number): number {
  const { offset, stride } = portRegisters[name];
  return offset + (port >>> 1) * pairDistance + (port & 1) * stride;
}

/** A value with these bits set. */
export function mask<N extends RegisterName>(name: N, ...names: BitsOf<N>[]): number {
  const { bits } = portRegisters[name] as Register;
  return names.reduce((value, bit) => value | 1 << bits![bit as string]!, 0);
}

/** Command codes (4.4). */
export const command = {
  READ_DMA_EXT: 0x25,
  WRITE_DMA_EXT: 0x35,
  FLUSH_CACHE_EXT: 0xea,
  IDENTIFY_DEVICE: 0xec,
  SET_FEATURES: 0xef,
} as const;

/** SET FEATURES 03 with 45h: Ultra DMA mode 5 (4.4). */
export const transferModeFeature = 0x03;
export const ultraDma5 = 0x45;

/** DET values of SControl and SStatus. */
export const linkControl = { reset: 0x301, run: 0x300 } as const;
export const linkIsUp = (status: number): boolean => (status & 0x0f) === 3;
