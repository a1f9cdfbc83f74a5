/**
 * Registers as data: a table of offsets and bits, and behaviour beside it.
 *
 * One table serves the bus, the trace, the tests and the reader; a register that
 * lacks its handler, or a read of a write-only one, is a type error.
 * - Offsets are bytes from the start of the window; registers are 32 bits wide
 *   unless `width` says otherwise. Bits are numbers, never masks.
 * - An offset in the window that no register has reads as 0 and drops writes
 *   (hardware-reference.md section 0), unless the window is `strict`: then it is a bus fault.
 */

import { BusFault, type BusTarget } from "../memory/bus_target.ts";

export interface RegisterDefinition {
  readonly offset: number;
  readonly access: "read-only" | "write-only" | "read-write";
  readonly doc: string;
  /** Width in bytes; 4 when absent. */
  readonly width?: 1 | 2 | 4;
  /** Named single bits, by number. */
  readonly bits?: Readonly<Record<string, number>>;
}

export type RegisterMap = Readonly<Record<string, RegisterDefinition>>;

type Reader = { read(): number };
type Writer = { write(value: number): void };

/** The behaviour that a register map asks for. */
export type RegisterHandlers<M extends RegisterMap> = {
  readonly [K in keyof M]: M[K]["access"] extends "read-only" ? Reader
    : M[K]["access"] extends "write-only" ? Writer
    : Reader & Writer;
};

interface Slot {
  readonly name: string;
  readonly width: number;
  readonly offset: number;
  readonly read: (() => number) | undefined;
  readonly write: ((value: number) => void) | undefined;
}

/** A window of registers: decodes offsets to handlers. */
export class RegisterWindow<M extends RegisterMap> implements BusTarget {
  readonly #slots = new Map<number, Slot>();
  readonly #name: string;
  readonly #strict: boolean;

  constructor(name: string, map: M, handlers: RegisterHandlers<M>, options: { strict?: boolean } = {}) {
    this.#name = name;
    this.#strict = options.strict ?? false;
    for (const [key, definition] of Object.entries(map)) {
      const handler = handlers[key] as Partial<Reader & Writer>;
      this.#slots.set(definition.offset, {
        name: key,
        width: definition.width ?? 4,
        offset: definition.offset,
        read: handler.read?.bind(handler),
        write: handler.write?.bind(handler),
      });
    }
  }

  read(offset: number, into: Uint8Array): void {
    const slot = this.#slots.get(offset);
    if (slot?.read === undefined) {
      if (this.#strict) throw new BusFault(this.#name, offset, "no readable register there");
      into.fill(0);
      return;
    }
    this.#checkWidth(slot, offset, into.length);
    const value = slot.read();
    for (let index = 0; index < into.length; index++) into[index] = value >>> (8 * index);
  }

  write(offset: number, from: Uint8Array): void {
    let value = 0;
    for (let index = Math.min(from.length, 4) - 1; index >= 0; index--) {
      value = (value << 8 | from[index]!) >>> 0;
    }
    const slot = this.#slots.get(offset);
    if (slot?.write === undefined) {
      if (this.#strict) throw new BusFault(this.#name, offset, "no writable register there", value);
      return;
    }
    this.#checkWidth(slot, offset, from.length);
    slot.write(value);
  }

  #checkWidth(slot: Slot, offset: number, length: number): void {
    if (length > slot.width) {
      throw new BusFault(this.#name, offset, `${length} bytes are too wide for ${slot.name}`);
    }
  }
}

/** True when bit `number` of `value` is 1. */
export const hasBit = (value: number, number: number): boolean => (value >>> number & 1) === 1;

/** `value` with bit `number` set or cleared. */
export const withBit = (value: number, number: number, set: boolean): number =>
  (set ? value | 1 << number : value & ~(1 << number)) >>> 0;
