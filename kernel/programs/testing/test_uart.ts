/**
 * A 16550 UART with a terminal at its other end, for tests of what uses it.
 *
 * It has the FIFOs, the interrupt causes in their order, and modem status; a drive
 * thread moves bytes in virtual time, 16 in 1.39 ms as at 115,200 baud.
 * - `type` and `hangUp` are the person; `shown` is what the terminal displays.
 * - A byte that finds the receive FIFO full stays with the terminal.
 */

import type { Call, Device, Kernel, Program } from "../../abi/kernel.ts";
import { decodeText, encodeText } from "../../abi/text.ts";
import { instant } from "./test_channels.ts";
import { TestInterrupt } from "./test_kernel.ts";

const fifoSize = 16;
const fifoTimeNs = 1_388_889;

export class TestUart {
  readonly location = "uart0";
  readonly vendorId = 0;
  readonly deviceId = 0x16550;
  readonly interrupt = new TestInterrupt();
  readonly output: number[] = [];
  /** Bytes written while the transmit FIFO was full: lost. */
  overruns = 0;
  /** How often the driver wrote or read a register. */
  accesses = 0;
  divisor = 0;
  interruptEnable = 0;
  #typed: number[] = [];
  #received: number[] = [];
  #transmit: number[] = [];
  #lineControl = 0;
  #carrier = true;
  #carrierChanged = false;
  #transmitterEmptied = false;
  #asserted = false;

  /** The device as a driver sees it. */
  get device(): Device {
    return this as unknown as Device;
  }

  get shown(): string {
    return decodeText(Uint8Array.from(this.output));
  }

  type(text: string): void {
    this.#typed.push(...encodeText(text));
  }

  hangUp(): void {
    this.#carrier = false;
    this.#carrierChanged = true;
    this.#raise();
  }

  /** Moves bytes for ever: the hardware's own thread. */
  readonly drive = (kernel: Kernel): Program => drive(this, kernel);

  read8(bar: number, offset: number): Call<number> {
    return instant(`read ${bar}+${offset}`, () => this.#read(offset));
  }

  write8(bar: number, offset: number, value: number): Call<void> {
    return instant(`write ${bar}+${offset}`, () => this.#write(offset, value));
  }

  step(): void {
    if (this.#transmit.length > 0) {
      this.output.push(...this.#transmit.splice(0));
      this.#transmitterEmptied = true;
    }
    this.#received.push(...this.#typed.splice(0, fifoSize - this.#received.length));
    this.#raise();
  }

  get isQuiet(): boolean {
    return this.#transmit.length === 0 && (this.#typed.length === 0 || this.#received.length === fifoSize);
  }

  #cause(): number {
    const enabled = (number: number) => (this.interruptEnable >> number & 1) === 1;
    if (enabled(0) && this.#received.length > 0) return 0x4;
    if (enabled(1) && this.#transmitterEmptied) return 0x2;
    if (enabled(3) && this.#carrierChanged) return 0x0;
    return 0x1;
  }

  /** The first serial port's line is an edge: it interrupts when the first cause appears. */
  #raise(): void {
    const asserted = this.#cause() !== 0x1;
    if (asserted && !this.#asserted) this.interrupt.raise();
    this.#asserted = asserted;
  }

  #read(offset: number): number {
    const value = this.#readRegister(offset);
    this.#raise();
    return value;
  }

  #readRegister(offset: number): number {
    this.accesses++;
    switch (offset) {
      case 0:
        return this.#received.shift() ?? 0;
      case 2: {
        const cause = this.#cause();
        if (cause === 0x2) this.#transmitterEmptied = false;
        return 0xc0 | cause;
      }
      case 5:
        return (this.#received.length > 0 ? 0x01 : 0) | (this.#transmit.length === 0 ? 0x60 : 0);
      case 6:
        this.#carrierChanged = false;
        return this.#carrier ? 0xb0 : 0x00;
      default:
        throw new Error(`The driver reads register ${offset}, which it has no reason to`);
    }
  }

  #write(offset: number, value: number): void {
    this.accesses++;
    const latch = (this.#lineControl & 0x80) !== 0;
    if (offset === 0 && latch) this.divisor = value;
    else if (offset === 0 && this.#transmit.length === fifoSize) this.overruns++;
    else if (offset === 0) this.#transmit.push(value);
    else if (offset === 1 && !latch) this.interruptEnable = value;
    else if (offset === 3) this.#lineControl = value;
    this.#raise();
  }
}

function* drive(uart: TestUart, kernel: Kernel): Program {
  for (;;) {
    yield* kernel.sleep(fifoTimeNs);
    uart.step();
  }
}
