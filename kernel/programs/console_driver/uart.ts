/**
 * The 16550 UART as its driver uses it: registers, and the few things to do with them.
 *
 * Offsets are bytes in base address register 0. Two pairs share an offset: reading
 * and writing differ, and the divisor latch hides behind LCR's DLAB bit.
 * - The transmit FIFO is filled only when it is known to be empty, 16 bytes at a time,
 *   so a long output costs one interrupt for 16 bytes and no status reads.
 * - `nextEvent()` tells one cause after the other until the UART has none left.
 *
 * Names and bits follow the PC16550D data sheet.
 */

import type { Call, Device } from "../../abi/kernel.ts";

export const uartRegisters = {
  RBR: { offset: 0, doc: "Receiver buffer, when read" },
  THR: { offset: 0, doc: "Transmitter holding register, when written" },
  DLL: { offset: 0, doc: "Divisor latch, low byte, while LCR.DLAB is 1" },
  IER: { offset: 1, doc: "Interrupt enable", bits: { ERBFI: 0, ETBEI: 1, ELSI: 2, EDSSI: 3 } },
  DLM: { offset: 1, doc: "Divisor latch, high byte, while LCR.DLAB is 1" },
  IIR: { offset: 2, doc: "Interrupt identification, when read", bits: { NONE: 0 } },
  FCR: { offset: 2, doc: "FIFO control, when written", bits: { ENABLE: 0, RCVR_RESET: 1, XMIT_RESET: 2 } },
  LCR: { offset: 3, doc: "Line control", bits: { WLS0: 0, WLS1: 1, DLAB: 7 } },
  MCR: { offset: 4, doc: "Modem control", bits: { DTR: 0, RTS: 1, OUT2: 3 } },
  LSR: { offset: 5, doc: "Line status", bits: { DR: 0, THRE: 5 } },
  MSR: { offset: 6, doc: "Modem status", bits: { DCD: 7 } },
} as const;

/** What IIR bits 3:1 say when bit 0 is 0. */
const causes = {
  modemStatus: 0x0,
  transmitterEmpty: 0x2,
  receivedData: 0x4,
  characterTimeout: 0xc,
} as const;
// 6 is line status: the only one left.
const causeMask = 0x0e;

export type UartEvent = "received" | "transmitterEmpty" | "modemStatus" | "lineStatus";

export const transmitFifoSize = 16;

const bit = (number: number): number => 1 << number;

export class Uart {
  readonly #device: Device;
  #receiverEnabled = true;

  constructor(device: Device) {
    this.#device = device;
  }

  /** The fastest rate (divisor 1), 8 bits, no parity, one stop bit, FIFOs on and empty, all interrupts on. */
  *initialise(): Call<void> {
    const { IER, DLL, DLM, LCR, FCR, MCR } = uartRegisters;
    const wordOf8Bits = bit(LCR.bits.WLS0) | bit(LCR.bits.WLS1);
    yield* this.#write(IER.offset, 0);
    yield* this.#write(LCR.offset, bit(LCR.bits.DLAB) | wordOf8Bits);
    yield* this.#write(DLL.offset, 1);
    yield* this.#write(DLM.offset, 0);
    yield* this.#write(LCR.offset, wordOf8Bits);
    // Trigger level 1 (bits 7:6 = 0): a person types one character at a time.
    yield* this.#write(
      FCR.offset,
      bit(FCR.bits.ENABLE) | bit(FCR.bits.RCVR_RESET) | bit(FCR.bits.XMIT_RESET),
    );
    // OUT2 opens the gate between a PC's UART and its interrupt line.
    yield* this.#write(MCR.offset, bit(MCR.bits.DTR) | bit(MCR.bits.RTS) | bit(MCR.bits.OUT2));
    yield* this.#enableInterrupts();
  }

  /** Lets received bytes interrupt or, when there is no room for them, leaves them in the FIFO and lowers RTS. */
  *enableReceiver(enabled: boolean): Call<void> {
    if (enabled === this.#receiverEnabled) return;
    this.#receiverEnabled = enabled;
    const { MCR } = uartRegisters;
    yield* this.#enableInterrupts();
    const rts = enabled ? bit(MCR.bits.RTS) : 0;
    yield* this.#write(MCR.offset, bit(MCR.bits.DTR) | rts | bit(MCR.bits.OUT2));
  }

  /** The next cause that the UART has to tell, or undefined; reading it clears `transmitterEmpty`. */
  *nextEvent(): Call<UartEvent | undefined> {
    const identification = yield* this.#read(uartRegisters.IIR.offset);
    if ((identification & bit(uartRegisters.IIR.bits.NONE)) !== 0) return undefined;
    switch (identification & causeMask) {
      case causes.receivedData:
      case causes.characterTimeout:
        return "received";
      case causes.transmitterEmpty:
        return "transmitterEmpty";
      case causes.modemStatus:
        return "modemStatus";
      default:
        // Reading the line status clears its interrupt; a damaged byte is shown to the reader as it is.
        yield* this.#read(uartRegisters.LSR.offset);
        return "lineStatus";
    }
  }

  /** The next received byte, or undefined when the FIFO is empty. */
  *receive(): Call<number | undefined> {
    const status = yield* this.#read(uartRegisters.LSR.offset);
    if ((status & bit(uartRegisters.LSR.bits.DR)) === 0) return undefined;
    return yield* this.#read(uartRegisters.RBR.offset);
  }

  /** Hands over at most a FIFO's worth; only when the transmitter is empty. */
  *transmit(bytes: Uint8Array): Call<void> {
    for (let index = 0; index < bytes.length; index++) {
      yield* this.#write(uartRegisters.THR.offset, bytes[index]!);
    }
  }

  *isTransmitterEmpty(): Call<boolean> {
    const status = yield* this.#read(uartRegisters.LSR.offset);
    return (status & bit(uartRegisters.LSR.bits.THRE)) !== 0;
  }

  /** Whether a terminal is at the other end. Reading clears the modem status interrupt. */
  *hasCarrier(): Call<boolean> {
    const status = yield* this.#read(uartRegisters.MSR.offset);
    return (status & bit(uartRegisters.MSR.bits.DCD)) !== 0;
  }

  *#enableInterrupts(): Call<void> {
    const { ERBFI, ETBEI, ELSI, EDSSI } = uartRegisters.IER.bits;
    const received = this.#receiverEnabled ? bit(ERBFI) | bit(ELSI) : 0;
    yield* this.#write(uartRegisters.IER.offset, received | bit(ETBEI) | bit(EDSSI));
  }

  #read(offset: number): Call<number> {
    return this.#device.read8(0, offset);
  }

  #write(offset: number, value: number): Call<void> {
    return this.#device.write8(0, offset, value);
  }
}
