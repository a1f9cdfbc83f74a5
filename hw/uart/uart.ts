/**
 * A 16550 UART with a terminal at its other end: the machine's console.
 *
 * Inside it is registers and an interrupt line; outside it is a ConsoleLine.
 * - Bytes take their time on the wire: divisor, word length, parity and stop bits count.
 *   The clock is 64 MHz, so that divisor 1 gives 4 Mbit/s and output is no bottleneck.
 * - The terminal sends only while RTS is on and the receiver has room, so nothing
 *   overruns; what is typed meanwhile waits outside.
 * - After `hangUp` the carrier drops once all that was typed has been read.
 * - Left out: loopback, break, and errors of parity and framing.
 */

import type { ConsoleLine } from "../machine/machine.ts";
import type { BusTarget, InterruptLine } from "../memory/bus_target.ts";
import { hasBit, type RegisterHandlers, RegisterWindow, withBit } from "../register/register_map.ts";
import type { EventLog } from "../time/event_log.ts";
import type { Clock, ScheduledEvent } from "../time/event_queue.ts";
import { cycles, type Duration } from "../time/time.ts";
import { interruptCause, uartRegisters } from "./registers.ts";
import { TerminalLine } from "./terminal_line.ts";

const clockHz = 64e6;
const clocksPerBit = 16;
const fifoSize = 16;
/** FCR bits 7:6. */
const triggerLevels = [1, 4, 8, 14] as const;
/** Idle time, in characters, after which received data below the trigger level is announced. */
const timeoutCharacters = 4;
const { IER, IIR_FCR, LCR, MCR, LSR, MSR } = uartRegisters;

export class Uart implements ConsoleLine {
  readonly registers: BusTarget;
  onOutput: ((bytes: Uint8Array) => void) | undefined;
  readonly #name: string;
  readonly #clock: Clock;
  readonly #log: EventLog;
  readonly #interrupt: InterruptLine;
  readonly #terminal = new TerminalLine();
  readonly #received: number[] = [];
  readonly #transmitting: number[] = [];
  /** Sent, and not yet handed to `onOutput`. */
  #sent: number[] = [];
  #sending: ScheduledEvent | undefined;
  #receiving = false;
  #timeoutEvent: ScheduledEvent | undefined;
  #timedOut = false;
  #transmitterAnnounced = false;
  #emptinessTold = true;
  #hungUp = false;
  #carrier = true;
  #carrierChanged = false;
  #divisor = 1;
  #interruptEnable = 0;
  #fifoControl = 0;
  #lineControl = 0b11;
  #modemControl = 0;
  #scratch = 0;

  constructor(name: string, clock: Clock, log: EventLog, interrupt: InterruptLine) {
    this.#name = name;
    this.#clock = clock;
    this.#log = log;
    this.#interrupt = interrupt;
    this.registers = new RegisterWindow(name, uartRegisters, this.#handlers());
  }

  type(bytes: Uint8Array): void {
    const before = this.#terminal.dropped;
    this.#terminal.add(bytes);
    const lost = this.#terminal.dropped - before;
    if (lost > 0) this.#log.record(this.#name, `${lost} typed bytes dropped: too many wait`);
    this.#receiveNext();
  }

  hangUp(): void {
    this.#hungUp = true;
    this.#dropCarrierWhenDrained();
  }

  get #fifosEnabled(): boolean {
    return hasBit(this.#fifoControl, IIR_FCR.bits.fifoEnable);
  }

  get #capacity(): number {
    return this.#fifosEnabled ? fifoSize : 1;
  }

  /** Start bit, word, parity, stop bits. */
  get #characterTime(): Duration {
    const wordBits = 5 + (this.#lineControl & 3);
    const parityBits = hasBit(this.#lineControl, LCR.bits.parity) ? 1 : 0;
    const stopBits = hasBit(this.#lineControl, LCR.bits.twoStopBits) ? 2 : 1;
    const divisor = this.#divisor === 0 ? 0x10000 : this.#divisor;
    return cycles((1 + wordBits + parityBits + stopBits) * clocksPerBit * divisor, clockHz);
  }

  #transmit(byte: number): void {
    // A write to a full FIFO overwrites its last byte.
    if (this.#transmitting.length >= this.#capacity) this.#transmitting.pop();
    this.#transmitting.push(byte);
    this.#transmitterAnnounced = false;
    this.#emptinessTold = false;
    this.#shiftOut();
    this.#drive();
  }

  /** Moves the next byte into the shift register, if that is free. */
  #shiftOut(): void {
    const byte = this.#sending === undefined ? this.#transmitting.shift() : undefined;
    if (byte === undefined) return;
    this.#sending = this.#clock.after(this.#characterTime, () => {
      this.#sending = undefined;
      this.#sent.push(byte);
      if (this.#transmitting.length === 0 || this.#sent.length >= fifoSize) this.#handOver();
      this.#shiftOut();
      this.#announceEmptiness();
      this.#drive();
    });
  }

  /**
   * Once per emptying, and not at the first byte of an idle transmitter: that one moves on at
   * once, and would announce an empty FIFO between the writes that fill it.
   */
  #announceEmptiness(): void {
    if (this.#transmitting.length > 0 || this.#emptinessTold) return;
    this.#transmitterAnnounced = true;
    this.#emptinessTold = true;
  }

  #handOver(): void {
    const bytes = Uint8Array.from(this.#sent);
    this.#sent = [];
    this.onOutput?.(bytes);
  }

  /** Lets the terminal send one byte, if it may. */
  #receiveNext(): void {
    const mayCome = hasBit(this.#modemControl, MCR.bits.requestToSend) &&
      this.#received.length < this.#capacity;
    if (this.#receiving || !mayCome || this.#terminal.waiting === 0) return;
    this.#receiving = true;
    this.#clock.after(this.#characterTime, () => {
      this.#receiving = false;
      this.#received.push(this.#terminal.take());
      this.#restartTimeout();
      this.#receiveNext();
      this.#drive();
    });
  }

  #readReceived(): number {
    const byte = this.#received.shift() ?? 0;
    this.#restartTimeout();
    this.#receiveNext();
    this.#dropCarrierWhenDrained();
    this.#drive();
    return byte;
  }

  #restartTimeout(): void {
    if (this.#timeoutEvent !== undefined) this.#clock.cancel(this.#timeoutEvent);
    this.#timeoutEvent = undefined;
    this.#timedOut = false;
    if (!this.#fifosEnabled || this.#received.length === 0) return;
    this.#timeoutEvent = this.#clock.after(this.#characterTime * timeoutCharacters as Duration, () => {
      this.#timeoutEvent = undefined;
      this.#timedOut = true;
      this.#drive();
    });
  }

  #dropCarrierWhenDrained(): void {
    const drained = this.#terminal.waiting === 0 && this.#received.length === 0;
    if (!this.#hungUp || !this.#carrier || !drained) return;
    this.#carrier = false;
    this.#carrierChanged = true;
    this.#drive();
  }

  /** The enabled cause of the highest priority. */
  get #cause(): number {
    const enabled = (bit: number) => hasBit(this.#interruptEnable, bit);
    const trigger = this.#fifosEnabled ? triggerLevels[this.#fifoControl >> 6 & 3]! : 1;
    if (enabled(IER.bits.receivedData)) {
      if (this.#received.length >= trigger) return interruptCause.receivedData;
      if (this.#timedOut) return interruptCause.characterTimeout;
    }
    if (enabled(IER.bits.transmitterEmpty) && this.#transmitterAnnounced) {
      return interruptCause.transmitterEmpty;
    }
    if (enabled(IER.bits.modemStatus) && this.#carrierChanged) return interruptCause.modemStatus;
    return interruptCause.none;
  }

  #drive(): void {
    const gate = hasBit(this.#modemControl, MCR.bits.out2);
    this.#interrupt.set(gate && this.#cause !== interruptCause.none);
  }

  #readIdentification(): number {
    const cause = this.#cause;
    if (cause === interruptCause.transmitterEmpty) this.#transmitterAnnounced = false;
    this.#drive();
    return cause | (this.#fifosEnabled ? 0xc0 : 0);
  }

  #writeFifoControl(value: number): void {
    const changed = hasBit(value, IIR_FCR.bits.fifoEnable) !== this.#fifosEnabled;
    this.#fifoControl = value & 0xc9;
    if (changed || hasBit(value, IIR_FCR.bits.receiverReset)) this.#received.length = 0;
    if (changed || hasBit(value, IIR_FCR.bits.transmitterReset)) {
      this.#transmitting.length = 0;
      this.#transmitterAnnounced = true;
    }
    this.#restartTimeout();
    this.#receiveNext();
    this.#dropCarrierWhenDrained();
    this.#drive();
  }

  #writeInterruptEnable(value: number): void {
    const { transmitterEmpty } = IER.bits;
    const newlyWanted = hasBit(value, transmitterEmpty) && !hasBit(this.#interruptEnable, transmitterEmpty);
    if (newlyWanted && this.#transmitting.length === 0) this.#transmitterAnnounced = true;
    this.#interruptEnable = value & 0xf;
    this.#drive();
  }

  #lineStatus(): number {
    const holdingEmpty = this.#transmitting.length === 0;
    let status = withBit(0, LSR.bits.dataReady, this.#received.length > 0);
    status = withBit(status, LSR.bits.holdingEmpty, holdingEmpty);
    return withBit(status, LSR.bits.transmitterEmpty, holdingEmpty && this.#sending === undefined);
  }

  #readModemStatus(): number {
    const { deltaCarrier, clearToSend, dataSetReady, carrierDetect } = MSR.bits;
    let status = withBit(1 << clearToSend | 1 << dataSetReady, carrierDetect, this.#carrier);
    status = withBit(status, deltaCarrier, this.#carrierChanged);
    this.#carrierChanged = false;
    this.#drive();
    return status;
  }

  #handlers(): RegisterHandlers<typeof uartRegisters> {
    const latch = () => hasBit(this.#lineControl, LCR.bits.divisorLatch);
    return {
      RBR_THR: {
        read: () => latch() ? this.#divisor & 0xff : this.#readReceived(),
        write: (value) => {
          if (latch()) this.#divisor = this.#divisor & 0xff00 | value & 0xff;
          else this.#transmit(value & 0xff);
        },
      },
      IER: {
        read: () => latch() ? this.#divisor >> 8 : this.#interruptEnable,
        write: (value) => {
          if (latch()) this.#divisor = (value & 0xff) << 8 | this.#divisor & 0xff;
          else this.#writeInterruptEnable(value);
        },
      },
      IIR_FCR: { read: () => this.#readIdentification(), write: (value) => this.#writeFifoControl(value) },
      LCR: { read: () => this.#lineControl, write: (value) => this.#lineControl = value & 0xff },
      MCR: {
        read: () => this.#modemControl,
        write: (value) => {
          this.#modemControl = value & 0xf;
          this.#receiveNext();
          this.#drive();
        },
      },
      LSR: { read: () => this.#lineStatus() },
      MSR: { read: () => this.#readModemStatus() },
      SCR: { read: () => this.#scratch, write: (value) => this.#scratch = value & 0xff },
    };
  }
}
