/**
 * The I/O APIC: 24 interrupt inputs, and a table that says which CPU gets each.
 *
 * Two registers at FEC00000h, an index and a data window (hardware-reference.md 6.3).
 * - Inputs carry "asserted", not a voltage; the polarity bit is stored and has no effect.
 * - An edge sends when its input rises, and is lost while masked.
 * - A level sends while asserted, then waits for the end of interrupt (remote IRR) and
 *   sends again if it is still asserted.
 * - A level that no CPU accepted is offered again when the entry or the input changes.
 */

import type { BusTarget, InterruptLine } from "../memory/bus_target.ts";
import {
  hasBit,
  type RegisterHandlers,
  type RegisterMap,
  RegisterWindow,
  withBit,
} from "../register/register_map.ts";
import type { InterruptBus, InterruptMessage } from "./interrupt_bus.ts";

export const ioApicRegisters = {
  INDEX: { offset: 0x00, access: "read-write", doc: "Which register the data window shows" },
  DATA: { offset: 0x10, access: "read-write", doc: "The register that INDEX names" },
} as const satisfies RegisterMap;

/** Indexes of the registers behind the data window; entry n takes REDIRECTION + 2n and the next. */
export const ioApicIndex = { ID: 0x00, VERSION: 0x01, ARBITRATION_ID: 0x02, REDIRECTION: 0x10 } as const;

/** Bits of the low word of a redirection entry; 7:0 vector, 10:8 mode. */
export const redirectionBits = {
  logical: 11,
  deliveryPending: 12,
  activeLow: 13,
  remoteIrr: 14,
  level: 15,
  masked: 16,
} as const;

export const ioApicBase = 0xfec0_0000;
export const ioApicSize = 0x1000;
export const ioApicInputs = 24;

/** Version 11h, and the number of the last entry in 23:16. */
const version = ioApicInputs - 1 << 16 | 0x11;
/** All but the two status bits, 12 and 14. */
const writableLow = 0x0001_afff;

interface Entry {
  /** Without the two status bits. */
  low: number;
  high: number;
  asserted: boolean;
  /** The message that has not arrived yet. */
  sending: InterruptMessage | undefined;
  remoteIrr: boolean;
}

export class IoApic {
  readonly registers: BusTarget;
  readonly #bus: InterruptBus;
  readonly #id: number;
  readonly #entries: Entry[] = Array.from({ length: ioApicInputs }, () => ({
    low: 1 << redirectionBits.masked,
    high: 0,
    asserted: false,
    sending: undefined,
    remoteIrr: false,
  }));
  #index = 0;

  constructor(bus: InterruptBus, id: number) {
    this.#bus = bus;
    this.#id = id;
    const handlers: RegisterHandlers<typeof ioApicRegisters> = {
      INDEX: { read: () => this.#index, write: (value) => this.#index = value & 0xff },
      DATA: { read: () => this.#read(this.#index), write: (value) => this.#write(this.#index, value) },
    };
    this.registers = new RegisterWindow("ioapic", ioApicRegisters, handlers);
    bus.onEndOfInterrupt((vector) => this.#endOfInterrupt(vector));
  }

  /** Input `number`, as a wire. */
  input(number: number): InterruptLine {
    const entry = this.#entries[number];
    if (entry === undefined) throw new Error(`The I/O APIC has no input ${number}`);
    return { set: (asserted) => this.#drive(number, entry, asserted) };
  }

  #read(index: number): number {
    if (index === ioApicIndex.ID || index === ioApicIndex.ARBITRATION_ID) return this.#id << 24;
    if (index === ioApicIndex.VERSION) return version;
    const entry = this.#entries[index - ioApicIndex.REDIRECTION >> 1];
    if (entry === undefined) return 0;
    if (index % 2 === 1) return entry.high;
    const low = withBit(entry.low, redirectionBits.deliveryPending, entry.sending !== undefined);
    return withBit(low, redirectionBits.remoteIrr, entry.remoteIrr);
  }

  #write(index: number, value: number): void {
    const number = index - ioApicIndex.REDIRECTION >> 1;
    const entry = this.#entries[number];
    if (entry === undefined) return;
    if (index % 2 === 1) {
      entry.high = (value & 0xff00_0000) >>> 0;
      return;
    }
    entry.low = value & writableLow;
    if (!hasBit(entry.low, redirectionBits.level)) entry.remoteIrr = false;
    this.#offerLevel(number, entry);
  }

  #drive(number: number, entry: Entry, asserted: boolean): void {
    const rises = asserted && !entry.asserted;
    entry.asserted = asserted;
    if (hasBit(entry.low, redirectionBits.level)) this.#offerLevel(number, entry);
    else if (rises && !hasBit(entry.low, redirectionBits.masked)) this.#send(number, entry);
  }

  #offerLevel(number: number, entry: Entry): void {
    const wanted = entry.asserted && hasBit(entry.low, redirectionBits.level);
    if (
      wanted && !hasBit(entry.low, redirectionBits.masked) && !entry.remoteIrr && entry.sending === undefined
    ) {
      this.#send(number, entry);
    }
  }

  #send(number: number, entry: Entry): void {
    const kind = hasBit(entry.low, redirectionBits.logical) ? "logical" as const : "physical" as const;
    const level = hasBit(entry.low, redirectionBits.level);
    const message = { mode: entry.low >> 8 & 7, vector: entry.low & 0xff, level };
    entry.sending = message;
    // Set before delivery: the handler may run, and end the interrupt, within it.
    entry.remoteIrr = level;
    this.#bus.sendFromDevice(`ioapic.${number}`, { kind, id: entry.high >>> 24 }, message, (accepted) => {
      // The handler may have ended this one already and another may be on its way.
      if (entry.sending !== message) return;
      entry.sending = undefined;
      if (!accepted) entry.remoteIrr = false;
    });
  }

  #endOfInterrupt(vector: number): void {
    this.#entries.forEach((entry, number) => {
      if (!entry.remoteIrr || (entry.low & 0xff) !== vector) return;
      entry.remoteIrr = false;
      entry.sending = undefined;
      this.#offerLevel(number, entry);
    });
  }
}
