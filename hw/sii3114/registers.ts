/**
 * Silicon Image 3114: the registers behind BAR5, as tables.
 *
 * One port's registers stand together here at the offsets of port 0; `portRegisters(port)` moves them
 * to where the chip has them for another port. Offsets and bits: hardware-reference.md 4.2 to 4.5.
 * - The I/O BARs 0 to 4 show parts of the same registers for ports 0 and 1.
 * - Registers that have no effect in this model keep what software writes.
 */

import type { RegisterDefinition, RegisterMap } from "../register/register_map.ts";

interface PortRegister extends RegisterDefinition {
  /** How far an odd port's register lies behind its even neighbour's. */
  readonly stride: number;
}

const taskFile = 0x40;
const sata = 0x80;

const portZero = {
  DATA: { offset: 0x080, stride: taskFile, width: 2, access: "read-write", doc: "PIO data" },
  ERROR_FEATURES: { offset: 0x081, stride: taskFile, width: 1, access: "read-write", doc: "Error; features" },
  SECTOR_COUNT: { offset: 0x082, stride: taskFile, width: 1, access: "read-write", doc: "0 = 256 or 65536" },
  LBA_LOW: { offset: 0x083, stride: taskFile, width: 1, access: "read-write", doc: "LBA 7:0, first 31:24" },
  LBA_MID: { offset: 0x084, stride: taskFile, width: 1, access: "read-write", doc: "LBA 15:8, first 39:32" },
  LBA_HIGH: {
    offset: 0x085,
    stride: taskFile,
    width: 1,
    access: "read-write",
    doc: "LBA 23:16, first 47:40",
  },
  DEVICE: {
    offset: 0x086,
    stride: taskFile,
    width: 1,
    access: "read-write",
    doc: "3:0 = LBA 27:24 of 28-bit commands",
    bits: { drive: 4, lba: 6 },
  },
  STATUS_COMMAND: {
    offset: 0x087,
    stride: taskFile,
    width: 1,
    access: "read-write",
    doc: "Reading drops INTRQ; writing starts a command",
    bits: { error: 0, dataRequest: 3, seekComplete: 4, driveFault: 5, ready: 6, busy: 7 },
  },
  ALTERNATE_STATUS_CONTROL: {
    offset: 0x08a,
    stride: taskFile,
    width: 1,
    access: "read-write",
    doc: "Status without side effect; device control",
    bits: { interruptDisable: 1, softwareReset: 2, highOrderByte: 7 },
  },
  BM_COMMAND: {
    offset: 0x000,
    stride: 8,
    width: 1,
    access: "read-write",
    doc: "Bus-master command; interruptSteering counts in port 2's alone",
    bits: { start: 0, interruptSteering: 1, toMemory: 3 },
  },
  BM_STATUS: {
    offset: 0x002,
    stride: 8,
    width: 1,
    access: "read-write",
    doc: "Bus-master status; error and interrupt are cleared by writing 1",
    bits: { active: 0, error: 1, interrupt: 2, drive0Dma: 5, drive1Dma: 6 },
  },
  BM_PRD_TABLE: { offset: 0x004, stride: 8, access: "read-write", doc: "Physical, 31:2" },
  BM2: {
    offset: 0x010,
    stride: 8,
    access: "read-write",
    doc: "Bus master 2: command when written, wide status when read; *Next = the next port's",
    bits: {
      sataInterrupt: 4,
      sataInterruptNext: 6,
      active: 16,
      error: 17,
      complete: 18,
      activeNext: 24,
      errorNext: 25,
      completeNext: 26,
    },
  },
  PRD_ADDRESS_NOW: { offset: 0x020, stride: 8, access: "read-only", doc: "Where the transfer stands" },
  BYTE_COUNT_NOW: { offset: 0x024, stride: 8, access: "read-only", doc: "Bytes left of this region" },
  FIFO_CONTROL: {
    offset: 0x040,
    stride: 4,
    access: "read-write",
    doc: "13:8 write request threshold, 5:0 read request threshold, in 32-byte units",
  },
  TF_CONFIG: {
    offset: 0x0a0,
    stride: taskFile,
    access: "read-write",
    doc: "Task-file configuration and status",
    bits: { interruptPending: 11 },
  },
  TRANSFER_MODE: {
    offset: 0x0b4,
    stride: taskFile,
    access: "read-write",
    doc: "1:0 and 5:4, no effect here",
  },
  SCONTROL: { offset: 0x100, stride: sata, access: "read-write", doc: "3:0 DET: 1 resets, 4 switches off" },
  SSTATUS: { offset: 0x104, stride: sata, access: "read-only", doc: "113h = link up at 1.5 Gb/s" },
  SERROR: {
    offset: 0x108,
    stride: sata,
    access: "read-write",
    doc: "Cleared by writing 1",
    bits: { phyReadyChange: 16, crc: 21 },
  },
  SIEN: {
    offset: 0x148,
    stride: sata,
    access: "read-write",
    doc: "SATA interrupt enable",
    bits: { phyReadyChange: 16 },
  },
  SFIS_CONFIG: { offset: 0x14c, stride: sata, access: "read-write", doc: "01 at reset; drivers write 00" },
} as const satisfies Record<string, PortRegister>;

type PortZero = typeof portZero;

/** A port's registers: names and accesses are in the type, offsets depend on the port. */
export type PortRegisterMap = {
  readonly [K in keyof PortZero]: RegisterDefinition & { readonly access: PortZero[K]["access"] };
};

/** The bits of each register, by register name. */
export const bits = {
  DEVICE: portZero.DEVICE.bits,
  STATUS: portZero.STATUS_COMMAND.bits,
  CONTROL: portZero.ALTERNATE_STATUS_CONTROL.bits,
  BM_COMMAND: portZero.BM_COMMAND.bits,
  BM_STATUS: portZero.BM_STATUS.bits,
  BM2: portZero.BM2.bits,
  TF_CONFIG: portZero.TF_CONFIG.bits,
  SERROR: portZero.SERROR.bits,
  SIEN: portZero.SIEN.bits,
} as const;

export const portCount = 4;
/** Ports 2 and 3 are a second copy of the chip's two-port core. */
const pairStride = 0x200;

export function portRegisters(port: number): PortRegisterMap {
  const moved = Object.entries(portZero).map(([name, register]) => {
    const offset = register.offset + (port >> 1) * pairStride + (port & 1) * register.stride;
    return [name, { ...register, offset }];
  });
  return Object.fromEntries(moved) as PortRegisterMap;
}

/** Registers of the whole chip. */
export const chipRegisters = {
  SYSTEM_CONFIGURATION: {
    offset: 0x048,
    access: "read-write",
    doc: "Masks the interrupts of the four ports",
    bits: { maskPort0: 22, maskPort1: 23, maskPort2: 24, maskPort3: 25 },
  },
} as const satisfies RegisterMap;

/** Values of the error register (4.4). */
export const errors = { abort: 1 << 2, idNotFound: 1 << 4, uncorrectable: 1 << 6, crc: 1 << 7 } as const;
