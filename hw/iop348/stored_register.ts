/**
 * A register that keeps what software writes, and nothing more.
 *
 * Most registers of the translation units and queue pointers are of this kind;
 * units read `value` when they need it.
 * - Bits outside `writable` keep their reset value.
 * - `changed` runs after each write, for units that must look again.
 */

export class StoredRegister {
  value: number;
  readonly #writable: number;
  readonly #changed: (() => void) | undefined;

  constructor(resetValue = 0, writable = 0xffffffff, changed?: () => void) {
    this.value = resetValue;
    this.#writable = writable;
    this.#changed = changed;
  }

  read(): number {
    return this.value;
  }

  write(value: number): void {
    this.value = (value & this.#writable | this.value & ~this.#writable) >>> 0;
    this.#changed?.();
  }
}
