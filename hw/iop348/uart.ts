/**
 * UART 0 of the board (PMMR + 2300h), the transmit side: the kernel's debug console.
 *
 * A 16550 whose registers stand 4 bytes apart (hardware-reference.md 2.3). What is
 * sent is collected into lines for whoever watches.
 * - The transmitter is always ready; bytes take no time on the wire.
 * - A line is handed on at a newline or at 1024 bytes, so its size is bounded.
 * - Left out: the receiver (nothing ever arrives) and interrupts (LSR is polled).
 */

import type { BusTarget } from "../memory/bus_target.ts";
import { hasBit, type RegisterHandlers, type RegisterMap, RegisterWindow } from "../register/register_map.ts";
import { StoredRegister } from "./stored_register.ts";

export const uartRegisters = {
  THR: {
    offset: 0x00,
    access: "read-write",
    doc: "Transmits a byte; divisor low while LCR 7 is set; reads 0",
  },
  IER: { offset: 0x04, access: "read-write", doc: "Interrupt enable; divisor high while LCR 7 is set" },
  IIR: { offset: 0x08, access: "read-write", doc: "No interrupt pending; writes are FCR" },
  LCR: { offset: 0x0c, access: "read-write", doc: "Line control", bits: { divisorLatch: 7 } },
  MCR: { offset: 0x10, access: "read-write", doc: "Modem control" },
  LSR: {
    offset: 0x14,
    access: "read-only",
    doc: "Line status: always ready to transmit",
    bits: { dataReady: 0, holdingEmpty: 5, transmitterEmpty: 6 },
  },
  MSR: { offset: 0x18, access: "read-only", doc: "Modem status: nothing connected" },
  SCR: { offset: 0x1c, access: "read-write", doc: "Scratch" },
} as const satisfies RegisterMap;

const longestLine = 1024;
const newline = 0x0a;
const carriageReturn = 0x0d;
const noInterrupt = 1;

export class Uart {
  readonly registers: BusTarget;
  readonly #onLine: (line: string) => void;
  readonly #LCR = new StoredRegister(0, 0xff);
  readonly #IER = new StoredRegister(0, 0xff);
  readonly #divisorLow = new StoredRegister(1, 0xff);
  readonly #divisorHigh = new StoredRegister(0, 0xff);
  #line: number[] = [];

  constructor(name: string, onLine: (line: string) => void) {
    this.#onLine = onLine;
    this.registers = new RegisterWindow(name, uartRegisters, this.#handlers());
  }

  #handlers(): RegisterHandlers<typeof uartRegisters> {
    const { holdingEmpty, transmitterEmpty } = uartRegisters.LSR.bits;
    const latch = () => hasBit(this.#LCR.value, uartRegisters.LCR.bits.divisorLatch);
    return {
      THR: {
        read: () => latch() ? this.#divisorLow.value : 0,
        write: (byte) => latch() ? this.#divisorLow.write(byte) : this.#transmit(byte & 0xff),
      },
      IER: {
        read: () => (latch() ? this.#divisorHigh : this.#IER).value,
        write: (value) => (latch() ? this.#divisorHigh : this.#IER).write(value),
      },
      IIR: { read: () => noInterrupt, write: () => {} },
      LCR: this.#LCR,
      MCR: new StoredRegister(0, 0x1f),
      LSR: { read: () => 1 << holdingEmpty | 1 << transmitterEmpty },
      MSR: { read: () => 0 },
      SCR: new StoredRegister(0, 0xff),
    };
  }

  #transmit(byte: number): void {
    if (byte === carriageReturn) return;
    if (byte !== newline) this.#line.push(byte);
    if (byte !== newline && this.#line.length < longestLine) return;
    const line = String.fromCharCode(...this.#line);
    this.#line = [];
    this.#onLine(line);
  }
}
