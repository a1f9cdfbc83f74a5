/**
 * Register map of the 16550 UART, after the PC16550D data sheet.
 *
 * Eight byte-wide registers. Two pairs share an offset: reading and writing differ,
 * and the divisor latch hides behind LCR bit 7.
 */

import type { RegisterMap } from "../register/register_map.ts";

export const uartRegisters = {
  RBR_THR: {
    offset: 0,
    width: 1,
    access: "read-write",
    doc: "Receiver buffer / transmitter holding; divisor low",
  },
  IER: {
    offset: 1,
    width: 1,
    access: "read-write",
    doc: "Interrupt enable; divisor high",
    bits: { receivedData: 0, transmitterEmpty: 1, lineStatus: 2, modemStatus: 3 },
  },
  IIR_FCR: {
    offset: 2,
    width: 1,
    access: "read-write",
    doc: "Interrupt identification; written: FIFO control, 7:6 trigger level",
    bits: { fifoEnable: 0, receiverReset: 1, transmitterReset: 2 },
  },
  LCR: {
    offset: 3,
    width: 1,
    access: "read-write",
    doc: "Line control: 1:0 word length",
    bits: { twoStopBits: 2, parity: 3, divisorLatch: 7 },
  },
  MCR: {
    offset: 4,
    width: 1,
    access: "read-write",
    doc: "Modem control; OUT2 lets the interrupt out of the chip on a PC",
    bits: { dataTerminalReady: 0, requestToSend: 1, out1: 2, out2: 3 },
  },
  LSR: {
    offset: 5,
    width: 1,
    access: "read-only",
    doc: "Line status; the error bits stay 0",
    bits: { dataReady: 0, holdingEmpty: 5, transmitterEmpty: 6 },
  },
  MSR: {
    offset: 6,
    width: 1,
    access: "read-only",
    doc: "Modem status; reading clears the delta",
    bits: { deltaCarrier: 3, clearToSend: 4, dataSetReady: 5, carrierDetect: 7 },
  },
  SCR: { offset: 7, width: 1, access: "read-write", doc: "Scratch" },
} as const satisfies RegisterMap;

/** IIR bits 3:0: causes, by falling priority, and 1 for none. */
export const interruptCause = {
  receivedData: 0x4,
  characterTimeout: 0xc,
  transmitterEmpty: 0x2,
  modemStatus: 0x0,
  none: 0x1,
} as const;

export const uartSize = 8;
export const uartPort = 0x3f8;
/** ISA IRQ 4 is global interrupt 4: no override says otherwise. */
export const uartInterrupt = 4;
