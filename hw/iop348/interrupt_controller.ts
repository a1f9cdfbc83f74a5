/**
 * Interrupt controller of the board's core, reached through coprocessor 6.
 *
 * 128 sources, all levels: a source stays pending until its device lets go, and
 * there is no acknowledge register (hardware-reference.md 2.8). So a handler must
 * clear the cause or disable the source in INTCTL before it returns.
 * - The highest is the lowest IPR value, then FIQ before IRQ, then the lowest number.
 * - Page 9, the timers, is served by the unit given as `timers`.
 * - Left out: vectors in memory (the core has no code there) and inter-processor messages.
 */

import type { Coprocessor, InterruptController } from "../cpu/cpu.ts";
import type { BusTarget, InterruptLine } from "../memory/bus_target.ts";
import { type RegisterHandlers, type RegisterMap, RegisterWindow } from "../register/register_map.ts";
import { cp6Offset } from "./coprocessor_page.ts";
import { StoredRegister } from "./stored_register.ts";

/** Interrupt sources of the board. */
export const interruptSources = {
  adma0EndOfTransfer: 0,
  adma0EndOfChain: 1,
  adma1EndOfTransfer: 2,
  adma1EndOfChain: 3,
  adma2EndOfTransfer: 4,
  adma2EndOfChain: 5,
  watchdog: 6,
  timer0: 8,
  timer1: 9,
  messagingUnit: 12,
  messagingInboundPost: 13,
  /** XINT0; XINT1 to XINT15 follow. */
  externalInterrupt0: 24,
  atuXError: 55,
  adma0Error: 57,
  adma1Error: 58,
  adma2Error: 59,
  messagingError: 62,
  atuEError: 99,
  inboundMsi: 113,
} as const;

const sourceCount = 128;
const wordCount = 4;
/** INTVEC when nothing is active. */
const noVector = 0xffffffff;

export const interruptRegisters = {
  RCSR: { offset: cp6Offset(1, 0), access: "read-only", doc: "Reset cause", bits: { watchdog: 5 } },
  IMIPR0: {
    offset: cp6Offset(1, 8),
    access: "read-write",
    doc: "Inbound MSI 0-31 pending, write 1 to clear",
  },
  IMIPR1: { offset: cp6Offset(1, 9), access: "read-write", doc: "Inbound MSI 32-63 pending" },
  IMIPR2: { offset: cp6Offset(1, 10), access: "read-write", doc: "Inbound MSI 64-95 pending" },
  IMIPR3: { offset: cp6Offset(1, 11), access: "read-write", doc: "Inbound MSI 96-127 pending" },
  INTBASE: { offset: cp6Offset(2, 0), access: "read-write", doc: "Where the interrupt vectors start" },
  INTSIZE: {
    offset: cp6Offset(2, 2),
    access: "read-write",
    doc: "Bytes per vector: 1 = 4, 2 = 8, and so on",
  },
  IINTVEC: { offset: cp6Offset(2, 3), access: "read-only", doc: "Vector of the highest IRQ, or FFFFFFFFh" },
  FINTVEC: { offset: cp6Offset(2, 4), access: "read-only", doc: "Vector of the highest FIQ, or FFFFFFFFh" },
  INTPND0: { offset: cp6Offset(3, 0), access: "read-only", doc: "Sources 0-31, raw" },
  INTPND1: { offset: cp6Offset(3, 1), access: "read-only", doc: "Sources 32-63, raw" },
  INTPND2: { offset: cp6Offset(3, 2), access: "read-only", doc: "Sources 64-95, raw" },
  INTPND3: { offset: cp6Offset(3, 3), access: "read-only", doc: "Sources 96-127, raw" },
  INTCTL0: { offset: cp6Offset(4, 0), access: "read-write", doc: "Sources 0-31, 1 = enabled" },
  INTCTL1: { offset: cp6Offset(4, 1), access: "read-write", doc: "Sources 32-63, 1 = enabled" },
  INTCTL2: { offset: cp6Offset(4, 2), access: "read-write", doc: "Sources 64-95, 1 = enabled" },
  INTCTL3: { offset: cp6Offset(4, 3), access: "read-write", doc: "Sources 96-127, 1 = enabled" },
  INTSTR0: { offset: cp6Offset(5, 0), access: "read-write", doc: "Sources 0-31, 0 IRQ, 1 FIQ" },
  INTSTR1: { offset: cp6Offset(5, 1), access: "read-write", doc: "Sources 32-63, 0 IRQ, 1 FIQ" },
  INTSTR2: { offset: cp6Offset(5, 2), access: "read-write", doc: "Sources 64-95, 0 IRQ, 1 FIQ" },
  INTSTR3: { offset: cp6Offset(5, 3), access: "read-write", doc: "Sources 96-127, 0 IRQ, 1 FIQ" },
  IINTSRC0: { offset: cp6Offset(6, 0), access: "read-only", doc: "Sources 0-31 that interrupt as IRQ" },
  IINTSRC1: { offset: cp6Offset(6, 1), access: "read-only", doc: "Sources 32-63 that interrupt as IRQ" },
  IINTSRC2: { offset: cp6Offset(6, 2), access: "read-only", doc: "Sources 64-95 that interrupt as IRQ" },
  IINTSRC3: { offset: cp6Offset(6, 3), access: "read-only", doc: "Sources 96-127 that interrupt as IRQ" },
  FINTSRC0: { offset: cp6Offset(7, 0), access: "read-only", doc: "Sources 0-31 that interrupt as FIQ" },
  FINTSRC1: { offset: cp6Offset(7, 1), access: "read-only", doc: "Sources 32-63 that interrupt as FIQ" },
  FINTSRC2: { offset: cp6Offset(7, 2), access: "read-only", doc: "Sources 64-95 that interrupt as FIQ" },
  FINTSRC3: { offset: cp6Offset(7, 3), access: "read-only", doc: "Sources 96-127 that interrupt as FIQ" },
  IPR0: { offset: cp6Offset(8, 0), access: "read-write", doc: "Priority of sources 0-15, 0 highest to 3" },
  IPR1: { offset: cp6Offset(8, 1), access: "read-write", doc: "Priority of sources 16-31" },
  IPR2: { offset: cp6Offset(8, 2), access: "read-write", doc: "Priority of sources 32-47" },
  IPR3: { offset: cp6Offset(8, 3), access: "read-write", doc: "Priority of sources 48-63" },
  IPR4: { offset: cp6Offset(8, 4), access: "read-write", doc: "Priority of sources 64-79" },
  IPR5: { offset: cp6Offset(8, 5), access: "read-write", doc: "Priority of sources 80-95" },
  IPR6: { offset: cp6Offset(8, 6), access: "read-write", doc: "Priority of sources 96-111" },
  IPR7: { offset: cp6Offset(8, 7), access: "read-write", doc: "Priority of sources 112-127" },
} as const satisfies RegisterMap;

const timerPage = 9;

export class InterruptControllerUnit implements InterruptController, Coprocessor {
  readonly #window: BusTarget;
  readonly #raw = new Uint32Array(wordCount);
  readonly #inboundMsi = new Uint32Array(wordCount);
  readonly #enabled: PerWord<StoredRegister>;
  readonly #steering: PerWord<StoredRegister>;
  /** A word of sources has two priority registers: its lower and its upper half. */
  readonly #priority: { readonly even: PerWord<StoredRegister>; readonly odd: PerWord<StoredRegister> };
  readonly #INTBASE = new StoredRegister();
  readonly #INTSIZE = new StoredRegister(1);
  readonly #word = new Uint8Array(4);
  readonly #wordView = new DataView(this.#word.buffer);
  #resetCause = 0;
  #timers: BusTarget | undefined;
  #raised: () => void = () => {};

  constructor(name: string) {
    const changed = () => this.#signal();
    this.#enabled = perWord(() => new StoredRegister(0, 0xffffffff, changed));
    this.#steering = perWord(() => new StoredRegister(0, 0xffffffff, changed));
    this.#priority = { even: perWord(() => new StoredRegister()), odd: perWord(() => new StoredRegister()) };
    this.#window = new RegisterWindow(name, interruptRegisters, this.#handlers());
  }

  /** `raised` is called when a source that the core would take becomes active. */
  connect(raised: () => void, timers: BusTarget): void {
    this.#raised = raised;
    this.#timers = timers;
  }

  /** The input of one source. */
  line(source: number): InterruptLine {
    const word = source >>> 5;
    const bit = 1 << (source & 31);
    if (source >= sourceCount) throw new Error(`The interrupt controller has no source ${source}`);
    return {
      set: (asserted) => {
        const before = this.#raw[word]!;
        const after = (asserted ? before | bit : before & ~bit) >>> 0;
        if (after === before) return;
        this.#raw[word] = after;
        if (asserted) this.#signal();
      },
    };
  }

  /** An inbound MSI arrived: source 113 stays active until its bit in IMIPR0-3 is cleared. */
  inboundMsi(vector: number): void {
    this.#inboundMsi[vector >>> 5]! |= 1 << (vector & 31);
    this.#driveInboundMsi();
  }

  /** The watchdog ran out; RCSR tells the code that runs next. */
  recordWatchdogReset(): void {
    this.#resetCause |= 1 << interruptRegisters.RCSR.bits.watchdog;
  }

  get pending(): boolean {
    for (let word = 0; word < wordCount; word++) if (this.#active(word) !== 0) return true;
    return false;
  }

  /** The number of the highest active source; it stays pending. */
  acknowledge(): number {
    const source = this.#highest("fiq") ?? this.#highest("irq");
    if (source === undefined) throw new Error("The core acknowledged an interrupt, but none is active");
    return source;
  }

  read(register: number, page: number): number {
    this.#pageTarget(page).read(cp6Offset(page, register), this.#word);
    return this.#wordView.getUint32(0, true);
  }

  write(register: number, page: number, value: number): void {
    this.#wordView.setUint32(0, value, true);
    this.#pageTarget(page).write(cp6Offset(page, register), this.#word);
  }

  #pageTarget(page: number): BusTarget {
    return page === timerPage && this.#timers !== undefined ? this.#timers : this.#window;
  }

  #active(word: number): number {
    return this.#raw[word]! & this.#enabled[word]!.value;
  }

  #steered(word: number, kind: "irq" | "fiq"): number {
    const fiq = this.#steering[word]!.value;
    return (this.#active(word) & (kind === "fiq" ? fiq : ~fiq)) >>> 0;
  }

  /** IPR 0 is highest and the lowest number wins a tie; both unverified. */
  #highest(kind: "irq" | "fiq"): number | undefined {
    let best: number | undefined;
    let bestPriority = 4;
    for (let word = 0; word < wordCount; word++) {
      let active = this.#steered(word, kind);
      while (active !== 0) {
        const bit = 31 - Math.clz32(active & -active);
        const source = word * 32 + bit;
        const registers = bit < 16 ? this.#priority.even : this.#priority.odd;
        const priority = registers[word]!.value >>> 2 * (source & 15) & 3;
        if (priority < bestPriority) [best, bestPriority] = [source, priority];
        active &= active - 1;
      }
    }
    return best;
  }

  #vector(kind: "irq" | "fiq"): number {
    const source = this.#highest(kind);
    if (source === undefined) return noVector;
    return (this.#INTBASE.value + source * (2 << this.#INTSIZE.value)) >>> 0;
  }

  #signal(): void {
    if (this.pending) this.#raised();
  }

  #driveInboundMsi(): void {
    this.line(interruptSources.inboundMsi).set(this.#inboundMsi.some((word) => word !== 0));
  }

  #handlers(): RegisterHandlers<typeof interruptRegisters> {
    const [IMIPR0, IMIPR1, IMIPR2, IMIPR3] = perWord((word) => ({
      read: () => this.#inboundMsi[word]!,
      write: (bits: number) => {
        this.#inboundMsi[word]! &= ~bits;
        this.#driveInboundMsi();
      },
    }));
    const [INTPND0, INTPND1, INTPND2, INTPND3] = perWord((word) => ({ read: () => this.#raw[word]! }));
    const [INTCTL0, INTCTL1, INTCTL2, INTCTL3] = this.#enabled;
    const [INTSTR0, INTSTR1, INTSTR2, INTSTR3] = this.#steering;
    const irq = perWord((word) => ({ read: () => this.#steered(word, "irq") }));
    const fiq = perWord((word) => ({ read: () => this.#steered(word, "fiq") }));
    const [IINTSRC0, IINTSRC1, IINTSRC2, IINTSRC3] = irq;
    const [FINTSRC0, FINTSRC1, FINTSRC2, FINTSRC3] = fiq;
    const [IPR0, IPR2, IPR4, IPR6] = this.#priority.even;
    const [IPR1, IPR3, IPR5, IPR7] = this.#priority.odd;
    return {
      RCSR: { read: () => this.#resetCause },
      IINTVEC: { read: () => this.#vector("irq") },
      FINTVEC: { read: () => this.#vector("fiq") },
      INTBASE: this.#INTBASE,
      INTSIZE: this.#INTSIZE,
      ...{ IMIPR0, IMIPR1, IMIPR2, IMIPR3, INTPND0, INTPND1, INTPND2, INTPND3 },
      ...{ INTCTL0, INTCTL1, INTCTL2, INTCTL3, INTSTR0, INTSTR1, INTSTR2, INTSTR3 },
      ...{ IINTSRC0, IINTSRC1, IINTSRC2, IINTSRC3, FINTSRC0, FINTSRC1, FINTSRC2, FINTSRC3 },
      ...{ IPR0, IPR1, IPR2, IPR3, IPR4, IPR5, IPR6, IPR7 },
    };
  }
}

type PerWord<T> = readonly [T, T, T, T];

/** One of something for each 32 sources. */
function perWord<T>(make: (word: number) => T): PerWord<T> {
  return [make(0), make(1), make(2), make(3)];
}
