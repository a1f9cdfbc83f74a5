/**
 * Intel 8254x: the registers behind BAR0, as tables.
 *
 * `nicRegisters` holds the single registers, `statisticsRegisters` the counters; the arrays (multicast
 * table, receive addresses, VLAN table) are ranges in `registerArrays`. Offsets and bits:
 * hardware-reference.md 3.2 and 3.8.
 * - Registers that have no effect in this model keep what software writes: flow control, LEDs,
 *   wake-up, transmit spacing, prefetch thresholds.
 */

import type { RegisterMap } from "../register/register_map.ts";

const causeBits = {
  TXDW: 0,
  TXQE: 1,
  LSC: 2,
  RXSEQ: 3,
  RXDMT0: 4,
  RXO: 6,
  RXT0: 7,
  MDAC: 9,
} as const;

const controlBits = { FD: 0, SLU: 6, RST: 26, VME: 30, PHY_RST: 31 } as const;

export const nicRegisters = {
  CTRL: { offset: 0x0000, access: "read-write", doc: "Device control", bits: controlBits },
  CTRL_DUP: { offset: 0x0004, access: "read-write", doc: "The same; 82545GM resets here", bits: controlBits },
  STATUS: {
    offset: 0x0008,
    access: "read-only",
    doc: "7:6 speed",
    bits: { FD: 0, LU: 1, BUS64: 12, PCIX: 13 },
  },
  EECD: { offset: 0x0010, access: "read-only", doc: "EEPROM pins; use EERD", bits: { PRES: 8 } },
  EERD: { offset: 0x0014, access: "read-write", doc: "15:8 word, 31:16 data", bits: { START: 0, DONE: 4 } },
  CTRL_EXT: { offset: 0x0018, access: "read-write", doc: "Extended control; kept" },
  MDIC: {
    offset: 0x0020,
    access: "read-write",
    doc: "15:0 data, 20:16 register, 25:21 PHY, 27:26 operation",
    bits: { READY: 28, INTERRUPT: 29, ERROR: 30 },
  },
  FCAL: { offset: 0x0028, access: "read-write", doc: "Flow control address; kept" },
  FCAH: { offset: 0x002c, access: "read-write", doc: "Flow control address; kept" },
  FCT: { offset: 0x0030, access: "read-write", doc: "Flow control type; kept" },
  VET: { offset: 0x0038, access: "read-write", doc: "EtherType of VLAN tags" },
  ICR: { offset: 0x00c0, access: "read-write", doc: "Causes; reading clears all", bits: causeBits },
  ITR: { offset: 0x00c4, access: "read-write", doc: "Least gap between interrupts, 256 ns units" },
  ICS: { offset: 0x00c8, access: "write-only", doc: "Sets causes", bits: causeBits },
  IMS: { offset: 0x00d0, access: "read-write", doc: "Enables causes", bits: causeBits },
  IMC: { offset: 0x00d8, access: "write-only", doc: "Disables causes", bits: causeBits },
  RCTL: {
    offset: 0x0100,
    access: "read-write",
    doc: "Receive; 7:6 loopback, 9:8 threshold, 13:12 multicast offset, 17:16 buffer size",
    bits: { EN: 1, SBP: 2, UPE: 3, MPE: 4, LPE: 5, BAM: 15, VFE: 18, DPF: 22, BSEX: 25, SECRC: 26 },
  },
  FCTTV: { offset: 0x0170, access: "read-write", doc: "Flow control timer; kept" },
  TCTL: { offset: 0x0400, access: "read-write", doc: "Transmit", bits: { EN: 1, PSP: 3 } },
  TIPG: { offset: 0x0410, access: "read-write", doc: "Gap between frames; kept" },
  LEDCTL: { offset: 0x0e00, access: "read-write", doc: "LEDs; kept" },
  PBA: { offset: 0x1000, access: "read-write", doc: "15:0 KiB of the packet buffer for receive; rest sends" },
  FCRTL: { offset: 0x2160, access: "read-write", doc: "Flow control threshold; kept" },
  FCRTH: { offset: 0x2168, access: "read-write", doc: "Flow control threshold; kept" },
  RDBAL: { offset: 0x2800, access: "read-write", doc: "Receive ring, address 31:4" },
  RDBAH: { offset: 0x2804, access: "read-write", doc: "Receive ring, address 63:32" },
  RDLEN: { offset: 0x2808, access: "read-write", doc: "Receive ring, bytes, a multiple of 128" },
  RDH: { offset: 0x2810, access: "read-write", doc: "Receive head" },
  RDT: { offset: 0x2818, access: "read-write", doc: "Receive tail, a doorbell" },
  RDTR: { offset: 0x2820, access: "read-write", doc: "Delay after a frame, 1.024 us", bits: { FPD: 31 } },
  RXDCTL: { offset: 0x2828, access: "read-write", doc: "Thresholds; kept" },
  RADV: { offset: 0x282c, access: "read-write", doc: "Delay after the first frame, 1.024 us" },
  TDBAL: { offset: 0x3800, access: "read-write", doc: "Transmit ring, address 31:4" },
  TDBAH: { offset: 0x3804, access: "read-write", doc: "Transmit ring, address 63:32" },
  TDLEN: { offset: 0x3808, access: "read-write", doc: "Transmit ring, bytes, a multiple of 128" },
  TDH: { offset: 0x3810, access: "read-write", doc: "Transmit head" },
  TDT: { offset: 0x3818, access: "read-write", doc: "Transmit tail, a doorbell" },
  TIDV: { offset: 0x3820, access: "read-write", doc: "Delay after a delayed descriptor, 1.024 us" },
  TXDCTL: { offset: 0x3828, access: "read-write", doc: "Thresholds; kept" },
  TADV: { offset: 0x382c, access: "read-write", doc: "Delay after the first delayed one, 1.024 us" },
  RXCSUM: { offset: 0x5000, access: "read-write", doc: "7:0 start", bits: { IPOFL: 8, TUOFL: 9 } },
  WUC: { offset: 0x5800, access: "read-write", doc: "Wake-up; kept" },
  WUFC: { offset: 0x5808, access: "read-write", doc: "Wake-up filters; kept" },
  WUS: { offset: 0x5810, access: "read-write", doc: "Wake-up status; kept" },
  MANC: { offset: 0x5820, access: "read-write", doc: "Management; kept" },
} as const satisfies RegisterMap;

/** Ranges of 32-bit words: first offset and how many. */
export const registerArrays = {
  MTA: { offset: 0x5200, count: 128 },
  RA: { offset: 0x5400, count: 32 },
  VFTA: { offset: 0x5600, count: 128 },
} as const;

/** The I/O BAR: an offset into BAR0, and the register there. */
export const ioRegisters = {
  IOADDR: { offset: 0x0, access: "read-write", doc: "Offset into BAR0" },
  IODATA: { offset: 0x4, access: "read-write", doc: "The register at IOADDR" },
} as const satisfies RegisterMap;

/** Causes as values. */
export const causes = {
  TXDW: 1 << causeBits.TXDW,
  TXQE: 1 << causeBits.TXQE,
  LSC: 1 << causeBits.LSC,
  RXDMT0: 1 << causeBits.RXDMT0,
  RXO: 1 << causeBits.RXO,
  RXT0: 1 << causeBits.RXT0,
  MDAC: 1 << causeBits.MDAC,
} as const;

/** A valid receive address has this bit of its upper word set. */
export const addressValidBit = 31;

/** Delays of interrupts count in these units (3.2). */
export const delayUnitNs = 1024;
/** The throttle counts in these (3.5). */
export const throttleUnitNs = 256;
