/**
 * Register maps of the Messaging Unit, one per aperture.
 *
 * The host sees the unit through BAR0 (and internal masters through the window at
 * FF00_0000h), the core at PMMR + 4000h. Offsets agree, access rights do not:
 * which side you are is decided by the aperture (hardware-reference.md 2.5).
 * - Offsets 88h to FFFh are index registers: DRAM, not in these tables.
 * - Left out, and so not advertised by the ATU: MSI, the MSI-X table at 1000h.
 */

import type { RegisterMap } from "../register/register_map.ts";

/** Both apertures are 8 KiB. */
export const messagingApertureSize = 0x2000;

export const indexRegisters = { first: 0x88, end: 0x1000 } as const;

/** IISR. Bits 2 and 3 follow the doorbell, the others are cleared by writing 1. */
export const inboundStatusBits = {
  message0: 0,
  message1: 1,
  doorbell: 2,
  errorDoorbell: 3,
  inboundPostQueue: 4,
  outboundFreeQueueFull: 5,
  indexRegister: 6,
  selectiveReset: 30,
  coordinatedReset: 31,
} as const;

/** OISR. Only bits 0 and 1 are cleared by writing 1; the others follow their cause. */
export const outboundStatusBits = {
  message0: 0,
  message1: 1,
  doorbell: 2,
  outboundPostQueue: 3,
  firmware: 31,
} as const;

export const messagingHostRegisters = {
  IMR0: { offset: 0x10, access: "read-write", doc: "Inbound message 0; a write sets IISR 0" },
  IMR1: { offset: 0x14, access: "read-write", doc: "Inbound message 1; a write sets IISR 1" },
  OMR0: { offset: 0x18, access: "read-only", doc: "Outbound message 0" },
  OMR1: { offset: 0x1c, access: "read-only", doc: "Outbound message 1" },
  IDR: {
    offset: 0x20,
    access: "read-write",
    doc: "Inbound doorbell, write 1 to set; bit 31 is the error doorbell",
  },
  IISR: { offset: 0x24, access: "read-only", doc: "Inbound interrupt status", bits: inboundStatusBits },
  IIMR: { offset: 0x28, access: "read-only", doc: "Inbound interrupt mask, 1 = masked" },
  ODR: { offset: 0x2c, access: "read-write", doc: "Outbound doorbell, write 1 to clear" },
  OISR: {
    offset: 0x30,
    access: "read-write",
    doc: "Outbound interrupt status; write 1 to bit 0 or 1 to clear it",
    bits: outboundStatusBits,
  },
  OIMR: { offset: 0x34, access: "read-write", doc: "Outbound interrupt mask, 1 = masked" },
  IRCSR: {
    offset: 0x38,
    access: "read-write",
    doc: "Asks the core for a reset: sets IISR 30 or 31 (bit numbers unverified)",
    bits: { selective: 0, coordinated: 1 },
  },
  ORCSR: { offset: 0x3c, access: "read-only", doc: "Outbound reset control and status" },
  IQP: { offset: 0x40, access: "read-write", doc: "Inbound queue port: read a free entry, write to post it" },
  OQP: {
    offset: 0x44,
    access: "read-write",
    doc: "Outbound queue port: read a posted entry, write to free it",
  },
  MIMR: { offset: 0x48, access: "write-only", doc: "Inbound MSI: bits 6:0 name the vector" },
} as const satisfies RegisterMap;

export const messagingCoreRegisters = {
  IMR0: { offset: 0x10, access: "read-only", doc: "Inbound message 0" },
  IMR1: { offset: 0x14, access: "read-only", doc: "Inbound message 1" },
  OMR0: { offset: 0x18, access: "read-write", doc: "Outbound message 0; a write sets OISR 0" },
  OMR1: { offset: 0x1c, access: "read-write", doc: "Outbound message 1; a write sets OISR 1" },
  IDR: { offset: 0x20, access: "read-write", doc: "Inbound doorbell, write 1 to clear" },
  IISR: {
    offset: 0x24,
    access: "read-write",
    doc: "Inbound interrupt status, write 1 to clear",
    bits: inboundStatusBits,
  },
  IIMR: { offset: 0x28, access: "read-write", doc: "Inbound interrupt mask, 1 = masked" },
  ODR: {
    offset: 0x2c,
    access: "read-write",
    doc: "Outbound doorbell, write 1 to set; 31:28 are INTA to INTD",
  },
  OISR: { offset: 0x30, access: "read-only", doc: "Outbound interrupt status", bits: outboundStatusBits },
  OIMR: { offset: 0x34, access: "read-only", doc: "Outbound interrupt mask, 1 = masked" },
  IRCSR: { offset: 0x38, access: "read-only", doc: "Which reset the host asked for last" },
  ORCSR: {
    offset: 0x3c,
    access: "read-write",
    doc: "Outbound reset control; the firmware bit feeds OISR 31 (bit number unverified)",
    bits: { firmwareInterrupt: 0 },
  },
  MIMR: { offset: 0x48, access: "read-write", doc: "Inbound MSI: bits 6:0 name the vector" },
  MUCR: {
    offset: 0x50,
    access: "read-write",
    doc: "5:1 queue size, one-hot from 4096 entries; 31:28 address bits 35:32 (unverified)",
    bits: { circularQueueEnable: 0 },
  },
  QBAR: { offset: 0x54, access: "read-write", doc: "31:20 base of the queues" },
  IFHPR: { offset: 0x60, access: "read-write", doc: "Inbound free queue, head" },
  IFTPR: { offset: 0x64, access: "read-write", doc: "Inbound free queue, tail" },
  IPHPR: { offset: 0x68, access: "read-write", doc: "Inbound post queue, head" },
  IPTPR: { offset: 0x6c, access: "read-write", doc: "Inbound post queue, tail" },
  OFHPR: { offset: 0x70, access: "read-write", doc: "Outbound free queue, head" },
  OFTPR: { offset: 0x74, access: "read-write", doc: "Outbound free queue, tail" },
  OPHPR: { offset: 0x78, access: "read-write", doc: "Outbound post queue, head" },
  OPTPR: { offset: 0x7c, access: "read-write", doc: "Outbound post queue, tail" },
  IAR: { offset: 0x80, access: "read-only", doc: "Offset of the index register last written" },
  MUBAR: {
    offset: 0x84,
    access: "read-only",
    doc: "Where internal masters see the host aperture; fixed here",
  },
} as const satisfies RegisterMap;
